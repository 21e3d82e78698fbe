"""The agent works on real notebooks in its turns, open and closed ones, and it is taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import Api
from .frames import ends
from .notebooks import Tools, known, page
from .test_questions import asked, results
from .test_tools import call

#: What a person allows for good stays in a server.
pytestmark = pytest.mark.own_server


@pytest.fixture
def tools(extension: Any, jp_root_dir: Path) -> Tools:
    return Tools(extension.notebooks, extension.core.notebook_policy, jp_root_dir)


async def test_a_turn_edits_and_runs_and_is_taken_back(
    api: Api, tools: Tools, offered: list[set[str]]
) -> None:
    """N5: whether a page has the notebook open or not."""
    tools.write("a.ipynb", "x = 2")
    session_id = await api.conversation()
    insert = {"op": "insert", "source": "print(x * 21)"}
    steps = [
        call("notebook_edit", path="a.ipynb", edits=[insert]),
        call("notebook_run", path="a.ipynb", cells="0-"),
        {"text": "Done."},
    ]
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, steps)
        question = await asked(frames)
        assert question["command"] == "# cell 1\nx = 2\n\n# cell 2\nprint(x * 21)"
        await api.post("questions", question["id"], "answer", choice="once")
        seen = await frames.until(ends(turn_id))
    assert [name for name in offered[0] if name.startswith("notebook_")]
    (ran,) = results(seen)
    assert [cell["output"] for cell in ran["cells"]] == ["", "42"]
    assert tools.sources("a.ipynb") == ["x = 2", "print(x * 21)"]
    answer = await api.post("sessions", session_id, "changes", "undo", turn_id=turn_id)
    (change,) = answer["turns"][0]["changes"]
    assert (change["cell_id"], change["state"]) == (ran["cells"][1]["id"], "undone")
    assert tools.sources("a.ipynb") == ["x = 2"]

    replace = {"op": "replace", **known("c0", "old"), "source": "new"}
    steps = [call("notebook_edit", path="open.ipynb", edits=[replace]), {"text": "Done."}]
    async with page(api, "p", "open.ipynb", "old", "other") as one:
        turn = (await api.turn(session_id, steps))[-1].data["turn_id"]
        assert [cell["source"] for cell in one.cells] == ["new", "other"]
        await api.post("sessions", session_id, "changes", "undo", turn_id=turn)
        assert [cell["source"] for cell in one.cells] == ["old", "other"]

        await api.put("notebook", "policy", policy="read")
        assert (await one.tell())["policy"] == "read"
        frames = await api.turn(session_id, steps)
        assert results(frames)[0]["error"]["code"] == "read_only"
        assert one.cells[0]["source"] == "old"
    refused = [frame.data["error"] for frame in frames if frame.event == "tool.complete"]
    assert refused == ["The person lets you read notebooks, and neither edit nor run them."]
