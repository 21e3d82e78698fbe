"""Notebooks that a page has open: the page is asked, over real HTTP."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hermes_jupyter.server.notebooks import documents

from .conftest import Api
from .notebooks import Tools, known, page

#: What a person allows for good stays in a server.
pytestmark = pytest.mark.own_server


@pytest.fixture
def tools(extension: Any, jp_root_dir: Path) -> Tools:
    return Tools(extension.notebooks, extension.core.notebook_policy, jp_root_dir)


async def test_an_open_notebook_is_its_pages(tools: Tools, api: Api) -> None:
    """N5: what is not saved is read, edited and undone there; the file is left alone."""
    tools.write("n.ipynb", "saved")
    async with page(api, "p", "n.ipynb", "a", "b", "c") as one:
        assert await one.tell() == {"policy": "edit", "max_policy": "run"}
        outline = await tools.call("read", path="n.ipynb")
        assert outline["open"]
        assert [line["line"] for line in outline["cells"]] == ["a", "b", "c"]
        edits = [
            {"op": "replace", **known("c0", "a"), "source": "A"},
            {"op": "delete", **known("c1", "b")},
            {"op": "insert", "source": "new", "before": "c2"},
            {"op": "move", **known("c2", "c"), "before": "c0"},
        ]
        answer = await tools.call("edit", path="n.ipynb", edits=edits)
        assert [cell["source"] for cell in one.cells] == ["c", "A", "new"]
        assert [cell["index"] for cell in answer["cells"]] == [1, 2, 0]
        assert [request["op"] for request in one.requests].count("edit") == 1
        assert {request["path"] for request in one.requests} == {"n.ipynb"}
        changes = tools.result.changes

        one.cells[2]["source"] = "touched"
        undone = await tools.host.undo(changes)
        assert [change.state for change in undone] == [
            "undone",
            "undone",
            "changed since",
            "undone",
        ]
        assert {cell["source"] for cell in one.cells} == {"a", "b", "c", "touched"}

        # Two edits of one cell in one turn are undone one after the other.
        changes = ()
        for old, new in [("touched", "1"), ("1", "2")]:
            cell_id = next(cell["id"] for cell in one.cells if cell["source"] == old)
            edits = [{"op": "replace", **known(cell_id, old), "source": new}]
            await tools.call("edit", path="n.ipynb", edits=edits)
            changes += tools.result.changes
        assert [end.state for end in await tools.host.undo(changes)] == ["undone", "undone"]
        assert "touched" in [cell["source"] for cell in one.cells]
        assert tools.sources("n.ipynb") == ["saved"]

        # The person may have been faster than the page's own check.
        differing = {"id": "c0", "cell_type": "code", "source": "hers"}
        one.answers["edit"] = {"error": {"code": "read_only", "message": ""}}
        insert = [{"op": "insert", "source": "x"}]
        assert await tools.refused("edit", path="n.ipynb", edits=insert) == "not_writable"
        one.answers["edit"] = {"error": {"code": "changed", "message": "", "cells": [differing]}}
        edits = [{"op": "replace", **known("c0", "a"), "source": "A"}]
        answer = await tools.call("edit", path="n.ipynb", edits=edits)
        assert answer["error"]["cells"][0]["hash"] == known("c0", "hers")["hash"]
        for code in ("no_such_cell", "no_kernel", "pending_input", "other"):
            one.answers["edit"] = {"error": {"code": code, "message": "x"}}
            assert await tools.refused("edit", path="n.ipynb", edits=edits) == code
        for nonsense in ({}, {"cells": 1}, {"cells": [{"id": 1}]}, {"cells": [None]}):
            one.answers["cells"] = {"result": nonsense}
            assert await tools.refused("read", path="n.ipynb") == "bad_answer"


async def test_outputs_of_an_open_notebook(tools: Tools, api: Api) -> None:
    await tools.policy.choose("run")
    async with page(api, "p", "n.ipynb", "a", "b") as one:
        error = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[1mE"]}
        picture = {"output_type": "display_data", "data": {"image/png": "aGk="}}
        one.cells[0].update(outputs=[picture, error], execution_count=7)
        read = await tools.call("read", path="n.ipynb", cells="0-1", outputs=True)
        assert read["cells"][0]["output"] == "[picture 1: image/png]\nE"
        assert read["cells"][0]["count"] == 7
        assert "output" not in read["cells"][1]
        assert [image.data for image in tools.result.images] == ["aGk="]
        # Only of cells that have any, and one by one.
        wanted = [r["args"] for r in one.requests if r["op"] == "cells" and r["args"]["outputs"]]
        assert wanted == [{"outputs": True, "ids": ["c0"]}]

        outputs = [{"output_type": "stream", "name": "stdout", "text": "out\n"}]
        ran = {"id": "c1", "execution_count": 8, "status": "ok", "outputs": outputs}
        one.answers["run"] = {"result": {"cells": [ran]}}
        answer = await tools.call("run", path="n.ipynb", cells=["c1"], timeout=5)
        assert answer["cells"] == [
            {"id": "c1", "status": "ok", "execution_count": 8, "output": "out"}
        ]
        assert one.requests[-1]["args"] == {"cell_ids": ["c1"], "timeout": 5}
        answer = await tools.call("run", path="n.ipynb", cells=["c1", "c0"], timeout=5)
        assert [cell["status"] for cell in answer["cells"]] == ["ok", "aborted"]
        one.answers["run"] = {"error": {"code": "no_kernel", "message": ""}}
        assert await tools.refused("run", path="n.ipynb", cells="1") == "no_kernel"

        # What was allowed is what is run.
        await tools.policy.choose("edit")
        tools.person.before = lambda: one.cells[1].update(source="other")
        assert await tools.refused("run", path="n.ipynb", cells="1") == "changed"
        assert tools.person.asked == [("# cell 2\nb", "Run cell 2 of n.ipynb")]


async def test_a_page_that_does_not_answer(tools: Tools, api: Api) -> None:
    patient = tools.host.documents
    patient.patience = 0.5
    await tools.policy.choose("run")
    tools.write("n.ipynb", "saved")
    insert = [{"op": "insert", "source": "x"}]
    async with page(api, "p", "n.ipynb", "open") as one:
        # Nothing was done: the file is what there is.
        one.silent = {"cells"}
        answer = await tools.call("read", path="n.ipynb", cells="0")
        assert (answer["open"], answer["cells"][0]["source"]) == (False, "saved")
        await tools.call("read", path="n.ipynb")
        assert len(one.requests) == 1
        # Something may have been done: nothing more is.
        for op, call in [
            ("edit", ("edit", {"edits": insert})),
            ("run", ("run", {"cells": "0", "timeout": 0.1})),
        ]:
            await one.tell()
            one.silent = {op}
            assert await tools.refused(call[0], path="n.ipynb", **call[1]) == "unknown_outcome"
        assert tools.sources("n.ipynb") == ["saved"]
        # It is not waited for any more.
        late = {"request_id": one.requests[0]["request_id"], "page_id": "p", "result": {}}
        status, error = await api.refused("POST", "notebook", "respond", body=json.dumps(late))
        assert (status, error["code"]) == (404, "no_such_request")

        # Another page cannot answer for it.
        await one.tell()
        patient.patience = 30.0
        one.silent = {"cells"}
        reading = asyncio.ensure_future(tools.call("read", path="n.ipynb"))
        async with asyncio.timeout(10):
            while one.requests[-1]["op"] != "cells":
                await asyncio.sleep(0.02)
        stolen = {"request_id": one.requests[-1]["request_id"], "page_id": "q", "result": {}}
        status, error = await api.refused("POST", "notebook", "respond", body=json.dumps(stolen))
        assert (status, error["code"]) == (404, "no_such_request")
        await one._answer(one.requests[-1])
        assert (await reading)["cells"][0]["line"] == "open"


async def test_a_notebook_that_was_just_closed(tools: Tools, api: Api) -> None:
    """The page says so: nothing was done, and the file is what there is."""
    tools.write("n.ipynb", "saved")
    async with page(api, "p", "n.ipynb", "open") as one:
        for op in ("cells", "edit"):
            await one.tell()
            one.answers = {op: {"error": {"code": "not_open", "message": ""}}}
            edits = [{"op": "insert", "source": op}]
            assert "error" not in await tools.call("edit", path="n.ipynb", edits=edits)
    assert tools.sources("n.ipynb") == ["saved", "cells", "edit"]


async def test_an_edit_that_is_stopped_is_told(tools: Tools, api: Api) -> None:
    """The page has it already: then it is made, and can be undone."""
    async with page(api, "p", "n.ipynb", "a") as one:
        one.silent = {"edit"}
        edits = [{"op": "insert", "source": "x"}]
        task = asyncio.ensure_future(tools.call("edit", path="n.ipynb", edits=edits))
        async with asyncio.timeout(10):
            while not one.requests or one.requests[-1]["op"] != "edit":
                await asyncio.sleep(0.02)
            task.cancel()
            await one._answer(one.requests[-1])
            assert "error" not in await task
        assert [change.after for change in tools.result.changes] == ["x"]


async def test_which_page_is_asked(tools: Tools, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_PAGES", 3)
    async with page(api, "a", "n.ipynb", "in a") as a, page(api, "b", "n.ipynb", "in b") as b:

        async def read() -> str:
            answer = await tools.call("read", path="n.ipynb", cells="0")
            return str(answer["cells"][0]["source"])

        await a.tell(focused=False)
        assert await read() == "in b"
        await b.tell(focused=False)
        await a.tell(focused=False)
        assert await read() == "in a"
        await api.put("notebook", "documents", page_id="a", documents=[])
        assert await read() == "in b"
        # As many pages as there may be: the ones that spoke last are known.
        for number in range(documents.MAX_PAGES):
            await api.put(
                "notebook", "documents", page_id=f"x{number}", documents=[{"path": "m.ipynb"}]
            )
        assert await tools.refused("read", path="n.ipynb") == "no_such_notebook"
        assert [one["path"] for one in (await tools.call("list"))["open"]] == ["m.ipynb"]


async def test_what_a_page_may_not_say(api: Api) -> None:
    for verb, path, body, code in [
        ("PUT", "documents", {}, "missing_field"),
        ("PUT", "documents", {"page_id": "", "documents": []}, "missing_field"),
        ("PUT", "documents", {"page_id": "x" * 101, "documents": []}, "too_long"),
        ("PUT", "documents", {"page_id": "p"}, "bad_type"),
        ("PUT", "documents", {"page_id": "p", "documents": [1]}, "bad_type"),
        ("PUT", "documents", {"page_id": "p", "documents": [{}]}, "missing_field"),
        ("PUT", "documents", {"page_id": "p", "documents": [{"path": 1}]}, "bad_type"),
        (
            "PUT",
            "documents",
            {"page_id": "p", "documents": [{"path": "a", "focused": 1}]},
            "bad_type",
        ),
        (
            "PUT",
            "documents",
            {"page_id": "p", "documents": [{"path": "a"}] * 101},
            "too_many_documents",
        ),
        ("POST", "respond", {"page_id": "p", "result": {}}, "missing_field"),
        ("POST", "respond", {"request_id": "r", "page_id": "p"}, "bad_answer"),
        ("POST", "respond", {"request_id": "r", "page_id": "p", "result": 1}, "bad_answer"),
        (
            "POST",
            "respond",
            {"request_id": "r", "page_id": "p", "result": {}, "error": {}},
            "bad_answer",
        ),
        ("POST", "respond", {"request_id": "r", "page_id": "p", "result": {}}, "no_such_request"),
    ]:
        _, error = await api.refused(verb, "notebook", path, body=json.dumps(body))
        assert error["code"] == code, body
