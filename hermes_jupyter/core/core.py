"""The truth: conversations, turns and questions of one agent, in one place, on one event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from .agent import (
    Agent,
    AgentEvent,
    Asked,
    Closed,
    Died,
    GaugeRead,
    Idle,
    Noticed,
    Opened,
    ReasoningDelta,
    SessionChanged,
    SessionEvent,
    SessionMoved,
    StatusChanged,
    TextDelta,
    TextDone,
    ToolBegan,
    ToolDone,
    TurnBegan,
    TurnEnded,
)
from .conversation import Conversation, Turn
from .errors import BadRequest, Conflict, CoreError, NotFound, TooLarge, Unavailable
from .gauge import Gauge
from .journal import EVERYWHERE, Journal, encode_frame
from .lineage import Chain, chains
from .question import Answerer, Question, ended
from .store import Kept, Store
from .summary import NEW, summary_of

log = logging.getLogger(__name__)

#: Messages that a snapshot carries, besides the whole running turn.
SNAPSHOT_MESSAGES = 50


@dataclass(frozen=True, slots=True)
class Limits:
    """What one caller may ask at once.

    ``prompt`` in bytes of UTF-8; ``queued`` in turns of one conversation; ``start`` in seconds that
    a new conversation may wait for the agent's process.
    """

    prompt: int = 512 * 1024
    queued: int = 20
    start: float = 30.0


#: What an agent says within a turn, and only there.
_OF_A_TURN = (TextDelta, ReasoningDelta, TextDone, ToolBegan, ToolDone, Noticed)


class Core:
    """The state of one agent and the only way to change it.

    All methods run on one event loop. Changing something and announcing it in the journal is one
    synchronous step, and so are a snapshot and the cursor it carries.
    """

    def __init__(self, agent: Agent, store: Store, *, limits: Limits | None = None) -> None:
        self.agent = agent
        self.store = store
        self.journal = Journal()
        self.limits = limits or Limits()
        self.questions = {question.id: question for question in store.take_over()}
        self._conversations: dict[str, Conversation] = {}
        self._canonical: dict[str, str] = {}
        self._answering: dict[str, Answerer] = {}
        self._current: dict[str, str | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        agent.listen(self.hear)

    async def close(self) -> None:
        """End the agent and what was under way."""
        for conversation in self._conversations.values():
            conversation.queued.clear()
        for task in tuple(self._tasks):
            task.cancel()
        await self.agent.close()
        self.agent.history.close()
        await self.store.close()

    @property
    def model(self) -> str | None:
        """The model of the conversation that was used last, as far as one was."""
        known = [
            conversation for conversation in self._conversations.values() if conversation.model
        ]
        return max(known, key=lambda one: one.last_active).model if known else None

    @property
    def working(self) -> bool:
        """Whether a turn is in hand anywhere."""
        return any(conversation.busy for conversation in self._conversations.values())

    # -- asking --------------------------------------------------------------------------------

    async def sessions(self, *, limit: int) -> dict[str, Any]:
        """The conversations, newest activity first, and how many there are."""
        found = {chain.root.id: chain for chain in chains(await self.agent.history.sessions())}
        rows = []
        for root, chain in found.items():
            conversation = self._conversations.get(self._canonical.get(root, root))
            if conversation is not None:
                conversation.chain = chain
            elif chain.freshest.message_count and chain.relation != "subagent":
                rows.append(summary_of(chain) | self._attention(root))
        rows += [self.summary(live) for live in self._conversations.values() if _spoken(live)]
        rows.sort(key=lambda row: row["last_active"], reverse=True)
        return {"sessions": rows[:limit], "next_cursor": None, "total": len(rows)}

    async def conversation(self, session_id: str) -> Conversation:
        """The conversation that ``session_id`` (any of its segments) belongs to, ready to tell.

        Raises:
            NotFound: the agent has no such session.
        """
        live = self._conversations.get(self._canonical.get(session_id, session_id))
        if live is not None and (live.messages or live.opened):
            return live
        by_id = {
            row.id: chain
            for chain in chains(await self.agent.history.sessions())
            for row in chain.segments
        }
        chain = by_id.get(session_id)
        if chain is None:
            if live is not None:
                return live
            raise NotFound(f"There is no session {session_id!r}.", code="session_not_found")
        ids = [row.id for row in chain.segments]
        history = await self.agent.history.messages(ids, before=None, limit=SNAPSHOT_MESSAGES)
        kept = await self.store.kept(chain.root.id)
        conversation = self._adopt(chain.root.id)
        # A turn may have begun meanwhile: its rows are told from memory, never twice.
        if not conversation.messages:
            conversation.history = history
            self._follow(conversation, chain)
            self._remember(conversation, kept)
        return conversation

    def snapshot(self, conversation: Conversation) -> dict[str, Any]:
        """All a page needs to show a conversation and to read on from ``cursor``."""
        # Waiting deltas are in the messages already; announced first, they lie before the cursor.
        conversation.settle()
        return {
            **self.summary(conversation),
            "context": conversation.gauge.to_json(),
            "questions": [question.to_json() for question in self.questions_of(conversation.id)],
            "turn": conversation.turn.to_json() if conversation.turn else None,
            "queued": [turn.to_json() for turn in conversation.queued],
            "messages": conversation.recent(SNAPSHOT_MESSAGES),
            "segments": [
                {"id": id_, "started_at": at} for id_, at in conversation.segments.items()
            ],
            "cursor": self.journal.cursor,
        }

    def summary(self, conversation: Conversation) -> dict[str, Any]:
        """The row of a conversation in the list."""
        chain = conversation.chain
        row = summary_of(chain) if chain is not None else {**NEW, "id": conversation.id}
        first = next((message for message in conversation.messages if message.role == "user"), None)
        waiting = self._attention(conversation.id)
        row.update(
            waiting,
            tip_id=conversation.tip_id,
            segment_count=len(conversation.segments),
            title=conversation.title or row["title"],
            preview=row["preview"] or ("".join(first.text)[:60] if first else ""),
            model=conversation.model or row["model"],
            cwd=conversation.cwd or row["cwd"],
            created_at=row["created_at"] or conversation.created_at,
            last_active=max(row["last_active"], conversation.last_active),
        )
        if not any(waiting["attention"].values()):
            row["state"] = _state_of(conversation)
        return row

    def _attention(self, session_id: str) -> dict[str, Any]:
        """What of a conversation's row follows from the questions that wait for a person."""
        attention = {"clarify": 0, "approval": 0}
        for question in self.unfinished(session_id):
            attention["clarify" if question.kind == "clarify" else "approval"] += 1
        return {
            "attention": attention,
            "state": "waiting" if any(attention.values()) else "idle",
        }

    def questions_of(self, session_id: str | None, *kinds: str) -> list[Question]:
        """The questions of a conversation (None: of all), oldest first."""
        canonical = session_id and self._canonical.get(session_id, session_id)
        return [
            question
            for question in self.questions.values()
            if (canonical is None or question.session_id == canonical)
            and (not kinds or question.kind in kinds)
        ]

    def unfinished(self, session_id: str | None = None, *kinds: str) -> list[Question]:
        """The questions that wait for a person, oldest first."""
        return [
            question for question in self.questions_of(session_id, *kinds) if question.unfinished
        ]

    def overview(self) -> list[bytes]:
        """What concerns every page, as frames at the present cursor, for one that starts anew."""
        cursor = self.journal.cursor
        frames = [encode_frame(cursor, "agent", self.agent.status.to_json())]
        for question in self.unfinished():
            frames.append(encode_frame(cursor, "question", _question_data(question)))
        return frames

    def current(self, kernel_id: str) -> str | None:
        """The conversation that a kernel and the page beside it speak of."""
        return self._current.get(kernel_id)

    # -- acting --------------------------------------------------------------------------------

    async def create(
        self, *, cwd: str, title: str | None = None, model: str | None = None
    ) -> Conversation:
        """Open a new conversation; starts the agent if need be.

        Raises:
            Unavailable: the agent cannot be had, or not within ``limits.start`` seconds.
        """
        try:
            async with asyncio.timeout(self.limits.start):
                opened = await self.agent.create(cwd=cwd, title=title, model=model)
        except TimeoutError as error:
            raise Unavailable(
                f"The agent did not start within {self.limits.start:.0f} seconds.",
                code="agent_starting",
                hint={"text": "It may still come up: try again in a moment."},
            ) from error
        conversation = self._adopt(opened.session_id)
        conversation.title = title
        self._opened(conversation, opened)
        return conversation

    async def prompt(
        self, session_id: str, text: str, *, client_id: str | None = None, interrupt: bool = False
    ) -> Turn:
        """Take a prompt: the turn begins at once, or waits for the one in hand.

        A repeated ``client_id`` gets the turn it got before. With ``interrupt``, the turn in hand
        is ended for it.

        Raises:
            BadRequest: the text is empty.
            TooLarge: the text is over ``limits.prompt``.
            Conflict: ``limits.queued`` turns wait already.
        """
        if not text.strip():
            raise BadRequest("The prompt is empty.", code="empty_prompt")
        if len(text.encode("utf-8", "replace")) > self.limits.prompt:
            raise TooLarge(
                f"The prompt is longer than {self.limits.prompt // 1024} KB.",
                code="prompt_too_large",
                hint={"text": "Put the text into a file and name the file in the prompt."},
            )
        conversation = await self.conversation(session_id)
        known = conversation.prompts.get(client_id) if client_id else None
        if known is not None:
            return known
        if len(conversation.queued) >= self.limits.queued:
            raise Conflict(
                f"{self.limits.queued} prompts wait in this conversation.",
                code="queue_full",
                hint={"text": "Wait for the turn in hand, or stop it."},
            )
        turn = Turn(text, client_id=client_id)
        if client_id is not None:
            conversation.prompts[client_id] = turn
            self.store.keep_prompt(conversation.id, client_id, turn.id)
        if conversation.busy:
            conversation.enqueue(turn)
            if interrupt and conversation.turn is not None:
                await self.interrupt(session_id, conversation.turn.id)
        else:
            self._begin(conversation, turn)
        return turn

    async def interrupt(self, session_id: str, turn_id: str) -> Turn:
        """End the turn in hand, if it is this one.

        Raises:
            Conflict: another turn is in hand, or none; ``turn`` says which.
        """
        conversation = await self.conversation(session_id)
        turn = conversation.turn
        if turn is None or turn.id != turn_id or not turn.active:
            raise Conflict(
                "This turn is not running.",
                code="not_running",
                turn=turn.to_json() if turn else None,
            )
        if not turn.stopped:
            conversation.stopping()
            self._changed(conversation)
        # One that has not begun is stopped as soon as it does.
        if turn.begun:
            await self.agent.interrupt(conversation.tip_id)
        return turn

    async def withdraw(self, session_id: str, turn_id: str) -> Turn:
        """Take back a prompt that still waits.

        Raises:
            NotFound: no such prompt waits.
        """
        conversation = await self.conversation(session_id)
        for turn in conversation.queued:
            if turn.id == turn_id:
                conversation.queued.remove(turn)
                turn.state = "interrupted"
                conversation.announce_turn(turn)
                return turn
        raise NotFound("No such prompt waits.", code="turn_not_found")

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
        question = self._question(question_id)
        if question.state == "interrupted" and question.kind == "clarify":
            return await self._answer_by_prompt(question, question.accept(body), by)
        if question.state != "open" or question.id in self._answering:
            raise ended(question, self._answering.get(question.id))
        value = question.accept(body)
        self._answering[question.id] = by
        conversation = self._conversations[question.session_id]
        try:
            told = await self.agent.answer(conversation.tip_id, question.key, question.kind, value)
        finally:
            del self._answering[question.id]
        if question.state != "open":
            raise ended(question, None)
        if not told:
            self._close(question, "expired", told="The agent had stopped waiting.")
            raise ended(question, None)
        shown = value if question.kind in ("clarify", "approval") else None
        self._close(question, "answered", answer=shown, by=by, told=shown)
        return {"state": question.state}

    async def _answer_by_prompt(
        self, question: Question, value: str, by: Answerer
    ) -> dict[str, Any]:
        """The agent that asked is gone: the answer goes to the next one, with the question."""
        await self.conversation(question.session_id)
        quoted = "\n".join(f"> {line}" for line in question.questions[0].text.splitlines())
        # Closed in the same step, so that a second answer cannot begin a second turn.
        self._close(question, "answered", answer=value, by=by)
        try:
            turn = await self.prompt(
                question.session_id, f"{quoted}\n\n{value}", client_id=f"answer-{question.id}"
            )
        except CoreError:
            self._close(question, "interrupted")
            raise
        return {"state": question.state, "turn_id": turn.id}

    def dismiss(self, question_id: str, by: Answerer) -> Question:
        """Put away a question that nobody can answer any more, or will.

        Raises:
            Conflict: it has ended, or the agent still waits for it.
        """
        question = self._question(question_id)
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

    def set_current(self, kernel_ids: Iterable[str], session_id: str | None) -> None:
        """Say which conversation these kernels and their pages speak of; None: a new one."""
        canonical = session_id and self._canonical.get(session_id, session_id)
        for kernel_id in kernel_ids:
            if self._current.get(kernel_id) != canonical:
                self._current[kernel_id] = canonical
                data = {"kernel_id": kernel_id, "session_id": canonical}
                self.journal.publish("current", data, EVERYWHERE)

    # -- hearing -------------------------------------------------------------------------------

    def hear(self, event: AgentEvent) -> None:
        """Apply what the agent tells, and announce it."""
        match event:
            case StatusChanged():
                self.journal.publish("agent", self.agent.status.to_json(), EVERYWHERE)
            case Died(reason):
                self._died(reason)
            case _:
                canonical = self._canonical.get(event.session_id)
                if canonical is None:
                    log.debug("An event of a session that is not open here: %r", event)
                else:
                    self._hear_session(self._conversations[canonical], event)

    def _hear_session(self, conversation: Conversation, event: SessionEvent) -> None:
        if isinstance(event, _OF_A_TURN) and not conversation.busy:
            # Only a beginning begins a turn: after the end, nothing would ever end it again.
            log.info("The agent said this after its turn had ended: %s", type(event).__name__)
            return
        match event:
            case TextDelta():
                conversation.hear_text(event)
            case ReasoningDelta(text=text):
                conversation.hear_reasoning(text)
            case TextDone():
                conversation.hear_text_done(event)
            case ToolBegan():
                conversation.hear_tool(event)
            case ToolDone():
                conversation.hear_tool_done(event)
            case TurnBegan():
                conversation.running()
                self._changed(conversation)
                if conversation.turn is not None and conversation.turn.stopped:
                    self._spawn(self._interrupt(conversation))
            case TurnEnded():
                error = _model_error(event.text) if event.status == "error" else None
                conversation.hear_end(event, error)
            case Idle():
                if conversation.busy and conversation.turn and conversation.turn.begun:
                    self._finish(conversation)
            case Asked():
                self._asked(conversation, event)
            case Closed():
                self._closed(conversation, event)
            case GaugeRead(gauge=gauge):
                self._read_gauge(conversation, gauge)
            case Noticed(text=text, level=level):
                conversation.notice(text, level)
            case SessionChanged():
                self._session_changed(conversation, event)
            case SessionMoved(new_session_id=tip):
                self._move(conversation, tip)
                conversation.publish("session", {"tip_id": tip})
                self._changed(conversation)

    def _read_gauge(self, conversation: Conversation, gauge: Gauge) -> None:
        before = conversation.gauge
        after = before.updated(gauge)
        if after == before:
            return
        conversation.gauge = after
        self.store.keep_gauge(conversation.id, after)
        if after.compactions > before.compactions:
            data = {"before": before.used, "after": after.used}
            conversation.publish("compaction", data)
        conversation.publish("context", {"context": after.to_json()})

    def _session_changed(self, conversation: Conversation, event: SessionChanged) -> None:
        changes = {
            name: value
            for name in ("title", "model", "cwd")
            if (value := getattr(event, name)) and value != getattr(conversation, name)
        }
        if changes:
            for name, value in changes.items():
                setattr(conversation, name, value)
            conversation.publish("session", changes)
            self._changed(conversation)

    def _asked(self, conversation: Conversation, event: Asked) -> None:
        question = Question(
            session_id=conversation.id,
            turn_id=conversation.turn.id if conversation.turn and conversation.busy else None,
            kind=event.kind,
            key=event.key,
            questions=event.questions,
            command=event.command,
            description=event.description,
            choices=event.choices,
            deadline=event.deadline,
        )
        self.questions[question.id] = question
        self._announce_question(question)

    def _closed(self, conversation: Conversation, event: Closed) -> None:
        for question in self.questions_of(conversation.id):
            # While an answer is on its way, its own acknowledgement decides.
            under_way = question.id in self._answering and event.outcome == "answered"
            if question.key == event.key and question.state == "open" and not under_way:
                self._close(question, event.outcome, told=event.told_agent)

    def _died(self, reason: str) -> None:
        error = Unavailable(
            f"The agent's process ended: {reason}",
            code="agent_died",
            hint={"text": "Send the next prompt: it starts a new one and goes on from here."},
        )
        for question in self.questions.values():
            if question.state == "open":
                self._close(question, "interrupted")
        for conversation in tuple(self._conversations.values()):
            was_open, conversation.opened = conversation.opened, False
            # A turn that has not reached the process yet is still being started.
            if was_open and conversation.busy:
                self._finish(conversation, error)

    # -- within --------------------------------------------------------------------------------

    def _adopt(self, canonical: str) -> Conversation:
        conversation = self._conversations.get(canonical)
        if conversation is None:

            def publish(type_: str, data: dict[str, Any], everywhere: bool) -> None:
                named = {"session_id": canonical, **data}
                self.journal.publish(type_, named, canonical, everywhere=everywhere)

            conversation = Conversation(canonical, publish, self.store.keep_unfinished)
            self._conversations[canonical] = conversation
            self._canonical[canonical] = canonical
        return conversation

    def _follow(self, conversation: Conversation, chain: Chain) -> None:
        """Take over what the agent's database says of a conversation nobody works in."""
        conversation.chain = chain
        conversation.tip_id = chain.tip.id
        conversation.title = chain.tip.title or chain.root.title
        conversation.model = chain.tip.model
        conversation.cwd = chain.tip.cwd
        conversation.created_at = chain.root.started_at
        conversation.last_active = chain.freshest.last_active
        conversation.segments = {row.id: row.started_at for row in chain.segments}
        for row in chain.segments:
            self._canonical[row.id] = conversation.id

    def _remember(self, conversation: Conversation, kept: Kept) -> None:
        """Take over what was kept of a conversation when its server ended."""
        for question in kept.questions:
            self.questions.setdefault(question.id, question)
        for client_id, turn_id in kept.prompts.items():
            past = Turn("", client_id=client_id, state="interrupted", id=turn_id)
            conversation.prompts.setdefault(client_id, past)
        if kept.gauge is not None:
            conversation.gauge = kept.gauge
        if kept.unfinished is not None:
            conversation.interrupted_by_restart(kept.unfinished)

    def _opened(self, conversation: Conversation, opened: Opened) -> None:
        conversation.opened = True
        conversation.cwd = opened.cwd or conversation.cwd
        conversation.model = opened.model or conversation.model
        self._move(conversation, opened.session_id)

    def _move(self, conversation: Conversation, tip_id: str) -> None:
        """The conversation goes on in this session from now on."""
        conversation.tip_id = tip_id
        conversation.segments.setdefault(tip_id, time.time())
        self._canonical[tip_id] = conversation.id

    def _begin(self, conversation: Conversation, turn: Turn) -> None:
        conversation.begin(turn)
        self._changed(conversation)
        self._spawn(self._run(conversation, turn))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _interrupt(self, conversation: Conversation) -> None:
        try:
            await self.agent.interrupt(conversation.tip_id)
        except CoreError as error:
            log.warning("A turn could not be stopped; it can be stopped again: %s", error)

    async def _run(self, conversation: Conversation, turn: Turn) -> None:
        """Bring a turn to the agent; from there on, its events carry it."""
        try:
            self._opened(conversation, await self._open(conversation))
            await self.agent.prepare(conversation.tip_id)
            if turn.stopped:
                self._finish(conversation)
            else:
                await self.agent.prompt(conversation.tip_id, turn.text)
        except CoreError as error:
            if conversation.turn is turn:
                self._finish(conversation, error)
        except Exception as error:
            log.exception("A turn could not be started")
            if conversation.turn is turn:
                self._finish(conversation, CoreError(str(error) or repr(error), code="internal"))

    async def _open(self, conversation: Conversation) -> Opened:
        cwd = conversation.cwd
        try:
            return await self.agent.resume(conversation.tip_id, cwd=cwd)
        except NotFound:
            # It died before the agent had stored a word of it: begin again under the same name.
            return await self.agent.create(cwd=cwd or "", title=conversation.title, model=None)

    def _finish(self, conversation: Conversation, error: CoreError | None = None) -> None:
        """End the turn in hand and begin the next one that waits."""
        turn = conversation.turn
        conversation.finish(error)
        for question in self.questions_of(conversation.id):
            if question.state == "open" and turn is not None and question.turn_id == turn.id:
                self._close(question, "cancelled", told="The turn ended.")
        if conversation.queued:
            self._begin(conversation, conversation.queued.pop(0))
        else:
            self._changed(conversation)

    def _question(self, question_id: str) -> Question:
        question = self.questions.get(question_id)
        if question is None:
            raise NotFound("There is no such question.", code="question_not_found")
        return question

    def _close(
        self,
        question: Question,
        state: Any,
        *,
        answer: str | None = None,
        by: Answerer | None = None,
        told: str | None = None,
    ) -> None:
        question.state = state
        question.answer = answer
        question.answered_by = by
        question.told_agent = told
        self._announce_question(question)

    def _announce_question(self, question: Question) -> None:
        self.store.keep_question(question)
        conversation = self._conversations.get(question.session_id)
        if conversation is not None:
            conversation.publish("question", {"question": question.to_json()}, everywhere=True)
            self._changed(conversation)
        else:
            self.journal.publish("question", _question_data(question), EVERYWHERE)

    def _changed(self, conversation: Conversation) -> None:
        """Tell every page's list of a conversation that has changed."""
        if _spoken(conversation):
            rows = {"sessions": [self.summary(conversation)]}
            self.journal.publish("sessions", rows, EVERYWHERE)


def _question_data(question: Question) -> dict[str, Any]:
    return {"session_id": question.session_id, "question": question.to_json()}


def _model_error(text: str) -> CoreError:
    """What a turn says that ended because the model could not be had."""
    return CoreError(
        text.strip() or "The model did not answer.",
        code="model_error",
        hint={
            "text": "Check the model's address and key with `hermes model`, then send it again.",
            "command": "hermes model",
            "action": "set-up-model",
        },
    )


def _state_of(conversation: Conversation) -> str:
    if conversation.busy:
        return "running"
    failed = conversation.turn is not None and conversation.turn.state == "error"
    return "error" if failed else "idle"


def _spoken(conversation: Conversation) -> bool:
    """Whether anything was said: a draft that was never used is in no list."""
    stored = conversation.chain is not None and conversation.chain.freshest.message_count > 0
    return stored or bool(conversation.messages)
