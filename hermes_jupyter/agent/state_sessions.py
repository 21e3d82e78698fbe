"""The ``sessions`` table of Hermes' database as rows of the core, read again only where it changed.

Three queries, however many sessions there are: the table, the newest message of each session, and
the opening words of those that are new. A row that has not changed is the same object as before.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from ..core.lineage import SessionRow
from .state_messages import MODEL_CHANGED, opening

#: Columns of ``sessions`` that older databases may lack, with what is read instead.
_OPTIONAL = {
    "parent_session_id": "NULL",
    "end_reason": "NULL",
    "ended_at": "NULL",
    "title": "NULL",
    "model": "NULL",
    "model_config": "NULL",
    "cwd": "NULL",
    "archived": "0",
    "estimated_cost_usd": "NULL",
    "cost_status": "NULL",
    "message_count": "0",
}

#: Characters of the first message that a list shows.
PREVIEW = 60


class SessionsTable:
    """What was read last, and how it is brought up to date."""

    def __init__(self) -> None:
        self._version: int | None = None
        self._rows: Sequence[SessionRow] = ()
        self._by_id: dict[str, tuple[tuple[Any, ...], SessionRow]] = {}
        self._openings: dict[str, str] = {}
        self._spoke_at: dict[str, float] = {}
        self._newest_message = 0

    def read(self, db: sqlite3.Connection) -> Sequence[SessionRow]:
        """Every session; the same object as long as nothing was written."""
        # On a kept connection this number changes with every commit of another one.
        version = db.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._rows = self._read(db)
            self._version = version
        return self._rows

    def _read(self, db: sqlite3.Connection) -> Sequence[SessionRow]:
        table = _table(db)
        if table is None:
            return ()  # Hermes has made the file but not its tables yet.
        self._hear_messages(db)
        ids = {row[0] for row in table}
        self._open_new(db, [name for name in ids if name not in self._openings])
        found = {}
        for row in table:
            known = self._by_id.get(row[0])
            fresh = (*row, self._spoke_at.get(row[0]), self._openings.get(row[0]))
            found[row[0]] = known if known and known[0] == fresh else (fresh, _session(*fresh))
        self._by_id = found
        self._openings = {name: text for name, text in self._openings.items() if name in ids}
        return [row for _, row in found.values()]

    def _hear_messages(self, db: sqlite3.Connection) -> None:
        newest = db.execute("SELECT MAX(id) FROM messages").fetchone()[0] or 0
        if newest < self._newest_message:
            self._spoke_at.clear()
            self._newest_message = 0
        query = "SELECT session_id, MAX(timestamp) FROM messages WHERE id > ? GROUP BY session_id"
        with closing(db.execute(query, (self._newest_message,))) as cursor:
            for name, at in cursor:
                self._spoke_at[name] = max(at or 0.0, self._spoke_at.get(name, 0.0))
        self._newest_message = newest

    def _open_new(self, db: sqlite3.Connection, ids: list[str]) -> None:
        query = """
            SELECT value, (SELECT substr(CAST(content AS BLOB), 1, 800) FROM messages
                           WHERE session_id = value AND role = 'user'
                                 AND content NOT LIKE ? || '%'
                           ORDER BY timestamp, id LIMIT 1) FROM json_each(?)"""
        with closing(db.execute(query, (MODEL_CHANGED, json.dumps(ids)))) as cursor:
            for name, begin in cursor:
                # Nothing said yet: it is looked for again.
                if begin is not None:
                    self._openings[name] = " ".join(opening(begin.decode(errors="ignore")).split())[
                        :PREVIEW
                    ]


def _table(db: sqlite3.Connection) -> list[tuple[Any, ...]] | None:
    columns = {row["name"] for row in db.execute("PRAGMA table_info(sessions)")}
    if not columns:
        return None
    wanted = ", ".join(
        name if name in columns else f"{default} AS {name}" for name, default in _OPTIONAL.items()
    )
    query = f"SELECT id, source, started_at, {wanted} FROM sessions"  # noqa: S608  names of ours
    with closing(db.cursor()) as cursor:
        # Plain tuples: for thousands of rows, anything more is most of the work.
        cursor.row_factory = None
        return cursor.execute(query).fetchall()


def _session(
    id_: str,
    source: str,
    started_at: float,
    parent_id: str | None,
    end_reason: str | None,
    ended_at: float | None,
    title: str | None,
    model: str | None,
    model_config: str | None,
    cwd: str | None,
    archived: int,
    cost: float | None,
    cost_status: str | None,
    message_count: int | None,
    spoke_at: float | None,
    opening: str | None,
) -> SessionRow:
    marks = _marks(model_config)
    return SessionRow(
        id=id_,
        source=source or "unknown",
        title=title,
        parent_id=parent_id,
        end_reason=end_reason,
        started_at=started_at,
        ended_at=ended_at,
        last_active=spoke_at or started_at,
        message_count=message_count or 0,
        preview=opening or "",
        model=model,
        cwd=cwd,
        archived=bool(archived),
        branched_from=marks.get("_branched_from"),
        delegate_from=marks.get("_delegate_from"),
        # With an unknown price Hermes stores 0.0, which is not the cost.
        cost_usd=cost if cost_status not in (None, "unknown") else None,
    )


def _marks(model_config: str | None) -> dict[str, Any]:
    if not model_config or '"_' not in model_config:
        return {}
    try:
        marks = json.loads(model_config)
    except ValueError:
        return {}  # One damaged row must not hide the others.
    return marks if isinstance(marks, dict) else {}
