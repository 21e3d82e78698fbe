"""Turns: what a person asked, or the agent began by itself, and all that follows."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

from .attachments import attachments_json
from .errors import CoreError
from .prompt_context import ContextItem

TurnState = Literal["queued", "starting", "running", "stopping", "complete", "interrupted", "error"]

#: What a turn has the agent do: answer, make room in its context, or take back the last prompt.
Action = Literal["prompt", "compress", "undo"]


@dataclass(slots=True)
class Turn:
    """A prompt and all that follows, until the agent is idle again."""

    text: str
    origin: Literal["user", "agent"] = "user"
    action: Action = "prompt"
    #: The message of the person that this one is said instead of, with all that followed it.
    replaces: str | None = None
    client_id: str | None = None
    #: Who asked for it, where the server knows persons by name; not told to the pages.
    user: str = ""
    #: The names of the files that go with it.
    attachments: tuple[str, ...] = ()
    #: What of the notebooks goes with it, for the model alone.
    context: tuple[ContextItem, ...] = ()
    state: TurnState = "queued"
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    error: CoreError | None = None
    spoken: int = 0
    #: The person's message is in the transcript; a turn may be begun twice.
    said: bool = False
    #: What the person said into it while it ran.
    steers: list[str] = field(default_factory=list)
    #: The agent has been told of it: whatever happens to the agent now happens to the turn.
    given: bool = False
    #: The agent has begun it; before that, there is nothing to interrupt.
    begun: bool = False
    #: How the agent's last word of the turn ended; the turn itself ends when it is idle.
    outcome: Literal["complete", "interrupted", "error"] = "complete"
    #: The agent has said its last word in it, and is not idle yet.
    ended: bool = False

    @property
    def active(self) -> bool:
        """Whether the agent has it in hand."""
        return self.state in ("starting", "running", "stopping")

    @property
    def stopped(self) -> bool:
        """Whether a person has ended it."""
        return self.state == "stopping"

    def to_json(self) -> dict[str, Any]:
        """The turn as the HTTP contract writes it."""
        body: dict[str, Any] = {
            "turn_id": self.id,
            "state": self.state,
            "origin": self.origin,
            "action": self.action,
            "text": self.text,
            "attachments": attachments_json(self.attachments),
            "context": [item.to_json() for item in self.context],
            "client_id": self.client_id,
        }
        if self.error is not None:
            body["error"] = self.error.to_json()
        return body
