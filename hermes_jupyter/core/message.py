"""Messages, of this run of the server and of the agent's database, as pages get them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from typing import Any, Literal, TypeVar

from .agent import Compaction, HistoryMessage
from .attachments import attachments_json
from .prompt_context import ContextItem

T = TypeVar("T")

#: When the context of a compaction was measured, and what it was.
Measured = tuple[float, Compaction]

Role = Literal["user", "assistant", "tool", "notice"]

#: Characters of a tool's argument or result that a page gets; the agent has all of it.
MAX_TOOL_TEXT = 50_000


@dataclass(slots=True)
class Message:
    """One message of this epoch; text is kept in pieces, so that a delta costs the same always."""

    id: str
    role: Role
    segment: str
    turn_id: str
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    tool: dict[str, Any] | None = None
    at: float = field(default_factory=time.time)
    status: Literal["streaming", "complete", "interrupted", "error"] = "streaming"
    #: Said into a turn that ran: the agent's database has it within a tool's result.
    steered: bool = False
    compaction: Compaction | None = None
    #: The names of the files that went with it.
    attachments: tuple[str, ...] = ()
    #: What of the notebooks went with it.
    context: tuple[ContextItem, ...] = ()

    def join(self) -> None:
        """Put the pieces together, as nothing follows: each takes more room than its text."""
        self.text = ["".join(self.text)] if self.text else []
        self.reasoning = ["".join(self.reasoning)] if self.reasoning else []

    def to_json(self) -> dict[str, Any]:
        """The message as the HTTP contract writes it."""
        return {
            "id": self.id,
            "role": self.role,
            "text": "".join(self.text),
            "reasoning": "".join(self.reasoning) or None,
            "tool": self.tool,
            "attachments": attachments_json(self.attachments),
            "context": [item.to_json() for item in self.context],
            "at": self.at,
            "segment": self.segment,
            "turn_id": self.turn_id,
            "status": self.status,
            "steered": self.steered,
            "compaction": self.compaction and asdict(self.compaction),
        }


def history_json(row: HistoryMessage) -> dict[str, Any]:
    """A row of the agent's database as the HTTP contract writes a message."""
    tool = row.tool and {**row.tool, "args": bounded(row.tool["args"])}
    return {
        "id": str(row.row),
        "role": row.role,
        "text": row.text if row.compaction is None else compaction_text(row.compaction),
        "reasoning": row.reasoning,
        "tool": tool and {**tool, "result": bounded(tool["result"])},
        "attachments": attachments_json(row.attachments),
        # The agent's database has no word of it.
        "context": [],
        "at": row.at,
        "segment": row.session_id,
        "turn_id": None,
        "status": "complete",
        "steered": False,
        "compaction": row.compaction and asdict(row.compaction),
    }


def compaction_text(compaction: Compaction) -> str:
    """What a transcript says where the context was compacted."""
    what = "The context was compacted here"
    if compaction.before is not None and compaction.after is not None:
        return f"{what}: {compaction.before:,} tokens became {compaction.after:,}."
    if compaction.messages is not None:
        before = "one message" if compaction.messages == 1 else f"{compaction.messages} messages"
        return f"{what}: the agent has {before} before this as a summary."
    return f"{what}."


#: Seconds within which the context of a compaction was measured: by the next call of the model.
MEASURED_WITHIN = 900.0


def measured(rows: Sequence[HistoryMessage], kept: Sequence[Measured]) -> list[HistoryMessage]:
    """``rows`` with what was kept of their compactions, which the agent's database does not have.

    Args:
        kept: each compaction with the time at which its context was measured, in order.
    """
    left = deque(kept)
    found = []
    for row in rows:
        if row.compaction is not None:
            while left and left[0][0] < row.at:
                left.popleft()
            if left and left[0][0] < row.at + MEASURED_WITHIN:
                _, tokens = left.popleft()
                row = replace(row, compaction=replace(tokens, messages=row.compaction.messages))
        found.append(row)
    return found


def bounded(value: Any) -> Any:
    """``value`` with what is too long cut, however deep it is, with a mark that says so."""
    left = MAX_TOOL_TEXT

    def cut(value: Any) -> Any:
        nonlocal left
        if isinstance(value, str):
            kept, left = value[: max(left, 0)], left - len(value)
            more = len(value) - len(kept)
            return f"{kept}\n… ({more} more characters)" if more else value
        if isinstance(value, dict):
            return {key: cut(entry) for key, entry in _first(value.items())}
        if isinstance(value, list):
            return [cut(entry) for entry in _first(value)]
        if isinstance(value, float) and not isfinite(value):
            # Python writes it as a word that no page can read.
            return None
        left -= 8
        return value

    def _first(entries: Iterable[T]) -> Iterator[T]:
        nonlocal left
        for entry in entries:
            if left <= 0:
                return
            left -= 1
            yield entry

    return cut(value)
