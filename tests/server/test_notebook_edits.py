"""The engine of edits: cells in, cells out, and nobody's change is lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_jupyter.core.tools import Change
from hermes_jupyter.server.notebooks.edits import (
    Cell,
    Edit,
    apply,
    changed,
    diff,
    hash_of,
    inverse,
    layers,
    plan,
)
from hermes_jupyter.server.notebooks.outputs import MAX_IMAGES, MAX_OUTPUT, Pictures, plain, text_of
from hermes_jupyter.server.notebooks.refused import Refused
from hermes_jupyter.server.notebooks.schemas import SPECS
from hermes_jupyter.server.notebooks.seen import MAX_ANSWER, Reading, SeenCell, chosen, outline

SOURCES = st.sampled_from(["", "a", "b", "a\nb", "π\r\n"])
KINDS = st.sampled_from(["insert", "replace", "delete", "move"])
#: What somebody does: a kind, a place, another place and a source.
ACTS = st.lists(st.tuples(KINDS, st.integers(0, 9), st.integers(0, 9), SOURCES), max_size=6)
NOTEBOOKS = st.lists(SOURCES, max_size=6).map(
    lambda sources: [Cell(f"c{number}", "code", one) for number, one in enumerate(sources)]
)


def asked_for(cells: Sequence[Cell], acts: Any) -> list[dict[str, Any]]:
    """What an agent asks that has seen these cells."""
    asked: list[dict[str, Any]] = []
    for kind, place, other, source in acts:
        before = cells[other % len(cells)].id if cells and other % 3 else None
        if kind == "insert":
            asked.append({"op": kind, "source": source, "before": before})
        elif cells:
            cell = cells[place % len(cells)]
            known = {"op": kind, "id": cell.id, "hash": hash_of(cell.source)}
            asked.append({**known, "source": source, "before": before})
    return asked


def edited_by_hand(cells: Sequence[Cell], acts: Any, names: str) -> list[Cell]:
    """What a person makes of the cells, who asks nobody."""
    now = list(cells)
    for number, (kind, place, other, source) in enumerate(acts):
        if kind == "insert" or not now:
            now.insert(other % (len(now) + 1), Cell(f"{names}{number}", "code", source))
            continue
        cell = now.pop(place % len(now))
        if kind == "replace":
            now.insert(place % (len(now) + 1), Cell(cell.id, "code", source))
        elif kind == "move":
            now.insert(other % (len(now) + 1), cell)
    return now


def undone(cells: Sequence[Cell], changes: Sequence[Change]) -> tuple[list[Cell], list[Change]]:
    """The cells after an undo, and the changes with their ends in the order of the undo."""
    now, ends = list(cells), []
    for part in layers(changes):
        edits, some = inverse(now, part)
        now = list(apply("n", now, edits).cells)
        ends += some
    return now, ends


@given(NOTEBOOKS, st.lists(st.tuples(ACTS, ACTS), max_size=4))
def test_no_edit_meets_a_cell_that_it_was_not_made_for(cells: list[Cell], rounds: Any) -> None:
    """N5: the person edits between the agent's reading and its edit; neither loses anything."""
    now = list(cells)
    for number, (hers, its) in enumerate(rounds):
        seen = {cell.id: cell.source for cell in now}
        asked = asked_for(now, its)
        now = edited_by_hand(now, hers, f"h{number}-")
        try:
            edits = plan(now, asked)
            after = apply("n", now, edits).cells
        except Refused:
            continue
        touched = {edit.cell_id for edit in edits if edit.op != "insert"}
        for edit in edits:
            if edit.op != "insert":
                assert {cell.id: cell.source for cell in now}[edit.cell_id] == seen[edit.cell_id]
        added = {edit.cell_id for edit in edits if edit.op == "insert"}
        assert [cell for cell in now if cell.id not in touched] == [
            cell for cell in after if cell.id not in touched | added
        ]
        now = list(after)
        assert len({cell.id for cell in now}) == len(now)


@given(NOTEBOOKS, ACTS, ACTS)
def test_an_edit_that_waits_meets_no_other_cell_either(
    cells: list[Cell], its: Any, hers: Any
) -> None:
    """N5: the person edits while they are asked whether the agent may."""
    try:
        edits = plan(cells, asked_for(cells, its))
        now = edited_by_hand(cells, hers, "h")
        after = apply("n", now, edits).cells
    except Refused:
        return
    seen = {cell.id: cell.source for cell in cells}
    touched = {edit.cell_id for edit in edits if edit.op != "insert"}
    assert [cell for cell in now if cell.id in touched and cell.source != seen[cell.id]] == []
    added = {edit.cell_id for edit in edits if edit.op == "insert"}
    assert [cell for cell in now if cell.id not in touched] == [
        cell for cell in after if cell.id not in touched | added
    ]


@given(NOTEBOOKS, st.lists(ACTS, max_size=4))
def test_what_nobody_touched_is_undone_exactly(cells: list[Cell], calls: Any) -> None:
    """N5"""
    now, changes = list(cells), []
    for acts in calls:
        try:
            edited = apply("n", now, plan(now, asked_for(now, acts)))
        except Refused:
            continue
        now, changes = list(edited.cells), [*changes, *edited.changes]
    back, ends = undone(now, changes)
    assert back == cells
    assert {end.state for end in ends} <= {"undone"}


@given(NOTEBOOKS, ACTS, ACTS)
def test_an_undo_leaves_alone_what_somebody_touched(cells: list[Cell], its: Any, hers: Any) -> None:
    """N5"""
    try:
        edited = apply("n", cells, plan(cells, asked_for(cells, its)))
    except Refused:
        return
    now = edited_by_hand(edited.cells, hers, "h")
    back, ends = undone(now, edited.changes)
    mine = {end.cell_id: end for end in ends}
    for cell in now:
        end = mine.get(cell.id)
        if end is None or end.state == "changed since":
            assert cell in back
        elif cell.source not in (end.before, end.after):
            raise AssertionError(f"{cell} was not what the agent left, and was undone")


def test_the_wire_is_that_of_the_contract() -> None:
    edits = [
        Edit("insert", "n1", source="x", cell_type="markdown", before_id="a"),
        Edit("replace", "a", expected="1", source="2"),
        Edit("delete", "b", expected="1"),
        Edit("move", "c", expected="1", before_id=None),
    ]
    assert [edit.to_json() for edit in edits] == [
        {
            "op": "insert",
            "cell": {"id": "n1", "cell_type": "markdown", "source": "x"},
            "before_id": "a",
        },
        {"op": "replace", "cell_id": "a", "expected": "1", "source": "2"},
        {"op": "delete", "cell_id": "b", "expected": "1"},
        {"op": "move", "cell_id": "c", "expected": "1", "before_id": None},
    ]


def refusal(cells: Sequence[Cell], *asked: dict[str, Any]) -> dict[str, Any]:
    with pytest.raises(Refused) as caught:
        plan(cells, asked)
    error = caught.value.told()["error"]
    assert error["message"]
    assert error["hint"]
    return dict(error)


def test_what_cannot_be_done_is_refused() -> None:
    cells = [Cell("a", "code", "1"), Cell("b", "code", "x" * 5000)]
    right = {"id": "a", "hash": hash_of("1")}
    assert refusal(cells, {"op": "delete", **right, "id": "z"})["code"] == "no_such_cell"
    assert refusal(cells, {"op": "delete", "id": "a"})["code"] == "bad_arguments"
    assert refusal(cells, {"op": "insert", "source": "\ud800"})["code"] == "bad_arguments"
    assert refusal(cells, {"op": "insert", "source": "x" * 1_000_001})["code"] == "too_large"
    twice = refusal(cells, {"op": "move", **right}, {"op": "delete", **right})
    assert twice["code"] == "cell_twice"
    stale = refusal(
        cells, {"op": "delete", "id": "a", "hash": "old"}, {"op": "delete", "id": "b", "hash": "x"}
    )
    assert stale["code"] == "changed"
    assert stale["cells"] == [
        {"id": "a", "hash": hash_of("1"), "index": 0, "source": "1"},
        {
            "id": "b",
            "hash": hash_of("x" * 5000),
            "index": 1,
            "source": "x" * 4000,
            "cut_at": 4000,
        },
    ]
    assert len(changed([Cell(str(n), "code", "") for n in range(50)], ()).details["cells"]) == 20


def test_a_diff_says_what_is_done() -> None:
    cells = [Cell("a", "code", "1\n2"), Cell("b", "markdown", "old"), Cell("c", "code", "")]
    edits = [
        Edit("replace", "a", expected="1\n2", source="1\n3"),
        Edit("delete", "b", expected="old"),
        Edit("insert", "d", source="", before_id="a"),
        Edit("move", "c", expected="", before_id="a"),
    ]
    assert diff(apply("n.ipynb", cells, edits).changes).splitlines() == [
        "--- n.ipynb cell 1 (code)",
        "+++ n.ipynb cell 1 (code)",
        "@@ -1,2 +1,2 @@",
        " 1",
        "-2",
        "+3",
        "--- n.ipynb cell 2 (markdown)",
        "+++ /dev/null",
        "@@ -1 +0,0 @@",
        "-old",
        "--- /dev/null",
        "+++ n.ipynb cell 1 (code)",
        "--- n.ipynb cell 3 (code)",
        "+++ n.ipynb cell 2 (code)",
        " (moved)",
    ]


def test_the_tools_are_short() -> None:
    """They are part of every request: 1,500 tokens at most, at four characters each."""
    told = [
        {"name": spec.name, "description": spec.description, "parameters": spec.parameters}
        for spec in SPECS
    ]
    assert len(json.dumps(told)) / 4 <= 1500


CELLS = [SeenCell(f"c{number}", "code", f"source {number}") for number in range(9)]


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ("3-5", [3, 4, 5]),
        ("5", [5]),
        (5, [5]),
        ("7-", [7, 8]),
        ("-1", [0, 1]),
        ("1,c3", [1, 3]),
        (["c4", 2, "c4"], [4, 2]),
        ("7-99", [7, 8]),
    ],
)
def test_cells_are_named_by_index_or_id(wanted: Any, places: list[int]) -> None:
    assert chosen(CELLS, wanted) == [CELLS[place] for place in places]


@pytest.mark.parametrize("wanted", ["c9", "9", "5-3", "-", "", [], ["x"], "0x1", "²"])
def test_cells_that_are_not_there(wanted: Any) -> None:
    if wanted == []:
        assert chosen(CELLS, wanted) == []
        return
    with pytest.raises(Refused) as caught:
        chosen(CELLS, wanted)
    assert caught.value.code == "no_such_cell"


def test_an_id_that_is_an_index_of_another_cell_is_not_guessed() -> None:
    with pytest.raises(Refused) as caught:
        chosen([SeenCell("1", "code", ""), SeenCell("b", "code", "")], "1")
    assert caught.value.code == "ambiguous_cell"


def test_an_outline_of_very_many_cells_is_read_on() -> None:
    many = [SeenCell(f"{number:032x}", "code", "x" * 500) for number in range(10_000)]
    seen: list[Any] = []
    start = 0
    while True:
        part = outline(many, start)
        assert len(json.dumps(part)) < 1.2 * MAX_ANSWER
        seen += part["cells"]
        if "next" not in part:
            break
        start = int(part["next"])
    assert [line["index"] for line in seen] == [*range(10_000)]


@settings(max_examples=20)
@given(st.text(max_size=60_000), st.text(alphabet="ab\n", min_size=1, max_size=60_000))
def test_a_long_cell_is_read_on_to_its_end(source: str, written: str) -> None:
    outputs = [{"output_type": "stream", "text": written}]
    cell = SeenCell("a", "code", source, outputs=outputs)
    sources, output, at = "", "", 0
    while True:
        reading = Reading(at)
        reading.add(0, cell)
        [entry] = reading.entries
        sources += entry["source"]
        output += entry["output"]
        if reading.next is None:
            break
        assert reading.next == f"a:{at + len(entry['source']) + len(entry['output'])}"
        at = int(reading.next.partition(":")[2])
    assert sources == source
    assert output == text_of(outputs, Pictures())


def test_outputs_as_a_model_reads_them() -> None:
    pictures = Pictures()
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["10%\r50%\r100%\n", "done\r\n"]},
        {"output_type": "stream", "name": "stderr", "text": "\x1b[31mwarned\x1b[0m\x1b]0;t\x07"},
        {"output_type": "display_data", "data": {"image/png": "aGk=\n", "text/plain": "<Figure>"}},
        {"output_type": "execute_result", "data": {"text/html": "<b>1</b>", "text/plain": "1"}},
        {"output_type": "display_data", "data": {"application/x": {"a": 1}}},
        {
            "output_type": "display_data",
            "data": {
                "application/vnd.jupyter.widget-view+json": {"model_id": "m"},
                "text/plain": "IntSlider(value=0)",
            },
        },
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[0;31mE\x1b[0m"]},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": []},
        {"output_type": "display_data", "data": None},
        {},
    ]
    assert text_of(outputs, pictures).splitlines() == [
        "100%",
        "done",
        "warned",
        "[picture 1: image/png]",
        "1",
        "[application/x, 8 characters]",
        "IntSlider(value=0)",
        "E",
        "E: v",
    ]
    assert [(image.mime, image.data) for image in pictures.taken] == [("image/png", "aGk=")]


def test_hostile_outputs_are_bounded() -> None:
    huge = plain("x" * 50_000_000)
    assert len(huge) < MAX_OUTPUT + 100
    assert "49800000 characters left out" in huge
    pictures = Pictures()
    many = [{"output_type": "display_data", "data": {"image/png": "a" * 10}}] * 600
    text = text_of(many, pictures)
    assert len(pictures.taken) == MAX_IMAGES
    assert text.endswith("[100 more outputs]")
    assert "too large" in text_of(
        [{"output_type": "display_data", "data": {"image/png": "a" * 2_000_000}}], Pictures()
    )
