"""The Panel: the chat and its cards in the output of a cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
from traitlets import Enum, Unicode

_STATIC = Path(__file__).parent.parent / "static"


class Panel(anywidget.AnyWidget):
    """Hermes in the output of a cell.

    In JupyterLab and Notebook 7 it shares the page's own stream, so a card in it can be answered
    while the kernel is busy.

    Args:
        session_id: the conversation; empty follows the one that the page shows.
        view: ``chat``, or a part of it: ``clarify`` (the cards), ``gauge``, ``sessions``.

    Example::

        from hermes_jupyter import Panel

        Panel()
    """

    _esm = _STATIC / "widget.js"
    _css = _STATIC / "widget.css"

    # These two alone are kept in a saved notebook: no transcript, no command, no secret.
    session_id = Unicode("").tag(sync=True)
    view = Enum(["chat", "gauge", "clarify", "sessions"], "chat").tag(sync=True)

    def __init__(self, *, session_id: str = "", view: str = "chat", **options: Any) -> None:
        super().__init__(session_id=session_id, view=view, **options)

    def __repr__(self) -> str:
        """What is seen where widgets are not, such as in a notebook on a web page."""
        return "Hermes panel. Open this notebook in JupyterLab with hermes-jupyter to see it live."
