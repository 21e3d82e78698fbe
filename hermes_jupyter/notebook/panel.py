"""The Panel: the chat and its cards in the output of a cell."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import anywidget
from traitlets import All, Dict, Enum, List, Unicode
from traitlets.utils.sentinel import Sentinel

from .client import HermesClient, connect, current_conversation
from .errors import HermesError
from .relay import Relay

log = logging.getLogger(__name__)

_STATIC = Path(__file__).parent.parent / "static"

#: The traits that are kept up to date once somebody observes one of them.
_FOLLOWED = {"context", "questions"}

#: Seconds until it is tried again to follow a conversation.
_AGAIN = 2.0


class Panel(anywidget.AnyWidget):
    """Hermes in the output of a cell.

    In JupyterLab and Notebook 7 it shares the page's own stream, so a card in it can be answered
    while the kernel is busy. In other front ends it asks by way of the kernel: its server, or
    where there is none, the core in the kernel itself.

    Args:
        session_id: the conversation; empty follows the one that the page shows.
        view: ``chat``, or a part of it: ``clarify`` (the cards), ``gauge``, ``sessions``.

    Example::

        from hermes_jupyter import Panel

        panel = Panel()
        panel.observe(lambda change: print(change.new), "questions")
        panel
    """

    _esm = _STATIC / "widget.js"
    _css = _STATIC / "widget.css"

    # These two alone are kept in a saved notebook: no transcript, no command, no secret.
    session_id = Unicode("").tag(sync=True)
    view = Enum(["chat", "gauge", "clarify", "sessions"], "chat").tag(sync=True)

    #: The gauge of the conversation, as the HTTP contract writes it; empty while it is not known.
    context = Dict()
    #: Its questions that are open or interrupted, oldest first, as the HTTP contract writes them.
    questions = List(Dict())

    def __init__(self, *, session_id: str = "", view: str = "chat", **options: Any) -> None:
        super().__init__(session_id=session_id, view=view, **options)
        self._relay = Relay(self.send)
        self._over = threading.Event()
        self._follower: threading.Thread | None = None
        self.on_msg(lambda _, message, buffers: self._relay.hear(message, buffers))

    def observe(
        self,
        handler: Callable[..., Any],
        names: str | Iterable[str] | Sentinel = All,
        type: str = "change",
    ) -> None:
        """Call ``handler`` at each change of a trait, as of any widget.

        ``context`` and ``questions`` are followed once one of them is observed by its name. Their
        handlers are called from a thread of their own, also while a cell runs.
        """
        super().observe(handler, names, type)
        wanted = [names] if isinstance(names, str | Sentinel) else [*names]
        if _FOLLOWED.intersection(wanted) and self._follower is None:
            self._follower = threading.Thread(target=self._follow, daemon=True)
            self._follower.start()

    def close(self) -> None:
        """Take the panel away, and end what it has under way."""
        self._over.set()
        self._relay.close()
        super().close()

    def __repr__(self) -> str:
        """What is seen where widgets are not, such as in a notebook on a web page."""
        return "Hermes panel. Open this notebook in JupyterLab with hermes-jupyter to see it live."

    # -- following -----------------------------------------------------------------------------

    def _follow(self) -> None:
        while not self._over.is_set():
            try:
                with closing(connect()) as client:
                    self._read(client)
            except HermesError as error:
                log.warning("The Panel's conversation cannot be followed: %s", error)
            self._over.wait(_AGAIN)

    def _read(self, client: HermesClient) -> None:
        session_id = self.session_id or current_conversation(client)
        if session_id is None:
            return
        for type_, data in client.events(session_id):
            self._apply(type_, data)
            wanted = self.session_id
            if not wanted and type_ == "ping":
                wanted = current_conversation(client) or ""
            if self._over.is_set() or wanted not in ("", session_id):
                return

    def _apply(self, type_: str, data: dict[str, Any]) -> None:
        if type_ == "snapshot":
            self.context, self.questions = data["context"], [*filter(_waits, data["questions"])]
        elif type_ == "context":
            self.context = data["context"]
        elif type_ == "question":
            question = data["question"]
            others = [one for one in self.questions if one["id"] != question["id"]]
            self.questions = sorted(
                [*others, *filter(_waits, [question])], key=lambda one: one["asked_at"]
            )


def _waits(question: dict[str, Any]) -> bool:
    return question["state"] in ("open", "interrupted")
