"""Which sessions of the agent's database are one conversation. Pure functions over rows.

A compaction may end a session and go on in a new one (a *continuation*); people see one
conversation. How the relations are told apart is written in the agent's database by the action
that made them: ``end_reason = 'compression'`` on the parent, ``_branched_from`` or
``_delegate_from`` in the child's ``model_config``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

Relation = Literal["root", "branch", "subagent"]


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session as the agent's database has it. Times are epoch seconds."""

    id: str
    source: str
    title: str | None
    parent_id: str | None
    end_reason: str | None
    started_at: float
    ended_at: float | None
    last_active: float
    message_count: int
    preview: str
    model: str | None
    cwd: str | None
    archived: bool
    branched_from: str | None
    delegate_from: str | None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """The sessions of one conversation, oldest first; ``tip`` is where it goes on.

    ``parent_id`` is the conversation that a branch or a subagent came from; None if that is gone.
    No conversation is its own ancestor.
    """

    relation: Relation
    parent_id: str | None
    segments: tuple[SessionRow, ...]

    @property
    def root(self) -> SessionRow:
        """The session whose id names the conversation."""
        return self.segments[0]

    @property
    def tip(self) -> SessionRow:
        """The session a resume goes on in."""
        return self.segments[-1]

    @property
    def freshest(self) -> SessionRow:
        """The newest session that holds messages, else the tip."""
        spoken = [row for row in self.segments if row.message_count > 0]
        return max(spoken, key=lambda row: row.last_active) if spoken else self.tip

    @property
    def spoken(self) -> bool:
        """Whether anything was said in it."""
        return self.freshest.message_count > 0

    @property
    def cost_usd(self) -> float | None:
        """What all of its sessions have cost, as far as that is known."""
        known = [row.cost_usd for row in self.segments if row.cost_usd is not None]
        return sum(known) if known else None


def chains(rows: Iterable[SessionRow]) -> list[Chain]:
    """All conversations in ``rows``: every session is in exactly one, whatever the damage.

    Continuations that lost against a better sibling, loops and orphans become roots of their own.
    Sessions of the source ``tool`` are internal to the agent and left out.
    """
    by_id = {row.id: row for row in rows if row.source != "tool"}
    best: dict[str, SessionRow] = {}
    for row in by_id.values():
        parent = _continued(row, by_id)
        if parent is not None and _goes_before(row, best.get(parent.id)):
            best[parent.id] = row
    continuations = {row.id for row in best.values()}
    seen: set[str] = set()
    found = []
    for row in by_id.values():
        if row.id not in continuations:
            found.append(_chain(row, best, by_id, seen))
    # What is left is a loop: it has no beginning, so its oldest session is taken as one.
    for row in sorted(by_id.values(), key=lambda row: row.started_at):
        if row.id not in seen:
            found.append(_chain(row, best, by_id, seen))
    return _related(found)


def _related(found: list[Chain]) -> list[Chain]:
    """The same conversations, with whole conversations as parents instead of sessions."""
    if all(chain.parent_id is None for chain in found):
        return found
    owner = {row.id: chain.root.id for chain in found for row in chain.segments}
    parents = {
        chain.root.id: owner.get(chain.parent_id) for chain in found if chain.parent_id is not None
    }
    began = {chain.root.id: (chain.root.started_at, chain.root.id) for chain in found}
    for loop in _loops(parents):
        parents[min(loop, key=began.__getitem__)] = None
    return [
        replace(chain, parent_id=parents[chain.root.id]) if chain.parent_id is not None else chain
        for chain in found
    ]


def _loops(parents: Mapping[str, str | None]) -> list[list[str]]:
    """The ways from parent to parent that come back to where they began."""
    loops = []
    walked: set[str] = set()
    for start in parents:
        way: dict[str, int] = {}
        at: str | None = start
        while at is not None and at not in walked and at not in way:
            way[at] = len(way)
            at = parents.get(at)
        if at is not None and at in way:
            loops.append([*way][way[at] :])
        walked.update(way)
    return loops


def _chain(
    root: SessionRow, best: dict[str, SessionRow], by_id: dict[str, SessionRow], seen: set[str]
) -> Chain:
    segments = []
    row: SessionRow | None = root
    while row is not None and row.id not in seen:
        seen.add(row.id)
        segments.append(row)
        row = best.get(row.id)
    relation: Relation = "root"
    parent_id = None
    if root.delegate_from is not None or root.source == "subagent":
        relation, parent_id = "subagent", root.delegate_from or root.parent_id
    elif _branched(root, by_id):
        relation, parent_id = "branch", root.branched_from or root.parent_id
    return Chain(relation, parent_id, tuple(segments))


def _continued(row: SessionRow, by_id: dict[str, SessionRow]) -> SessionRow | None:
    """The session that ``row`` goes on from, if a compaction made it."""
    parent = by_id.get(row.parent_id or "")
    if parent is None or parent.end_reason != "compression" or parent.source != row.source:
        return None
    if row.branched_from is not None or row.delegate_from == parent.id:
        return None
    return parent


def _branched(row: SessionRow, by_id: dict[str, SessionRow]) -> bool:
    if row.branched_from is not None:
        return True
    parent = by_id.get(row.parent_id or "")
    return (
        parent is not None
        and parent.end_reason == "branched"
        and parent.ended_at is not None
        and row.started_at >= parent.ended_at
    )


def _goes_before(row: SessionRow, other: SessionRow | None) -> bool:
    """Whether the agent would rather go on in ``row``: its own order, of the resume."""
    return other is None or _resume_order(row) > _resume_order(other)


def _resume_order(row: SessionRow) -> tuple[int, float, float, str]:
    state = 2 if row.end_reason == "compression" else 1 if row.ended_at is None else 0
    return state, row.last_active, row.started_at, row.id
