"""Edits of a notebook's cells: what the agent asks, exactly what is done, and how it is undone.

Cells go in, cells come out, or it is said why not. Nothing here reads, writes or waits, so a whole
edit is one step; and each edit names the source it was made for, so it never meets another one.
"""

from __future__ import annotations

import difflib
import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...core.tools import Change
from .refused import Refused

#: Edits in one call.
MAX_EDITS = 200

#: Characters of all sources in one call: far more than a model writes at once.
MAX_SOURCES = 1_000_000

#: Characters of a cell that the agent is shown because it is not the one it had seen.
MAX_SHOWN = 4000

#: Pairs of lines that a diff may compare; above, the old text is followed by the new one.
MAX_COMPARED = 4_000_000


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as far as edits go."""

    id: str
    cell_type: str
    source: str


@dataclass(frozen=True, slots=True)
class Edit:
    """One exact edit, as a page gets it.

    ``expected`` is the whole source that a cell must have; ``before_id`` of None is the end.
    """

    op: str
    cell_id: str
    expected: str | None = None
    source: str = ""
    cell_type: str = "code"
    before_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The edit as the HTTP contract writes it."""
        match self.op:
            case "insert":
                cell = {"id": self.cell_id, "cell_type": self.cell_type, "source": self.source}
                return {"op": "insert", "cell": cell, "before_id": self.before_id}
            case "replace":
                extra: dict[str, Any] = {"source": self.source}
            case "move":
                extra = {"before_id": self.before_id}
            case _:
                extra = {}
        return {"op": self.op, "cell_id": self.cell_id, "expected": self.expected, **extra}


@dataclass(frozen=True, slots=True)
class Edited:
    """The cells after some edits, and what each edit changed."""

    cells: tuple[Cell, ...]
    changes: tuple[Change, ...]


def hash_of(source: str) -> str:
    """What the agent names a source by: it changes when anybody changes the cell."""
    return hashlib.sha256(source.encode(errors="surrogatepass")).hexdigest()[:12]


def plan(cells: Sequence[Cell], asked: Sequence[dict[str, Any]]) -> list[Edit]:
    """The exact edits for what the agent asks, ``{op, id?, hash?, source?, type?, before?}`` each.

    Raises:
        Refused: it cannot be done with these cells; nothing of it is.
    """
    if sum(len(one.get("source", "")) for one in asked) > MAX_SOURCES:
        raise Refused(
            "too_large",
            f"The sources are longer than {MAX_SOURCES} characters together.",
            "Write large data to a file instead of a cell.",
        )
    here = {cell.id: cell for cell in cells}
    edits: list[Edit] = []
    touched: set[str] = set()
    differing: list[Cell] = []
    for number, one in enumerate(asked):
        op = one["op"]
        _check_fields(number, one)
        if op == "insert":
            edits.append(
                Edit(
                    op,
                    uuid.uuid4().hex[:12],
                    source=one["source"],
                    cell_type=one.get("type", "code"),
                    before_id=one.get("before"),
                )
            )
            continue
        cell = here.get(one["id"])
        if cell is None:
            raise no_such_cell(one["id"])
        if cell.id in touched:
            raise Refused(
                "cell_twice",
                f"Two edits of one call touch cell {cell.id}.",
                "Make one edit of each cell in a call; inserts are not counted.",
            )
        touched.add(cell.id)
        if one["hash"] != hash_of(cell.source):
            differing.append(cell)
        edits.append(
            Edit(
                op,
                cell.id,
                expected=cell.source,
                source=one.get("source", ""),
                cell_type=cell.cell_type,
                before_id=one.get("before"),
            )
        )
    if differing:
        raise changed(differing, cells)
    return edits


def apply(path: str, cells: Sequence[Cell], edits: Sequence[Edit]) -> Edited:
    """Make all edits, one after the other.

    Raises:
        Refused: a cell is not there, or is not what its edit expects; then none is made.
    """
    now = list(cells)
    changes: list[Change] = []
    for edit in edits:
        before = index_before = None
        if edit.op == "insert":
            if any(cell.id == edit.cell_id for cell in now):
                raise Refused(
                    "cell_exists", f"There is a cell {edit.cell_id} already.", "Read it first."
                )
            cell = Cell(edit.cell_id, edit.cell_type, edit.source)
        else:
            index_before = _index(now, edit.cell_id)
            cell = now.pop(index_before)
            before = cell.source
            if before != edit.expected:
                raise changed([cell], cells)
        after: str | None = cell.source
        index_after: int | None = index_before
        match edit.op:
            case "delete":
                after = index_after = None
            case "replace":
                assert index_before is not None
                after = edit.source
                now.insert(index_before, replace(cell, source=after))
            case _:
                index_after = len(now) if edit.before_id is None else _index(now, edit.before_id)
                now.insert(index_after, cell)
        changes.append(
            Change(
                path=path,
                cell_id=cell.id,
                op=edit.op,  # type: ignore[arg-type]
                cell_type=cell.cell_type,
                before=before,
                after=after,
                index_before=index_before,
                index_after=index_after,
            )
        )
    return Edited(tuple(now), tuple(changes))


def layers(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """The changes, last first, in parts that touch each cell once: so a part is undone at once."""
    part: list[Change] = []
    for change in reversed(changes):
        if any(change.cell_id == other.cell_id for other in part):
            yield part
            part = []
        part.append(change)
    if part:
        yield part


def inverse(cells: Sequence[Cell], changes: Sequence[Change]) -> tuple[list[Edit], list[Change]]:
    """The edits that undo a part of :func:`layers`, and the changes with what becomes of them.

    What is as it was before needs no edit: somebody undid it already. What is neither as it was
    before nor after was touched since, and is left alone.
    """
    now = list(cells)
    edits: list[Edit] = []
    ends: list[Change] = []
    for change in changes:
        here = next((cell for cell in now if cell.id == change.cell_id), None)
        source = None if here is None else here.source
        if source == change.before and change.op != "move":
            ends.append(replace(change, state="undone"))
        elif source != change.after:
            ends.append(replace(change, state="changed since"))
        else:
            edit = _undoing(now, change)
            now = list(apply(change.path, now, [edit]).cells)
            edits.append(edit)
            ends.append(replace(change, state="undone"))
    return edits, ends


def diff(changes: Sequence[Change]) -> str:
    """What was or will be done, as a unified diff of the cells; cells are counted from 1."""
    return "\n".join(line for change in changes for line in _diff(change))


def no_such_cell(cell_id: str) -> Refused:
    """There is no cell of this id."""
    return Refused(
        "no_such_cell", f"There is no cell {cell_id!r} now.", "Read the notebook's outline again."
    )


def changed(differing: Sequence[Cell], cells: Sequence[Cell]) -> Refused:
    """Cells that are not what the agent had seen, shown as they are."""
    places = {cell.id: index for index, cell in enumerate(cells)}
    return Refused(
        "changed",
        "Somebody changed these cells since you read them; nothing was edited.",
        "Take what is there now into account, and use the new hashes.",
        cells=[
            {
                "id": cell.id,
                "hash": hash_of(cell.source),
                "index": places.get(cell.id),
                "source": cell.source[:MAX_SHOWN],
                **({"cut_at": MAX_SHOWN} if len(cell.source) > MAX_SHOWN else {}),
            }
            for cell in differing[:20]
        ],
    )


#: What each kind of edit must say, besides `op`.
_NEEDED = {
    "insert": ("source",),
    "replace": ("id", "hash", "source"),
    "delete": ("id", "hash"),
    "move": ("id", "hash"),
}


def _check_fields(number: int, one: dict[str, Any]) -> None:
    missing = [name for name in _NEEDED[one["op"]] if name not in one]
    if missing:
        raise Refused(
            "bad_arguments",
            f"edits[{number}] lacks {', '.join(missing)}.",
            "A replace needs id, hash and source; a delete or move id and hash.",
        )
    try:
        one.get("source", "").encode()
    except UnicodeEncodeError as error:
        raise Refused(
            "bad_arguments",
            f"edits[{number}] has half of a surrogate pair in its source.",
            "Write the whole character.",
        ) from error


def _index(cells: Sequence[Cell], cell_id: str) -> int:
    for index, cell in enumerate(cells):
        if cell.id == cell_id:
            return index
    raise no_such_cell(cell_id)


def _undoing(cells: Sequence[Cell], change: Change) -> Edit:
    match change.op:
        case "insert":
            return Edit("delete", change.cell_id, expected=change.after)
        case "replace":
            assert change.before is not None
            return Edit("replace", change.cell_id, expected=change.after, source=change.before)
        case "delete":
            assert change.before is not None
            return Edit(
                "insert",
                change.cell_id,
                source=change.before,
                cell_type=change.cell_type,
                before_id=_id_at(cells, change.index_before),
            )
        case _:
            others = [cell for cell in cells if cell.id != change.cell_id]
            before_id = _id_at(others, change.index_before)
            return Edit("move", change.cell_id, expected=change.after, before_id=before_id)


def _id_at(cells: Sequence[Cell], index: int | None) -> str | None:
    return cells[index].id if index is not None and index < len(cells) else None


def _diff(change: Change) -> Iterator[str]:
    old, new = _name(change, change.index_before), _name(change, change.index_after)
    if change.op == "move":
        yield from (f"--- {old}", f"+++ {new}", " (moved)")
        return
    before, after = (change.before or "").splitlines(), (change.after or "").splitlines()
    old = "/dev/null" if change.before is None else old
    new = "/dev/null" if change.after is None else new
    if len(before) * len(after) > MAX_COMPARED:
        yield from (f"--- {old}", f"+++ {new}", f"@@ -1,{len(before)} +1,{len(after)} @@")
        yield from (f"-{line}" for line in before)
        yield from (f"+{line}" for line in after)
    else:
        lines = [*difflib.unified_diff(before, after, old, new, lineterm="")]
        # An empty cell that comes or goes has no line to show.
        yield from lines or (f"--- {old}", f"+++ {new}")


def _name(change: Change, index: int | None) -> str:
    return "" if index is None else f"{change.path} cell {index + 1} ({change.cell_type})"
