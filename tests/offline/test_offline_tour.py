"""What the tour answers, as a function of the messages alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hermes_jupyter.offline import Step
from hermes_jupyter.offline.tour import (
    CELLS,
    CHOICES,
    CLEAN_UP_COMMAND,
    MENDED,
    MISTAKE,
    NEARLY_FULL,
    QUESTION,
    answer,
)

NOTEBOOK = Path(__file__).parent.parent.parent / "examples" / "tour.ipynb"

Message = dict[str, Any]
EARLIER: list[Message] = [
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": "Hello!"},
]
SUMMARY: list[Message] = [
    {"role": "assistant", "content": "[CONTEXT COMPACTION — REFERENCE ONLY] …"}
]


def ask(
    prompt: str,
    *results: str | dict[str, Any],
    before: list[Message] | None = None,
) -> Step:
    """Answer a prompt, or what follows the tools' results."""
    messages = [
        {"role": "system", "content": "You are Hermes."},
        *(before or []),
        {"role": "user", "content": prompt},
    ]
    for result in results:
        content = result if isinstance(result, str) else json.dumps(result)
        messages += [{"role": "assistant", "content": ""}, {"role": "tool", "content": content}]
    return answer({"messages": messages, "tools": [{}]})


def only_call(step: Step) -> tuple[str, dict[str, Any]]:
    (call,) = step.tool_calls
    assert isinstance(call.arguments, dict)
    return call.name, call.arguments


@pytest.mark.parametrize("prompt", ["hello", "What can you do?", "", "Who are you, an AI?"])
def test_anything_else_is_answered_by_the_introduction(prompt: str) -> None:
    step = ask(prompt)
    assert not step.tool_calls
    assert "not an AI" in step.text


def test_every_prompt_that_the_introduction_offers_leads_somewhere() -> None:
    introduction = ask("hello").text
    offered = [line.split("**")[1] for line in introduction.splitlines() if line.startswith("- **")]
    assert len(offered) == 6
    assert all(ask(prompt).text != introduction for prompt in offered)


def test_a_word_far_down_in_the_context_is_no_topic() -> None:
    assert ask("hello" + " …" * 200 + " clean up") == ask("hello")


def test_ask_me_something_asks_with_choices() -> None:
    assert only_call(ask("Ask me something!")) == (
        "clarify",
        {"question": QUESTION, "choices": list(CHOICES)},
    )


def test_the_answer_to_the_question_is_quoted() -> None:
    assert "> one\n> two" in ask("ask me something", {"user_response": "one\ntwo"}).text


@pytest.mark.parametrize("result", [{"user_response": ""}, {"error": "no"}, "no JSON", "[]"])
def test_no_answer_is_said_to_be_none(result: str | dict[str, Any]) -> None:
    assert "No answer reached me" in ask("ask me something", result).text


def test_an_answer_after_the_question_was_interrupted_is_recognised() -> None:
    assert "your answer reached me" in ask(f"You asked: “{QUESTION}”\nAnswer: {CHOICES[0]}").text


def test_clean_up_wants_to_delete_a_folder_of_its_own() -> None:
    assert only_call(ask("please clean up")) == ("terminal", {"command": CLEAN_UP_COMMAND})


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            {"exit_code": 0, "error": None, "approval": "… was approved by the user."},
            "You allowed it",
        ),
        ({"exit_code": 0, "error": None}, "You were not asked"),
        ({"exit_code": -1, "error": "BLOCKED: Command denied by user."}, "You said no"),
        (
            {"exit_code": -1, "error": "BLOCKED: Command timed out. Silence is not consent."},
            "Nobody decided",
        ),
        ({"exit_code": 1, "output": "mkdir: File exists", "error": None}, "File exists"),
        ("nothing readable", "did not work"),
    ],
)
def test_clean_up_tells_what_became_of_it(result: str | dict[str, Any], said: str) -> None:
    assert said in ask("clean up", result).text


def test_use_a_tool_shows_what_it_printed() -> None:
    name, arguments = only_call(ask("use a tool"))
    assert name == "terminal"
    assert arguments["command"].startswith("echo ")
    assert "Hello from here" in ask("use a tool", {"output": "Hello from here\n"}).text


def test_fix_my_notebook_mends_the_cell_and_runs_it() -> None:
    odd = json.loads(NOTEBOOK.read_text())["cells"][-1]
    source = "".join(odd["source"])
    assert MISTAKE in source
    listed = {"open": [{"path": "a.ipynb"}, {"path": "of/tour.ipynb"}], "files": []}
    read = {"cells": [{"id": odd["id"], "hash": "h", "source": source + "\n# mine"}]}
    edited: dict[str, Any] = {"cells": []}
    assert only_call(ask("fix my notebook")) == ("notebook_list", {})
    assert only_call(ask("Fix the error of this cell.", listed)) == (
        "notebook_read",
        {"path": "of/tour.ipynb", "cells": ["odd"]},
    )
    name, arguments = only_call(ask("fix my notebook", listed, read))
    (edit,) = arguments["edits"]
    assert (name, edit["op"], edit["id"], edit["hash"]) == ("notebook_edit", "replace", "odd", "h")
    assert edit["source"] == source.replace(MISTAKE, MENDED) + "\n# mine"
    assert only_call(ask("fix my notebook", listed, read, edited)) == (
        "notebook_run",
        {"path": "of/tour.ipynb", "cells": list(CELLS)},
    )
    ran = {"cells": [{"status": "ok", "output": ""}, {"status": "ok", "output": "Thu is odd"}]}
    assert "It works: Thu is odd" in ask("fix my notebook", listed, read, edited, ran).text


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([{"open": [], "files": [{"path": "a.ipynb"}]}], "open it first"),
        ([{"error": "Unknown tool"}], "Nothing was changed: Unknown tool"),
        (["nothing readable"], "not told why"),
        (
            [{"files": [{"path": "tour.ipynb"}]}, {"cells": [{"source": "odd"}]}],
            "is mended already",
        ),
        ([{}, {}, {}, {"error": {"message": "The person said no."}}], "run it yourself"),
        (
            [{"files": [{"path": "tour.ipynb"}]}, {}, {}, {"cells": [{"status": "error"}]}],
            "does not work yet",
        ),
    ],
)
def test_fix_my_notebook_says_what_came_of_it(results: list[Any], said: str) -> None:
    assert said in ask("fix my notebook", *results).text


def test_to_explain_takes_a_real_model() -> None:
    assert "takes a real model" in ask("Explain the error of this cell.").text


def test_what_the_page_attaches_is_no_topic() -> None:
    attached = "\n\n[Jupyter: attached to this prompt …]\n\nThe cell:\n```\nclean up\n```"
    assert ask(f"hello{attached}") == ask("hello")


def test_a_message_of_the_person_behind_the_result_does_no_harm() -> None:
    result = json.dumps({"output": "Hello"}) + "\n\n[OUT-OF-BAND USER MESSAGE: faster]"
    assert "Hello" in ask("use a tool", result).text


def test_a_long_story_takes_its_time_and_has_every_kind_of_block() -> None:
    step = ask("tell me a long story")
    seconds = len(step.text) / step.chunk * step.delay
    assert 15 < seconds < 40
    assert all(mark in step.text for mark in ("## ", "| --- |", "```python", "$$", "> ", "1. "))


def test_compact_claims_a_full_window() -> None:
    step = ask("compact", before=EARLIER)
    assert step.tool_calls
    assert step.usage == {"prompt_tokens": NEARLY_FULL}


def test_compact_needs_something_to_compact() -> None:
    step = ask("compact")
    assert not step.tool_calls
    assert "nothing to compact" in step.text


def test_compact_tells_whether_it_happened() -> None:
    result = {"output": "", "exit_code": 0}
    assert "a summary in place" in ask("compact", result, before=SUMMARY).text
    assert "a summary in place" in ask("compact", result, before=SUMMARY + EARLIER).text
    assert "chose not to" in ask("compact", result, before=EARLIER).text


@pytest.mark.parametrize(
    ("instruction", "content", "text"),
    [
        (
            "Generate a short, descriptive title (3-7 words) …",
            "User: clean up, please!\n\nAssistant: …",
            "Clean up please",
        ),
        (
            "Generate a short, descriptive title (3-7 words) …",
            "User: …\n\nAssistant: …",
            "Conversation",
        ),
        (
            "You are a security reviewer for an AI coding agent. …",
            "<command>rm -rf x</command>",
            "ESCALATE",
        ),
    ],
)
def test_errands_of_the_agent(instruction: str, content: str, text: str) -> None:
    messages = [{"role": "system", "content": instruction}, {"role": "user", "content": content}]
    assert answer({"messages": messages}) == Step(text=text)


def test_a_summary_is_made_even_of_a_conversation_with_a_script() -> None:
    content = 'You are a summarization agent …\nSCRIPT: {"text": "no"}'
    assert answer({"messages": [{"role": "user", "content": content}]}).text.startswith("## Goal")


def test_a_review_in_the_background_saves_nothing() -> None:
    assert ask("Review the conversation above and …", before=EARLIER).text == "Nothing to save."


def test_a_script_goes_before_the_tour() -> None:
    assert ask('hello\nSCRIPT: {"text": "scripted"}').text == "scripted"


def test_the_newest_of_joined_prompts_counts() -> None:
    joined = "tell me a long story\nhello"
    assert "offline model" in answer({"messages": [{"role": "user", "content": joined}]}).text
