"""Routes of questions: list, answer, dismiss, and the short ways for clarify and approval."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.core import Core
from ..core.errors import BadRequest
from .base import STREAMS, HermesHandler, authorized_to


def pending(core: Core, kind: str, session_id: str | None) -> dict[str, Any]:
    """The head of the queue and its length, as streams and polling tell it alike.

    Args:
        kind: ``clarify`` or ``approval``.
        session_id: a conversation; None: all of them.
    """
    canonical = session_id and core.conversations.canonical(session_id)
    waiting = core.questions.open(canonical, kind)
    head = waiting[0].to_json() if waiting else None
    if head is not None and head["questions"]:
        first = head["questions"][0]
        head.update(question=first["text"], choices_offered=first["choices"])
    return {"pending": head, "pending_count": len(waiting)}


class QuestionsHandler(HermesHandler):
    """``questions``: what waits for a person."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer ``{questions}``: every unfinished one, oldest first."""
        if not self.from_kernel:
            self.settings[STREAMS].polled()
        self.reply(
            {"questions": [question.to_json() for question in self.core.questions.unfinished()]}
        )


class AnswerHandler(HermesHandler):
    """``questions/{id}/answer``: answer exactly this one."""

    places = None

    @web.authenticated
    @authorized_to("execute")
    async def post(self, question_id: str) -> None:
        """Take ``{answer | answers | choice | value}``; 409 with the question and its winner."""
        body = self.body()
        self.reply(await self.core.questions.answer(question_id, body, self.answerer(body)))


class DismissHandler(HermesHandler):
    """``questions/{id}/dismiss``: put away one that nobody waits for."""

    places = None

    @web.authenticated
    @authorized_to("execute")
    async def post(self, question_id: str) -> None:
        """Answer ``{state}``."""
        question = self.core.questions.dismiss(question_id, self.answerer(self.body()))
        self.reply({"state": question.state})


class ClarifyPendingHandler(HermesHandler):
    """``clarify/pending``: the clarify stream's frame, for those who poll."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer ``{pending, pending_count}`` of ``?session_id=``."""
        self.reply(pending(self.core, "clarify", self.get_query_argument("session_id", None)))


class ApprovalPendingHandler(HermesHandler):
    """``approval/pending``: the approval stream's frame, for those who poll."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer ``{pending, pending_count}`` of ``?session_id=``."""
        self.reply(pending(self.core, "approval", self.get_query_argument("session_id", None)))


class _RespondHandler(HermesHandler):
    places = None

    async def respond(self, kind: str) -> None:
        body = self.body()
        question_id = self.needed_text(body, "request_id")
        if self.core.questions.get(question_id).kind != kind:
            raise BadRequest(f"{question_id} is not a {kind}.", code="wrong_kind")
        self.reply(await self.core.questions.answer(question_id, body, self.answerer(body)))


class ClarifyRespondHandler(_RespondHandler):
    """``clarify/respond``: the short way to answer a clarify."""

    @web.authenticated
    @authorized_to("execute")
    async def post(self) -> None:
        """Take ``{request_id, answer}``."""
        await self.respond("clarify")


class ApprovalRespondHandler(_RespondHandler):
    """``approval/respond``: the short way to answer an approval."""

    @web.authenticated
    @authorized_to("execute")
    async def post(self) -> None:
        """Take ``{request_id, choice}``."""
        await self.respond("approval")


routes = [
    (r"/hermes/api/questions", QuestionsHandler),
    (r"/hermes/api/questions/([^/]+)/answer", AnswerHandler),
    (r"/hermes/api/questions/([^/]+)/dismiss", DismissHandler),
    (r"/hermes/api/clarify/pending", ClarifyPendingHandler),
    (r"/hermes/api/approval/pending", ApprovalPendingHandler),
    (r"/hermes/api/clarify/respond", ClarifyRespondHandler),
    (r"/hermes/api/approval/respond", ApprovalRespondHandler),
]
