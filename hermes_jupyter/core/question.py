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

    @property
    def secret(self) -> bool:
        """Whether its answer is nobody else's business: it is kept and told nowhere."""
        return self.kind in ("sudo", "secret")

    def accept(self, body: dict[str, Any]) -> str | list[str | list[str]]:
        """Return the answer in ``body``: a text, or one entry per question where several are asked.

        A clarify takes ``answers`` with an entry for each question (a list where several choices
        may be taken), or ``answer`` if it is one; an approval ``choice``, a sudo or secret
        ``value``.

        Raises:
            BadRequest: the answer does not fit this question; nothing has changed.
        """
        if self.kind == "approval":
            choice = body.get("choice")
            known = [offered.id for offered in self.choices or []]
            if choice not in known:
                raise BadRequest(f"`choice` must be one of {', '.join(known)}.", code="bad_choice")
            return str(choice)
        if self.secret:
            return _text_in(body.get("value"), "value")
        answers = body.get("answers")
        if answers is None and len(self.questions) == 1:
            return _text_in(body.get("answer"), "answer")
        if not isinstance(answers, list) or len(answers) != len(self.questions):
            raise BadRequest(
                f"`answers` must be a list of {len(self.questions)}, one for each question.",
                code="bad_answers",
            )
        taken = [
            _entry(answer, f"answers[{index}]", several=prompt.multi_select)
            for index, (answer, prompt) in enumerate(zip(answers, self.questions, strict=True))
        ]
        if sum(len(_said(entry)) for entry in taken) > MAX_ANSWER:
            raise BadRequest(
                f"`answers` are longer than {MAX_ANSWER} characters.", code="answer_too_long"
            )
        only = taken[0]
        return only if len(taken) == 1 and isinstance(only, str) else taken

    def as_text(self, answer: str | list[str | list[str]]) -> str:
        """What the agent is told for an answer that was accepted."""
        if isinstance(answer, str):
            return answer
        if len(answer) == 1:
            return _said(answer[0])
        return "\n".join(
            f"{prompt.text}: {_said(entry)}"
            for prompt, entry in zip(self.questions, answer, strict=True)
        )

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


def _text_in(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadRequest(f"`{name}` must be a text that is not empty.", code="empty_answer")
    if len(value) > MAX_ANSWER:
        raise BadRequest(
            f"`{name}` is longer than {MAX_ANSWER} characters.", code="answer_too_long"
        )
    return value


def _entry(answer: Any, name: str, *, several: bool) -> str | list[str]:
    if not isinstance(answer, list):
        return _text_in(answer, name)
    if not answer or (len(answer) > 1 and not several):
        number = "at least one choice" if several else "one choice"
        raise BadRequest(f"`{name}` must be {number}.", code="bad_answers")
    return [_text_in(choice, name) for choice in answer]


def _said(entry: str | list[str]) -> str:
    return entry if isinstance(entry, str) else ", ".join(entry)


_LABELS: dict[str, tuple[str, Literal["allow", "deny"], Literal["once", "session", "always"]]] = {
    "once": ("Allow once", "allow", "once"),
    "session": ("Allow in this conversation", "allow", "session"),
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
