"""The list of conversations: in order, filtered, page by page.

What follows from the agent's database alone is worked out once for each of its versions; what is in
memory is put in its place at each request.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, NamedTuple

from .errors import BadRequest
from .lineage import Chain, SessionRow, chains
from .source import label_of
from .summary import summary_of


class Entry(NamedTuple):
    """A conversation as far as it matters to the list.

    ``origin`` is what it stands under: the conversation that it is a branch of.
    """

    last_active: float
    id: str
    source: str
    archived: bool
    words: str
    origin: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the list a page asks for.

    ``text`` is looked for in titles and first words; ``cursor`` is where the page before ended;
    ``parent_id`` asks for the subagents of that conversation and nothing else.
    """

    limit: int = 50
    cursor: str | None = None
    text: str = ""
    source: str | None = None
    archived: bool = False
    parent_id: str | None = None


class Lineages:
    """The conversations of one version of the agent's database."""

    def __init__(self, rows: Sequence[SessionRow]) -> None:
        self.rows = rows
        self.all = {chain.root.id: chain for chain in chains(rows)}
        self._subagents: dict[str, list[Entry]] = defaultdict(list)
        #: Those that a list shows: subagents' stand under their parents.
        self.entries: list[Entry] = []
        for chain in self.all.values():
            parent = self.parent(chain)
            if not chain.spoken:
                continue
            if chain.relation == "subagent" and parent is not None:
                self._subagents[parent.root.id].append(self._entry(chain))
            else:
                self.entries.append(self._entry(chain))
        # The newest first, which leaves little to do for each request.
        self.entries.sort(reverse=True)
        self._by_session: dict[str, Chain] | None = None

    def of(self, session_id: str) -> Chain | None:
        """The conversation that a session belongs to."""
        if self._by_session is None:
            self._by_session = {
                row.id: chain for chain in self.all.values() for row in chain.segments
            }
        return self._by_session.get(session_id)

    def parent(self, chain: Chain) -> Chain | None:
        """The nearest conversation before this one in which anything was said."""
        parent = self.all.get(chain.parent_id or "")
        while parent is not None and not parent.spoken:
            parent = self.all.get(parent.parent_id or "")
        return parent

    def subagents(self, session_id: str) -> Sequence[Entry]:
        """The conversations of the subagents that one has sent out."""
        return self._subagents.get(session_id, ())

    def summary(self, chain: Chain) -> dict[str, Any]:
        """The row of a conversation that nobody works in."""
        parent = self.parent(chain)
        parent_id = parent.root.id if parent is not None else None
        if parent_id != chain.parent_id:
            chain = replace(chain, parent_id=parent_id)
        return summary_of(chain, len(self.subagents(chain.root.id)))

    def changed_since(self, before: Lineages) -> list[Chain]:
        """The conversations that are not as they were."""
        known = {id(row) for row in before.rows}
        return [
            chain
            for chain in self.all.values()
            if any(id(row) not in known for row in chain.segments)
            or len(self.subagents(chain.root.id)) != len(before.subagents(chain.root.id))
        ]

    def gone_since(self, before: Lineages) -> list[str]:
        """The ids of the conversations that are there no more."""
        return [id_ for id_ in before.all if id_ not in self.all]

    def is_listed(self, chain: Chain) -> bool:
        """Whether a conversation has a row of its own in the list."""
        nested = chain.relation == "subagent" and self.parent(chain) is not None
        return chain.spoken and not nested

    def origin(self, chain: Chain) -> str | None:
        """The nearest conversation before a branch that has a row of its own."""
        if chain.relation != "branch":
            return None
        parent = self.parent(chain)
        while parent is not None and not self.is_listed(parent):
            parent = self.parent(parent)
        return parent.root.id if parent is not None else None

    def _entry(self, chain: Chain) -> Entry:
        title = chain.tip.title or chain.root.title or ""
        return Entry(
            chain.freshest.last_active,
            chain.root.id,
            chain.root.source,
            chain.tip.archived,
            _words(title, chain.freshest.preview, chain),
            self.origin(chain),
        )


def entry_of(row: dict[str, Any], chain: Chain | None, origin: str | None) -> Entry:
    """The entry of a row, of a conversation that is in memory and stands under ``origin``."""
    words = _words(row["title"] or "", row["preview"], chain)
    return Entry(row["last_active"], row["id"], row["source"], row["archived"], words, origin)


def _words(title: str, preview: str, chain: Chain | None) -> str:
    """What a conversation is found by: its title, its first words, and those that are shown."""
    first = chain.root.preview if chain is not None else ""
    return "\n".join((title, first) if first == preview else (title, first, preview))


def page(
    entries: Sequence[Entry],
    row_of: Callable[[str], dict[str, Any]],
    pinned: Collection[str],
    wanted: Wanted,
) -> dict[str, Any]:
    """One page of the list, as the HTTP contract writes it: families, pinned ones first.

    A family is a conversation and its branches; it has the place of its newest member, and no page
    ends within one.

    Args:
        row_of: the row of a conversation; asked for those of the page alone.
    """
    shelf = [entry for entry in entries if entry.archived == wanted.archived]
    text = wanted.text.casefold()
    fitting = [
        entry
        for entry in shelf
        if wanted.source in (None, entry.source) and (not text or text in entry.words.casefold())
    ]
    after = _read_cursor(wanted.cursor)
    shown: list[Entry] = []
    last: Place | None = None
    more = False
    for place, members in _families(fitting, pinned):
        if after is None or place < after:
            more = len(shown) >= wanted.limit
            if more:
                break
            shown += members
            last = place
    return {
        "sessions": [row_of(entry.id) for entry in shown],
        "next_cursor": f"{last[0]:d}:{last[1]!r}:{last[2]}" if more and last else None,
        "total": len(fitting),
        "sources": [
            {"source": source, "label": label_of(source), "count": count}
            for source, count in Counter(entry.source for entry in shelf).most_common()
        ],
    }


#: Where a family stands: whether it is pinned, its newest activity, its id.
Place = tuple[bool, float, str]


def _families(entries: Sequence[Entry], pinned: Collection[str]) -> list[tuple[Place, list[Entry]]]:
    """Entries with their branches behind them, in the order of the list."""
    known = {entry.id: entry for entry in entries}
    branches: dict[str, list[Entry]] = defaultdict(list)
    heads = []
    for entry in entries:
        if entry.origin in known:
            branches[entry.origin].append(entry)
        else:
            heads.append(entry)
    families = []
    for head in heads:
        members = _with_branches(head, branches) if head.id in branches else [head]
        newest = max(members)[0] if len(members) > 1 else head.last_active
        is_pinned = bool(pinned) and any(member.id in pinned for member in members)
        families.append(((is_pinned, newest, head.id), members))
    return sorted(families, key=itemgetter(0), reverse=True)


def _with_branches(head: Entry, branches: Mapping[str, list[Entry]]) -> list[Entry]:
    members = []
    waiting = [head]
    while waiting:
        entry = waiting.pop()
        members.append(entry)
        # What is taken from the end comes first: the newest.
        waiting += sorted(branches.get(entry.id, ()))
    return members


def _read_cursor(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    try:
        pinned, at, session_id = cursor.split(":", 2)
        return bool(int(pinned)), float(at), session_id
    except ValueError as error:
        raise BadRequest("`cursor` is not one of this list.", code="bad_cursor") from error
