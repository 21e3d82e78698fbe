"""Questions: what the agent asks a person, as records with one fate each."""

from __future__ import annotations

import time
import uuid
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from .errors import BadRequest, Conflict

Kind = Literal["clarify", "approval", "sudo", "secret"]
State = Literal["open", "answered", "expired", "cancelled", "interrupted", "dismissed"]

#: Longest answer to a clarify, in characters: a page of a book, far below what the pipe carries.
MAX_ANSWER = 100_000


@dataclass(frozen=True, slots=True)
class Prompt:
    """One thing that is asked; ``choices`` of ``None`` is free text."""

    text: str
    choices: list[str] | None = None
    multi_select: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to answer an approval."""

    id: str
    label: str
    kind: Literal["allow", "deny"]
    scope: Literal["once", "session", "always"]


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who answered: the page or tool, and the person as the server knows them."""

    client: str
    user: str


@dataclass(slots=True)
class Question:
    """One question of the agent, from its birth to its one final state.

    ``key`` is the agent's own name for it and never leaves the server. ``asked_at`` and
    ``deadline`` are epoch seconds; ``deadline`` of ``None`` waits for ever. ``told_agent`` is
    what the agent was given as the outcome, in words; passwords and secrets are never in it.
    """

    session_id: str
    turn_id: str | None
    kind: Kind
    key: str
    questions: list[Prompt] = field(default_factory=list)
    command: str | None = None
    description: str | None = None
    choices: list[Choice] | None = None
    deadline: float | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    asked_at: float = field(default_factory=time.time)
    state: State = "open"
    answer: str | list[str | list[str]] | None = None
    answered_by: Answerer | None = None
    told_agent: str | None = None

    @property
    def unfinished(self) -> bool:
        """Whether a person can still do something about it."""
        return self.state in ("open", "interrupted")

    def accept(self, body: dict[str, Any]) -> str:
        """Return what the agent shall be told for the answer in ``body``.

        A clarify takes ``answer`` (or ``answers`` with one entry), an approval ``choice``, a
        sudo or secret ``value``.

        Raises:
            BadRequest: the answer does not fit this question; nothing has changed.
        """
        if self.kind == "approval":
            choice = body.get("choice")
            known = [offered.id for offered in self.choices or []]
            if choice not in known:
                raise BadRequest(f"`choice` must be one of {', '.join(known)}.", code="bad_choice")
            return str(choice)
        name = "answer" if self.kind == "clarify" else "value"
        value = body.get(name)
        if value is None and self.kind == "clarify":
            value = _only_answer(body.get("answers"))
        if not isinstance(value, str) or not value.strip():
            raise BadRequest(f"`{name}` must be a text that is not empty.", code="empty_answer")
        if len(value) > MAX_ANSWER:
            raise BadRequest(
                f"`{name}` is longer than {MAX_ANSWER} characters.", code="answer_too_long"
            )
        return value

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Question:
        """A question that was kept; the agent that asked it is gone, and so is its key."""
        by = body["answered_by"]
        return cls(
            **{
                **body,
                "key": "",
                "questions": [Prompt(**prompt) for prompt in body["questions"]],
                "choices": body["choices"] and [Choice(**choice) for choice in body["choices"]],
                "answered_by": by and Answerer(**by),
            }
        )

    def to_json(self) -> dict[str, Any]:
        """The question as the HTTP contract writes it."""
        body = asdict(self)
        del body["key"]
        return body


def _only_answer(answers: Any) -> str | None:
    """The short form of ``answers``: one entry, several choices of it joined by commas."""
    if not isinstance(answers, list) or len(answers) != 1:
        return None
    entry = answers[0]
    if isinstance(entry, list) and all(isinstance(choice, str) for choice in entry):
        return ", ".join(entry)
    return entry if isinstance(entry, str) else None


_LABELS: dict[str, tuple[str, Literal["allow", "deny"], Literal["once", "session", "always"]]] = {
    "once": ("Allow once", "allow", "once"),
    "session": ("Allow for this session", "allow", "session"),
    "always": ("Always allow", "allow", "always"),
    "deny": ("Deny", "deny", "once"),
}


def approval_choices(offered: list[str]) -> list[Choice]:
    """The choices of an approval by the agent's ids; an unknown id is not offered.

    "Deny" is always among them: a person must be able to refuse.
    """
    ids = [name for name in offered if name in _LABELS]
    if "deny" not in ids:
        ids.append("deny")
    return [Choice(name, *_LABELS[name]) for name in ids]


def ended(question: Question, answering: Answerer | None) -> Conflict:
    """The refusal of an answer that came too late, with the winner."""
    shown = replace(question, answered_by=question.answered_by or answering)
    message = {
        "answered": "This was already answered.",
        "open": "Somebody is answering this right now.",
        "expired": "This has expired: the agent went on without an answer.",
        "cancelled": "The turn that asked this has ended.",
        "interrupted": "The agent that asked this is gone.",
        "dismissed": "This was put away.",
    }[question.state]
    return Conflict(message, code=f"question_{question.state}", question=shown.to_json())
