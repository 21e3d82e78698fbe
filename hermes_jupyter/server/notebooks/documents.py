"""Which notebooks the pages have open, and what is asked of them.

A page is asked by an event and answers by a call, or not at all: then it is forgotten until it
tells again what it has open.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import NotFound
from ...core.tools import Change
from .edits import Cell, Edit, Edited, changed, no_such_cell
from .refused import Refused
from .seen import PageGone, Ran, SeenCell, Stale

#: Pages and documents that are remembered; of more pages, those that told something last.
MAX_PAGES = 200
MAX_DOCUMENTS = 100

#: Seconds in which a page answers, besides the time that what it does may take.
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Document:
    """A notebook that a page has open."""

    path: str
    kernel_id: str | None
    focused: bool


class Documents:
    """The open notebooks of all pages, in memory.

    Args:
        publish: tells every page an event, by its name and data.
    """

    def __init__(self, publish: Callable[[str, dict[str, Any]], object]) -> None:
        self.patience = PATIENCE
        self._publish = publish
        # The page that told something last is the last one.
        self._pages: dict[str, dict[str, Document]] = {}
        self._asked: dict[str, tuple[str, asyncio.Future[dict[str, Any]]]] = {}

    def tell(self, page_id: str, documents: Sequence[Document]) -> None:
        """Remember what a page has open, instead of what it had before."""
        self.forget(page_id)
        if documents:
            self._pages[page_id] = {document.path: document for document in documents}
            if len(self._pages) > MAX_PAGES:
                del self._pages[next(iter(self._pages))]

    def forget(self, page_id: str) -> None:
        """A page is gone, or does not answer."""
        self._pages.pop(page_id, None)

    def all(self) -> dict[str, Document]:
        """Each open notebook once, as the page has it that would be asked."""
        paths = {path for documents in self._pages.values() for path in documents}
        return {path: self._owner(path)[1] for path in sorted(paths)}

    def find(self, path: str) -> OpenNotebook | None:
        """The notebook in the page that has it in front, else in the one that spoke last."""
        if not any(path in documents for documents in self._pages.values()):
            return None
        page_id, document = self._owner(path)
        return OpenNotebook(self, page_id, document)

    async def ask(
        self, page_id: str, path: str, op: str, args: dict[str, Any], busy: float = 0
    ) -> dict[str, Any]:
        """What a page answers to a request that may keep it ``busy`` for so many seconds.

        Raises:
            PageGone: there is no answer in time; the page is forgotten.
            Stale: the page does not have the notebook open any more.
            Refused: the page says why not.
        """
        request_id = uuid.uuid4().hex
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._asked[request_id] = (page_id, answer)
        within = busy + self.patience
        self._publish(
            "notebook.request",
            {
                "request_id": request_id,
                "page_id": page_id,
                "path": path,
                "op": op,
                "args": args,
                "deadline": time.time() + within,
            },
        )
        try:
            async with asyncio.timeout(within):
                body = await answer
        except TimeoutError:
            self.forget(page_id)
            raise PageGone from None
        finally:
            del self._asked[request_id]
        if "error" in body:
            if body["error"].get("code") == "not_open":
                # It was closed or renamed a moment ago; the page is about to say so.
                self.forget(page_id)
                raise Stale
            raise _refusal(body["error"])
        return dict(body["result"])

    def respond(self, request_id: str, page_id: str, body: dict[str, Any]) -> None:
        """Take a page's ``{result}`` or ``{error}``.

        Raises:
            NotFound: nobody waits for it (any more), or it was asked of another page.
        """
        asked_of, answer = self._asked.get(request_id, ("", None))
        if answer is None or asked_of != page_id or answer.done():
            raise NotFound("Nobody waits for this answer any more.", code="no_such_request")
        answer.set_result(body)

    def _owner(self, path: str) -> tuple[str, Document]:
        owners = [
            (page_id, documents[path])
            for page_id, documents in reversed(self._pages.items())
            if path in documents
        ]
        return next((owner for owner in owners if owner[1].focused), owners[0])


class OpenNotebook:
    """A notebook that a page has open; see :class:`~.seen.Notebook`."""

    is_open = True
    unsaved = ""

    def __init__(self, documents: Documents, page_id: str, document: Document) -> None:
        self.path = document.path
        self.kernel_id = document.kernel_id
        self._documents = documents
        self._page_id = page_id

    async def cells(
        self, ids: Sequence[str] | None = None, *, outputs: bool = False
    ) -> list[SeenCell]:
        """The cells as the person sees them."""
        args: dict[str, Any] = {"outputs": outputs}
        if ids is not None:
            args["ids"] = list(ids)
        answer = await self._ask("cells", args)
        kernel = answer.get("kernel")
        self.kernel_id = kernel["id"] if isinstance(kernel, dict) else None
        return [_seen(cell) for cell in _listed(answer)]

    async def edit(self, edits: Sequence[Edit], edited: Edited) -> tuple[Change, ...]:
        """Let the page make the edits, as one step of its undo."""
        try:
            await self._ask("edit", {"edits": [edit.to_json() for edit in edits]})
        except PageGone:
            raise Refused(
                "unknown_outcome",
                "The page that has the notebook open did not answer: the edit may have been made.",
                "Read the cells again before you do anything else.",
            ) from None
        return edited.changes

    async def run(self, cells: Sequence[Cell], within: float) -> list[Ran]:
        """Let the page run the cells, in its own kernel."""
        ids = [cell.id for cell in cells]
        try:
            args = {"cell_ids": ids, "timeout": within}
            answer = await self._ask("run", args, within)
        except PageGone:
            raise Refused(
                "unknown_outcome",
                "The page that has the notebook open did not answer: the cells may have run, or "
                "run still.",
                "Read the cells with their outputs before you run anything again.",
            ) from None
        ran = [_ran(cell) for cell in _listed(answer)]
        # The page stops at the first that fails.
        return ran + [Ran(cell.id, "aborted", None, ()) for cell in cells[len(ran) :]]

    async def _ask(self, op: str, args: dict[str, Any], busy: float = 0) -> dict[str, Any]:
        return await self._documents.ask(self._page_id, self.path, op, args, busy)


def _listed(answer: dict[str, Any]) -> list[dict[str, Any]]:
    cells = answer.get("cells")
    if not isinstance(cells, list) or not all(_is_cell(cell) for cell in cells):
        raise Refused(
            "bad_answer",
            "The page that has the notebook open answered what makes no sense.",
            "Tell the person to reload the page.",
        )
    return cells


def _is_cell(cell: Any) -> bool:
    return isinstance(cell, dict) and isinstance(cell.get("id"), str)


def _seen(cell: dict[str, Any]) -> SeenCell:
    outputs = _outputs(cell)
    shown = cell.get("outputs") is not None
    failed = any(output.get("output_type") == "error" for output in outputs)
    count = cell.get("output_count")
    return SeenCell(
        id=cell["id"],
        cell_type=str(cell.get("cell_type", "code")),
        source=str(cell.get("source", "")),
        execution_count=_count(cell),
        output_count=count if isinstance(count, int) else len(outputs),
        failed=failed if shown else cell.get("failed") is True or None,
        outputs=outputs if shown else None,
    )


def _ran(cell: dict[str, Any]) -> Ran:
    return Ran(cell["id"], str(cell.get("status")), _count(cell), _outputs(cell))


def _count(cell: dict[str, Any]) -> int | None:
    count = cell.get("execution_count")
    return count if isinstance(count, int) else None


def _outputs(cell: dict[str, Any]) -> list[dict[str, Any]]:
    outputs = cell.get("outputs")
    return [one for one in outputs if isinstance(one, dict)] if isinstance(outputs, list) else []


def _refusal(error: dict[str, Any]) -> Refused:
    code = str(error.get("code"))
    match code:
        case "changed":
            cells = [_seen(cell) for cell in error.get("cells") or [] if _is_cell(cell)]
            return changed(cells, ())
        case "no_such_cell":
            return no_such_cell(str(error.get("message", "")))
        case "no_kernel":
            return Refused(
                code,
                "The open notebook has no kernel.",
                "Ask the person to choose a kernel for it.",
            )
        case "read_only":
            return Refused("not_writable", "The notebook is read-only.", "Tell the person.")
        case "pending_input":
            return Refused(
                code, "A cell waits for the person's input.", "Ask them to answer it first."
            )
    return Refused(code, str(error.get("message", "")), "Read the notebook again.")
