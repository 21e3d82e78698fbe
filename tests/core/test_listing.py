"""The order of the list, over whatever rows."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hermes_jupyter.core.lineage import SessionRow
from hermes_jupyter.core.listing import Lineages, Wanted, page

from .test_lineage import damaged, row

pins = st.frozensets(st.sampled_from("abcdefgh"))


def listed(
    rows: list[SessionRow], pinned: frozenset[str] = frozenset(), limit: int = 50
) -> list[list[dict[str, Any]]]:
    """The pages of the list."""
    lineages = Lineages(rows)
    pages = []
    cursor = None
    while True:
        told = page(
            lineages.entries,
            lambda id_: lineages.summary(lineages.all[id_]),
            pinned,
            Wanted(limit=limit, cursor=cursor),
        )
        pages.append(told["sessions"])
        cursor = told["next_cursor"]
        if cursor is None:
            return pages


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in rows]


def test_branches_stand_under_their_origin_and_move_with_it() -> None:
    rows = [
        row("old", last_active=1),
        row("b1", parent_id="old", branched_from="old", last_active=2),
        row("b2", parent_id="old", branched_from="old", last_active=9),
        row("b3", parent_id="b1", branched_from="b1", last_active=3),
        row("new", last_active=5),
    ]
    (told,) = listed(rows)
    assert ids(told) == ["old", "b2", "b1", "b3", "new"]
    assert [one["parent_id"] for one in told] == [None, "old", "old", "b1", None]


def test_a_branch_of_a_segment_stands_under_the_conversation() -> None:
    rows = [
        row("a", end_reason="compression"),
        row("b", parent_id="a"),
        row("fork", parent_id="b", branched_from="b", last_active=1),
    ]
    (told,) = listed(rows)
    assert [(one["id"], one["parent_id"]) for one in told] == [("a", None), ("fork", "a")]


def test_pinned_ones_come_first_with_their_family() -> None:
    rows = [
        row("old", last_active=1),
        row("branch", parent_id="old", branched_from="old", last_active=2),
        row("new", last_active=5),
    ]
    assert ids(listed(rows, frozenset({"branch"}))[0]) == ["old", "branch", "new"]


def test_subagents_stand_under_what_sent_them_and_orphans_for_themselves() -> None:
    rows = [
        row("parent", last_active=3),
        row("child", parent_id="parent", delegate_from="parent", source="subagent"),
        row("grandchild", parent_id="child", delegate_from="child", source="subagent"),
        row("orphan", parent_id="gone", delegate_from="gone", source="subagent", last_active=2),
        row("empty", message_count=0),
        row("silent", parent_id="empty", delegate_from="empty", source="subagent", last_active=1),
    ]
    (told,) = listed(rows)
    assert ids(told) == ["parent", "orphan", "silent"]
    assert [one["subagent_count"] for one in told] == [1, 0, 0]
    assert told[1]["capabilities"] == ["archive", "delete", "export"]
    lineages = Lineages(rows)
    assert [entry.id for entry in lineages.subagents("parent")] == ["child"]
    assert [entry.id for entry in lineages.subagents("child")] == ["grandchild"]


@given(damaged, pins, st.integers(1, 4))
def test_every_conversation_with_messages_is_seen_once(
    rows: list[SessionRow], pinned: frozenset[str], limit: int
) -> None:
    """R36: in the list or under one that is, whatever the damage, on pages of whatever length."""
    lineages = Lineages(rows)
    seen = [id_ for told in listed(rows, pinned, limit) for id_ in ids(told)]
    for id_ in seen:
        seen += [entry.id for entry in lineages.subagents(id_)]
    assert sorted(seen) == sorted(id_ for id_, chain in lineages.all.items() if chain.spoken)


@given(damaged, pins, st.integers(1, 4))
def test_pages_meet_without_a_seam(
    rows: list[SessionRow], pinned: frozenset[str], limit: int
) -> None:
    """R40: the same order whatever the pages, and whatever the order of the rows."""
    whole = ids(listed(rows, pinned)[0])
    assert [id_ for told in listed(rows[::-1], pinned, limit) for id_ in ids(told)] == whole
