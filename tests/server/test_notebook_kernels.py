"""Cells of closed notebooks in real kernels, and what those hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hermes_jupyter.server.notebooks import inspector, kernels, variables

from .conftest import Api
from .notebooks import Tools, page

#: What a person allows for good stays in a server.
pytestmark = pytest.mark.own_server


@pytest.fixture
def tools(extension: Any, jp_root_dir: Path) -> Tools:
    return Tools(extension.notebooks, extension.core.notebook_policy, jp_root_dir)


@pytest.fixture
def jupyter(jp_serverapp: Any, jp_asyncio_loop: Any) -> Iterator[Any]:
    """The server, whose kernels are ended after the test."""
    yield jp_serverapp
    jp_asyncio_loop.run_until_complete(jp_serverapp.kernel_manager.shutdown_all(now=True))


async def busy(jupyter: Any, kernel_id: str) -> None:
    async with asyncio.timeout(30):
        while jupyter.kernel_manager.get_kernel(kernel_id).execution_state != "busy":
            await asyncio.sleep(0.02)


@asynccontextmanager
async def person(jupyter: Any, kernel_id: str, code: str) -> AsyncIterator[Any]:
    """Somebody who runs a cell of their own; yields the future of its reply."""
    client = jupyter.kernel_manager.get_kernel(kernel_id).client()
    client.start_channels()
    await client.wait_for_ready(timeout=60)
    reply = asyncio.ensure_future(
        client.execute_interactive(code, output_hook=lambda message: None, allow_stdin=False)
    )
    try:
        yield reply
    finally:
        reply.cancel()
        client.stop_channels()


async def kernel_of(jupyter: Any, path: str) -> str:
    sessions = await jupyter.session_manager.list_sessions()
    [kernel_id] = [one["kernel"]["id"] for one in sessions if one["path"] == path]
    return str(kernel_id)


HOSTILE = """
import time
class Endless:
    def __repr__(self):
        while True: pass
    __str__ = __len__ = __eq__ = __hash__ = __getattr__ = __repr__
endless = Endless(); inside = [1, Endless(), {"a": Endless()}]; text = "x" * 5000
own = {"a": 1}; own["self"] = own
"""


async def test_a_closed_notebook_is_run_and_looked_into(tools: Tools, jupyter: Any) -> None:
    tools.write(
        "a/n.ipynb",
        "import os; x = 41; print(os.path.basename(os.getcwd()))",
        "# Text",
        "x + 1",
        "from IPython.display import display, clear_output\n"
        "display('old'); clear_output(); h = display('one', display_id='d'); h.update('two')\n"
        "display({'application/vnd.jupyter.widget-view+json': {'model_id': 'm'},"
        " 'text/plain': 'W()'}, raw=True)\n"
        "display({'image/png': 'aGk='}, raw=True)",
        "1 / 0",
        "never",
        HOSTILE,
        "while True:\n    time.sleep(0.01)",
        "print('y' * 11_000_000); print('z')",
    )
    await tools.policy.choose("run")
    answer = await tools.call("run", path="a/n.ipynb", cells="0-5")
    ran = answer["cells"]
    assert [one["status"] for one in ran] == ["ok", "ok", "ok", "error", "aborted"]
    assert [one["execution_count"] for one in ran] == [1, 2, 3, 4, None]
    assert ran[0]["output"] == "a"
    assert ran[1]["output"] == "42"
    assert ran[2]["output"].splitlines() == ["'two'", "W()", "[picture 1: image/png]"]
    assert [image.data for image in tools.result.images] == ["aGk="]
    assert "ZeroDivisionError" in ran[3]["output"]
    assert "\x1b" not in ran[3]["output"]
    saved = tools.cells("a/n.ipynb")
    assert [cell.get("execution_count") for cell in saved[:6]] == [1, None, 2, 3, 4, None]
    assert saved[2].outputs[0].data["text/plain"] == "42"
    assert saved[4].outputs[0].ename == "ZeroDivisionError"
    assert "widgets" not in saved[0].metadata

    outline = await tools.call("read", path="a/n.ipynb")
    assert [line["index"] for line in outline["cells"] if line.get("failed")] == [4]
    assert outline["kernel"]["name"] == "python3"
    [cell] = (await tools.call("read", path="a/n.ipynb", cells="3", outputs=True))["cells"]
    assert "[picture 1: image/png]" in cell["output"]
    [image] = tools.result.images
    assert (image.mime, image.data) == ("image/png", "aGk=")
    [running] = (await tools.call("list"))["running"]
    assert running["path"] == "a/n.ipynb"

    # The same kernel; and what looks into it calls nothing of the person's.
    await tools.call("run", path="a/n.ipynb", cells="6")
    told = await tools.call("variables", path="a/n.ipynb")
    by_name = {one.pop("name"): one for one in told["variables"]}
    assert by_name["x"] == {"type": "int", "value": "41"}
    assert by_name["endless"] == {"type": "Endless"}
    assert by_name["inside"]["value"] == "[1, <Endless>, {'a': <Endless>}]"
    assert by_name["text"]["length"] == 5000
    assert len(by_name["text"]["value"]) < 200
    assert by_name["own"]["value"] == "{'a': 1, 'self': {'a': 1, 'self': {...}}}"
    assert not {"os", "In", "get_ipython", "tell", "json"} & set(by_name)
    some = await tools.call("variables", path="a/n.ipynb", names=["x", "tell", "none"])
    assert [one["name"] for one in some["variables"]] == ["x"]
    assert some["missing"] == ["tell", "none"]
    some = await tools.call("variables", path="a/n.ipynb", filter="Endl")
    assert [one["name"] for one in some["variables"]] == ["Endless", "endless"]

    # One that never ends is interrupted; one that writes without end is cut.
    answer = await tools.call("run", path="a/n.ipynb", cells=[7, 8], timeout=1)
    assert [one["status"] for one in answer["cells"]] == ["timeout", "aborted"]
    assert "KeyboardInterrupt" in answer["cells"][0]["output"]
    answer = await tools.call("run", path="a/n.ipynb", cells="8")
    assert answer["cells"][0]["status"] == "ok"
    assert answer["cells"][0]["output"].startswith("yyy")
    assert answer["cells"][0]["output"].endswith("are kept.")
    assert len(tools.result.text) < 30_000
    assert (tools.root / "a/n.ipynb").stat().st_size < kernels.MAX_KEPT + 100_000


async def test_a_stop_hits_the_agents_own_cell_and_no_other(tools: Tools, jupyter: Any) -> None:
    """N6"""
    tools.write("n.ipynb", "import time; time.sleep(60)", "mine = 1", "import os; os._exit(1)")
    await tools.policy.choose("run")
    await tools.call("run", path="n.ipynb", cells="1")
    kernel_id = await kernel_of(jupyter, "n.ipynb")

    # The agent's cell runs: it is interrupted, and the file says so.
    task = asyncio.ensure_future(tools.call("run", path="n.ipynb", cells=[1, 0]))
    await busy(jupyter, kernel_id)
    await asyncio.sleep(0.3)
    task.cancel()
    async with asyncio.timeout(20):
        with pytest.raises(asyncio.CancelledError):
            await task
    first, second, _ = tools.cells("n.ipynb")
    assert first.outputs[0].ename == "KeyboardInterrupt"
    assert second.execution_count == 2

    # The person's cell runs: a run is refused, variables too, at once; nothing is interrupted.
    async with person(jupyter, kernel_id, "import time; time.sleep(3); hers = 1") as reply:
        await busy(jupyter, kernel_id)
        assert await tools.refused("run", path="n.ipynb", cells="1") == "kernel_busy"
        assert await tools.refused("variables", path="n.ipynb") == "kernel_busy"
        assert (await reply)["content"]["status"] == "ok"
    told = await tools.call("variables", path="n.ipynb", names=["hers"])
    assert told["variables"] == [{"name": "hers", "type": "int", "value": "1"}]

    # A kernel that dies is told, and what follows did not run.
    answer = await tools.call("run", path="n.ipynb", cells=[2, 1])
    assert [one["status"] for one in answer["cells"]] == ["error", "aborted"]
    assert "died" in answer["cells"][0]["output"]


async def test_kernels_that_cannot_be_used(
    tools: Tools, jupyter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools.write("n.ipynb", "1", kernelspec={"name": "cobol", "display_name": "COBOL"})
    await tools.policy.choose("run")
    assert await tools.refused("variables", path="n.ipynb") == "no_kernel"
    assert await tools.refused("run", path="n.ipynb", cells="0") == "no_such_kernel"
    tools.write(
        "n.ipynb", "# text", "value = 1", "class A:\n    def __repr__(self):\n        1 / 0"
    )
    assert await tools.refused("run", path="n.ipynb", cells="0") == "no_code"

    # The person edits the file while it runs: the edit stays, and outputs go to what has run.
    async def edited() -> None:
        tools.write("n.ipynb", "# hers", "value = 1", "hers")

    await tools.call("run", path="n.ipynb", cells="1")
    await tools.policy.choose("ask")
    tools.person.before = edited
    assert await tools.refused("run", path="n.ipynb", cells="2") == "changed"
    assert tools.sources("n.ipynb") == ["# hers", "value = 1", "hers"]

    kernel_id = await kernel_of(jupyter, "n.ipynb")
    monkeypatch.setattr(variables, "MAX_LOOK", 0.5)
    expression = "[1 for _ in iter(int, 1)]"
    with pytest.raises(kernels.TimedOut) as caught:
        await tools.host._kernels.ask(kernel_id, expression, 0.5)
    assert caught.value.stopped
    monkeypatch.setattr(variables, "MAX_LOOK", 10.0)
    told = await tools.call("variables", path="n.ipynb", names=["value"])
    assert told["variables"][0]["value"] == "1"
    spec = jupyter.kernel_spec_manager.get_kernel_spec("python3")
    monkeypatch.setattr(
        type(jupyter.kernel_spec_manager),
        "get_all_specs",
        lambda self: {"python3": {"spec": {**spec.to_dict(), "language": "R"}}},
    )
    assert await tools.refused("variables", path="n.ipynb") == "foreign_language"


async def test_a_page_tells_of_the_kernel_it_uses(tools: Tools, api: Api, jupyter: Any) -> None:
    """An open notebook has the kernel that its page says, and needs no session of this path."""
    kernel_id = await jupyter.kernel_manager.start_kernel()
    async with page(api, "p", "n.ipynb", "1") as one:
        assert await tools.refused("variables", path="n.ipynb") == "no_kernel"
        await one.tell(kernel_id=kernel_id)
        assert (await tools.call("variables", path="n.ipynb"))["total"] == 0
        [opened] = (await tools.call("list"))["open"]
        assert opened["kernel"]["id"] == kernel_id
        assert opened["focused"]
        await one.tell(kernel_id="gone")
        assert await tools.refused("variables", path="n.ipynb") == "no_kernel"


async def test_of_an_open_notebook_only_the_agents_cell_is_interrupted(
    tools: Tools, api: Api, jupyter: Any
) -> None:
    """N6: when the turn is stopped, and at the time limit."""
    await tools.policy.choose("run")
    kernel_id = await jupyter.kernel_manager.start_kernel()
    code = "import time; time.sleep(60)"
    async with page(api, "p", "n.ipynb", code) as one:
        one.kernel = {"id": kernel_id}
        await one.tell(kernel_id=kernel_id)
        one.silent = {"run"}

        async def asked(count: int) -> None:
            async with asyncio.timeout(30):
                while [request["op"] for request in one.requests].count("run") < count:
                    await asyncio.sleep(0.02)

        # The page runs the agent's cell.
        task = asyncio.ensure_future(tools.call("run", path="n.ipynb", cells="0"))
        await asked(1)
        async with person(jupyter, kernel_id, code) as reply:
            await busy(jupyter, kernel_id)
            await asyncio.sleep(0.5)
            task.cancel()
            async with asyncio.timeout(20):
                assert (await reply)["content"]["ename"] == "KeyboardInterrupt"
        assert task.cancelled()

        # The page could not run it yet: the person's own cell goes on.
        task = asyncio.ensure_future(tools.call("run", path="n.ipynb", cells="0"))
        await asked(2)
        async with person(jupyter, kernel_id, "import time; time.sleep(2)") as reply:
            await busy(jupyter, kernel_id)
            assert await tools.refused("run", path="n.ipynb", cells="0") == "kernel_busy"
            task.cancel()
            assert (await reply)["content"]["status"] == "ok"

        # It ran too long, says the page.
        late = {"id": "c0", "status": "timeout", "execution_count": None, "outputs": []}
        one.answers["run"] = {"result": {"cells": [late]}}
        task = asyncio.ensure_future(tools.call("run", path="n.ipynb", cells="0"))
        await asked(3)
        async with person(jupyter, kernel_id, code) as reply:
            await busy(jupyter, kernel_id)
            await asyncio.sleep(0.5)
            await one._answer(one.requests[-1])
            assert (await task)["cells"][0]["status"] == "timeout"
            async with asyncio.timeout(20):
                assert (await reply)["content"]["ename"] == "KeyboardInterrupt"


class Meta(type):
    def __eq__(cls, other: object) -> bool:
        raise AssertionError("asked")

    __hash__ = None  # type: ignore[assignment]


class Hostile(metaclass=Meta):
    @property
    def __class__(self) -> type:  # type: ignore[override]
        raise AssertionError("asked")

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("asked")


def test_the_inspector_asks_nobody() -> None:
    class Sub(dict[str, int]):
        __iter__ = __len__ = __repr__ = None  # type: ignore[assignment]

    scope = {
        "a": Hostile(),
        "b": Sub(x=1),
        "c": {(Hostile(),): {1, 2, 3, 4, 5, 6, 7}},
        "d": 10**500,
        "e": b"x" * 100,
        "f": [[[[1]]]],
        "g": {Hostile} if False else None,
        "h": lambda one, two=2: one,
        "_i": 1,
        "j": json,
        "k": "ä\ud800",
        "l": 1.5,
        3: 4,
    }
    told = json.loads(inspector.tell(scope, None, "", 100))
    by_name = {one.pop("name"): one for one in told["variables"]}
    assert told["total"] == len(by_name) == 10
    assert by_name["a"]["type"].endswith("Hostile")
    assert "value" not in by_name["b"]
    assert by_name["d"]["value"] == "<int of 1661 bits>"
    assert by_name["f"]["value"] == "[[[...]]]"
    assert by_name["h"]["value"] == "(one, two)"
    assert by_name["k"]["length"] == 2
    assert len(json.loads(inspector.tell(scope, None, "", 2))["variables"]) == 2
