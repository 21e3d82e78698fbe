"""Hermes, Nous Research's agent, where people work in notebooks.

``Panel``, ``ask`` and ``aask`` are loaded at their first use, so that a server that only looks
for its extensions stays fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .notebook.panel import Panel

__all__ = ["Panel", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Panel":
        from .notebook.panel import Panel

        return Panel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell jupyter-server where the extension is."""
    from .server.app import HermesExtension

    return [{"module": "hermes_jupyter", "app": HermesExtension}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell JupyterLab where the built labextension is."""
    return [{"src": "labextension", "dest": "hermes-jupyter"}]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Make ``%hermes`` and ``%%hermes`` known: ``%load_ext hermes_jupyter``."""
    from .notebook.magics import HermesMagics

    shell.register_magics(HermesMagics)
