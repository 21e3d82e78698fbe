"""Hermes, Nous Research's agent, where people work in notebooks.

What a notebook uses is loaded at its first use, so that a server that only looks for its
extensions stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .notebook.ask import aask, ask
    from .notebook.errors import HermesError
    from .notebook.panel import Panel
    from .notebook.reply import Reply

__all__ = ["HermesError", "Panel", "Reply", "__version__", "aask", "ask"]

_MODULES = {
    "HermesError": "errors",
    "Panel": "panel",
    "Reply": "reply",
    "aask": "ask",
    "ask": "ask",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".notebook.{_MODULES[name]}", __name__), name)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell jupyter-server where the extension is."""
    from .server.app import HermesExtension

    return [{"module": "hermes_jupyter", "app": HermesExtension}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell JupyterLab where the built labextension is."""
    return [{"src": "labextension", "dest": "hermes-jupyter"}]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Make ``%hermes`` and ``%%hermes`` known: ``%load_ext hermes_jupyter``."""
    from .notebook.magics import HermesMagics, complete

    shell.register_magics(HermesMagics)
    shell.set_hook("complete_command", complete, str_key="%hermes")
