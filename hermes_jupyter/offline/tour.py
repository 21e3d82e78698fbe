"""What the offline model says: a guided tour of what the agent and its panel can do.

Everything follows from the request alone, so the tour goes on after a restart, and in many
conversations at once. Topics are steps of a turn: the first calls a tool, the next tells what came
back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import resources
from typing import Any

from .script import Request, Step, ToolCall, Turn, in_band, message_text

# About 30 tokens a second: fast enough not to bore, slow enough to see it stream.
_CHUNK = 3
_DELAY = 0.025

#: The command the tour wants to run. Hermes takes it for dangerous, as it deletes a directory with
#: all that is in it. It cannot harm: where the directory exists already, nothing is deleted.
CLEAN_UP_COMMAND = "mkdir hermes-tour-scratch && rm -r hermes-tour-scratch"

#: The question of the tour, and what one can choose.
QUESTION = "Which part of a project do you enjoy most?"
CHOICES = ("Exploring the data", "Building the model", "Telling the story")

#: The cells of its notebook that the tour mends and runs, and what is wrong in the last one.
CELLS = ("data", "odd")
MISTAKE, MENDED = "{od:", "{odd:"

#: The prompt size the tour claims, in tokens: a window of 131,072 is compacted from 98,304 on.
NEARLY_FULL = 110_000

_INTRODUCTION = """\
Hello! I am the **offline model** of `hermes-jupyter`: a script, not an AI. I know a few lines by \
heart, so that you can try everything here without a key. The agent around me is the real Hermes, \
and so are its tools.

Type one of these:

- **ask me something**: I ask, you answer on a card
- **clean up**: I want to delete a folder, and you decide
- **use a tool**: I run a harmless command
- **fix my notebook**: I mend a cell of the tour's notebook, and ask before I run it
- **tell me a long story**: watch it stream; reload the page, or press stop
- **compact**: fill the context window and see it emptied
"""

_EXPLANATION = """\
The cell and its output came with your prompt; to explain them takes a real model. I know by heart \
only the mistake in the last cell of the tour's notebook: say **fix my notebook**.
"""


def answer(request: Request) -> Step:
    """Choose the step: for an errand of the agent, for a prompt with a script, or from the tour."""
    errand = _errand(request)
    if errand is not None:
        return Step(text=errand)
    turn = Turn.of(request)
    return in_band(turn) or _topic(turn)


def _errand(request: Request) -> str | None:
    """Answer what the agent asks for itself, or None if the request is part of a person's turn."""
    messages = request.get("messages") or [{}]
    instruction, newest = message_text(messages[0]), message_text(messages[-1])
    if instruction.startswith("Generate a short, descriptive title"):
        return _title(newest)
    if instruction.startswith("You are a summarization agent"):
        return "## Goal\nThe person tries out hermes-jupyter with its offline model."
    if instruction.startswith("You are a security reviewer"):
        return "ESCALATE"
    if newest.startswith("Review the conversation above"):
        return "Nothing to save."
    return None


def _title(exchange: str) -> str:
    """Make a title of the first words of ``User: …``."""
    prompt = exchange.removeprefix("User: ").partition("\n")[0]
    words = re.findall(r"[^\W_][\w'-]*", prompt)[:7]
    title = " ".join(words)[:60]
    return title[:1].upper() + title[1:] or "Conversation"


def _topic(turn: Turn) -> Step:
    if QUESTION in turn.prompt:
        return _say("Thank you: your answer reached me, although I had stopped waiting for it.")
    # The last line that means something: Hermes joins a prompt that got no answer and the next one.
    # What the page attaches follows it, and is not said by anybody.
    said = turn.prompt.split("\n\n[Jupyter: ", 1)[0]
    for line in reversed(said.splitlines()):
        for pattern, topic in _TOPICS:
            if re.search(pattern, line[:200], re.IGNORECASE):
                return topic(turn)
    return _say(_INTRODUCTION)


def _say(text: str) -> Step:
    return Step(text=text, chunk=_CHUNK, delay=_DELAY)


def _call(text: str, name: str, arguments: dict[str, Any], **options: Any) -> Step:
    calls = (ToolCall(name=name, arguments=arguments),)
    return Step(text=text, tool_calls=calls, chunk=_CHUNK, delay=_DELAY, **options)


def _ask(turn: Turn) -> Step:
    if not turn.results:
        return _call(
            "One question, then.", "clarify", {"question": QUESTION, "choices": list(CHOICES)}
        )
    reply = str(_result(turn).get("user_response", "")).strip()
    if not reply:
        return _say(
            "No answer reached me: the question expired, or it was left empty. I go on without one."
        )
    quoted = "\n".join(f"> {line}" for line in reply.splitlines())
    return _say(f"This reached me:\n\n{quoted}\n\nA real model would now go on with it.")


def _clean_up(turn: Turn) -> Step:
    if not turn.results:
        return _call(
            "I would like to delete a scratch folder. It is empty, so both answers are safe.",
            "terminal",
            {"command": CLEAN_UP_COMMAND},
        )
    result = _result(turn)
    error = str(result.get("error") or "")
    if "BLOCKED" in error and "Silence" in error:
        return _say("Nobody decided in time, so **nothing was deleted**: silence is not consent.")
    if "BLOCKED" in error:
        return _say("You said no, so **nothing was deleted**.")
    if result.get("exit_code") != 0:
        reason = error or str(result.get("output") or "").strip() or "it gave no reason"
        return _say(f"The command did not work: {reason}.")
    if "approval" in result:
        return _say("You allowed it: the folder `hermes-tour-scratch` is gone.")
    return _say(
        "The folder `hermes-tour-scratch` is gone. You were not asked, as you had allowed this "
        "before."
    )


def _use_tool(turn: Turn) -> Step:
    if not turn.results:
        return _call("I look around.", "terminal", {"command": "echo Hello from $PWD"})
    output = str(_result(turn).get("output", "")).strip()
    if not output:
        return _say("The command printed nothing. Unfold the tool above to see why.")
    return _say(f"The command printed:\n\n```text\n{output}\n```")


def _fix(turn: Turn) -> Step:
    results = [_read(text) for text in turn.results]
    if not results:
        return _call("I look for the notebook.", "notebook_list", {})
    if not results[-1] or "error" in results[-1]:
        return _say(_why_not(results[-1].get("error"), is_mended=len(results) > 3))
    path = _tour_notebook(results[0])
    if path is None:
        return _say("I know only the mistake in the tour's notebook, `tour.ipynb`: open it first.")
    if len(results) == 1:
        return _call("I read its last cell.", "notebook_read", {"path": path, "cells": [CELLS[-1]]})
    if len(results) == 2:
        (cell,) = results[-1]["cells"]
        source = cell["source"].replace(MISTAKE, MENDED)
        if source == cell["source"]:
            return _say(f"The mistake that I know in `{path}` is mended already.")
        edit = {"op": "replace", "id": cell["id"], "hash": cell["hash"], "source": source}
        return _call(
            "A name is misspelt: it is `odd`, not `od`. I write it into the cell.",
            "notebook_edit",
            {"path": path, "edits": [edit]},
        )
    if len(results) == 3:
        return _call(
            "Whether it works, only a run can tell. That is for you to allow.",
            "notebook_run",
            {"path": path, "cells": list(CELLS)},
        )
    last = results[-1]["cells"][-1]
    if last["status"] != "ok":
        return _say(f"It does not work yet:\n\n```text\n{last.get('output', '')}\n```")
    return _say(
        f"It works: {last['output']}. Look into the notebook; with *Undo this turn*, below, the "
        "cell becomes what it was."
    )


def _tour_notebook(listed: dict[str, Any]) -> str | None:
    """The tour's notebook, rather an open one."""
    notebooks = [*listed.get("open", ()), *listed.get("files", ())]
    paths = [str(one["path"]) for one in notebooks]
    return next((path for path in paths if path.split("/")[-1] == "tour.ipynb"), None)


def _why_not(refused: Any, *, is_mended: bool) -> str:
    reason = refused["message"] if isinstance(refused, dict) else refused or "I was not told why."
    if is_mended:
        return f"Nothing was run: {reason} The cell is mended; run it yourself to see."
    return f"Nothing was changed: {reason}"


def _compact(turn: Turn) -> Step:
    if not turn.results:
        if not any(message.get("role") == "assistant" for message in turn.before):
            return _say("There is nothing to compact yet. Say *hello* first, then *compact* again.")
        return _call(
            "I now claim that the context window is nearly full. Watch the gauge: before its next "
            "call, the agent makes a summary of what was said earlier.",
            "terminal",
            {"command": "echo The window is nearly full"},
            usage={"prompt_tokens": NEARLY_FULL},
        )
    # It may be the summary of an earlier compaction: so say what is there, not what happened.
    if any("[CONTEXT COMPACTION" in message_text(message) for message in turn.before):
        return _say(
            "I see a summary in place of the earlier messages; you still see them all. That is a "
            "compaction."
        )
    return _say("The agent chose not to compact: I still see all messages.")


def _long_story(turn: Turn) -> Step:
    story = resources.files(__package__).joinpath("story.md").read_text(encoding="utf-8")
    return Step(text=story, chunk=7, delay=_DELAY)


def _result(turn: Turn) -> dict[str, Any]:
    """Read the newest tool result; empty if it is no JSON object."""
    return _read(turn.results[-1])


def _read(result: str) -> dict[str, Any]:
    try:
        # Hermes appends what the person says meanwhile to the result.
        value, _ = json.JSONDecoder().raw_decode(result)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


_TOPICS: tuple[tuple[str, Callable[[Turn], Step]], ...] = (
    (r"\bask me\b|\bask (me )?a question\b", _ask),
    (r"\bclean(ing)?[ -]?up\b", _clean_up),
    (r"\bfix\b", _fix),
    (r"\bexplain\b", lambda turn: _say(_EXPLANATION)),
    (r"\bcompact|\bcompress", _compact),
    (r"\blong\b|\bstory\b", _long_story),
    (r"\btools?\b", _use_tool),
    (r"\b(hello|hi|hey)\b", lambda turn: _say(_INTRODUCTION)),
)
