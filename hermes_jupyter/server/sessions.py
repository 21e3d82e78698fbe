"""Routes of conversations: list, create, snapshot, prompt, interrupt, context."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.errors import BadRequest
from ..core.listing import Wanted
from ..core.prompt_context import context_in
from ..core.turn import Turn
from ..core.turns import WhenBusy
from .base import HermesHandler, authorized_to
from .export import FORMATS, file_name
from .status import DIRECTORY

#: Rows of the list, unless the page asks for fewer.
MAX_ROWS = 200

#: Characters of the longest text that is searched for; what is beyond is not looked at.
MAX_QUERY = 500


class SessionsHandler(HermesHandler):
    """``sessions``: all conversations."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer ``{sessions, next_cursor, total, sources}``, newest activity first.

        ``?q=`` looks into titles and first words, ``?source=`` and ``?archived=true`` choose;
        ``?parent_id=`` asks for the subagents of that conversation instead.
        """
        wanted = Wanted(
            limit=self.number("limit", 50, MAX_ROWS),
            cursor=self.get_query_argument("cursor", None),
            text=self.get_query_argument("q", "")[:MAX_QUERY],
            source=self.get_query_argument("source", None),
            archived=self.get_query_argument("archived", "false") == "true",
            parent_id=self.get_query_argument("parent_id", None),
        )
        self.reply(await self.core.conversations.listing(wanted))

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
        self.reply(self.core.conversations.snapshot(conversation), 201)

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
        conversation = await self.core.conversations.find(session_id)
        self.reply(self.core.conversations.snapshot(conversation))

    @web.authenticated
    @authorized_to("execute")
    async def patch(self, session_id: str) -> None:
        """Take ``{title?, archived?, pinned?, read?}``, answer the row; an empty title is none."""
        body = self.body()
        conversation = await self.core.records.change(
            session_id,
            title=self.text(body, "title"),
            archived=self.flag(body, "archived"),
            pinned=self.flag(body, "pinned"),
            read=self.flag(body, "read"),
        )
        self.reply(self.core.conversations.summary(conversation))

    @web.authenticated
    @authorized_to("execute")
    async def delete(self, session_id: str) -> None:
        """Delete the whole chain for good; 409 while a turn is in hand."""
        await self.core.records.delete(session_id)
        self.reply({"deleted": session_id})


class BranchHandler(HermesHandler):
    """``sessions/{id}/branch``: go on from here in a conversation of its own."""

    @web.authenticated
    @authorized_to("execute")
    async def post(self, session_id: str) -> None:
        """Take ``{title?}``; 201 with the branch."""
        branch = await self.core.records.branch(session_id, self.text(self.body(), "title"))
        self.reply(self.core.conversations.snapshot(branch), 201)


class ExportHandler(HermesHandler):
    """``sessions/{id}/export``: a conversation as a file."""

    @web.authenticated
    @authorized
    async def get(self, session_id: str) -> None:
        """Answer the file, as ``?format=`` ``md``, ``json`` or ``ipynb``."""
        format_ = FORMATS.get(self.get_query_argument("format", "md"))
        if format_ is None:
            raise BadRequest(f"`format` must be one of {', '.join(FORMATS)}.", code="bad_format")
        conversation = await self.core.conversations.find(session_id)
        summary = self.core.conversations.summary(conversation)
        messages = await self.core.conversations.transcript(conversation)
        name = file_name(summary, format_.extension)
        self.set_header("Content-Type", format_.type)
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(name)}")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish(format_.write(summary, messages), set_content_type=format_.type)


class MessagesHandler(HermesHandler):
    """``sessions/{id}/messages``: the transcript, page by page from its end."""

    @web.authenticated
    @authorized
    async def get(self, session_id: str) -> None:
        """Answer ``{messages, before}``: those before ``?before=``; null when there are no more."""
        conversation = await self.core.conversations.find(session_id)
        before = self.get_query_argument("before", None)
        limit = self.number("limit", 50, MAX_ROWS)
        self.reply(await self.core.conversations.earlier(conversation, before=before, limit=limit))


class SearchHandler(HermesHandler):
    """``search``: in what was said, in all conversations."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer ``{results}``: the newest messages with all words of ``?q=``."""
        text = self.get_query_argument("q", "")[:MAX_QUERY]
        limit = self.number("limit", 50, MAX_ROWS)
        found = await self.core.conversations.search(text, limit=limit) if text.strip() else []
        self.reply({"results": found})


class PromptHandler(HermesHandler):
    """``sessions/{id}/prompt``: say something to the agent."""

    @web.authenticated
    @authorized_to("execute")
    async def post(self, session_id: str) -> None:
        """Take ``{text, client_id?, when_busy?, replaces?, attachments?, context?}``; 202."""
        body = self.body()
        turn = await self.core.turns.prompt(
            session_id,
            self.needed_text(body, "text"),
            client_id=self.text(body, "client_id"),
            when_busy=_when_busy(self.text(body, "when_busy") or "queue"),
            replaces=self.text(body, "replaces"),
            attachments=self.texts(body, "attachments"),
            context=context_in(body.get("context")),
            user=self.answerer({}).user,
        )
        self.reply(_state(turn), 202)


class SteerHandler(HermesHandler):
    """``sessions/{id}/steer``: say something into the turn in hand."""

    @web.authenticated
    @authorized_to("execute")
    async def post(self, session_id: str) -> None:
        """Take ``{text, client_id?}``; 202 with the turn that it went into, or a queued one."""
        body = self.body()
        turn = await self.core.turns.prompt(
            session_id,
            self.needed_text(body, "text"),
            client_id=self.text(body, "client_id"),
            when_busy="steer",
            user=self.answerer({}).user,
        )
        self.reply(_state(turn), 202)


class CompressHandler(HermesHandler):
    """``sessions/{id}/compress``: make room in the agent's context."""

    @web.authenticated
    @authorized_to("execute")
    async def post(self, session_id: str) -> None:
        """Take ``{focus?}``; 202 with the turn that does it."""
        focus = self.text(self.body(), "focus")
        turn = await self.core.turns.compress(session_id, focus, user=self.answerer({}).user)
        self.reply(_state(turn), 202)


class UndoHandler(HermesHandler):
    """``sessions/{id}/undo``: take back the last prompt and all that followed."""

    @web.authenticated
    @authorized_to("execute")
    async def post(self, session_id: str) -> None:
        """Answer 202 with the turn that does it; its end comes with a ``snapshot``."""
        turn = await self.core.turns.undo(session_id, user=self.answerer({}).user)
        self.reply(_state(turn), 202)


class SkipApprovalsHandler(HermesHandler):
    """``sessions/{id}/skip-approvals``: allow all that the agent does here, or ask again."""

    @web.authenticated
    @authorized_to("execute")
    async def put(self, session_id: str) -> None:
        """Take ``{on}`` and answer ``{skip_approvals}``; what waits already is allowed too."""
        body = self.body()
        on = self.flag(body, "on")
        if on is None:
            raise BadRequest("`on` must be true or false.", code="bad_type")
        skips = await self.core.turns.skip_approvals(session_id, on, self.answerer(body))
        self.reply({"skip_approvals": skips})


class InterruptHandler(HermesHandler):
    """``sessions/{id}/interrupt``: end the turn in hand."""

    places = None

    @web.authenticated
    @authorized_to("execute")
    async def post(self, session_id: str) -> None:
        """Take ``{turn_id}``; 409 with the turn in hand if it is another one."""
        turn = await self.core.turns.interrupt(session_id, self.needed_text(self.body(), "turn_id"))
        self.reply(_state(turn))


class TurnHandler(HermesHandler):
    """``sessions/{id}/turns/{turn_id}``: a prompt that waits."""

    places = None

    @web.authenticated
    @authorized_to("execute")
    async def delete(self, session_id: str, turn_id: str) -> None:
        """Take it back."""
        turn = await self.core.turns.withdraw(session_id, turn_id)
        self.reply(_state(turn))


class ContextHandler(HermesHandler):
    """``sessions/{id}/context``: the gauge."""

    @web.authenticated
    @authorized
    async def get(self, session_id: str) -> None:
        """Answer ``{context}``."""
        conversation = await self.core.conversations.find(session_id)
        self.reply({"context": conversation.gauge.to_json()})


def _state(turn: Turn) -> dict[str, Any]:
    return {"turn_id": turn.id, "state": turn.state}


def _when_busy(given: str) -> WhenBusy:
    known: tuple[WhenBusy, ...] = ("queue", "steer", "interrupt")
    for one in known:
        if one == given:
            return one
    raise BadRequest("`when_busy` must be queue, steer or interrupt.", code="bad_when_busy")


_ID = r"/hermes/api/sessions/([^/]+)"

routes = [
    (r"/hermes/api/search", SearchHandler),
    (r"/hermes/api/sessions", SessionsHandler),
    (_ID, SessionHandler),
    (_ID + r"/branch", BranchHandler),
    (_ID + r"/export", ExportHandler),
    (_ID + r"/messages", MessagesHandler),
    (_ID + r"/prompt", PromptHandler),
    (_ID + r"/interrupt", InterruptHandler),
    (_ID + r"/steer", SteerHandler),
    (_ID + r"/compress", CompressHandler),
    (_ID + r"/undo", UndoHandler),
    (_ID + r"/skip-approvals", SkipApprovalsHandler),
    (_ID + r"/turns/([^/]+)", TurnHandler),
    (_ID + r"/context", ContextHandler),
]
