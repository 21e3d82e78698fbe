"""A notebook as it is read: its cells, and the answers that the agent gets of them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ...core.tools import Change
from .edits import Cell, Edit, Edited, hash_of
from .outputs import Pictures, text_of
from .refused import Refused

#: Characters of one answer's sources and outputs, or of its outline.
MAX_ANSWER = 20_000

#: Characters that an answer says of a cell besides its source and outputs.
ENTRY = 120

#: Characters of a first line in an outline.
MAX_LINE = 80


@dataclass(frozen=True, slots=True)
class SeenCell(Cell):
    """A cell with what it put out; ``outputs`` of None were not asked for."""

    execution_count: int | None = None
    output_count: int = 0
    #: Whether its last run ended with an error; None: the page did not say.
    failed: bool | None = None
    outputs: Sequence[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """How the run of one cell ended."""

    id: str
    status: str
    execution_count: int | None
    outputs: Sequence[dict[str, Any]]


class Notebook(Protocol):
    """One notebook, where it is kept: by the page that has it open, or in its file."""

    path: str
    is_open: bool
    #: The kernel of an open notebook; only the page starts and stops it.
    kernel_id: str | None
    #: Why what the cells put out in a run was not kept; empty: it was.
    unsaved: str

    async def cells(
        self, ids: Sequence[str] | None = None, *, outputs: bool = False
    ) -> list[SeenCell]:
        """The cells of these ids, or all of them, in their order."""

    async def edit(self, edits: Sequence[Edit], edited: Edited) -> tuple[Change, ...]:
        """Make these edits, all or none; ``edited`` is what comes of them.

        Raises:
            Refused: a cell is not what an edit expects, or it is not known whether it was made.
            Stale: the notebook was written meanwhile; read it again.
        """

    async def run(self, cells: Sequence[Cell], within: float) -> list[Ran]:
        """Run these cells in order, up to the first error, for ``within`` seconds altogether."""


class Stale(Exception):
    """The notebook is not the one that was read any more."""


class PageGone(Exception):
    """The page that had the notebook open does not answer, and has done nothing."""


def chosen(cells: Sequence[SeenCell], wanted: Any) -> list[SeenCell]:
    """The cells named by ``"3-7"``, ``"5"``, ``"8-"``, an id, or a list of such; in this order.

    Raises:
        Refused: there is no such cell, or a name says two different ones.
    """
    ids = {cell.id: index for index, cell in enumerate(cells)}
    places: dict[int, None] = {}
    for name in wanted if isinstance(wanted, list) else str(wanted).split(","):
        named = _named(str(name).strip(), ids, len(cells))
        places.update(dict.fromkeys(named))
    return [cells[place] for place in places]


def outline(cells: Sequence[SeenCell], start: int) -> dict[str, Any]:
    """The cells from ``start`` on, a line each, as many as fit; ``next`` reads on."""
    lines: list[dict[str, Any]] = []
    size = 0
    for index in range(start, len(cells)):
        line = _line(index, cells[index])
        size += len(json.dumps(line, ensure_ascii=False))
        if lines and size > MAX_ANSWER:
            return {"cells": lines, "next": str(index)}
        lines.append(line)
    return {"cells": lines}


class Reading:
    """The sources and outputs of some cells, as much as fits into one answer."""

    def __init__(self, from_char: int) -> None:
        self.entries: list[dict[str, Any]] = []
        self.pictures = Pictures()
        self.next: str | None = None
        self._from = from_char
        self._room = MAX_ANSWER

    def add(self, index: int, cell: SeenCell) -> bool:
        """Add a cell; False: there is no room for more, and ``next`` says where to read on."""
        output = text_of(cell.outputs or (), self.pictures)
        start, self._from = self._from, 0
        source = cell.source[start : start + self._room]
        self._room -= len(source)
        output_start = max(0, start - len(cell.source))
        shown = output[output_start : output_start + max(0, self._room)]
        self._room -= len(shown)
        end = start + len(source) + (len(shown) if start + len(source) >= len(cell.source) else 0)
        entry = {
            "index": index,
            "id": cell.id,
            "hash": hash_of(cell.source),
            "type": cell.cell_type,
            "source": source,
            **({"count": cell.execution_count} if cell.execution_count is not None else {}),
            **({"output": shown} if cell.outputs else {}),
            **({"from": start} if start else {}),
        }
        self.entries.append(entry)
        if end < len(cell.source) + len(output):
            entry["cut"] = True
            self.next = f"{cell.id}:{end}"
        self._room -= ENTRY
        return self.next is None and self._room > 0


def _line(index: int, cell: SeenCell) -> dict[str, Any]:
    text = cell.source.lstrip()
    line = text.partition("\n")[0]
    entry = {
        "index": index,
        "id": cell.id,
        "hash": hash_of(cell.source),
        "type": cell.cell_type,
        "line": line[:MAX_LINE],
        "chars": len(cell.source),
    }
    if cell.execution_count is not None:
        entry["count"] = cell.execution_count
    if cell.output_count:
        entry["outputs"] = cell.output_count
    if cell.failed:
        entry["failed"] = True
    return entry


def _named(name: str, ids: dict[str, int], count: int) -> Sequence[int]:
    span = re.fullmatch(r"(\d{1,9})|(\d{0,9})-(\d{0,9})", name, re.ASCII)
    by_index: Sequence[int] = ()
    if span and name != "-":
        first = int(span[1] or span[2] or 0)
        last = int(span[1] or span[3] or count - 1)
        by_index = range(first, min(last, count - 1) + 1)
    by_id = [ids[name]] if name in ids else []
    if by_id and by_index and list(by_index) != by_id:
        raise Refused(
            "ambiguous_cell",
            f"{name!r} is the id of cell {by_id[0]}, and an index of another one.",
            "Name the cells by their ids in a list, with the range written out.",
        )
    if not by_id and not by_index:
        raise Refused(
            "no_such_cell",
            f"There is no cell {name!r}; the indices go from 0 to {count - 1}.",
            "Read the notebook's outline again.",
        )
    return by_id or by_index
