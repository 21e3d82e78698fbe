"""What the core needs of an agent, and what an agent tells the core.

The core drives an :class:`Agent` and hears :data:`AgentEvent`; it knows nothing of processes or
protocols. Sessions are named by their key in the agent's database throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from .errors import Hint
from .gauge import Gauge
from .lineage import SessionRow
from .question import Choice, Kind, Prompt
from .tools import ToolResult, ToolSpec


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """How the agent is. ``step`` is a sentence for a person while it starts."""

    state: Literal["stopped", "starting", "ready", "failed"] = "stopped"
    step: str | None = None
    version: str | None = None
    python: str | None = None
    error: str | None = None
    hint: Hint | None = None

    def to_json(self) -> dict[str, Any]:
        """The state as the HTTP contract writes it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that the agent has open now."""

    session_id: str
    cwd: str
    model: str | None


@dataclass(frozen=True, slots=True)
class Compacted:
    """What came of making room: what was done in words, and whether anything was."""

    text: str
    done: bool


@dataclass(frozen=True, slots=True)
class Compaction:
    """What a compaction did: how many messages it made a summary of, and the context in tokens.

    ``None`` is unknown.
    """

    messages: int | None = None
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """Where models are to be had."""

    id: str
    name: str
    models: list[str]


@dataclass(frozen=True, slots=True)
class Models:
    """What there is to choose from, and what is chosen as far as that is known.

    ``efforts`` are the ways to tell a model how hard to think.
    """

    providers: list[Provider]
    efforts: list[str]
    model: str | None = None
    provider: str | None = None
    reasoning: str | None = None


@dataclass(frozen=True, slots=True)
class Switched:
    """What a session has after a switch; ``note`` is what the agent has to say about it."""

    model: str
    provider: str
    reasoning: str | None
    gauge: Gauge
    note: str | None


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command: ``args`` in words, ``choices`` for the first of them."""

    name: str
    description: str
    args: str = ""
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandDone:
    """What came of a command: something to read, a prompt to send, or another command to run."""

    text: str | None = None
    prompt: str | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryMessage:
    """One row of a transcript as the agent's database has it; ``row`` orders all of them.

    A ``notice`` with its ``compaction`` stands where messages were made a summary of.
    """

    row: int
    session_id: str
    role: Literal["user", "assistant", "tool", "notice"]
    text: str
    at: float
    reasoning: str | None = None
    tool: dict[str, Any] | None = None
    compaction: Compaction | None = None
    #: The names of the files that went with it, and of the images within it.
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said: a text, and the names of the files that went with it."""

    text: str
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A message that a search has found; ``pieces`` of its text, each with whether it matches."""

    row: int
    session_id: str
    role: str
    at: float
    pieces: list[tuple[str, bool]]


# -- what an agent tells ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """The agent itself changed: started a step, got ready, failed, stopped."""

    status: AgentStatus


@dataclass(frozen=True, slots=True)
class Died:
    """The process is gone, with every open session in it."""

    reason: str


@dataclass(frozen=True, slots=True)
class TurnBegan:
    """The agent works; nobody need have asked."""

    session_id: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the text that is being said."""

    session_id: str
    text: str


@dataclass(frozen=True, slots=True)
class TextDone:
    """A block of text has ended before a tool runs; ``text`` is all of it."""

    session_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of what the model thinks."""

    session_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolBegan:
    """A tool starts."""

    session_id: str
    tool_id: str
    name: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolDone:
    """A tool has ended; ``duration`` in seconds."""

    session_id: str
    tool_id: str
    name: str
    args: dict[str, Any]
    result: Any
    duration: float | None
    error: str | None


@dataclass(frozen=True, slots=True)
class CallBegan:
    """The agent calls a tool of ours and waits; ``key`` is its own name for the call."""

    session_id: str
    key: str
    name: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CallDropped:
    """The agent waits no longer for the call ``key``."""

    session_id: str
    key: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The agent waits for a person; ``key`` is its own name for the question."""

    session_id: str
    key: str
    kind: Kind
    questions: list[Prompt] = field(default_factory=list)
    command: str | None = None
    description: str | None = None
    choices: list[Choice] | None = None
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """The agent waits no longer for ``key``."""

    session_id: str
    key: str
    outcome: Literal["answered", "expired", "cancelled"]
    told_agent: str


@dataclass(frozen=True, slots=True)
class GaugeRead:
    """A new reading of the gauge."""

    session_id: str
    gauge: Gauge


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """The session has another title, model or folder."""

    session_id: str
    title: str | None = None
    model: str | None = None
    cwd: str | None = None


@dataclass(frozen=True, slots=True)
class SessionMoved:
    """The conversation goes on in another session, after a compaction."""

    session_id: str
    new_session_id: str


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something a person should know, in the agent's words."""

    session_id: str
    text: str
    level: Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class CompactionBegan:
    """The agent makes room in its context; a later gauge says what came of it."""

    session_id: str
    text: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The last word of the turn; the agent is not idle yet."""

    session_id: str
    text: str
    status: Literal["complete", "interrupted", "error"]


@dataclass(frozen=True, slots=True)
class Idle:
    """The agent waits for a prompt."""

    session_id: str


SessionEvent = (
    TurnBegan
    | TextDelta
    | TextDone
    | ReasoningDelta
    | ToolBegan
    | ToolDone
    | CallBegan
    | CallDropped
    | Asked
    | Closed
    | GaugeRead
    | SessionChanged
    | SessionMoved
    | Noticed
    | CompactionBegan
    | TurnEnded
    | Idle
)
AgentEvent = StatusChanged | Died | SessionEvent


# -- what the core needs ---------------------------------------------------------------------


class History(Protocol):
    """The agent's own store, read only."""

    async def sessions(self) -> Sequence[SessionRow]:
        """Every session there is; the same object as long as nothing has changed.

        Raises:
            Unavailable: the store is there but could not be read.
        """

    async def messages(
        self, session_ids: Sequence[str], *, before: int | None, limit: int
    ) -> list[HistoryMessage]:
        """The last ``limit`` rows of these sessions with a number below ``before``, in order."""

    async def search(self, text: str, *, limit: int) -> list[Found]:
        """The newest messages in which all words of ``text`` are found."""

    async def compactions(self, session_ids: Sequence[str]) -> int:
        """How often the context of these sessions was compacted."""

    async def last_row(self, session_ids: Sequence[str]) -> int:
        """The number of the newest row of these sessions; 0 if there is none."""

    async def image(self, session_ids: Sequence[str], name: str) -> bytes | None:
        """The image of this name within a message of these sessions; None: there is none."""

    def close(self) -> None:
        """Let go of the store."""


class Agent(Protocol):
    """An agent that holds sessions and answers prompts.

    Every coroutine raises :class:`~hermes_jupyter.core.errors.Unavailable` when the agent cannot
    be had, with the next step as its hint.
    """

    @property
    def status(self) -> AgentStatus:
        """How it is now; asking starts nothing."""

    @property
    def stderr(self) -> list[str]:
        """The last lines its process said beside its answers, oldest first, without secrets."""

    @property
    def history(self) -> History:
        """What it remembers."""

    def listen(self, hear: Callable[[AgentEvent], None]) -> None:
        """Tell ``hear`` everything from now on, on the event loop, in order."""

    def offer(self, tools: Sequence[ToolSpec]) -> None:
        """Have the models know these tools from the next start on; a call is told and waits."""

    async def create(self, *, cwd: str, title: str | None, model: str | None) -> Opened:
        """Open a new session."""

    async def resume(self, session_id: str, *, cwd: str | None) -> Opened:
        """Open a session of the past at its tip; one that is open stays as it is.

        Raises:
            NotFound: the agent has never stored such a session.
        """

    async def prepare(self, session_id: str) -> None:
        """Wait until an open session can take a prompt at once."""

    async def prompt(self, session_id: str, text: str, files: Sequence[Path], context: str) -> bool:
        """Begin a turn in an open session; False when the agent has begun one of its own.

        Args:
            files: what goes with this prompt and with no other.
            context: what the model is told beside this prompt; part of no record.
        """

    async def interrupt(self, session_id: str) -> None:
        """End the running turn of an open session."""

    async def steer(self, session_id: str, text: str) -> bool:
        """Say something into the running turn; False when the agent takes nothing now.

        It goes with the result of the next tool: see :meth:`undelivered`.
        """

    async def undelivered(self, session_id: str, texts: Sequence[str]) -> list[str]:
        """Which of ``texts`` came too late for the last tool of the turn that has ended."""

    async def compress(self, session_id: str, focus: str | None) -> Compacted:
        """Summarise the older part of an idle session; ``focus`` is what matters in it."""

    async def rewind(self, session_id: str, said: Sequence[tuple[str, Sequence[Path]]]) -> None:
        """Take back a prompt of an idle session and all that followed it.

        Args:
            said: text and files of this prompt, then those of all that came after it.

        Raises:
            Conflict: the agent has it no more: it was compacted.
        """

    async def reload(self, session_id: str) -> None:
        """Read an idle session anew from the agent's store."""

    async def rename(self, session_id: str, title: str) -> None:
        """Give a stored session another title; empty: none.

        Raises:
            BadRequest: the title is taken, or none that the agent accepts.
        """

    async def archive(self, session_ids: Sequence[str], archived: bool) -> None:
        """Put stored sessions away, or take them back."""

    async def delete(self, session_ids: Sequence[str]) -> None:
        """Delete stored sessions for good, in this order; an open one is closed before."""

    async def branch(self, session_id: str, title: str | None) -> str:
        """Open a new session that begins with all that was said in an open one; its name."""

    async def skip_approvals(self, session_id: str, on: bool) -> None:
        """Ask no approvals in an open session (or again), until its process ends."""

    async def models(self, session_id: str | None) -> Models:
        """What there is to choose from; with an open session, what that has."""

    async def switch(
        self,
        session_id: str,
        *,
        model: str | None,
        provider: str | None,
        reasoning: str | None,
        confirmed: bool,
    ) -> Switched:
        """Change what is given, in an open session that is idle and in no other.

        Raises:
            BadRequest: there is no such model, provider or effort, or it cannot be had.
            Conflict: a turn runs; or the model is expensive, and that is not ``confirmed``.
        """

    async def commands(self) -> list[Command]:
        """The slash commands that the agent runs without a terminal."""

    async def command(self, session_id: str, name: str, args: str) -> CommandDone:
        """Run one of them in an open session.

        Raises:
            BadRequest: the agent does not take it like that.
        """

    async def answer(self, key: str, kind: Kind, value: str) -> bool:
        """Give the answer to question ``key``; False when it waits no longer."""

    async def finish_call(self, key: str, result: ToolResult) -> None:
        """Give the result of the call ``key``; nothing happens if it is not waited for."""

    def install(self) -> None:
        """Begin to install a tested agent, and to start it; how far that is, the status tells.

        Raises:
            Forbidden: the administrator provides the agent.
            Conflict: it is being installed.
        """

    async def restart(self) -> None:
        """End the process, if any, and start a new one."""

    async def close(self) -> None:
        """End the process and all it started."""
