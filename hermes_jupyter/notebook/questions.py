"""What Hermes asks while a cell or a program waits for it: who is asked, and for how long.

In this order: the program's own ``on_question``; a person in a browser, on the card in the cell and
in the sidebar; a person at the keyboard of a terminal or of a front end that takes input. A person
who was there in this turn is waited for until the question's own deadline. Where nobody was, it
waits for ``patience`` seconds, and then ``without_viewer`` says what becomes of it. Silence is
never a yes.
"""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from .client import HermesClient
from .errors import HermesError
from .front_end import Output, place

#: Seconds between two looks whether somebody has come.
LOOK = 2.0


@dataclass(frozen=True, slots=True)
class Question:
    """What Hermes asks, for a program.

    Attributes:
        kind: ``clarify``, ``approval``, ``sudo`` or ``secret``.
        text: what is asked; of an approval, what it is about.
        choices: what can be answered; of a clarify also anything else, and empty where the answer
            is free. Of an approval its ids, such as ``once`` and ``deny``.
        command: what Hermes wants to run, if it is an approval.
        record: all of it, as the HTTP contract writes it.
    """

    kind: Literal["clarify", "approval", "sudo", "secret"]
    text: str
    choices: tuple[str, ...]
    command: str | None
    record: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, record: dict[str, Any]) -> Question:
        """A question of the HTTP contract."""
        asked = record["questions"]
        if record["kind"] == "approval":
            choices = tuple(choice["id"] for choice in record["choices"])
        else:
            choices = tuple(asked[0]["choices"] or ()) if len(asked) == 1 else ()
        text = " ".join(one["text"] for one in asked) or record["description"] or ""
        return cls(record["kind"], text, choices, record["command"], record)


#: An answer: a text, one for each of several questions, or None to leave it to a person.
Answer = str | list[str | list[str]] | None

#: Answers for a program.
Answerer = Callable[[Question], Answer]

#: What becomes of a question that nobody sees.
WithoutViewer = Literal["fail", "wait"] | Answerer

#: Runs something where a person can be asked: in the thread of the cell.
Here = Callable[[Callable[[], Any]], Any]


class NobodyThere(Exception):
    """A question has waited long enough for somebody who could see it."""


class Questions:
    """The open questions of one turn, and who is asked.

    Args:
        client: the way to Hermes.
        output: is told what a person should know.
        on_question: asked first; what it leaves open goes on to a person.
        patience: seconds that a question waits without a viewer.
        without_viewer: what then becomes of it.
        here: runs what asks a person.
    """

    def __init__(
        self,
        client: HermesClient,
        session_id: str,
        output: Output,
        *,
        on_question: Answerer | None,
        patience: float,
        without_viewer: WithoutViewer,
        here: Here,
    ) -> None:
        self._client = client
        self._session_id = session_id
        self._output = output
        self._on_question = on_question
        self._patience = patience
        self._without_viewer = without_viewer
        self._here = here
        self._open: dict[str, dict[str, Any]] = {}
        self._asked: dict[str, dict[str, Any]] = {}
        self._seen = False
        self._asked_at = 0.0
        self._looked_at = 0.0
        self._card: Any = None

    @property
    def waiting(self) -> bool:
        """Whether anything is asked and not answered."""
        return bool(self._open)

    def begin(self) -> None:
        """The turn begins: see who is there."""
        self._seen = self._client.viewers() > 0

    def hear(self, record: dict[str, Any]) -> None:
        """A question was asked, or has changed.

        Raises:
            NobodyThere: nobody can see it, and nothing is to be waited for.
        """
        new = record["id"] not in self._asked
        self._asked[record["id"]] = record
        if record["state"] == "open":
            self._open[record["id"]] = record
            if new:
                self._asked_at = self._looked_at = time.monotonic()
                self._ask(record)
        else:
            self._open.pop(record["id"], None)
            if not self._open:
                self.close()

    def look(self) -> None:
        """Now and then, see whether somebody has come for what is open.

        Raises:
            NobodyThere: nobody has, for too long.
        """
        now = time.monotonic()
        if not self._seen and now - self._looked_at >= LOOK:
            self._looked_at = now
            self.begin()
        if self._seen:
            self._show_card()
        elif now - self._asked_at >= self._patience:
            self._nobody()

    def close(self) -> None:
        """What became of the questions takes the card's place: no dead widget is saved."""
        if self._card is not None:
            told = "\n\n".join(map(outcome, self._asked.values()))
            self._card.update({"text/markdown": told, "text/plain": told}, raw=True)
            self._card = None
            self._asked.clear()

    def _ask(self, record: dict[str, Any]) -> None:
        if self._on_question is not None:
            answer = self._here(partial(self._on_question, Question.of(record)))
            if answer is not None:
                self._answer(record, answer, "program")
                return
        if not self._seen:
            self.begin()
        if self._seen:
            self._show_card()
            return
        answer = self._here(lambda: ask_at_keyboard(record))
        if answer is not None:
            self._answer(record, answer, "cell" if place() == "notebook" else "terminal")

    def _nobody(self) -> None:
        if self._without_viewer == "wait":
            return
        if self._without_viewer == "fail":
            raise NobodyThere
        answerer = self._without_viewer
        for record in [*self._open.values()]:
            answer = self._here(partial(answerer, Question.of(record)))
            if answer is None:
                raise NobodyThere
            self._answer(record, answer, "program")

    def _answer(self, record: dict[str, Any], answer: Answer, client: str) -> None:
        self._open.pop(record["id"], None)
        body = {"client": client, _FIELDS[record["kind"]]: answer}
        if isinstance(answer, list):
            body = {"client": client, "answers": answer}
        try:
            self._client.call("POST", f"questions/{record['id']}/answer", json=body)
        except HermesError as error:
            # Somebody or something was faster; what is wrong with the answer itself is an error.
            if not error.code.startswith("question_"):
                raise
            self._output.note(str(error))

    def _show_card(self) -> None:
        if self._card is not None:
            return
        if place() != "notebook":
            self._card = _Line(self._output)
            return

        def card() -> Any:
            from IPython.display import display

            from .panel import Panel

            return display(Panel(session_id=self._session_id, view="clarify"), display_id=True)

        self._card = self._here(card)


class _Line:
    """In place of a card, where there are none."""

    def __init__(self, output: Output) -> None:
        output.note("Hermes asks something: please answer in the Hermes sidebar.")

    def update(self, *_: Any, **__: Any) -> None:
        """It stays as it is."""


#: Where an answer stands in the body, by the kind of the question.
_FIELDS = {"clarify": "answer", "approval": "choice", "sudo": "value", "secret": "value"}


def outcome(question: dict[str, Any]) -> str:
    """What became of a question, in a line."""
    asked = question["command"] or " ".join(one["text"] for one in question["questions"])
    if question["state"] == "answered":
        return f"*{asked}* → {question['answer'] or 'answered'}"
    return f"*{asked}* → {question['state']}"


# -- at the keyboard ---------------------------------------------------------------------------


def ask_at_keyboard(record: dict[str, Any]) -> Answer:
    """Ask the person at the keyboard; None: there is none, or they gave no answer."""
    if place() == "program" and not sys.stdin.isatty():
        return None
    from IPython.core.error import StdinNotImplementedError

    try:
        if record["kind"] == "approval":
            return _approve(record)
        if record["kind"] == "clarify":
            answers = [_choose(one) for one in record["questions"]]
            only = answers[0]
            return only if len(answers) == 1 and isinstance(only, str) else answers
        return _secret(record)
    except (StdinNotImplementedError, EOFError):
        return None


def _approve(record: dict[str, Any]) -> str:
    print(f"\nHermes wants to run:\n\n{record['command'] or ''}\n")
    if record["description"]:
        print(record["description"])
    choices = record["choices"]
    for number, choice in enumerate(choices, 1):
        print(f"  {number}. {choice['label']}")
    while True:
        try:
            said = input(f"Your choice [1-{len(choices)}, Enter denies]: ").strip()
        except EOFError:
            return "deny"
        if not said:
            return "deny"
        for number, choice in enumerate(choices, 1):
            if said.lower() in (str(number), choice["id"], choice["label"].lower()):
                return str(choice["id"])
        print(f"That is none of the {len(choices)} choices.")


def _choose(question: dict[str, Any]) -> str | list[str]:
    print(f"\nHermes asks: {question['text']}")
    choices = question["choices"] or []
    for number, choice in enumerate(choices, 1):
        print(f"  {number}. {choice}")
    several = question["multi_select"]
    if several:
        asked = "Your choices (numbers with commas, or your own words): "
    else:
        asked = "Your choice (a number, or your own words): " if choices else "Your answer: "
    while True:
        said = input(asked).strip()
        numbers = [word.strip() for word in said.split(",")] if several else [said]
        known = {str(number): choice for number, choice in enumerate(choices, 1)}
        if said and all(number in known for number in numbers):
            chosen = [known[number] for number in numbers]
            return chosen if several else chosen[0]
        if said:
            return [said] if several else said


def _secret(record: dict[str, Any]) -> str:
    asked = " ".join(one["text"] for one in record["questions"]) or record["description"]
    print(f"\nHermes needs {'your password' if record['kind'] == 'sudo' else 'a secret'}: {asked}")
    while True:
        # It is neither shown nor kept in the history.
        said = getpass.getpass("It is not shown: ")
        if said:
            return said
