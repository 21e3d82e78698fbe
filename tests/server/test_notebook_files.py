"""Notebooks that no page has open: read, edited and undone in their files."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from hermes_jupyter.core.tools import ToolHost
from hermes_jupyter.server.notebooks import files, host

from .notebooks import Tools, known

#: What a person allows for good stays in a server.
pytestmark = pytest.mark.own_server


@pytest.fixture
def tools(extension: Any, jp_root_dir: Path) -> Tools:
    checked: ToolHost = extension.notebooks
    assert checked.specs
    return Tools(extension.notebooks, extension.core.notebook_policy, jp_root_dir)


async def test_a_notebook_is_read_edited_and_put_back(tools: Tools) -> None:
    """N5"""
    tools.write("a/n.ipynb", "x = 1", "# Title", "x", kernelspec={"name": "k", "display_name": "K"})
    outline = await tools.call("read", path="a/n.ipynb")
    assert (outline["open"], outline["count"], outline["kernel"]) == (False, 3, None)
    assert [line["line"] for line in outline["cells"]] == ["x = 1", "# Title", "x"]
    assert [line["type"] for line in outline["cells"]] == ["code", "markdown", "code"]
    [cell] = (await tools.call("read", path="a/n.ipynb", cells="0"))["cells"]
    assert {"id": cell["id"], "hash": cell["hash"]} == known("c0", "x = 1")
    before = tools.cells("a/n.ipynb")

    answer = await tools.call(
        "edit",
        path="a/n.ipynb",
        edits=[
            {"op": "replace", **known("c0", "x = 1"), "source": "x = 2"},
            {"op": "delete", **known("c1", "# Title")},
            {"op": "insert", "type": "markdown", "source": "new", "before": "c0"},
            {"op": "move", **known("c2", "x"), "before": "c0"},
        ],
    )
    assert tools.sources("a/n.ipynb") == ["new", "x", "x = 2"]
    assert [cell["index"] for cell in answer["cells"]] == [2, 0, 1]
    assert "-x = 1\n+x = 2" in answer["diff"]
    assert [change.op for change in tools.result.changes] == ["replace", "delete", "insert", "move"]
    assert {change.path for change in tools.result.changes} == {"a/n.ipynb"}
    content = nbformat.read(tools.root / "a/n.ipynb", as_version=4)
    assert content.metadata.kernelspec.name == "k"

    undone = await tools.host.undo(tools.result.changes)
    assert [change.state for change in undone] == ["undone"] * 4
    assert [change.op for change in undone] == ["replace", "delete", "insert", "move"]
    assert tools.cells("a/n.ipynb") == before
    assert await tools.host.undo(undone) == undone


async def test_what_a_person_wrote_meanwhile_stays(tools: Tools) -> None:
    """N5: between reading and editing, between the edit and its undo, and during the question."""
    tools.write("n.ipynb", "a", "b")
    tools.write("n.ipynb", "hers", "b")
    edits = [
        {"op": "replace", **known("c1", "b"), "source": "B"},
        {"op": "replace", **known("c0", "a"), "source": "A"},
    ]
    answer = await tools.call("edit", path="n.ipynb", edits=edits)
    assert answer["error"]["code"] == "changed"
    assert answer["error"]["cells"] == [{**known("c0", "hers"), "index": 0, "source": "hers"}]
    assert tools.sources("n.ipynb") == ["hers", "b"]

    await tools.policy.choose("ask")
    tools.person.before = lambda: tools.write("n.ipynb", "hers", "hers too")
    assert await tools.refused("edit", path="n.ipynb", edits=edits[:1]) == "changed"
    assert tools.sources("n.ipynb") == ["hers", "hers too"]
    tools.person.before = lambda: tools.write("n.ipynb", "hers again", "hers too")
    edit = {"op": "replace", **known("c1", "hers too"), "source": "ours"}
    await tools.call("edit", path="n.ipynb", edits=[edit])
    assert tools.sources("n.ipynb") == ["hers again", "ours"]
    changes = tools.result.changes
    tools.write("n.ipynb", "hers again", "and this")
    assert [change.state for change in await tools.host.undo(changes)] == ["changed since"]
    assert tools.sources("n.ipynb") == ["hers again", "and this"]
    tools.write("n.ipynb", "hers again", "hers too")
    assert [change.state for change in await tools.host.undo(changes)] == ["undone"]


async def test_edits_at_the_same_time_are_all_made(tools: Tools) -> None:
    tools.write("n.ipynb", "a")
    hosts = [Tools(tools.host, tools.policy, tools.root) for _ in range(8)]
    answers = await asyncio.gather(
        *(
            one.call("edit", path="n.ipynb", edits=[{"op": "insert", "source": str(number)}])
            for number, one in enumerate(hosts)
        )
    )
    made = [str(number) for number, answer in enumerate(answers) if "error" not in answer]
    assert sorted(tools.sources("n.ipynb")) == sorted(["a", *made])
    assert {answer["error"]["code"] for answer in answers if "error" in answer} <= {"not_quiet"}
    assert len(made) >= host.MAX_TRIES


async def test_a_file_that_is_half_written_is_read_when_it_is_whole(tools: Tools) -> None:
    tools.write("n.ipynb", "whole")
    file = tools.root / "n.ipynb"
    text = file.read_text()
    file.write_text(text[:20])
    asyncio.get_running_loop().call_later(0.05, file.write_text, text)
    [cell] = (await tools.call("read", path="n.ipynb"))["cells"]
    assert cell["line"] == "whole"


async def test_an_undo_brings_outputs_back(tools: Tools) -> None:
    cell = new_code_cell("1", id="a", outputs=[new_output("stream", text="1\n")])
    nbformat.write(new_notebook(cells=[cell]), tools.root / "n.ipynb")
    before = tools.cells("n.ipynb")
    await tools.call("edit", path="n.ipynb", edits=[{"op": "delete", **known("a", "1")}])
    assert tools.cells("n.ipynb") == []
    await tools.host.undo(tools.result.changes)
    assert tools.cells("n.ipynb") == before


async def test_a_turn_of_several_calls_is_undone(tools: Tools) -> None:
    tools.write("n.ipynb", "1")
    tools.write("m.ipynb", "1")
    changes: list[Any] = []
    for path, old, new in [("n", "1", "2"), ("m", "1", "5"), ("n", "2", "3")]:
        edits = [{"op": "replace", **known("c0", old), "source": new}]
        await tools.call("edit", path=f"{path}.ipynb", edits=edits)
        changes += tools.result.changes
    (tools.root / "m.ipynb").unlink()
    undone = await tools.host.undo(changes)
    assert tools.sources("n.ipynb") == ["1"]
    # It may come back; until then nothing is known of it.
    assert [change.state for change in undone] == ["undone", "done", "undone"]


async def test_a_new_notebook(tools: Tools) -> None:
    (tools.root / "sub").mkdir()
    inserts = [{"op": "insert", "source": "1"}, {"op": "insert", "type": "raw", "source": "2"}]
    answer = await tools.call("edit", path="sub/new.ipynb", create=True, edits=inserts)
    assert [cell["index"] for cell in answer["cells"]] == [0, 1]
    content = nbformat.read(tools.root / "sub/new.ipynb", as_version=4)
    assert content.metadata.kernelspec.name == "python3"
    assert [cell.source for cell in content.cells] == ["1", "2"]
    for path, code in [("sub/new.ipynb", "exists"), ("no/new.ipynb", "no_such_folder")]:
        assert await tools.refused("edit", path=path, create=True, edits=inserts) == code
    again = {"op": "delete", "id": "x", "hash": "y"}
    assert await tools.refused("edit", path="b.ipynb", create=True, edits=[again]) == "no_such_cell"
    assert not (tools.root / "b.ipynb").exists()


async def test_paths_that_are_not_the_agents(
    tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    tools.write("n.ipynb", "1")
    (outside / "o.ipynb").write_text((tools.root / "n.ipynb").read_text())
    (tools.root / "link.ipynb").symlink_to(outside / "o.ipynb")
    (tools.root / "folder").symlink_to(outside)
    (tools.root / "d.ipynb").mkdir()
    (tools.root / ".hidden.ipynb").write_text((tools.root / "n.ipynb").read_text())
    (tools.root / "bad.ipynb").write_text("{not json")
    (tools.root / "wrong.ipynb").write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"a": 1}]})
    )
    refused = {
        "../outside/o.ipynb": "bad_path",
        "a/../n.ipynb": "bad_path",
        "/n.ipynb": "bad_path",
        "a//n.ipynb": "bad_path",
        "a\\n.ipynb": "bad_path",
        "C:\\n.ipynb": "bad_path",
        "n\0.ipynb": "bad_path",
        str(tools.root / "n.ipynb"): "bad_path",
        ".hidden.ipynb": "hidden",
        ".git/n.ipynb": "hidden",
        "link.ipynb": "outside",
        "folder/o.ipynb": "outside",
        "n.py": "not_a_notebook",
        "n": "not_a_notebook",
        "": "not_a_notebook",
        "none.ipynb": "no_such_notebook",
        "d.ipynb": "invalid_notebook",
        "bad.ipynb": "invalid_notebook",
        "wrong.ipynb": "invalid_notebook",
    }
    insert = [{"op": "insert", "source": "1"}]
    for path, code in refused.items():
        assert await tools.refused("read", path=path) == code, path
        assert await tools.refused("edit", path=path, edits=insert) == code, path
        assert await tools.refused("run", path=path, cells="0") == code, path
        if code in ("bad_path", "hidden", "outside"):
            made = await tools.refused("edit", path=path, edits=insert, create=True)
            assert made == code, path
    assert nbformat.read(outside / "o.ipynb", as_version=4).cells[0].source == "1"
    monkeypatch.setattr(files, "MAX_FILE", 100)
    assert await tools.refused("read", path="n.ipynb") == "too_large"


async def test_arguments_that_make_no_sense(tools: Tools) -> None:
    tools.write("n.ipynb", "1")
    for name, args in [
        ("read", {}),
        ("read", {"path": 1}),
        ("read", {"path": "n.ipynb", "more": 1}),
        ("edit", {"path": "n.ipynb", "edits": [{"op": "burn"}]}),
        ("edit", {"path": "n.ipynb", "edits": [{"op": "insert", "source": ""}] * 201}),
        ("run", {"path": "n.ipynb", "cells": "0", "timeout": 0}),
        ("run", {"path": "n.ipynb", "cells": "0", "timeout": 1e9}),
    ]:
        assert await tools.refused(name, **args) == "bad_arguments", args
    assert await tools.refused("burn") == "no_such_tool"
    assert await tools.refused("read", path="n.ipynb", **{"from": "x"}) == "bad_from"
    assert await tools.refused("read", path="n.ipynb", cells="0", **{"from": "z:1"}) == (
        "no_such_cell"
    )


async def test_old_notebooks_get_ids_that_hold(tools: Tools) -> None:
    old = nbformat.v4.new_notebook(cells=[new_code_cell("1"), new_code_cell("2")])
    for cell in old.cells:
        del cell["id"]
    (tools.root / "n.ipynb").write_text(json.dumps({**old, "nbformat_minor": 2}))
    third = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": []}
    code = {"cell_type": "code", "input": "1", "language": "python", "outputs": [], "metadata": {}}
    third["worksheets"] = [{"cells": [code], "metadata": {}}]
    (tools.root / "three.ipynb").write_text(json.dumps(third))
    for path in ("n.ipynb", "three.ipynb"):
        line = (await tools.call("read", path=path))["cells"][0]
        edit = {"op": "replace", "id": line["id"], "hash": line["hash"], "source": "5"}
        answer = await tools.call("edit", path=path, edits=[edit])
        assert answer["cells"][0]["index"] == 0, answer
        assert tools.sources(path)[0] == "5"
        assert (await tools.call("read", path=path))["cells"][0]["id"] == line["id"]


async def test_a_file_that_cannot_be_written(tools: Tools) -> None:
    tools.write("n.ipynb", "1")
    # In the way of the file that is written beside it, for a superuser too.
    in_the_way = tools.root / ".~n.ipynb"
    in_the_way.mkdir()
    edits = [{"op": "insert", "source": "2"}]
    assert await tools.refused("edit", path="n.ipynb", edits=edits) == "not_written"
    in_the_way.rmdir()
    assert tools.sources("n.ipynb") == ["1"]


async def test_what_may_be_done_is_the_persons_word(tools: Tools) -> None:
    tools.write("n.ipynb", "1")
    policy, person = tools.policy, tools.person
    edits = [{"op": "insert", "source": "2"}]

    await policy.choose("read")
    assert await tools.refused("edit", path="n.ipynb", edits=edits) == "read_only"
    assert await tools.refused("run", path="n.ipynb", cells="0") == "read_only"
    assert (await tools.call("read", path="n.ipynb"))["count"] == 1
    await policy.choose("run")
    policy.most = "ask"
    person.answer = "deny"
    assert await tools.refused("edit", path="n.ipynb", edits=edits) == "denied"
    person.answer = None
    assert await tools.refused("edit", path="n.ipynb", edits=edits) == "no_answer"
    assert await tools.refused("run", path="n.ipynb", cells="0") == "no_answer"
    assert person.asked[0][1] == "Edit n.ipynb"
    assert "+2" in person.asked[0][0]
    assert person.asked[-1] == ("# cell 1\n1", "Run cell 1 of n.ipynb")
    # Chosen while the question was open.
    person.answer = "always"
    person.before = lambda: setattr(policy, "most", "read")
    assert await tools.refused("edit", path="n.ipynb", edits=edits) == "read_only"
    person.before = lambda: None
    policy.most = "ask"
    assert tools.sources("n.ipynb") == ["1"]

    await tools.call("edit", path="n.ipynb", edits=edits)
    person.answer = "deny"
    await tools.call("edit", path="n.ipynb", edits=edits)
    assert tools.sources("n.ipynb") == ["1", "2", "2"]
    # A yes to edits is none to runs, nor for another notebook.
    assert await tools.refused("run", path="n.ipynb", cells="0") == "denied"
    tools.write("m.ipynb", "1")
    assert await tools.refused("edit", path="m.ipynb", edits=edits) == "denied"


async def test_a_call_that_is_stopped_leaves_no_half_edit(tools: Tools) -> None:
    """It was made and is told, or it was not made."""
    tools.write("n.ipynb", *["x" * 100] * 200)
    task = None
    for pause in range(8):
        before = tools.sources("n.ipynb")
        edits = [{"op": "insert", "source": f"{pause} {number}"} for number in range(5)]
        task = asyncio.ensure_future(tools.call("edit", path="n.ipynb", edits=edits))
        await asyncio.sleep(0.01 * pause)
        task.cancel()
        [answer] = await asyncio.gather(task, return_exceptions=True)
        if isinstance(answer, BaseException):
            assert tools.sources("n.ipynb") == before
        else:
            assert tools.sources("n.ipynb")[-5:] == [edit["source"] for edit in edits]
            assert len(tools.result.changes) == 5
    assert nbformat.validate(nbformat.read(tools.root / "n.ipynb", as_version=4)) is None


async def test_the_list(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await tools.call("list") == {"open": [], "running": [], "files": []}
    for number, name in enumerate(["b/old.ipynb", "node_modules/no.ipynb", "a/b/c/new.ipynb"]):
        tools.write(name, "1")
        os.utime(tools.root / name, (1_000_000 + number,) * 2)
    (tools.root / "loop").symlink_to(tools.root)
    found = (await tools.call("list"))["files"]
    assert [one["path"] for one in found][:2] != []
    assert {one["path"].rpartition("/")[2] for one in found} == {"old.ipynb", "new.ipynb"}
    (tools.root / "loop").unlink()
    found = (await tools.call("list"))["files"]
    assert [one["path"] for one in found] == ["a/b/c/new.ipynb", "b/old.ipynb"]
    assert found[0]["modified"].startswith("1970-01-12")
    found = (await tools.call("list", folder="b"))["files"]
    assert [one["path"] for one in found] == ["b/old.ipynb"]
    assert await tools.refused("list", folder="none") == "no_such_folder"
    monkeypatch.setattr(host, "MAX_LISTED", 1)
    some = await tools.call("list")
    assert [one["path"] for one in some["files"]] == ["a/b/c/new.ipynb"]
    assert "folder" in some["more"]


async def test_very_many_cells(tools: Tools) -> None:
    tools.write("n.ipynb", *(f"x = {number}" for number in range(1_000)))
    outline = await tools.call("read", path="n.ipynb")
    assert outline["count"] == 1_000
    assert len(tools.result.text) < 25_000
    more = await tools.call("read", path="n.ipynb", **{"from": outline["next"]})
    assert more["cells"][0]["index"] == int(outline["next"])
    cells = await tools.call("read", path="n.ipynb", cells="700-")
    assert cells["cells"][0]["source"] == "x = 700"
    on = await tools.call("read", path="n.ipynb", cells="700-", **{"from": cells["next"]})
    assert on["cells"][0]["index"] == cells["cells"][-1]["index"] + 1
    edit = {"op": "replace", **known("c999", "x = 999"), "source": "y"}
    answer = await tools.call("edit", path="n.ipynb", edits=[edit])
    assert answer["cells"][0]["index"] == 999
