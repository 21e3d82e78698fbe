from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hermes_jupyter.core.lineage import SessionRow, chains

ROW = SessionRow(
    id="",
    source="cli",
    title=None,
    parent_id=None,
    end_reason=None,
    started_at=0,
    ended_at=None,
    last_active=0,
    message_count=1,
    preview="",
    model=None,
    cwd=None,
    archived=False,
    branched_from=None,
    delegate_from=None,
)


def row(id: str, **changes: object) -> SessionRow:
    return replace(ROW, id=id, **changes)  # type: ignore[arg-type]


def told(*rows: SessionRow) -> dict[str, list[str]]:
    return {chain.root.id: [segment.id for segment in chain.segments] for chain in chains(rows)}


def test_continuations_are_one_conversation() -> None:
    first = row("a", end_reason="compression")
    second = row("b", parent_id="a", end_reason="compression", started_at=1)
    third = row("c", parent_id="b", started_at=2)
    assert told(third, first, second) == {"a": ["a", "b", "c"]}


def test_branches_and_subagents_are_never_folded_in() -> None:
    parent = row("a", end_reason="compression")
    branch = row("b", parent_id="a", branched_from="a")
    subagent = row("s", parent_id="a", delegate_from="a", source="subagent")
    found = {chain.root.id: chain for chain in chains([parent, branch, subagent])}
    assert {root: chain.relation for root, chain in found.items()} == {
        "a": "root",
        "b": "branch",
        "s": "subagent",
    }
    assert found["b"].parent_id == "a"


def test_another_source_is_another_conversation() -> None:
    assert told(row("a", end_reason="compression"), row("b", parent_id="a", source="telegram")) == {
        "a": ["a"],
        "b": ["b"],
    }


def test_the_sibling_that_a_resume_takes_is_the_continuation() -> None:
    first = row("a", end_reason="compression")
    stale = row("b", parent_id="a", ended_at=9, last_active=9)
    live = row("c", parent_id="a", last_active=5)
    assert told(first, stale, live) == {"a": ["a", "c"], "b": ["b"]}


ids = st.sampled_from("abcdefgh")
damaged = st.lists(
    st.builds(
        row,
        ids,
        parent_id=st.none() | ids | st.just("gone"),
        end_reason=st.sampled_from([None, "compression", "branched", "cli_close"]),
        source=st.sampled_from(["cli", "subagent", "telegram"]),
        branched_from=st.none() | ids,
        delegate_from=st.none() | ids,
        ended_at=st.none() | st.floats(0, 10),
        started_at=st.floats(0, 10),
        last_active=st.floats(0, 10),
    ),
    unique_by=lambda row: row.id,
)


@given(damaged)
def test_every_session_is_in_exactly_one_conversation(rows: list[SessionRow]) -> None:
    """R36: whatever the damage, loops included."""
    members = [segment.id for chain in chains(rows) for segment in chain.segments]
    assert sorted(members) == sorted(row.id for row in rows)
