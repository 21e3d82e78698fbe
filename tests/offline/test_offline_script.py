"""Steps, turns, and scripts that prompts bring along."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hermes_jupyter.offline.script import Step, ToolCall, Turn, in_band


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: str = "") -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def step(*messages: dict[str, Any]) -> Step | None:
    return in_band(Turn.of({"messages": messages}))


SCRIPT = "Please.\nSCRIPT: " + json.dumps([{"text": "one"}, {"text": "two"}]) + "\nThank you."


def test_a_step_from_json() -> None:
    value = {
        "text": "Hi",
        "delay": 0.1,
        "tool_calls": [{"name": "clarify", "arguments": {"question": "?"}}],
    }
    call = ToolCall(name="clarify", arguments={"question": "?"})
    assert Step.from_json(value) == Step(text="Hi", delay=0.1, tool_calls=(call,))


@pytest.mark.parametrize(
    "value", ["text", None, {"txet": ""}, {"tool_calls": [{"tool": "x"}]}, {"tool_calls": [1]}]
)
def test_what_is_no_step_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="step"):
        Step.from_json(value)


def test_a_prompt_without_a_script_has_none() -> None:
    assert step(user("hello")) is None
    assert step(user("the word SCRIPT: within a line")) is None
    assert step() is None


def test_the_steps_follow_the_answers_of_the_turn() -> None:
    history = [user(SCRIPT)]
    for text in ("one", "two", "(end of script)"):
        assert step(*history) == Step(text=text)
        history += [assistant(text), {"role": "tool", "content": "{}"}]


def test_answers_of_earlier_turns_do_not_count() -> None:
    assert step(user(SCRIPT), assistant(), assistant(), user(SCRIPT)) == Step(text="one")


def test_a_script_ends_with_its_turn() -> None:
    assert step(user(SCRIPT), assistant("one"), user("hello")) is None


def test_a_single_step_needs_no_list() -> None:
    assert step(user('SCRIPT: {"text": "only"}')) == Step(text="only")


def test_a_script_may_stand_in_a_list_of_parts() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:,"}}
    assert step(user([image, {"type": "text", "text": SCRIPT}])) == Step(text="one")


def test_the_newer_of_two_joined_prompts_counts() -> None:
    assert step(user('SCRIPT: {"text": "failed"}\n\nSCRIPT: {"text": "next"}')) == Step(text="next")


def test_a_continuation_by_the_agent_belongs_to_the_turn() -> None:
    cut = user("[System: The previous response was cut off by a network error. Continue.]")
    assert step(user(SCRIPT), assistant("o"), cut) == Step(text="two")


def test_a_broken_script_is_loud() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        step(user("SCRIPT: [{]"))
