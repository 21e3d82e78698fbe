"""The truth: conversations, turns and questions of one agent, in one place, on one event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from .agent import (
    Agent,
    AgentEvent,
    Asked,
    CallBegan,
    CallDropped,
    Closed,
    Compaction,
    CompactionBegan,
    Died,
    GaugeRead,
    Idle,
    Noticed,
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
from .attachments import Attachments
from .calls import Calls
from .changes import Changes
from .commands import Commands
from .conversation import Conversation
from .conversations import Conversations
from .errors import Conflict, CoreError, Unavailable
from .gauge import Gauge
from .journal import EVERYWHERE, Journal, encode_frame
from .models import ModelChoice
from .notebook_policy import NotebookPolicy
from .policy import Policy
from .question import Question
from .questions import Questions
from .records import Records
from .store import Store
from .tools import ToolHost
from .turn import Turn
from .turns import Limits, Turns

log = logging.getLogger(__name__)

#: What an agent says within a turn, and only there.
_OF_A_TURN = (TextDelta, ReasoningDelta, TextDone, ToolBegan, ToolDone, Noticed, CompactionBegan)


class Core:
    """The state of one agent and the only way to change it.

    All methods run on one event loop. Changing something and announcing it in the journal is one
    synchronous step, and so are a snapshot and the cursor it carries.

    Args:
        tools: runs the tools that the agent has from us; None: it has none.
        policy: how far they may go without asking.
    """

    def __init__(
        self,
        agent: Agent,
        store: Store,
        attachments: Attachments,
        *,
        limits: Limits | None = None,
        tools: ToolHost | None = None,
        policy: Policy | None = None,
        notebook_policy: NotebookPolicy | None = None,
    ) -> None:
        limits = limits or Limits()
        self.policy = policy = policy or Policy()
        self.agent = agent
        self.journal = Journal(after=store.last_epoch())
        store.begin(self.journal.epoch)
        self._store = store
        self.attachments = attachments
        self.limits = limits
        self._current: dict[str, str | None] = {}
        self._witness: Callable[[Question], None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self.questions = Questions(agent, store, self._announce_question, self._say)
        self.conversations = Conversations(agent.history, store, self.journal, self.questions)
        self.notebook_policy = notebook_policy or NotebookPolicy(store)
        self.changes = Changes(store, self.conversations, tools)
        self.calls = Calls(agent, tools, self.questions, self.changes, limits.approval)
        self.turns = Turns(
            agent,
            store,
            self.conversations,
            self.questions,
            self.calls,
            attachments,
            limits,
            policy,
        )
        self.records = Records(agent, store, attachments, self.conversations, self.turns)
        self.models = ModelChoice(agent, self.conversations, self.turns, self._tell_gauge, policy)
        self.commands = Commands(
            agent,
            self.conversations,
            self.turns,
            self.records,
            self.models,
            lambda cwd, title: self.create(cwd=cwd, title=title),
        )
        agent.listen(self.hear)
        if tools is not None:
            agent.offer(tools.specs)

    def tell(self, turn: Callable[[str, Turn], None], question: Callable[[Question], None]) -> None:
        """Tell each state of each turn, with its conversation, and of each question."""
        self.conversations.witness = turn
        self._witness = question

    def start(self) -> None:
        """Look after what other programs change; needs a running loop."""
        self._watching = asyncio.get_running_loop().create_task(self.conversations.watch())

    async def close(self) -> None:
        """End the agent and what was under way."""
        if self._watching is not None:
            self._watching.cancel()
        self.turns.close()
        await self.calls.close()
        await self.agent.close()
        self.agent.history.close()
        await self._store.close()

    @property
    def model(self) -> str | None:
        """The model of the conversation that was used last, as far as one was."""
        known = [one for one in self.conversations if one.model]
        return max(known, key=lambda one: one.last_active).model if known else None

    def working(self, patience: float) -> bool:
        """Whether a turn is in hand anywhere that has not waited for a person too long.

        Args:
            patience: seconds for which a turn that waits for a person counts as work.
        """
        since = time.time() - patience
        waiting = {
            question.session_id for question in self.questions.open() if question.asked_at < since
        }
        return any(one.busy and one.id not in waiting for one in self.conversations)

    def install_agent(self) -> None:
        """Begin to install a tested agent; a running one is ended for it.

        Raises:
            Forbidden: the administrator provides the agent.
            Conflict: a turn is in hand, or it is being installed.
        """
        if any(one.busy for one in self.conversations):
            raise Conflict(
                "A turn is running; the agent is installed between turns.",
                code="busy",
                hint={"text": "Stop the turn, or wait for its end."},
            )
        self.agent.install()

    def other_leases(self) -> list[Path]:
        """The files of the leases that other servers of this home hold, or held."""
        return self._store.other_leases()

    def overview(self) -> list[bytes]:
        """What concerns every page, as frames at the present cursor, for one that starts anew."""
        cursor = self.journal.cursor
        frames = [encode_frame(cursor, "agent", self.agent.status.to_json())]
        for question in self.questions.unfinished():
            data = {"session_id": question.session_id, "question": question.to_json()}
            frames.append(encode_frame(cursor, "question", data))
        return frames

    async def create(
        self, *, cwd: str, title: str | None = None, model: str | None = None
    ) -> Conversation:
        """Open a new conversation; starts the agent if need be.

        Raises:
            Forbidden: the administrator does not want this model here.
            Unavailable: the agent cannot be had, or not within ``limits.start`` seconds.
        """
        if model:
            self.policy.must_allow_model(model, None)
        try:
            async with asyncio.timeout(self.limits.start):
                opened = await self.agent.create(cwd=cwd, title=title, model=model)
        except TimeoutError as error:
            raise Unavailable(
                f"The agent did not start within {self.limits.start:.0f} seconds.",
                code="agent_starting",
                hint={"text": "It may still come up: try again in a moment."},
            ) from error
        conversation = self.conversations.adopt(opened.session_id)
        conversation.title = title
        self.conversations.opened(conversation, opened)
        return conversation

    # -- what a kernel and a page speak of -----------------------------------------------------

    def current(self, kernel_id: str) -> str | None:
        """The conversation that a kernel and the page beside it speak of."""
        return self._current.get(kernel_id)

    def set_current(self, kernel_ids: Iterable[str], session_id: str | None) -> None:
        """Say which conversation these kernels and their pages speak of; None: a new one."""
        canonical = session_id and self.conversations.canonical(session_id)
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
            case CallBegan():
                self.calls.begin(self.conversations.live(event.session_id), event)
            case CallDropped(key=key):
                self.calls.drop(key)
            case _:
                conversation = self.conversations.live(event.session_id)
                if conversation is None:
                    log.debug("An event of a session that is not open here: %r", event)
                else:
                    self._hear_session(conversation, event)

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
                self.turns.began(conversation)
            case TurnEnded():
                error = _model_error(event.text) if event.status == "error" else None
                conversation.hear_end(event, error)
            case Idle():
                self.turns.idle(conversation)
            case Asked():
                turn = conversation.turn
                asking = turn.id if turn is not None and turn.active else None
                self.questions.ask(conversation.id, asking, event)
            case Closed():
                self.questions.hear_closed(conversation.id, event)
            case GaugeRead(gauge=gauge):
                before = conversation.gauge
                conversation.meter.read(gauge)
                self._tell_gauge(conversation, before)
            case Noticed(text=text, level=level):
                conversation.notice(text, level)
            case CompactionBegan(text=text):
                conversation.compaction_began(text)
            case SessionChanged():
                self._session_changed(conversation, event)
            case SessionMoved(new_session_id=tip):
                self.conversations.move(conversation, tip)
                conversation.publish("session", {"tip_id": tip})
                self.conversations.changed(conversation)

    def _tell_gauge(self, conversation: Conversation, before: Gauge) -> None:
        after = conversation.gauge
        if after == before:
            return
        self._store.keep_gauge(conversation.id, after)
        if after.compactions > before.compactions:
            compaction, now = Compaction(None, before.used, after.used), time.time()
            conversation.compactions.append((now, compaction))
            self._store.keep_compaction(conversation.id, now, compaction)
            conversation.compacted(compaction)
        conversation.publish("context", {"context": after.to_json()})

    def _session_changed(self, conversation: Conversation, event: SessionChanged) -> None:
        changes = {
            name: value
            for name in ("title", "model", "cwd")
            if (value := getattr(event, name)) and value != getattr(conversation, name)
        }
        if conversation.model is not None and "model" in changes:
            before = conversation.gauge
            conversation.meter.model_changed()
            self._tell_gauge(conversation, before)
        if changes:
            for name, value in changes.items():
                setattr(conversation, name, value)
            conversation.publish("session", changes)
            self.conversations.changed(conversation)

    def _died(self, reason: str) -> None:
        self.questions.interrupt()
        error = Unavailable(
            f"The agent's process ended: {reason}",
            code="agent_died",
            hint={"text": "Send the next prompt: it starts a new one and goes on from here."},
        )
        self.turns.died(error)

    # -- what the questions need ---------------------------------------------------------------

    def _announce_question(self, question: Question) -> None:
        if self._witness is not None:
            self._witness(question)
        conversation = self.conversations.live(question.session_id)
        if conversation is not None:
            conversation.publish("question", {"question": question.to_json()}, everywhere=True)
            self.conversations.changed(conversation)
        else:
            data = {"session_id": question.session_id, "question": question.to_json()}
            self.journal.publish("question", data, EVERYWHERE)

    async def _say(self, session_id: str, text: str, client_id: str) -> Turn:
        return await self.turns.prompt(session_id, text, client_id=client_id)


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
