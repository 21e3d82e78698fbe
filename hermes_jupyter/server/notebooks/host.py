"""The host of the notebook tools: finds the notebook, asks the person, does it, tells the agent."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from itertools import groupby
from typing import Any, TypeVar

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from ...core.notebook_policy import NotebookPolicy
from ...core.tools import Ask, Change, ToolCall, ToolResult, ToolSpec
from .documents import Documents
from .edits import Edit, Edited, apply, diff, hash_of, inverse, layers, no_such_cell, plan
from .files import Files
from .kernels import Kernels
from .outputs import Pictures, text_of
from .permissions import Permissions
from .refused import Refused
from .schemas import DEFAULT_RUN, SPECS
from .seen import Notebook, PageGone, Ran, Reading, SeenCell, Stale, chosen, outline
from .variables import variables

log = logging.getLogger(__name__)

#: Files that one list shows, and open or running notebooks.
MAX_LISTED = 50

#: Characters of a diff or an output in an answer.
MAX_TEXT = 20_000

#: How often an edit is made anew because the file was written at the same moment.
MAX_TRIES = 5

T = TypeVar("T")


class Notebooks:
    """Runs the notebook tools of one server; a :class:`~....core.tools.ToolHost`.

    A call that is cancelled has done nothing, or it has done what it was asked: an edit that has
    begun is finished, and its result is returned in spite of the cancellation, so that it can be
    undone. A cell that the agent runs is interrupted when its turn is stopped; any other cell is
    not, whoever the kernel belongs to.
    """

    def __init__(
        self, documents: Documents, kernels: Kernels, contents: Any, policy: NotebookPolicy
    ) -> None:
        self.documents = documents
        self._permissions = Permissions(policy)
        self._kernels = kernels
        self._files = Files(contents, kernels.run_cells)
        self._tools: dict[str, Callable[[ToolCall, Ask], Awaitable[ToolResult]]] = {
            "notebook_list": self._list,
            "notebook_read": self._read,
            "notebook_edit": self._edit,
            "notebook_run": self._run,
            "notebook_variables": self._variables,
        }

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """The tools there are."""
        return SPECS

    async def call(self, call: ToolCall, ask: Ask) -> ToolResult:
        """Run a tool."""
        try:
            _check_arguments(call)
            return await self._tools[call.name](call, ask)
        except Refused as error:
            return _result(error.told())
        except PageGone:
            return _result(
                Refused(
                    "page_gone",
                    "The page that has the notebook open does not answer.",
                    "Try again: the next call reads the file if no page has it open.",
                ).told()
            )
        except Exception:
            log.exception("%s failed", call.name)
            broken = Refused(
                "internal",
                "The tool failed; the Jupyter server's log has the details.",
                "Read the notebook before you try again: it may have been done in part.",
            )
            return _result(broken.told())

    async def undo(self, changes: Sequence[Change]) -> list[Change]:
        """Take back what nobody touched since.

        A change stays ``done`` where its notebook cannot be reached: it can be tried again.
        """
        ends: dict[int, Change] = {}
        places = {id(change): place for place, change in enumerate(changes)}
        done = [change for change in changes if change.state != "undone"]
        for path, of_path in groupby(sorted(done, key=_path), key=_path):
            for part in layers([*of_path]):
                try:
                    undone = await _to_the_end(self._undo(path, part))
                except (Refused, PageGone) as error:
                    log.info("Changes of %s were not undone: %r", path, error)
                    break
                ends.update(
                    (places[id(change)], end) for change, end in zip(part, undone, strict=True)
                )
        return [ends.get(place, change) for place, change in enumerate(changes)]

    # -- the tools -----------------------------------------------------------------------------

    async def _list(self, call: ToolCall, ask: Ask) -> ToolResult:
        folder = str(call.args.get("folder", "")).strip("/")
        opened = self.documents.all()
        running = await self._kernels.running()
        files, complete = await self._files.newest(folder, MAX_LISTED)
        body: dict[str, Any] = {
            "open": [
                {
                    "path": path,
                    "kernel": self._kernels.about(document.kernel_id),
                    "focused": document.focused,
                }
                for path, document in [*opened.items()][:MAX_LISTED]
            ],
            "running": [
                {"path": path, "kernel": self._kernels.about(kernel_id)}
                for path, kernel_id in [*running.items()][:MAX_LISTED]
                if path not in opened
            ],
            "files": files,
        }
        if not complete:
            body["more"] = "There are more files: give a `folder`."
        return _result(body)

    async def _read(self, call: ToolCall, ask: Ask) -> ToolResult:
        path, wanted = call.args["path"], call.args.get("cells")
        at, _, from_char = str(call.args.get("from", "")).rpartition(":")
        if not from_char.isdecimal() and "from" in call.args:
            raise Refused("bad_from", "`from` is not a `next`.", "Leave it out to read anew.")

        async def read(notebook: Notebook) -> ToolResult:
            cells = await notebook.cells()
            body = {"path": path, "open": notebook.is_open, "count": len(cells)}
            if wanted is None:
                body["kernel"] = self._kernels.about(await self._kernel_of(path))
                return _result({**body, **outline(cells, int(from_char or 0))})
            reading = Reading(int(from_char or 0))
            index_of = {cell.id: index for index, cell in enumerate(cells)}
            named = _from(chosen(cells, wanted), at)
            for number, cell in enumerate(named):
                if call.args.get("outputs") and cell.output_count:
                    # One by one: no page is asked for more than is shown.
                    cell = (await notebook.cells([cell.id], outputs=True) or [cell])[0]
                if not reading.add(index_of[cell.id], cell):
                    rest = named[number + 1 :]
                    if reading.next is None and rest:
                        reading.next = f"{rest[0].id}:0"
                    break
            more = {"next": reading.next} if reading.next else {}
            return _result({**body, "cells": reading.entries, **more}, reading.pictures)

        return await self._with(path, read)

    async def _edit(self, call: ToolCall, ask: Ask) -> ToolResult:
        path, asked = call.args["path"], call.args["edits"]
        create = call.args.get("create", False)
        self._permissions.check()

        async def look(notebook: Notebook) -> tuple[Notebook, list[Edit], Edited]:
            cells = await notebook.cells()
            edits = plan(cells, asked)
            return notebook, edits, apply(path, cells, edits)

        seen: Notebook | None = None
        if create:
            await self._check_new(path)
            edits = plan((), asked)
            planned = apply(path, (), edits)
        else:
            seen, edits, planned = await self._with(path, look)
        shown = await asyncio.to_thread(diff, planned.changes)
        sentence = f"{'Make' if create else 'Edit'} {_name(path)}"
        await self._permissions.allow(call, "edit", path, (shown, sentence), ask)
        edited, changes = await _to_the_end(self._do(path, edits, seen))
        places = {cell.id: index for index, cell in enumerate(edited.cells)}
        body = {
            "path": path,
            "cells": [
                {
                    "id": change.cell_id,
                    "hash": hash_of(change.after),
                    "index": places[change.cell_id],
                }
                for change in changes
                if change.after is not None
            ],
            "diff": _cut(shown),
        }
        return dataclasses.replace(_result(body), changes=tuple(changes))

    async def _run(self, call: ToolCall, ask: Ask) -> ToolResult:
        path, wanted = call.args["path"], call.args["cells"]
        self._permissions.check()

        async def look(notebook: Notebook) -> list[tuple[int, SeenCell]]:
            cells = await notebook.cells()
            index_of = {cell.id: index for index, cell in enumerate(cells)}
            code = [cell for cell in chosen(cells, wanted) if cell.cell_type == "code"]
            return [(index_of[cell.id], cell) for cell in code]

        allowed = await self._with(path, look)
        if not allowed:
            raise Refused("no_code", "None of these cells is code.", "Name code cells.")
        code = "\n\n".join(f"# cell {index + 1}\n{cell.source}" for index, cell in allowed)
        which = f"cell {allowed[0][0] + 1}" if len(allowed) == 1 else f"{len(allowed)} cells"
        sentence = f"Run {which} of {_name(path)}"
        await self._permissions.allow(call, "run", path, (code, sentence), ask)

        async def run(notebook: Notebook) -> ToolResult:
            now = {cell.id: cell for cell in await notebook.cells()}
            for _, cell in allowed:
                if cell.id not in now or now[cell.id].source != cell.source:
                    # What was allowed is what is run.
                    raise Refused(
                        "changed",
                        f"Cell {cell.id} was changed meanwhile; nothing was run.",
                        "Read it again.",
                    )
            within = float(call.args.get("timeout", DEFAULT_RUN))
            ran = await self._run_cells(notebook, [cell for _, cell in allowed], within)
            pictures = Pictures()
            room = MAX_TEXT // max(1, len(ran))
            cells = [
                {
                    "id": one.id,
                    "status": one.status,
                    "execution_count": one.execution_count,
                    "output": _cut(text_of(one.outputs, pictures), max(500, room)),
                }
                for one in ran
            ]
            body: dict[str, Any] = {"path": path, "cells": cells}
            if notebook.unsaved:
                body["not_saved"] = notebook.unsaved
            return _result(body, pictures)

        return await self._with(path, run)

    async def _variables(self, call: ToolCall, ask: Ask) -> ToolResult:
        path = call.args["path"]
        await self._files.check(path)
        kernel_id = await self._kernel_of(path)
        if kernel_id is None:
            raise Refused(
                "no_kernel",
                f"No kernel runs for {path}.",
                "Running a cell of it with notebook_run starts one.",
            )
        names, pattern = call.args.get("names"), str(call.args.get("filter", ""))
        return _result({"path": path, **await variables(self._kernels, kernel_id, names, pattern)})

    # -- how they get at a notebook ------------------------------------------------------------

    async def _with(
        self, path: str, do: Callable[[Notebook], Awaitable[T]], seen: Notebook | None = None
    ) -> T:
        """Do something with a notebook where it is; where its page is gone, with its file.

        A file that was ``seen`` is not read anew, as long as nobody writes it.
        """
        await self._files.check(path)
        closed = None if seen is None or seen.is_open else seen
        for _ in range(MAX_TRIES):
            notebook: Notebook = self.documents.find(path) or closed or await self._files.open(path)
            try:
                return await do(notebook)
            except (PageGone, Stale):
                closed = None
        raise Refused(
            "not_quiet", f"{path} is being changed again and again.", "Try again in a while."
        )

    async def _do(
        self, path: str, edits: Sequence[Edit], seen: Notebook | None
    ) -> tuple[Edited, tuple[Change, ...]]:
        """Make edits of a notebook as it is by now: they may have waited for the person's word.

        Without a notebook that was ``seen``, a new one is made.
        """
        if seen is None:
            await self._files.create(path, await self._kernels.kernelspec())

        async def do(notebook: Notebook) -> tuple[Edited, tuple[Change, ...]]:
            edited = apply(path, await notebook.cells(), edits)
            return edited, await notebook.edit(edits, edited)

        return await self._with(path, do, seen)

    async def _undo(self, path: str, part: Sequence[Change]) -> list[Change]:
        async def undo(notebook: Notebook) -> list[Change]:
            cells = await notebook.cells()
            edits, ends = inverse(cells, part)
            if edits:
                await notebook.edit(edits, apply(path, cells, edits))
            return ends

        return await self._with(path, undo)

    async def _run_cells(
        self, notebook: Notebook, cells: Sequence[SeenCell], within: float
    ) -> list[Ran]:
        """Run cells where the notebook is; what of them runs too long, or on, is interrupted."""
        if self._kernels.about(notebook.kernel_id) is None:
            return await notebook.run(cells, within)
        assert notebook.kernel_id is not None
        async with self._kernels.watched(notebook.kernel_id) as watch:
            try:
                ran = await notebook.run(cells, within)
            except BaseException:
                await watch.interrupt(cells)
                raise
            if any(one.status == "timeout" for one in ran):
                await watch.interrupt(cells)
            return ran

    async def _check_new(self, path: str) -> None:
        await self._files.check(path)
        if await self._files.exists(path):
            raise Refused("exists", f"There is a {path} already.", "Edit it, or take another name.")

    async def _kernel_of(self, path: str) -> str | None:
        document = self.documents.all().get(path)
        kernel_id = document.kernel_id if document else None
        if self._kernels.about(kernel_id) is None:
            kernel_id = (await self._kernels.running()).get(path)
        return kernel_id


def _check_arguments(call: ToolCall) -> None:
    spec = next((spec for spec in SPECS if spec.name == call.name), None)
    if spec is None:
        raise Refused("no_such_tool", f"There is no tool {call.name}.", "Use one that there is.")
    error = best_match(Draft202012Validator(spec.parameters).iter_errors(call.args))
    if error is not None:
        raise Refused(
            "bad_arguments", f"{error.json_path}: {error.message[:500]}", "Mend the arguments."
        )


def _from(cells: list[SeenCell], cell_id: str) -> list[SeenCell]:
    """The cells from this one on; all of them, if none is named."""
    if not cell_id:
        return cells
    for index, cell in enumerate(cells):
        if cell.id == cell_id:
            return cells[index:]
    raise no_such_cell(cell_id)


def _result(body: dict[str, Any], pictures: Pictures | None = None) -> ToolResult:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str)
    # A file may hold half of a surrogate pair, which cannot be sent on.
    text = text.encode(errors="replace").decode()
    return ToolResult(text, images=tuple(pictures.taken) if pictures else ())


def _cut(text: str, most: int = MAX_TEXT) -> str:
    """A text that is not too long: of a longer one, the beginning and the end."""
    if len(text) <= most:
        return text
    half = most // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n[… {left_out} characters left out: read them …]\n{text[-half:]}"


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _path(change: Change) -> str:
    return change.path


async def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """What comes of ``work``, which is not cancelled half way whatever happens to the caller."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    return task.result()
