"""The list of conversations: in order, filtered, page by page.

What follows from the agent's database alone is worked out once for each of its versions; what is in
memory is put in its place at each request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .errors import BadRequest
from .lineage import Chain, SessionRow, chains


class Entry(NamedTuple):
    """A conversation as far as it matters to the list; entries stand in the order of the list."""

    last_active: float
    id: str
    source: str
    archived: bool
    words: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the list a page asks for.

    ``text`` is looked for in titles and first words; ``cursor`` is where the page before ended.
    """

    limit: int = 50
    cursor: str | None = None
    text: str = ""
    source: str | None = None
    archived: bool = False


class Lineages:
    """The conversations of one version of the agent's database."""

    def __init__(self, rows: Sequence[SessionRow]) -> None:
        self.rows = rows
        self.all = {chain.root.id: chain for chain in chains(rows)}
        #: Those that a list shows: subagents' stand under their parents.
        self.entries = sorted(
            (_entry(chain) for chain in self.all.values() if is_listed(chain)), reverse=True
        )
        self._by_session: dict[str, Chain] | None = None

    def of(self, session_id: str) -> Chain | None:
        """The conversation that a session belongs to."""
        if self._by_session is None:
            self._by_session = {
                row.id: chain for chain in self.all.values() for row in chain.segments
            }
        return self._by_session.get(session_id)

    def changed_since(self, before: Lineages) -> list[Chain]:
        """The conversations that are not as they were."""
        known = {id(row) for row in before.rows}
        return [
            chain
            for chain in self.all.values()
            if any(id(row) not in known for row in chain.segments)
        ]

    def gone_since(self, before: Lineages) -> list[str]:
        """The ids of the conversations that are there no more."""
        return [id_ for id_ in before.all if id_ not in self.all]


def is_listed(chain: Chain) -> bool:
    """Whether a conversation has a row of its own: nothing said is none, nor is a subagent's."""
    return chain.freshest.message_count > 0 and chain.relation != "subagent"


def _entry(chain: Chain) -> Entry:
    fresh = chain.freshest
    title = chain.tip.title or chain.root.title or ""
    words = f"{title}\n{chain.root.preview}"
    return Entry(fresh.last_active, chain.root.id, chain.root.source, chain.tip.archived, words)


def entry_of(row: dict[str, Any]) -> Entry:
    """The entry of a row, of a conversation that is in memory."""
    words = f"{row['title'] or ''}\n{row['preview']}"
    return Entry(row["last_active"], row["id"], row["source"], row["archived"], words)


def page(
    entries: Iterable[Entry], row_of: Callable[[str], dict[str, Any]], wanted: Wanted
) -> dict[str, Any]:
    """One page of the list, as the HTTP contract writes it.

    Args:
        entries: in the order of the list.
        row_of: the row of a conversation; asked for those of the page alone.
    """
    text = wanted.text.casefold()
    fitting = [
        entry
        for entry in entries
        if entry.archived == wanted.archived
        and wanted.source in (None, entry.source)
        and (not text or text in entry.words.casefold())
    ]
    after = _read_cursor(wanted.cursor)
    left = fitting if after is None else [entry for entry in fitting if entry[:2] < after]
    shown = left[: wanted.limit]
    more = len(left) > len(shown)
    return {
        "sessions": [row_of(entry.id) for entry in shown],
        "next_cursor": f"{shown[-1].last_active!r}:{shown[-1].id}" if more else None,
        "total": len(fitting),
    }


def _read_cursor(cursor: str | None) -> tuple[float, str] | None:
    if cursor is None:
        return None
    at, _, session_id = cursor.partition(":")
    try:
        return float(at), session_id
    except ValueError as error:
        raise BadRequest("`cursor` is not one of this list.", code="bad_cursor") from error
