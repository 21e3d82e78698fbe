"""Turns, one after the other in each conversation: taken, begun, steered, ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .agent import Agent, Opened
from .attachments import Attachments
from .calls import Calls
from .conversation import Conversation
from .conversations import Conversations
from .errors import BadRequest, Conflict, CoreError, NotFound, TooLarge, Unavailable
from .policy import Policy
from .prompt_context import ContextItem, in_words, notebook_of
from .question import Answerer
from .questions import Questions
from .store import Store
from .turn import Turn

log = logging.getLogger(__name__)

#: What becomes of a prompt while a turn is in hand: it waits for its end, goes into it, or ends it.
WhenBusy = Literal["queue", "steer", "interrupt"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one caller may ask at once.

    ``prompt`` and ``upload`` in bytes; ``queued`` in turns of one conversation; ``start`` in
    seconds that a new conversation may wait for the agent's process; ``attachments`` in files of
    one prompt; ``approval`` in seconds that a tool of ours waits for a person.
    """

    prompt: int = 512 * 1024
    queued: int = 20
    start: float = 30.0
    upload: int = 50 * 1024 * 1024
    attachments: int = 20
    approval: float = 1800.0


class Turns:
    """The turns of all conversations; one at a time is in hand in each."""

    def __init__(
        self,
        agent: Agent,
        store: Store,
        conversations: Conversations,
        questions: Questions,
        calls: Calls,
        attachments: Attachments,
        limits: Limits,
        policy: Policy,
    ) -> None:
        self._policy = policy
        self._agent = agent
        self._store = store
        self._conversations = conversations
        self._questions = questions
        self._calls = calls
        self._attachments = attachments
        self._limits = limits
        self._tasks: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Begin nothing more."""
        for conversation in self._conversations:
            conversation.queued.clear()
        for task in tuple(self._tasks):
            task.cancel()

    # -- what a person asks --------------------------------------------------------------------

    async def prompt(
        self,
        session_id: str,
        text: str,
        *,
        client_id: str | None = None,
        when_busy: WhenBusy = "queue",
        replaces: str | None = None,
        attachments: Sequence[str] = (),
        context: tuple[ContextItem, ...] = (),
        user: str = "",
    ) -> Turn:
        """Take a prompt: the turn begins at once, or waits for the one in hand.

        A repeated ``client_id`` gets the turn it got before. With ``replaces``, the message of
        that id is taken back with all that followed, and this is said instead. A prompt with
        ``attachments`` (names of the conversation's files), or with cells or selections as its
        ``context``, is never said into a turn.

        Returns:
            The turn of the prompt; of one that was said into the turn in hand, that one.

        Raises:
            BadRequest: there is neither a text nor a file, or more than ``limits.attachments``.
            TooLarge: the text is over ``limits.prompt``.
            NotFound: there is no message ``replaces`` of the person's, or no such file.
            Conflict: ``limits.queued`` turns wait already; or ``replaces`` while a turn is in hand.
        """
        names = tuple(dict.fromkeys(attachments))
        self._check(text, names)
        conversation = await self._writable(session_id)
        known = conversation.prompts.get(client_id) if client_id else None
        if known is not None:
            return known
        for name in names:
            self._attachments.find(conversation.id, name)
        if replaces is not None:
            _must_be_idle(conversation, "a message is replaced")
            conversation.said_since(replaces)
        brings = names or any(item.kind != "notebook" for item in context)
        if when_busy == "steer" and not brings:
            steered = await self._steer(conversation, text, client_id)
            if steered is not None:
                return steered
        turn = Turn(
            text,
            client_id=client_id,
            user=user,
            replaces=replaces,
            attachments=names,
            context=context,
        )
        self._take(conversation, turn)
        if when_busy == "interrupt" and turn.state == "queued":
            await self._say_at_once(conversation, turn)
        return turn

    async def compress(self, session_id: str, focus: str | None = None, *, user: str = "") -> Turn:
        """Make room in the agent's context, as a turn of its own.

        Raises:
            Conflict: ``limits.queued`` turns wait already.
        """
        conversation = await self._writable(session_id)
        turn = Turn(focus or "", action="compress", user=user)
        self._take(conversation, turn)
        return turn

    async def undo(self, session_id: str, *, user: str = "") -> Turn:
        """Take back the last prompt and all that followed, as a turn of its own.

        Raises:
            Conflict: a turn is in hand, or there is nothing to take back.
        """
        conversation = await self._writable(session_id)
        _must_be_idle(conversation, "the last prompt is taken back")
        last = conversation.last_prompt()
        if last is None:
            raise Conflict("There is nothing to take back.", code="nothing_to_undo")
        turn = Turn("", action="undo", replaces=last, user=user)
        self._begin(conversation, turn)
        return turn

    async def interrupt(self, session_id: str, turn_id: str) -> Turn:
        """End the turn in hand, if it is this one.

        Raises:
            Conflict: another turn is in hand, or none, or it cannot be ended; ``turn`` says which.
        """
        conversation = await self._conversations.find(session_id)
        turn = conversation.turn
        if turn is None or turn.id != turn_id or not turn.active:
            raise Conflict(
                "This turn is not running.",
                code="not_running",
                turn=turn.to_json() if turn else None,
            )
        if turn.action != "prompt":
            raise Conflict(
                "This cannot be stopped; it ends by itself.",
                code="not_stoppable",
                turn=turn.to_json(),
            )
        if not turn.stopped:
            conversation.stopping()
            self._conversations.changed(conversation)
        # One that has not begun is stopped as soon as it does.
        if turn.begun:
            await self._agent.interrupt(conversation.tip_id)
        return turn

    async def withdraw(self, session_id: str, turn_id: str) -> Turn:
        """Take back a prompt that still waits.

        Raises:
            NotFound: no such prompt waits.
        """
        conversation = await self._conversations.find(session_id)
        for turn in conversation.queued:
            if turn.id == turn_id:
                conversation.queued.remove(turn)
                turn.state = "interrupted"
                conversation.announce_turn(turn)
                return turn
        raise NotFound("No such prompt waits.", code="turn_not_found")

    async def take_back(self, session_id: str, name: str) -> None:
        """Delete a file that goes with no prompt.

        Raises:
            NotFound: the conversation has no such file.
            Conflict: it was sent, or goes with a prompt that waits; ``turn`` says with which.
        """
        conversation = await self._conversations.find(session_id)
        for turn in (conversation.turn, *conversation.queued):
            if turn is not None and name in turn.attachments and turn.state != "interrupted":
                raise Conflict(
                    "This file goes with a prompt that was sent.",
                    code="attachment_sent",
                    turn=turn.to_json(),
                    hint={"text": "Take back the prompt, if it still waits."},
                )
        self._attachments.take_back(conversation.id, name)

    async def open(self, conversation: Conversation) -> None:
        """Have the agent open a conversation."""
        await self._reach(conversation)

    async def open_idle(self, conversation: Conversation, what: str) -> None:
        """Have the agent open a conversation in which no turn is in hand.

        Args:
            what: is done only between turns, in words.

        Raises:
            Conflict: one is.
        """
        _must_be_idle(conversation, what)
        await self._reach(conversation)

    async def skip_approvals(self, session_id: str, on: bool, by: Answerer) -> bool:
        """Allow all that the agent does in a conversation, or ask again.

        What waits already is allowed too. It ends by command, and with the agent's process.

        Raises:
            Forbidden: the administrator wants each to be asked.
        """
        conversation = await self._writable(session_id)
        if on:
            self._policy.must_allow_skipping()
        if on and not conversation.opened:
            self._conversations.opened(conversation, await self._open(conversation))
        if conversation.opened:
            await self._agent.skip_approvals(conversation.tip_id, on)
        self._skips(conversation, on)
        if on:
            for question in self._questions.open(conversation.id, "approval"):
                try:
                    await self._questions.answer(question.id, {"choice": "once"}, by)
                except Conflict as error:
                    log.info("An approval was answered before it could be skipped: %s", error)
        return conversation.skip_approvals

    # -- what the agent does -------------------------------------------------------------------

    def began(self, conversation: Conversation) -> None:
        """The agent works."""
        turn = conversation.turn
        if turn is not None and turn.active and turn.ended and not turn.steers:
            # It has gone on with a turn of its own at once: nobody has heard it idle between.
            conversation.finish()
        conversation.running()
        self._conversations.changed(conversation)
        if conversation.turn is not None and conversation.turn.stopped:
            self._spawn(self._interrupt(conversation))

    def idle(self, conversation: Conversation) -> None:
        """The agent waits for a prompt: a turn that it had begun is over."""
        turn = conversation.turn
        if turn is None or not turn.active or not turn.begun or turn.action != "prompt":
            return
        if turn.steers:
            self._spawn(self._end_steered(conversation, turn))
        else:
            self._finish(conversation)

    def died(self, error: CoreError) -> None:
        """The agent is gone, and with it what it had in hand."""
        for conversation in self._conversations:
            conversation.opened = False
            self._skips(conversation, False)
            turn = conversation.turn
            # A turn that it has not been told of goes to the next one.
            if turn is not None and turn.active and (turn.given or turn.origin == "agent"):
                self._finish(conversation, error)

    # -- within --------------------------------------------------------------------------------

    async def _writable(self, session_id: str) -> Conversation:
        conversation = await self._conversations.find(session_id)
        self._conversations.must_allow(conversation, "prompt")
        return conversation

    def _check(self, text: str, attachments: Sequence[str]) -> None:
        if not text.strip() and not attachments:
            raise BadRequest("The prompt is empty.", code="empty_prompt")
        if len(attachments) > self._limits.attachments:
            raise BadRequest(
                f"A prompt takes at most {self._limits.attachments} files.",
                code="too_many_attachments",
                hint={"text": "Send the others with the next prompt, or one archive of all."},
            )
        if len(text.encode("utf-8", "replace")) > self._limits.prompt:
            raise TooLarge(
                f"The prompt is longer than {self._limits.prompt // 1024} KB.",
                code="prompt_too_large",
                hint={"text": "Put the text into a file and name the file in the prompt."},
            )

    def _take(self, conversation: Conversation, turn: Turn) -> None:
        """Begin a turn, or let it wait; either way it is taken, once."""
        if len(conversation.queued) >= self._limits.queued:
            raise Conflict(
                f"{self._limits.queued} prompts wait in this conversation.",
                code="queue_full",
                hint={"text": "Wait for the turn in hand, or stop it."},
            )
        self._accepted(conversation, turn, turn.client_id)
        if conversation.busy:
            conversation.enqueue(turn)
        else:
            self._begin(conversation, turn)

    def _accepted(self, conversation: Conversation, turn: Turn, client_id: str | None) -> None:
        if client_id is not None:
            conversation.prompts[client_id] = turn
            self._store.keep_prompt(conversation.id, client_id, turn.id)

    async def _steer(
        self, conversation: Conversation, text: str, client_id: str | None
    ) -> Turn | None:
        """Say something into the turn in hand; None: there is none, or it does not take it."""
        turn = conversation.turn
        if turn is None or turn.state != "running" or turn.action != "prompt":
            return None
        # Before the agent is asked: a repeated request must not say it twice.
        self._accepted(conversation, turn, client_id)
        turn.steers.append(text)
        try:
            taken = await self._agent.steer(conversation.tip_id, text)
        except CoreError as error:
            log.info("The agent did not take what was said into its turn: %s", error)
            taken = False
        if not taken:
            turn.steers.remove(text)
            return None
        if turn.active:
            conversation.steer(text)
        return turn

    async def _say_at_once(self, conversation: Conversation, turn: Turn) -> None:
        """End the turn in hand for one that waits, which is the next one now."""
        conversation.queued.remove(turn)
        conversation.queued.insert(0, turn)
        assert conversation.turn is not None
        try:
            await self.interrupt(conversation.id, conversation.turn.id)
        except CoreError as error:
            # It is taken all the same, and comes as soon as the other one ends by itself.
            log.info("The turn in hand is not ended for the next one: %s", error)

    async def _end_steered(self, conversation: Conversation, turn: Turn) -> None:
        """End a turn into which something was said; what came too late is the next prompt."""
        left: list[str] = []
        try:
            left = await self._agent.undelivered(conversation.tip_id, turn.steers)
        except CoreError as error:
            log.warning("It is not known whether the agent heard all that was said: %s", error)
        if conversation.turn is not turn or not turn.active:
            return
        if left and turn.stopped:
            conversation.notice("The turn was stopped before the agent heard your message.", "info")
        elif left:
            text = "Your message came after the last tool call of this turn: it is the next prompt."
            conversation.notice(text, "info")
            self._put_first(conversation, Turn("\n\n".join(left)))
        self._finish(conversation)

    def _put_first(self, conversation: Conversation, turn: Turn) -> None:
        turn.state = "queued"
        conversation.queued.insert(0, turn)
        conversation.announce_turn(turn)

    def _skips(self, conversation: Conversation, on: bool) -> None:
        if conversation.skip_approvals != on:
            conversation.skip_approvals = on
            conversation.publish("session", {"skip_approvals": on})
            self._conversations.changed(conversation)

    def _begin(self, conversation: Conversation, turn: Turn) -> None:
        conversation.begin(turn)
        self._conversations.changed(conversation)
        self._spawn(self._run(conversation, turn))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _interrupt(self, conversation: Conversation) -> None:
        try:
            await self._agent.interrupt(conversation.tip_id)
        except CoreError as error:
            log.warning("A turn could not be stopped; it can be stopped again: %s", error)

    async def _run(self, conversation: Conversation, turn: Turn) -> None:
        """Bring a turn to the agent; from there on, the events of a prompt carry it."""
        try:
            await self._reach(conversation)
            if conversation.turn is not turn:
                return
            if turn.stopped:
                self._finish(conversation)
            elif turn.action == "compress":
                await self._compress(conversation, turn)
            else:
                await self._say(conversation, turn)
        except CoreError as error:
            if conversation.turn is turn:
                self._finish(conversation, error)
        except Exception as error:
            log.exception("A turn could not be started")
            if conversation.turn is turn:
                self._finish(conversation, CoreError(str(error) or repr(error), code="internal"))

    async def _reach(self, conversation: Conversation) -> None:
        """Have the agent open a conversation, ready for a turn; it may die meanwhile, once."""
        try:
            self._conversations.opened(conversation, await self._open(conversation))
            await self._agent.prepare(conversation.tip_id)
        except Unavailable as error:
            if error.code != "agent_gone":
                raise
            log.info("The agent died before it was told of a turn; the next one is: %s", error)
            self._conversations.opened(conversation, await self._open(conversation))
            await self._agent.prepare(conversation.tip_id)

    async def _open(self, conversation: Conversation) -> Opened:
        cwd = conversation.cwd
        if not conversation.opened:
            # Whatever opens it now reads it as it is.
            conversation.outdated = False
        try:
            return await self._agent.resume(conversation.tip_id, cwd=cwd)
        except NotFound:
            # It died before the agent had stored a word of it: begin again under the same name.
            return await self._agent.create(cwd=cwd or "", title=conversation.title, model=None)

    async def _compress(self, conversation: Conversation, turn: Turn) -> None:
        turn.given = True
        conversation.running()
        compacted = await self._agent.compress(conversation.tip_id, turn.text or None)
        if conversation.turn is turn:
            if not compacted.done:
                conversation.notice(compacted.text, "warning")
            self._finish(conversation)

    async def _say(self, conversation: Conversation, turn: Turn) -> None:
        turn.given = True
        if conversation.outdated:
            await self._agent.reload(conversation.tip_id)
            conversation.outdated = False
        if turn.replaces is not None and not turn.said:
            await self._take_back(conversation, turn.replaces)
            if conversation.turn is not turn:
                return
            conversation.cut(turn.replaces)
            self._conversations.told_anew(conversation)
        if turn.action == "undo":
            self._finish(conversation)
            return
        if not turn.said:
            conversation.say_prompt(turn)
        files = self._attachments.sent(conversation.id, turn.attachments)
        context = in_words(turn.context, conversation.told_notebook)
        if await self._agent.prompt(conversation.tip_id, turn.text, files, context):
            notebook = notebook_of(turn.context)
            conversation.told_notebook = notebook or conversation.told_notebook
        else:
            self._wait_for_the_agents_own(conversation, turn)

    async def _take_back(self, conversation: Conversation, message_id: str) -> None:
        try:
            said = [
                (one.text, self._attachments.paths(conversation.id, one.attachments))
                for one in conversation.said_since(message_id)
            ]
            await self._agent.rewind(conversation.tip_id, said)
        except Conflict:
            # One on which nothing followed may never have reached it.
            if not conversation.is_unanswered(message_id):
                raise

    def _wait_for_the_agents_own(self, conversation: Conversation, turn: Turn) -> None:
        """The agent was faster with a turn of its own: this one begins after it."""
        turn.given = False
        if conversation.turn is turn and turn.active:
            conversation.replace_by_own(turn)
        self._put_first(conversation, turn)
        if not conversation.busy:
            self._begin(conversation, conversation.queued.pop(0))

    def _finish(self, conversation: Conversation, error: CoreError | None = None) -> None:
        """End the turn in hand and begin the next one that waits."""
        turn = conversation.turn
        conversation.finish(error)
        if turn is not None:
            self._calls.cancel(turn.id)
            self._questions.cancel(turn.id)
        if conversation.queued:
            self._begin(conversation, conversation.queued.pop(0))
        else:
            self._conversations.changed(conversation)
            self._spawn(self._settle(conversation))

    async def _settle(self, conversation: Conversation) -> None:
        try:
            await self._conversations.settle(conversation)
        except CoreError as error:
            log.warning("What the agent has stored could not be looked at: %s", error)


def _must_be_idle(conversation: Conversation, what: str) -> None:
    if conversation.busy:
        assert conversation.turn is not None
        raise Conflict(
            f"A turn is running; {what} only between turns.",
            code="busy",
            turn=conversation.turn.to_json(),
            hint={"text": "Stop the turn, or wait for its end."},
        )
