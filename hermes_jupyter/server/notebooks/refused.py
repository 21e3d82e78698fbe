"""Why a tool did not do what it was asked, so that the agent can act on it."""

from __future__ import annotations

from typing import Any

from ...core.errors import CoreError


class Refused(CoreError):
    """A call that was not done; ``advice`` is the agent's next step, a sentence."""

    def __init__(self, code: str, message: str, advice: str, **details: Any) -> None:
        super().__init__(message, code=code, hint={"text": advice}, **details)
        self.advice = advice

    def told(self) -> dict[str, Any]:
        """What the agent is told; it presses no buttons, so the hint is the sentence alone."""
        return {"error": {**self.to_json(), "hint": self.advice}}
