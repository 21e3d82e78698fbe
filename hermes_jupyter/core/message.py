"""Messages, of this run of the server and of the agent's database, as pages get them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal, TypeVar

from .agent import HistoryMessage
from .attachments import attachments_json

T = TypeVar("T")

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
    #: The names of the files that went with it.
    attachments: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The message as the HTTP contract writes it."""
        return {
            "id": self.id,
            "role": self.role,
            "text": "".join(self.text),
            "reasoning": "".join(self.reasoning) or None,
            "tool": self.tool,
            "attachments": attachments_json(self.attachments),
            "at": self.at,
            "segment": self.segment,
            "turn_id": self.turn_id,
            "status": self.status,
            "steered": self.steered,
        }


def history_json(row: HistoryMessage) -> dict[str, Any]:
    """A row of the agent's database as the HTTP contract writes a message."""
    tool = row.tool and {**row.tool, "args": bounded(row.tool["args"])}
    return {
        "id": str(row.row),
        "role": row.role,
        "text": row.text,
        "reasoning": row.reasoning,
        "tool": tool and {**tool, "result": bounded(tool["result"])},
        "attachments": attachments_json(row.attachments),
        "at": row.at,
        "segment": row.session_id,
        "turn_id": None,
        "status": "complete",
        "steered": False,
    }


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
