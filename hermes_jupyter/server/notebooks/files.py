"""Notebooks that no page has open, through the server's own contents."""

from __future__ import annotations

import asyncio
import json
import os.path
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import nbformat
from jupyter_core.utils import ensure_async
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell
from tornado.web import HTTPError

from ...core.tools import Change
from .edits import Cell, Edit, Edited
from .outputs import failed
from .refused import Refused
from .seen import Ran, SeenCell, Stale

#: Bytes of the largest file that is read.
MAX_FILE = 100 * 1024 * 1024

#: Folders that are looked into for notebooks, how deep, and for how many seconds.
MAX_FOLDERS = 1000
MAX_DEPTH = 12
MAX_SEARCH = 3.0

#: Deleted cells that are kept whole, so that an undo brings their outputs back too.
MAX_DELETED = 200
MAX_DELETED_CELL = 1_000_000

#: Folders full of other people's files.
_NOT_THEIRS = ("node_modules", "site-packages")

_NEW = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}

#: Runs cells of the notebook at a path whose kernelspec has this name.
RunCells = Callable[[str, str | None, Sequence[Cell], float, list[Ran]], Awaitable[None]]


class Files:
    """The notebooks below the server's root.

    Args:
        contents: the server's contents manager, whatever keeps them.
        run: runs cells in the notebook's kernel; adds what has run to the list that it gets.
    """

    def __init__(self, contents: Any, run: RunCells) -> None:
        self.contents = contents
        self.run = run
        #: Held while a file is read, and from the last look at it to its writing: our own reads and
        #: writes do not meet.
        self.writing = asyncio.Lock()
        self.deleted: dict[tuple[str, str], NotebookNode] = {}

    async def check(self, path: str) -> None:
        """Refuse a path that is not one of a notebook the person sees in Jupyter."""
        parts = path.split("/")
        advice = "Use a path as notebook_list gives it, relative to the Jupyter server's root."
        if not path.endswith(".ipynb"):
            raise Refused("not_a_notebook", f"{path!r} is not a notebook.", advice)
        if "\\" in path or "\0" in path or not all(parts) or {".", ".."} & {*parts}:
            raise Refused("bad_path", f"{path!r} is not a path of Jupyter's.", advice)
        hidden = any(part.startswith(".") for part in parts)
        if hidden and not getattr(self.contents, "allow_hidden", False):
            raise Refused("hidden", f"{path!r} is hidden here.", advice)
        root = getattr(self.contents, "root_dir", None)
        if root and not await asyncio.to_thread(_is_within, str(root), path):
            raise Refused("outside", f"{path!r} leads out of the server's root.", advice)

    async def open(self, path: str) -> ClosedNotebook:
        """The notebook in a file.

        Raises:
            Refused: there is none, it is too large, or it is no notebook.
        """
        about = await self._get(path, content=False)
        if (about.get("size") or 0) > MAX_FILE:
            raise Refused(
                "too_large",
                f"{path} has {about['size']} bytes; files above {MAX_FILE} are not read.",
                "Tell the person; clearing its outputs makes a notebook smaller.",
            )
        notebook = ClosedNotebook(self, path)
        await notebook.load()
        return notebook

    async def exists(self, path: str) -> bool:
        """Whether there is anything at a path."""
        return bool(await ensure_async(self.contents.file_exists(path))) or bool(
            await ensure_async(self.contents.dir_exists(path))
        )

    async def create(self, path: str, kernelspec: dict[str, Any]) -> None:
        """Write a notebook without cells where nothing is.

        Raises:
            Refused: there is something, or it cannot be written there.
        """
        folder = path.rpartition("/")[0]
        async with self.writing:
            if await self.exists(path):
                raise Refused(
                    "exists", f"There is a {path} already.", "Edit it, or take another name."
                )
            if not await ensure_async(self.contents.dir_exists(folder)):
                raise Refused("no_such_folder", f"There is no folder {folder!r}.", "Make it first.")
            await self.save(path, new_notebook(metadata={"kernelspec": kernelspec}))

    async def newest(self, folder: str, most: int) -> tuple[list[dict[str, Any]], bool]:
        """The notebooks below a folder, newest first, and whether that are all.

        Raises:
            Refused: there is no such folder.
        """
        found: list[tuple[Any, str]] = []
        until = time.monotonic() + MAX_SEARCH
        folders = [(folder, 0)]
        looked = 0
        while looked < min(len(folders), MAX_FOLDERS) and time.monotonic() < until:
            name, depth = folders[looked]
            looked += 1
            for entry in await self._listed(name, needed=depth == 0):
                if entry["type"] == "notebook":
                    found.append((entry["last_modified"], entry["path"]))
                elif entry["type"] == "directory" and depth < MAX_DEPTH:
                    folders.append((entry["path"], depth + 1))
        found.sort(reverse=True)
        newest = [
            {"path": path, "modified": modified.strftime("%Y-%m-%d %H:%M")}
            for modified, path in found[:most]
        ]
        return newest, looked == len(folders) and len(found) <= most

    async def _listed(self, folder: str, *, needed: bool) -> list[dict[str, Any]]:
        try:
            model = await ensure_async(self.contents.get(folder, type="directory"))
        except HTTPError as error:
            if not needed:
                # It went away, or is not the person's to read.
                return []
            raise Refused(
                "no_such_folder", f"There is no folder {folder!r}.", "Leave `folder` out."
            ) from error
        return [entry for entry in model["content"] if entry["name"] not in _NOT_THEIRS]

    async def read(self, path: str) -> dict[str, Any]:
        """The model of a notebook with its content.

        Raises:
            Refused: it is not there, or not a notebook.
        """
        model = await self._get(path, content=True)
        if model.get("message"):
            raise Refused(
                "invalid_notebook",
                f"{path} is not a valid notebook: {str(model['message'])[:500]}",
                "Tell the person, or mend the file with your file tools.",
            )
        return model

    async def modified(self, path: str) -> Any:
        """What changes when a file is written: its time and size."""
        about = await self._get(path, content=False)
        return about.get("last_modified"), about.get("size")

    async def save(self, path: str, content: NotebookNode) -> None:
        """Write a valid notebook.

        Raises:
            Refused: it would not be one, or it cannot be written.
        """
        try:
            await asyncio.to_thread(nbformat.validate, content)
        except nbformat.ValidationError as error:
            raise Refused(
                "invalid_notebook",
                f"{path} would not be a valid notebook any more: {str(error)[:500]}",
                "Check the edits.",
            ) from error
        model = {"type": "notebook", "format": "json", "content": content}
        try:
            await ensure_async(self.contents.save(model, path))
        except HTTPError as error:
            raise Refused(
                "not_written",
                f"{path} cannot be written: {error.log_message or error.reason}",
                "Tell the person; nothing was changed.",
            ) from error

    async def _get(self, path: str, *, content: bool) -> dict[str, Any]:
        try:
            got = self.contents.get(path, content=content, type="notebook")
            return dict(await ensure_async(got))
        except HTTPError as error:
            said = str(error.log_message or error.reason)
            if error.status_code == 404:
                raise Refused(
                    "no_such_notebook",
                    f"There is no {path}.",
                    "See notebook_list; `create` of notebook_edit makes a new one.",
                ) from error
            raise Refused(
                "invalid_notebook",
                f"{path} cannot be read as a notebook: {said[:500]}",
                "Tell the person, or mend the file with your file tools.",
            ) from error


class ClosedNotebook:
    """A notebook in its file; see :class:`~.seen.Notebook`."""

    is_open = False
    kernel_id: str | None = None

    def __init__(self, files: Files, path: str) -> None:
        self.path = path
        self.unsaved = ""
        self._files = files
        self._content: NotebookNode = new_notebook()
        self._revision: Any = None

    async def load(self) -> None:
        """Read the file as it is now.

        Raises:
            Refused: it is not there, or no notebook, and stays so for a moment.
        """
        while True:
            async with self._files.writing:
                self._revision = await self._files.modified(self.path)
                try:
                    self._content = (await self._files.read(self.path))["content"]
                    break
                except Refused:
                    # Who writes a file empties it first: this may be half of what is written.
                    await asyncio.sleep(0.1)
                    if await self._files.modified(self.path) == self._revision:
                        raise
        _identify(self._content)

    @property
    def kernel_name(self) -> str | None:
        """The name of its kernelspec, if it says one."""
        spec = self._content.metadata.get("kernelspec") or {}
        return spec.get("name") or None

    async def cells(
        self, ids: Sequence[str] | None = None, *, outputs: bool = False
    ) -> list[SeenCell]:
        """The cells as they are in the file that was read."""
        return [
            _seen(cell, outputs) for cell in self._content.cells if ids is None or cell["id"] in ids
        ]

    async def edit(self, edits: Sequence[Edit], edited: Edited) -> tuple[Change, ...]:
        """Write the notebook with these cells; outputs and metadata stay with their cells."""
        content = self._content
        nodes = {cell["id"]: cell for cell in content.cells}
        kept = {cell.id for cell in edited.cells}
        self._keep_deleted([node for cell_id, node in nodes.items() if cell_id not in kept])
        content.cells = [self._node(nodes.get(cell.id), cell) for cell in edited.cells]
        await self._write()
        return edited.changes

    async def run(self, cells: Sequence[Cell], within: float) -> list[Ran]:
        """Run the cells, and write what they put out into the file.

        That is written even when the call is cancelled: the code has run.
        """
        ran: list[Ran] = []
        try:
            await self._files.run(self.path, self.kernel_name, cells, within, ran)
        finally:
            await asyncio.shield(self._keep_outputs({cell.id: cell for cell in cells}, ran))
        return ran

    async def _keep_outputs(self, sources: dict[str, Cell], ran: Sequence[Ran]) -> None:
        try:
            await self._write_outputs(sources, ran)
        except Refused as error:
            self.unsaved = error.message

    async def _write(self) -> None:
        async with self._files.writing:
            if await self._files.modified(self.path) != self._revision:
                raise Stale
            self._content.nbformat_minor = max(5, self._content.nbformat_minor)
            await self._files.save(self.path, self._content)
            self._revision = await self._files.modified(self.path)

    async def _write_outputs(self, sources: dict[str, Cell], ran: Sequence[Ran]) -> None:
        done = {one.id: one for one in ran if one.status != "aborted"}
        while done:
            # Somebody may have edited the file while it ran: that stays.
            await self.load()
            for cell in self._content.cells:
                one = done.get(cell["id"])
                if one and cell.cell_type == "code" and cell.source == sources[one.id].source:
                    cell.outputs = [nbformat.from_dict(output) for output in one.outputs]
                    cell.execution_count = one.execution_count
            try:
                await self._write()
                return
            except Stale:
                continue

    def _node(self, node: NotebookNode | None, cell: Cell) -> NotebookNode:
        if node is None:
            # A cell that was deleted comes back with all that it had.
            node = self._files.deleted.get((self.path, cell.id))
            if node is None or (node.cell_type, node.source) != (cell.cell_type, cell.source):
                return _NEW[cell.cell_type](cell.source, id=cell.id)  # type: ignore[no-any-return]
        node.source = cell.source
        return node

    def _keep_deleted(self, nodes: Sequence[NotebookNode]) -> None:
        deleted = self._files.deleted
        for node in nodes:
            # A larger one comes back without its outputs.
            if len(json.dumps(node)) <= MAX_DELETED_CELL:
                deleted[self.path, node["id"]] = node
        while len(deleted) > MAX_DELETED:
            del deleted[next(iter(deleted))]


def _is_within(root: str, path: str) -> bool:
    real = Path(os.path.realpath(Path(root).expanduser()))
    return Path(os.path.realpath(real / path)).is_relative_to(real)


def _identify(content: NotebookNode) -> None:
    """Give each cell an id of its own: old notebooks have none, and a hand may have copied one."""
    # Ids of a notebook that was converted are invented anew at each reading.
    old = "orig_nbformat" in content.metadata
    taken: set[str] = set()
    for index, cell in enumerate(content.cells):
        if old or not cell.get("id") or cell["id"] in taken:
            # The same for the same file: what was read is what is edited.
            cell["id"] = f"cell-{index}"
        taken.add(cell["id"])


def _seen(cell: NotebookNode, outputs: bool) -> SeenCell:
    put_out = cell.get("outputs") or []
    return SeenCell(
        id=cell["id"],
        cell_type=cell.cell_type,
        source=cell.source,
        execution_count=cell.get("execution_count"),
        output_count=len(put_out),
        failed=failed(put_out),
        outputs=put_out if outputs else None,
    )
