"""Tools that the agent has from us: it calls them, a :class:`ToolHost` runs them.

They run where the notebooks are, never in the agent's process: that has no token and no port.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .question import Choice


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model is told of it; ``parameters`` is a JSON schema of an object."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: of which conversation and turn, which tool, and with what."""

    session_id: str
    turn_id: str
    name: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in the result of a tool; ``data`` is base64."""

    mime: str
    data: str


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit did to one cell.

    ``before`` and ``after`` are its whole source, ``None`` where there was or is no such cell; so
    are the indices. ``changed since`` is one that somebody touched afterwards: it is not undone.
    """

    path: str
    cell_id: str
    op: Literal["insert", "replace", "delete", "move"]
    cell_type: str
    before: str | None
    after: str | None
    index_before: int | None
    index_after: int | None
    state: Literal["done", "undone", "changed since"] = "done"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the agent is told. ``text`` is JSON, ``{"error": …}`` where the call was refused."""

    text: str
    images: tuple[Image, ...] = ()
    #: What the call changed, in the order in which it was done.
    changes: tuple[Change, ...] = ()


#: Asks the person of a call: what is to be done in full, a sentence about it, and what may be
#: chosen. Returns the id of the choice; None when nobody answered, or the turn ended.
Ask = Callable[[str, str, Sequence[Choice]], Awaitable[str | None]]


class ToolHost(Protocol):
    """Runs the tools of one server."""

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """The tools there are; the same ones for as long as the server runs."""

    async def call(self, call: ToolCall, ask: Ask) -> ToolResult:
        """Run a tool; it is cancelled when its turn ends. Never raises for what a caller did."""

    async def undo(self, changes: Sequence[Change]) -> list[Change]:
        """Take back what nobody touched since; the same changes, each with what became of it."""
