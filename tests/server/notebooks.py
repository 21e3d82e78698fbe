"""The notebook tools as a test calls them, and a page that has a notebook open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from hermes_jupyter.core.notebook_policy import NotebookPolicy
from hermes_jupyter.core.question import Choice
from hermes_jupyter.core.tools import ToolCall, ToolResult
from hermes_jupyter.server.notebooks.edits import hash_of
from hermes_jupyter.server.notebooks.host import Notebooks

from .conftest import Api


class Person:
    """Somebody who is asked; ``answers`` with one choice, or does not."""

    def __init__(self) -> None:
        self.answer: str | None = "once"
        self.asked: list[tuple[str, str]] = []
        #: What she does before she answers.
        self.before: Callable[[], Any] = lambda: None

    async def ask(self, what: str, about: str, choices: Sequence[Choice]) -> str | None:
        assert [choice.id for choice in choices] == ["once", "always", "deny"]
        self.asked.append((what, about))
        done = self.before()
        if done is not None:
            await done
        return self.answer


class Tools:
    """The tools of one conversation; answers are read as JSON."""

    def __init__(self, host: Notebooks, policy: NotebookPolicy, root: Path) -> None:
        self.host = host
        self.policy = policy
        self.root = root
        self.person = Person()
        self.result = ToolResult("")

    async def call(self, name: str, /, **args: Any) -> dict[str, Any]:
        call = ToolCall("conversation", "turn", f"notebook_{name}", args)
        self.result = await self.host.call(call, self.person.ask)
        return dict(json.loads(self.result.text))

    async def refused(self, name: str, /, **args: Any) -> str:
        """The code of a refusal, which says what to do next."""
        answer = await self.call(name, **args)
        assert set(answer) == {"error"}, answer
        assert answer["error"]["message"]
        assert answer["error"]["hint"]
        assert self.result.changes == ()
        return str(answer["error"]["code"])

    def write(self, path: str, *sources: str, **metadata: Any) -> None:
        """A notebook file; a source that begins with ``#`` and a space is text."""
        cells = [
            new_markdown_cell(source, id=f"c{number}")
            if source.startswith("# ")
            else new_code_cell(source, id=f"c{number}")
            for number, source in enumerate(sources)
        ]
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=cells, metadata=metadata), self.root / path)

    def cells(self, path: str) -> list[Any]:
        """The cells of a file."""
        return list(nbformat.read(self.root / path, as_version=4).cells)

    def sources(self, path: str) -> list[str]:
        return [cell.source for cell in self.cells(path)]


def known(cell_id: str, source: str) -> dict[str, str]:
    """How the agent names a cell that it has read."""
    return {"id": cell_id, "hash": hash_of(source)}


class Page:
    """A page over real HTTP that has one notebook open, and answers as the contract says."""

    def __init__(self, api: Api, page_id: str, path: str, cells: list[dict[str, Any]]) -> None:
        self.api = api
        self.page_id = page_id
        self.path = path
        self.cells = cells
        self.requests: list[dict[str, Any]] = []
        self.kernel: dict[str, str] | None = None
        self.silent: set[str] = set()
        self.answers: dict[str, dict[str, Any]] = {}

    async def tell(self, **more: Any) -> Any:
        documents = [{"path": self.path, "kernel_id": None, "focused": True, **more}]
        return await self.api.put(
            "notebook", "documents", page_id=self.page_id, documents=documents
        )

    async def live(self, frames: Any) -> None:
        with suppress(EOFError, httpx.HTTPError):
            while True:
                frame = await frames.next()
                if frame.event == "notebook.request" and frame.data["page_id"] == self.page_id:
                    self.requests.append(frame.data)
                    if frame.data["op"] not in self.silent:
                        await self._answer(frame.data)

    async def _answer(self, request: dict[str, Any]) -> None:
        op, args = request["op"], request["args"]
        answer = self.answers.get(op) or {"result": getattr(self, f"_{op}")(args)}
        about = {"request_id": request["request_id"], "page_id": self.page_id}
        assert await self.api.post("notebook", "respond", **about, **answer) == {}

    def _cells(self, args: dict[str, Any]) -> dict[str, Any]:
        chosen = [
            {**cell, "index": index}
            for index, cell in enumerate(self.cells)
            if cell["id"] in args.get("ids", [cell["id"]])
        ]
        if not args["outputs"]:
            chosen = [
                {**cell, "outputs": None, "output_count": len(cell["outputs"])} for cell in chosen
            ]
        return {"cells": chosen, "kernel": self.kernel}

    def _edit(self, args: dict[str, Any]) -> dict[str, Any]:
        changed = []
        for edit in args["edits"]:
            if edit["op"] == "insert":
                cell = {**edit["cell"], "execution_count": None, "outputs": []}
            else:
                cell = next(cell for cell in self.cells if cell["id"] == edit["cell_id"])
                assert cell["source"] == edit["expected"]
            if edit["op"] == "replace":
                cell["source"] = edit["source"]
            if edit["op"] in ("delete", "move"):
                self.cells.remove(cell)
            if edit["op"] in ("insert", "move"):
                ids = [other["id"] for other in self.cells]
                before = edit["before_id"]
                self.cells.insert(len(ids) if before is None else ids.index(before), cell)
            if edit["op"] != "delete":
                changed.append(cell)
        return {"cells": changed}


@asynccontextmanager
async def page(api: Api, page_id: str, path: str, *sources: str) -> AsyncIterator[Page]:
    """A page with these code cells; it is gone without a word after the block."""
    cells = [
        {
            "id": f"c{number}",
            "cell_type": "code",
            "source": source,
            "execution_count": None,
            "outputs": [],
        }
        for number, source in enumerate(sources)
    ]
    one = Page(api, page_id, path, cells)
    async with api.stream("events") as frames:
        task = asyncio.ensure_future(one.live(frames))
        await one.tell()
        try:
            yield one
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    error = None if task.cancelled() else task.exception()
    if error is not None:
        raise error
