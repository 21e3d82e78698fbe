"""What is taken as an answer, and what the agent is told for it."""

from __future__ import annotations

from typing import Any

import pytest

from hermes_jupyter.core.errors import BadRequest
from hermes_jupyter.core.question import Kind, Prompt, Question, approval_choices


def question(*prompts: Prompt, kind: Kind = "clarify") -> Question:
    return Question("session", None, kind, "key", questions=list(prompts))


COLOUR = Prompt("Colour?", ["red", "blue"])
SIZES = Prompt("Sizes?", ["s", "m", "l"], multi_select=True)


@pytest.mark.parametrize(
    ("asked", "body", "answer", "told"),
    [
        (question(COLOUR), {"answer": "red"}, "red", "red"),
        (question(COLOUR), {"answer": "neither"}, "neither", "neither"),
        (question(COLOUR), {"answers": ["red"]}, "red", "red"),
        (question(COLOUR), {"answers": [["red"]]}, [["red"]], "red"),
        (question(SIZES), {"answers": [["s", "l"]]}, [["s", "l"]], "s, l"),
        (
            question(COLOUR, SIZES),
            {"answers": ["blue", ["s", "m"]]},
            ["blue", ["s", "m"]],
            "Colour?: blue\nSizes?: s, m",
        ),
        (question(kind="sudo"), {"value": "hunter2"}, "hunter2", "hunter2"),
    ],
)
def test_an_answer_that_fits(asked: Question, body: Any, answer: Any, told: str) -> None:
    assert asked.accept(body) == answer
    assert asked.as_text(answer) == told


@pytest.mark.parametrize(
    ("asked", "body", "code"),
    [
        (question(COLOUR), {}, "empty_answer"),
        (question(COLOUR), {"answer": "  "}, "empty_answer"),
        (question(COLOUR), {"answer": ["red"]}, "empty_answer"),
        (question(COLOUR), {"answer": "x" * 100_001}, "answer_too_long"),
        (question(COLOUR), {"answers": "red"}, "bad_answers"),
        (question(COLOUR), {"answers": []}, "bad_answers"),
        (question(COLOUR), {"answers": [["red", "blue"]]}, "bad_answers"),
        (question(SIZES), {"answers": [[]]}, "bad_answers"),
        (question(SIZES), {"answers": [["s", 1]]}, "empty_answer"),
        (question(SIZES), {"answers": [["x" * 60_000, "y" * 60_000]]}, "answer_too_long"),
        (question(COLOUR, SIZES), {"answer": "blue"}, "bad_answers"),
        (question(COLOUR, SIZES), {"answers": ["blue"]}, "bad_answers"),
        (question(COLOUR, SIZES), {"answers": ["blue", None]}, "empty_answer"),
        (question(kind="secret"), {"value": ""}, "empty_answer"),
        (question(kind="secret"), {"answer": "x"}, "empty_answer"),
    ],
)
def test_an_answer_that_does_not_fit(asked: Question, body: Any, code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        asked.accept(body)
    assert refused.value.code == code
    assert asked.state == "open"


def test_only_what_is_offered_is_a_choice() -> None:
    asked = question(kind="approval")
    asked.choices = approval_choices(["once", "launch-rockets"])
    assert [choice.id for choice in asked.choices] == ["once", "deny"]
    for choice in ("always", "launch-rockets", "", None, ["once"]):
        with pytest.raises(BadRequest):
            asked.accept({"choice": choice})


def test_a_secret_is_in_no_record() -> None:
    asked = question(kind="secret")
    assert asked.secret
    assert "value" not in asked.to_json()
