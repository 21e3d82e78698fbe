"""One conversation: what was said before, the turns of this epoch, and how each is announced."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from .agent import (
    Compaction,
    HistoryMessage,
    Said,
    TextDelta,
    TextDone,
    ToolBegan,
    ToolDone,
    TurnEnded,
)
from .attachments import attachments_json
from .errors import CoreError, NotFound
from .gauge import Gauge, Meter
from .lineage import Chain
from .message import Measured, Message, Role, bounded, compaction_text, history_json
from .prompt_context import ContextItem
from .turn import Turn

#: Seconds between two events of a text that streams: 20 a second are as good as any.
COALESCE = 0.05

#: Takes the type and the data of an event; True as the third: every page hears of it.
Publish = Callable[[str, dict[str, Any], bool], None]

#: Takes the id of a conversation, and the message that is being said.
Keep = Callable[[str, dict[str, Any] | None], None]

#: Seconds between two keepings of the message that is being said: so much a restart may lose.
KEEP = 1.0


class Conversation:
    """The state of one conversation and the events that change it.

    Every change is announced in the same synchronous step. Deltas are coalesced before they are
    announced: the first at once, then one every :data:`COALESCE` seconds; any other event
    announces the waiting ones first.

    Args:
        id: the canonical id, the key of the first session.
        publish: announces an event of this conversation.
        keep: keeps the message that is being said, for a restart; None once it is finished.
        witness: is told of each state of a turn.
    """

    def __init__(
        self, id: str, publish: Publish, keep: Keep, witness: Callable[[Turn], None] | None = None
    ) -> None:
        self.id = id
        self._witness = witness
        self._keep = keep
        self._kept_at = 0.0
        self.tip_id = id
        self.chain: Chain | None = None
        #: The sessions it consists of, oldest first, each with the time it began.
        self.segments: dict[str, float] = {}
        self.history: list[HistoryMessage] = []
        self.messages: list[Message] = []
        self.turn: Turn | None = None
        self.queued: list[Turn] = []
        self.meter = Meter()
        #: What its compactions made of the context, as far as that was measured here.
        self.compactions: list[Measured] = []
        self._compacting: Message | None = None
        self.title: str | None = None
        self.model: str | None = None
        self.cwd: str | None = None
        self.created_at = time.time()
        self.last_active = self.created_at
        #: The agent has it open now; not so after its process has died.
        self.opened = False
        #: Its row in the list as the pages were told it last.
        self.told_row: dict[str, Any] = {}
        #: The agent asks no approvals, until it is told to or its process ends.
        self.skip_approvals = False
        #: The notebook that the model was told of and has in its context still.
        self.told_notebook: ContextItem | None = None
        #: The newest row of the agent's database when the agent was last idle.
        self.last_row = 0
        #: Whether ``last_row`` is of now: not so from the begin of a turn until after its end.
        self.settled = False
        #: Its rows in the database are ahead of what the agent has in mind.
        self.outdated = False
        self.prompts: dict[str, Turn] = {}
        self._announce = publish
        self._waiting: list[tuple[str, str, list[str]]] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def gauge(self) -> Gauge:
        """How full the context is."""
        return self.meter.gauge

    # -- announcing ----------------------------------------------------------------------------

    def publish(self, type_: str, data: dict[str, Any], *, everywhere: bool = False) -> None:
        """Announce an event, and what was waiting before it."""
        self._flush()
        self._announce(type_, data, everywhere)

    def settle(self) -> None:
        """Announce the deltas that wait."""
        self._flush()

    def _delta(self, type_: str, message: Message, text: str) -> None:
        if self._waiting and self._waiting[-1][:2] == (type_, message.id):
            self._waiting[-1][2].append(text)
        else:
            self._waiting.append((type_, message.id, [text]))
        if self._timer is None:
            self._flush()
            self._arm()

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(COALESCE, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._waiting:
            self._flush()
            self._arm()
            self._keep_unfinished()

    def _keep_unfinished(self, *, for_good: bool = False) -> None:
        message = self._streaming()
        if message is not None and (for_good or time.monotonic() - self._kept_at > KEEP):
            self._kept_at = time.monotonic()
            said = {"text": "".join(message.text), "reasoning": "".join(message.reasoning)}
            self._keep(self.id, {**said, "at": message.at})

    def interrupted_by_restart(self, unfinished: dict[str, Any]) -> None:
        """Tell what was being said when the server ended, unless the agent's database has it."""
        text: str = unfinished["text"]
        for row in self.history:
            # It may have been stored after all, and the conversation may have gone on elsewhere.
            stored = row.role == "assistant" and row.text.startswith(text.strip())
            if stored or (row.role == "user" and row.at > unfinished["at"]):
                return
        self.turn = Turn("", state="interrupted")
        message = self._say("assistant")
        message.text.append(text)
        message.reasoning.append(unfinished["reasoning"])
        message.at = unfinished["at"]
        message.status = "interrupted"
        notice = self._say("notice")
        notice.status = "complete"
        notice.text.append(
            "The Jupyter server ended in the middle of this; the last second of it may be missing."
        )

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        turn_id = self.turn.id if self.turn else None
        for type_, message_id, parts in waiting:
            data = {"turn_id": turn_id, "message_id": message_id, "text": "".join(parts)}
            self._announce(type_, data, False)

    # -- turns ---------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a turn is in hand."""
        return self.turn is not None and self.turn.active

    @property
    def has_answer(self) -> bool:
        """Whether the last turn came to its end with something said by the agent."""
        turn = self.turn
        if turn is None or turn.state != "complete" or turn.action != "prompt":
            return False
        return any(
            message.turn_id == turn.id and message.role == "assistant" and bool(message.text)
            for message in self.messages
        )

    def enqueue(self, turn: Turn) -> None:
        """Keep a turn for when the agent is idle."""
        if turn.client_id is not None:
            self.prompts[turn.client_id] = turn
        self.queued.append(turn)
        self.announce_turn(turn)

    def begin(self, turn: Turn) -> None:
        """Take a turn in hand: from now on the page sees it and what the person said."""
        self.turn = turn
        self.settled = False
        turn.state = "starting"
        self.last_active = time.time()
        self.announce_turn(turn)
        said_later = turn.replaces is not None
        if turn.origin == "user" and turn.action == "prompt" and not (turn.said or said_later):
            self.say_prompt(turn)

    def say_prompt(self, turn: Turn) -> None:
        """What the person said to begin the turn in hand."""
        turn.said = True
        self._say_user(turn.text, turn.attachments, turn.context)

    def steer(self, text: str) -> None:
        """What the person said into the turn in hand."""
        self._close_text("complete")
        self._say_user(text, steered=True)

    def _say_user(
        self,
        text: str,
        attachments: tuple[str, ...] = (),
        context: tuple[ContextItem, ...] = (),
        *,
        steered: bool = False,
    ) -> None:
        message = self._say("user")
        message.attachments = attachments
        message.context = context
        message.text.append(text)
        message.status = "complete"
        message.steered = steered
        said = {"turn_id": message.turn_id, "message_id": message.id, "text": text}
        began = {
            "role": "user",
            "at": message.at,
            "steered": steered,
            "attachments": attachments_json(attachments),
            "context": [item.to_json() for item in context],
        }
        self.publish("message.start", {**said, **began})
        self.publish("message.complete", {**said, "status": "complete"})

    def replace_by_own(self, turn: Turn) -> None:
        """What is in hand is not this turn but one that the agent has begun by itself."""
        self.turn = Turn("", origin="agent", state=turn.state, begun=turn.begun)
        turn.begun = False
        self.announce_turn(self.turn)

    def running(self) -> None:
        """The agent works; when nobody asked it to, the turn is its own."""
        if not self.busy:
            self.begin(Turn("", origin="agent"))
        assert self.turn is not None
        self.turn.begun = True
        if self.turn.state == "starting":
            self.turn.state = "running"
            self.announce_turn(self.turn)

    def stopping(self) -> None:
        """A person has ended the turn in hand."""
        assert self.turn is not None
        self.turn.state = "stopping"
        self.announce_turn(self.turn)

    def finish(self, error: CoreError | None = None) -> None:
        """The turn in hand is over; with ``error``, because of that."""
        turn = self.turn
        if turn is None or not turn.active:
            return
        stopped = turn.state == "stopping"
        if error is not None:
            turn.error = error
            turn.state = "error"
        elif turn.outcome == "error":
            turn.state = "interrupted" if stopped else "error"
        else:
            turn.state = "interrupted" if stopped else turn.outcome
        if error is not None:
            # An agent that died has not stored what it was saying.
            self._keep_unfinished(for_good=True)
            self._kept_at = 0.0
        self._close_text("complete" if turn.state == "complete" else turn.state)
        self._end_tools(turn)
        self._compacting = None
        self.last_active = time.time()
        self.announce_turn(turn)

    def announce_turn(self, turn: Turn) -> None:
        """Tell the pages how a turn is."""
        self.publish("turn", turn.to_json())
        if self._witness is not None:
            self._witness(turn)

    # -- taking back ---------------------------------------------------------------------------

    def last_prompt(self) -> str | None:
        """The id of the last message of the person, as far as it is known here."""
        prompts = self.prompts_here()
        return prompts[-1][0] if prompts else None

    def said_since(self, message_id: str) -> list[Said]:
        """What a message of the person says, and all that they said after it.

        Raises:
            NotFound: it is not among those that are known here, or not the person's.
        """
        prompts = self.prompts_here()
        for index, (id_, _) in enumerate(prompts):
            if id_ == message_id:
                return [said for _, said in prompts[index:]]
        raise NotFound(
            "There is no such message of yours in this conversation.", code="message_not_found"
        )

    def is_unanswered(self, message_id: str) -> bool:
        """Whether it was said in this epoch and the agent has said and done nothing since."""
        ids = [message.id for message in self.messages]
        if message_id not in ids:
            return False
        later = self.messages[ids.index(message_id) :]
        return not any(message.role in ("assistant", "tool") for message in later)

    def cut(self, message_id: str) -> None:
        """Forget a message and all that followed it."""
        # It may have been told there.
        self.told_notebook = None
        for index, row in enumerate(self.history):
            if str(row.row) == message_id:
                del self.history[index:]
                self.messages.clear()
                return
        for index, message in enumerate(self.messages):
            if message.id == message_id:
                del self.messages[index:]
                return

    def prompts_here(self) -> list[tuple[str, Said]]:
        """Each message of the person that is known here, by its id, oldest first."""
        past = [
            (str(row.row), Said(row.text, row.attachments))
            for row in self.history
            if row.role == "user"
        ]
        return past + [
            (message.id, Said("".join(message.text), message.attachments))
            for message in self.messages
            if message.role == "user" and not message.steered
        ]

    # -- what the agent says -------------------------------------------------------------------

    def hear_text(self, event: TextDelta) -> None:
        """More text of the assistant."""
        message = self._open_text()
        # The agent puts a blank line before the text that follows a tool; here it is a new message.
        text = event.text if message.text else event.text.lstrip("\n")
        if text:
            message.text.append(text)
            self._delta("message.delta", message, text)

    def hear_reasoning(self, text: str) -> None:
        """More reasoning of the assistant, ahead of what it says."""
        message = self._open_text()
        message.reasoning.append(text)
        self._delta("reasoning.delta", message, text)

    def hear_text_done(self, event: TextDone) -> None:
        """A block of text has ended; one that did not stream arrives whole."""
        if self._streaming() is None and event.text.strip():
            self._open_text().text.append(event.text.strip("\n"))
        self._close_text("complete")

    def hear_tool(self, event: ToolBegan) -> None:
        """A tool has started."""
        self._close_text("complete")
        message = self._say("tool")
        message.tool = {
            "id": event.tool_id,
            "name": event.name,
            "args": bounded(event.args),
            "result": None,
            "duration": None,
            "error": None,
        }
        started = {"message_id": message.id, "tool_id": event.tool_id, "at": message.at}
        self.publish(
            "tool.start",
            {
                "turn_id": message.turn_id,
                **started,
                "name": event.name,
                "args": message.tool["args"],
            },
        )

    def hear_tool_done(self, event: ToolDone) -> None:
        """A tool has ended."""
        message = self._tool(event.tool_id)
        if message is None:
            self.hear_tool(ToolBegan(event.session_id, event.tool_id, event.name, event.args))
            message = self.messages[-1]
        assert message.tool is not None
        message.tool.update(
            args=bounded(event.args),
            result=bounded(event.result),
            duration=event.duration,
            error=event.error,
        )
        message.status = "error" if event.error else "complete"
        self._announce_tool(message)

    def hear_end(self, event: TurnEnded, error: CoreError | None) -> None:
        """The last word of the turn: the whole text, or what went wrong."""
        turn = self.turn
        if turn is None or not turn.active:
            return
        turn.outcome = event.status
        turn.ended = event.status == "complete"
        turn.error = error
        if event.status == "complete" and self._streaming() is None and event.text.strip():
            last = self.messages[-1] if self.messages else None
            told = last is not None and last.role == "assistant" and last.turn_id == turn.id
            if not told:
                self._open_text().text.append(event.text)
        self._close_text(event.status)

    def notice(self, text: str, level: str) -> None:
        """A line in the transcript that neither side has said."""
        message = self._note(text)
        self.publish("notice", {"message_id": message.id, "text": text, "level": level})

    def compaction_began(self, text: str) -> None:
        """The agent makes room in its context."""
        if self._compacting is None:
            self._compacting = self._note(text)
            said = {"message_id": self._compacting.id, "text": text, "level": "info"}
            self.publish("notice", said)

    def compacted(self, compaction: Compaction) -> None:
        """The agent has made room in its context."""
        text = compaction_text(compaction)
        message, self._compacting = self._compacting or self._note(text), None
        message.text = [text]
        message.compaction = compaction
        self.told_notebook = None
        tokens = {"before": compaction.before, "after": compaction.after}
        self.publish("compaction", {"message_id": message.id, "text": text, **tokens})

    def _note(self, text: str) -> Message:
        if self.turn is None:
            self.turn = Turn("", origin="agent", state="complete")
        streaming = self._streaming()
        message = self._say("notice")
        message.text.append(text)
        message.status = "complete"
        if streaming is not None:
            # What is being said goes on behind it.
            self.messages[-2:] = [message, streaming]
        return message

    def _say(self, role: Role) -> Message:
        turn = self.turn
        assert turn is not None
        message = Message(f"{turn.id}.{turn.spoken}", role, self.tip_id, turn.id)
        turn.spoken += 1
        self.messages.append(message)
        return message

    def _streaming(self) -> Message | None:
        last = self.messages[-1] if self.messages else None
        speaking = last is not None and last.role == "assistant" and last.status == "streaming"
        return last if speaking else None

    def _open_text(self) -> Message:
        message = self._streaming()
        if message is None:
            message = self._say("assistant")
            self.publish(
                "message.start",
                {
                    "turn_id": message.turn_id,
                    "message_id": message.id,
                    "role": "assistant",
                    "at": message.at,
                },
            )
        return message

    def _close_text(self, status: Any) -> None:
        message = self._streaming()
        if message is not None:
            message.status = status
            message.join()
            if self._kept_at:
                self._kept_at = 0.0
                self._keep(self.id, None)
            said = {"message_id": message.id, "text": "".join(message.text), "status": status}
            self.publish("message.complete", {"turn_id": message.turn_id, **said})

    def _tool(self, tool_id: str) -> Message | None:
        for message in reversed(self.messages):
            if message.tool is not None and message.tool["id"] == tool_id:
                return message
        return None

    def _end_tools(self, turn: Turn) -> None:
        """A tool without an end has been cut off with its turn."""
        for message in reversed(self.messages):
            if message.turn_id != turn.id:
                break
            if message.tool is not None and message.status == "streaming":
                message.status = "interrupted"
                message.tool["error"] = "The turn ended before this tool did."
                self._announce_tool(message)

    def _announce_tool(self, message: Message) -> None:
        tool = message.tool
        assert tool is not None
        ended = {key: tool[key] for key in ("name", "args", "result", "duration", "error")}
        self.publish(
            "tool.complete",
            {
                "turn_id": message.turn_id,
                "message_id": message.id,
                "tool_id": tool["id"],
                "status": message.status,
                **ended,
            },
        )

    # -- telling -------------------------------------------------------------------------------

    def earlier(self, before: str | None, limit: int) -> list[dict[str, Any]] | None:
        """The messages known here before one of them (None: at the end); None: it is not known."""
        known: list[HistoryMessage | Message] = [*self.history, *self.messages]
        ids = [_id_of(message) for message in known]
        if before is not None and before not in ids:
            return None
        end = len(ids) if before is None else ids.index(before)
        return [
            message.to_json() if isinstance(message, Message) else history_json(message)
            for message in known[max(0, end - limit) : end]
        ]

    def recent(self, limit: int) -> list[dict[str, Any]]:
        """The last ``limit`` messages and the whole turn in hand, oldest first."""
        live = self.messages
        start = max(0, len(live) - limit)
        if self.busy and self.turn is not None:
            first = next(
                (i for i, message in enumerate(live) if message.turn_id == self.turn.id), start
            )
            start = min(start, first)
        told = [message.to_json() for message in live[start:]]
        before = max(0, limit - len(told))
        past = self.history[-before:] if before and start == 0 else []
        return [history_json(row) for row in past] + told


def _id_of(message: HistoryMessage | Message) -> str:
    return message.id if isinstance(message, Message) else str(message.row)
