"""What Hermes answers to a program."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool that ran in a turn. ``seconds`` is None where Hermes did not say how long it took."""

    name: str
    failed: bool
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What Hermes answered.

    It prints and formats as its text, and a notebook shows it as Markdown.

    Attributes:
        text: what Hermes said at last.
        session_id: the conversation; ``ask(..., session_id=…)`` goes on with it.
        turn_id: the turn in it.
        tools: those that ran, in order.
        cost_usd: US dollars of this turn; None where the provider does not say.
    """

    text: str
    session_id: str
    turn_id: str
    tools: tuple[ToolUse, ...] = ()
    cost_usd: float | None = None

    def __str__(self) -> str:
        return self.text

    def __format__(self, spec: str) -> str:
        return format(self.text, spec)

    def _repr_markdown_(self) -> str:
        return self.text
