"""What can go wrong, as a caller sees it.

::

    CoreError            code, message, hint and the facts a page needs next
    ├── BadRequest       the request makes no sense as it is
    ├── Forbidden        nobody may do that with this
    ├── NotFound         no such conversation, turn or question (or not yours)
    ├── Conflict         somebody or something was faster
    ├── TooLarge         over a documented limit
    └── Unavailable      the agent cannot do it now
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict


class Hint(TypedDict, total=False):
    """The next step: a sentence, the command that does it, and the button a page may offer.

    ``tour`` is the command that shows all of it to who cannot take that step yet.
    """

    text: str
    command: str
    action: Literal["install-agent", "set-up-model", "restart-agent"]
    tour: str


class CoreError(Exception):
    """Base of all errors that are told to the caller.

    ``details`` are merged into the error object of the answer, such as the ``question`` or
    ``turn`` that won a conflict.
    """

    code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: Hint | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.hint = hint
        self.details = details

    def to_json(self) -> dict[str, Any]:
        """The error object of an answer or of a turn."""
        body: dict[str, Any] = {"code": self.code, "message": self.message, **self.details}
        if self.hint is not None:
            body["hint"] = self.hint
        return body


class BadRequest(CoreError):
    """The request makes no sense as it is."""

    code = "bad_request"


class Forbidden(CoreError):
    """Nobody may do that with this, such as go on with a subagent's conversation."""

    code = "read_only"


class NotFound(CoreError):
    """There is no such thing, or it is not the caller's."""

    code = "not_found"


class Conflict(CoreError):
    """Somebody or something was faster; ``details`` say who or what."""

    code = "conflict"


class TooLarge(CoreError):
    """More than a documented limit allows."""

    code = "too_large"


class Unavailable(CoreError):
    """The agent cannot do it now; ``hint`` says what to do."""

    code = "agent_unavailable"
