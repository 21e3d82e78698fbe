"""What the agent may do in notebooks, and what the person is asked."""

from __future__ import annotations

from typing import Literal

from ...core.notebook_policy import NotebookPolicy, Policy
from ...core.question import Choice
from ...core.tools import Ask, ToolCall
from .refused import Refused

#: Answers of "always" that are remembered.
MAX_ALWAYS = 10_000

Act = Literal["edit", "run"]


class Permissions:
    """What the policy allows, and what the person has beside; that is kept in memory."""

    def __init__(self, policy: NotebookPolicy) -> None:
        self._policy = policy
        self._always: dict[tuple[str, str, Act], None] = {}

    def check(self) -> None:
        """Refuse any change where the agent may only read."""
        if self._policy.now == "read":
            raise Refused(
                "read_only",
                "The person lets you read notebooks, and neither edit nor run them.",
                "Tell them what you would do; they can change this in the panel's settings.",
            )

    async def allow(
        self, call: ToolCall, act: Act, path: str, what: tuple[str, str], ask: Ask
    ) -> None:
        """Let an edit or a run happen, if need be after asking the person.

        Args:
            call: whose turn it is.
            act: what is to be done.
            path: the notebook.
            what: the diff or the code, and a sentence about it; the person sees both.
            ask: asks the person.

        Raises:
            Refused: the policy or the person says no, or nobody answered.
        """
        self.check()
        key = (call.session_id, path, act)
        if act in _WITHOUT_ASKING[self._policy.now] or key in self._always:
            return
        answer = await ask(*what, _CHOICES[act])
        if answer is None:
            raise Refused(
                "no_answer",
                "Nobody allowed it in time.",
                "Say what you wanted to do, and end your turn.",
            )
        if answer not in ("once", "always"):
            raise Refused(
                "denied",
                "The person said no.",
                "Do not try it in another way; ask what they want instead.",
            )
        # While they were asked, they may have chosen otherwise.
        self.check()
        if answer == "always":
            self._always[key] = None
            if len(self._always) > MAX_ALWAYS:
                del self._always[next(iter(self._always))]


_WITHOUT_ASKING: dict[Policy, tuple[Act, ...]] = {
    "read": (),
    "ask": (),
    "edit": ("edit",),
    "run": ("edit", "run"),
}


def _choices(once: str) -> list[Choice]:
    return [
        Choice("once", once, "allow", "once"),
        Choice("always", "Always in this notebook", "allow", "session"),
        Choice("deny", "Don't", "deny", "once"),
    ]


_CHOICES: dict[Act, list[Choice]] = {"edit": _choices("Apply"), "run": _choices("Run")}
