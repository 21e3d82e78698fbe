"""Routes of conversations: list, create, snapshot, prompt, interrupt, context."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.errors import BadRequest
from .base import HermesHandler, authorized_to
from .status import DIRECTORY

#: Rows of the list, unless the page asks for fewer.
MAX_ROWS = 200

_WHEN_BUSY = ("queue", "interrupt")


class SessionsHandler(HermesHandler):
    """``sessions``: all conversations."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer ``{sessions, next_cursor, total}``, newest activity first."""
        given = self.get_query_argument("limit", "50")
        if not given.isdecimal() or len(given) > 3 or not 1 <= int(given) <= MAX_ROWS:
            raise BadRequest(f"`limit` must be a number from 1 to {MAX_ROWS}.", code="bad_limit")
        self.reply(await self.core.sessions(limit=int(given)))

    @web.authenticated
    @authorized_to("execute")
    async def post(self) -> None:
        """Open a new conversation from ``{title?, cwd?, model?, notebook?}``; 201 with it."""
        body = self.body()
        conversation = await self.core.create(
            cwd=str(self._directory(body)),
            title=self.text(body, "title"),
            model=self.text(body, "model"),
        )
        self.reply(self.core.snapshot(conversation), 201)

    def _directory(self, body: dict[str, Any]) -> Path:
        """The folder to work in: the given one, else the notebook's, else the server's root."""
        root: Path = self.settings[DIRECTORY]
        cwd, notebook = self.text(body, "cwd"), self.text(body, "notebook")
        if cwd is None and notebook is None:
            return root
        try:
            if cwd is not None:
                directory = root / Path(cwd).expanduser()
            else:
                directory = (root / str(notebook).lstrip("/")).parent
            found = directory.is_dir()
        except (OSError, RuntimeError) as error:
            raise BadRequest(f"This is no folder: {error}", code="no_such_folder") from error
        if not found:
            raise BadRequest(
                f"There is no folder {directory}.",
                code="no_such_folder",
                hint={"text": "Leave `cwd` out to work in the server's root."},
            )
        return directory


class SessionHandler(HermesHandler):
    """``sessions/{id}``: one conversation."""

    @web.authenticated
    @authorized
    async def get(self, session_id: str) -> None:
        """Answer exactly what a ``snapshot`` event carries."""
        conversation = await self.core.conversation(session_id)
        self.reply(self.core.snapshot(conversation))


class PromptHandler(HermesHandler):
    """``sessions/{id}/prompt``: say something to the agent."""

    @web.authenticated
    @authorized_to("execute")
    async def post(self, session_id: str) -> None:
        """Take ``{text, client_id?, when_busy?}``; 202 with ``{turn_id, state}``."""
        body = self.body()
        when_busy = self.text(body, "when_busy") or "queue"
        if when_busy not in _WHEN_BUSY:
            raise BadRequest(f"`when_busy` must be one of {', '.join(_WHEN_BUSY)}.")
        turn = await self.core.prompt(
            session_id,
            self.needed_text(body, "text"),
            client_id=self.text(body, "client_id"),
            interrupt=when_busy == "interrupt",
        )
        self.reply({"turn_id": turn.id, "state": turn.state}, 202)


class InterruptHandler(HermesHandler):
    """``sessions/{id}/interrupt``: end the turn in hand."""

    @web.authenticated
    @authorized_to("execute")
    async def post(self, session_id: str) -> None:
        """Take ``{turn_id}``; 409 with the turn in hand if it is another one."""
        turn = await self.core.interrupt(session_id, self.needed_text(self.body(), "turn_id"))
        self.reply({"turn_id": turn.id, "state": turn.state})


class TurnHandler(HermesHandler):
    """``sessions/{id}/turns/{turn_id}``: a prompt that waits."""

    @web.authenticated
    @authorized_to("execute")
    async def delete(self, session_id: str, turn_id: str) -> None:
        """Take it back."""
        turn = await self.core.withdraw(session_id, turn_id)
        self.reply({"turn_id": turn.id, "state": turn.state})


class ContextHandler(HermesHandler):
    """``sessions/{id}/context``: the gauge."""

    @web.authenticated
    @authorized
    async def get(self, session_id: str) -> None:
        """Answer ``{context}``."""
        conversation = await self.core.conversation(session_id)
        self.reply({"context": conversation.gauge.to_json()})


_ID = r"/hermes/api/sessions/([^/]+)"

routes = [
    (r"/hermes/api/sessions", SessionsHandler),
    (_ID, SessionHandler),
    (_ID + r"/prompt", PromptHandler),
    (_ID + r"/interrupt", InterruptHandler),
    (_ID + r"/turns/([^/]+)", TurnHandler),
    (_ID + r"/context", ContextHandler),
]
