"""What the offline model answers: steps, and the scripts that choose them.

A *script* is a function from the body of a chat request to the one *step* that answers it. It keeps
no state: what was said so far is in the request. So it survives a restart, and one model serves
many conversations at once.

A prompt may bring its own script, which is how tests drive the real agent::

    Please begin.
    SCRIPT: [{"tool_calls": [{"name": "clarify", "arguments": {"question": "Which?"}}]},
             {"text": "Done."}]

The turn's first request is answered by the first step, the next one (here: after the tool ran) by
the second. A request beyond the last step gets ``(end of script)``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: The JSON body of ``POST /v1/chat/completions``.
Request = Mapping[str, Any]

#: One message of a request: ``{"role", "content", ...}``.
Message = Mapping[str, Any]

# Hermes continues a cut answer with a user message of its own; the turn is still the person's.
_CONTINUATION = re.compile(r"\[System: (Your previous|The previous response|Continue now)")

_IN_BAND = re.compile(r"^SCRIPT:\s*", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCall:
    """A tool the model wants to be run.

    A string as ``arguments`` is sent as it is, which need not be JSON: models do get it wrong.
    """

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """The answer to one request.

    ``reasoning``, ``text`` and ``tool_calls`` are streamed in this order.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: Sequence[ToolCall] = ()
    #: Replaces single fields of the estimated usage, in tokens: ``{"prompt_tokens": 110_000}``.
    usage: Mapping[str, int] = field(default_factory=dict)
    #: Characters in a delta.
    chunk: int = 8
    #: Seconds after each delta.
    delay: float = 0.0
    #: Cut the connection after so many deltas, without an end of the stream.
    drop: int | None = None
    #: Hold the answer until `OfflineModel.release` opens the gate of this name. Never opened, the
    #: model hangs.
    wait: str | None = None
    #: With ``wait``: the number of deltas to send before holding.
    wait_after: int = 0
    #: HTTP status; anything but 200 is answered with ``error`` alone.
    status: int = 200
    error: str = "scripted error"

    @classmethod
    def from_json(cls, value: Any) -> Step:
        """Build a step from its JSON form; `ValueError` names what is wrong with it."""
        if not isinstance(value, dict):
            raise ValueError(f"a step is an object, not {value!r}")
        try:
            calls = tuple(ToolCall(**call) for call in value.get("tool_calls", ()))
            return cls(**{**value, "tool_calls": calls})
        except TypeError as error:
            raise ValueError(f"not a step: {error}") from None


#: Chooses the step that answers a request.
Script = Callable[[Request], Step]


def message_text(message: Message) -> str:
    """Return the text of a message, whose content is a string or a list of parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or () if isinstance(part, Mapping))


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn a request belongs to: what the person wrote, and what followed."""

    prompt: str
    #: Messages of earlier turns, the system prompt included, oldest first.
    before: Sequence[Message]
    #: Messages after the prompt, oldest first.
    after: Sequence[Message]

    @classmethod
    def of(cls, request: Request) -> Turn:
        """Find the newest user message that a person wrote."""
        messages: Sequence[Message] = request.get("messages") or []
        for index in range(len(messages) - 1, -1, -1):
            text = message_text(messages[index])
            if messages[index].get("role") == "user" and not _CONTINUATION.match(text):
                return cls(text, messages[:index], messages[index + 1 :])
        return cls("", messages, [])

    @property
    def step(self) -> int:
        """The number of answers the model already gave in this turn."""
        return sum(message.get("role") == "assistant" for message in self.after)

    @property
    def results(self) -> list[str]:
        """What the tools of this turn returned, oldest first."""
        return [message_text(message) for message in self.after if message.get("role") == "tool"]


def in_band(turn: Turn) -> Step | None:
    """Return what the prompt's own script has for this request, or None if it brings no script.

    Raises `ValueError` when the script cannot be read: a broken test must be loud.
    """
    # The last one: Hermes joins a prompt that got no answer and the next one into a single message.
    start = max((found.end() for found in _IN_BAND.finditer(turn.prompt)), default=None)
    if start is None:
        return None
    value, _ = json.JSONDecoder().raw_decode(turn.prompt, start)
    steps = value if isinstance(value, list) else [value]
    if turn.step >= len(steps):
        return Step(text="(end of script)")
    return Step.from_json(steps[turn.step])
