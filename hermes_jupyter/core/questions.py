"""The questions of all conversations: who asks, who answers, and how each ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from .agent import Agent, Asked, Closed
from .errors import Conflict, CoreError, NotFound
from .question import Answerer, Choice, Question, State, ended
from .store import Store
from .turn import Turn

#: Announces a question as it is now.
Announce = Callable[[Question], None]

#: What the agent is told of a question whose turn is over.
_TURN_ENDED = "The turn ended."

#: Sends a prompt: conversation, text, and the id that makes it one prompt however often it is sent.
Say = Callable[[str, str, str], Awaitable[Turn]]


class Questions:
    """Every question that a person may still see, by its id.

    A change is kept on disk and announced in the same step. A conversation is named by its
    canonical id throughout.
    """

    def __init__(self, agent: Agent, store: Store, announce: Announce, say: Say) -> None:
        self._agent = agent
        self._store = store
        self._announce = announce
        self._say = say
        self._answering: dict[str, Answerer] = {}
        #: The answers that are awaited here, not by the agent.
        self._here: dict[str, asyncio.Future[str]] = {}
        self._all = {question.id: question for question in store.take_over()}

    # -- asking for them -----------------------------------------------------------------------

    def get(self, question_id: str) -> Question:
        """The question of this id.

        Raises:
            NotFound: there is none.
        """
        question = self._all.get(question_id)
        if question is None:
            raise NotFound("There is no such question.", code="question_not_found")
        return question

    def of(self, session_id: str | None, *kinds: str) -> list[Question]:
        """The questions of a conversation (None: of all), oldest first."""
        return [
            question
            for question in self._all.values()
            if session_id in (None, question.session_id) and (not kinds or question.kind in kinds)
        ]

    def unfinished(self, session_id: str | None = None, *kinds: str) -> list[Question]:
        """The questions that a person can still do something about, oldest first."""
        return [question for question in self.of(session_id, *kinds) if question.unfinished]

    def open(self, session_id: str | None = None, *kinds: str) -> list[Question]:
        """The questions that the agent waits for, oldest first."""
        return [question for question in self.of(session_id, *kinds) if question.state == "open"]

    def attention(self, session_id: str) -> dict[str, int]:
        """How many clarifies, and how many of the other kinds, wait for a person."""
        attention = {"clarify": 0, "approval": 0}
        for question in self.unfinished(session_id):
            attention["clarify" if question.kind == "clarify" else "approval"] += 1
        return attention

    # -- what the agent says -------------------------------------------------------------------

    def ask(self, session_id: str, turn_id: str | None, event: Asked) -> None:
        """The agent waits for a person."""
        question = Question(
            session_id=session_id,
            turn_id=turn_id,
            kind=event.kind,
            key=event.key,
            questions=event.questions,
            command=event.command,
            description=event.description,
            choices=event.choices,
            deadline=event.deadline,
        )
        self._all[question.id] = question
        self._changed(question)

    async def ask_here(
        self,
        session_id: str,
        turn_id: str,
        command: str,
        description: str,
        choices: Sequence[Choice],
        seconds: float,
    ) -> str | None:
        """Ask for an approval that a tool of ours waits for; cancelled, it is withdrawn.

        Returns:
            The id of the choice; None when nobody has chosen within ``seconds``.
        """
        question = Question(
            session_id,
            turn_id,
            kind="approval",
            key="",
            command=command,
            description=description,
            choices=list(choices),
            deadline=time.time() + seconds,
        )
        answer = self._here[question.id] = asyncio.get_running_loop().create_future()
        self._all[question.id] = question
        self._changed(question)
        try:
            await asyncio.wait([answer], timeout=seconds)
            if question.state == "open":
                told = "Nobody answered in time. Silence is not consent: not done."
                self._close(question, "expired", told=told)
            return answer.result() if answer.done() else None
        finally:
            del self._here[question.id]
            if question.state == "open":
                self._close(question, "cancelled", told=_TURN_ENDED)

    def hear_closed(self, session_id: str, event: Closed) -> None:
        """The agent waits no longer."""
        for question in self.open(session_id):
            # While an answer is on its way, its own acknowledgement decides.
            under_way = question.id in self._answering and event.outcome == "answered"
            if question.key == event.key and not under_way:
                self._close(question, event.outcome, told=event.told_agent)

    def cancel(self, turn_id: str) -> None:
        """The turn that asked is over."""
        for question in self.open():
            if question.turn_id == turn_id:
                self._close(question, "cancelled", told=_TURN_ENDED)

    def interrupt(self) -> None:
        """The agent is gone, and with it all that it waited for."""
        for question in self.open():
            self._close(question, "interrupted")

    def remember(self, kept: Iterable[Question]) -> None:
        """Take over what was kept of a conversation."""
        for question in kept:
            self._all.setdefault(question.id, question)

    def forget(self, session_id: str) -> None:
        """A conversation has been deleted, and what was asked in it with it."""
        for question in self.unfinished(session_id):
            self._close(question, "dismissed")
        for question in self.of(session_id):
            del self._all[question.id]

    # -- what a person says --------------------------------------------------------------------

    async def answer(self, question_id: str, body: dict[str, Any], by: Answerer) -> dict[str, Any]:
        """Answer exactly this question, once.

        The answer of an interrupted clarify becomes the next prompt, quoting the question.

        Returns:
            ``{state}`` of the question, with ``turn_id`` if a turn has begun for it.

        Raises:
            Conflict: it was answered, has ended, or is being answered; ``question`` says how.
            BadRequest: the answer does not fit; the question stays open.
            Unavailable: the agent could not be told; the question stays open.
        """
        question = self.get(question_id)
        if question.state == "interrupted" and question.kind == "clarify":
            return await self._answer_by_prompt(question, body, by)
        if question.state != "open" or question.id in self._answering:
            raise ended(question, self._answering.get(question.id))
        answer = question.accept(body)
        value = question.as_text(answer)
        self._answering[question.id] = by
        try:
            told = await self._tell(question, value)
        finally:
            del self._answering[question.id]
        if question.state != "open":
            raise ended(question, None)
        if not told:
            self._close(question, "expired", told="The agent had stopped waiting.")
            raise ended(question, None)
        if question.secret:
            self._close(question, "answered", by=by)
        else:
            self._close(question, "answered", answer=answer, by=by, told=value)
        return {"state": question.state}

    async def _tell(self, question: Question, value: str) -> bool:
        """Tell an answer to whoever waits for it; False: nobody does any more."""
        here = self._here.get(question.id)
        if here is None:
            return await self._agent.answer(question.key, question.kind, value)
        here.set_result(value)
        return True

    async def _answer_by_prompt(
        self, question: Question, body: dict[str, Any], by: Answerer
    ) -> dict[str, Any]:
        """The agent that asked is gone: the answer goes to the next one, with the question."""
        answer = question.accept(body)
        asked = "\n\n".join(prompt.text for prompt in question.questions)
        quoted = "\n".join(f"> {line}" for line in asked.splitlines())
        # Closed in the same step, so that a second answer cannot begin a second turn.
        self._close(question, "answered", answer=answer, by=by)
        try:
            text = f"{quoted}\n\n{question.as_text(answer)}"
            turn = await self._say(question.session_id, text, f"answer-{question.id}")
        except CoreError:
            self._close(question, "interrupted")
            raise
        return {"state": question.state, "turn_id": turn.id}

    def dismiss(self, question_id: str, by: Answerer) -> Question:
        """Put away a question that nobody can answer any more, or will.

        Raises:
            Conflict: it has ended, or the agent still waits for it.
        """
        question = self.get(question_id)
        if question.state == "open":
            raise Conflict(
                "The agent still waits for this.",
                code="still_open",
                question=question.to_json(),
                hint={"text": "Answer it, or stop the turn."},
            )
        if question.state != "interrupted":
            raise ended(question, None)
        self._close(question, "dismissed", by=by)
        return question

    # -- within --------------------------------------------------------------------------------

    def _close(
        self,
        question: Question,
        state: State,
        *,
        answer: str | list[str | list[str]] | None = None,
        by: Answerer | None = None,
        told: str | None = None,
    ) -> None:
        question.state = state
        question.answer = answer
        question.answered_by = by
        question.told_agent = told
        self._changed(question)

    def _changed(self, question: Question) -> None:
        self._store.keep_question(question)
        self._announce(question)
