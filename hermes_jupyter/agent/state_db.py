"""Hermes' own database, ``state.db``, read only.

The tables are those of hermes-agent 0.19 (schema 22). Columns that a database does not have are
read as their defaults. One connection is kept, in a thread of its own, so that the event loop
never waits for a disk.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from ..core.agent import HistoryMessage
from ..core.errors import Unavailable
from ..core.lineage import SessionRow
from .translate import tool_result

T = TypeVar("T")

#: Columns of ``sessions`` that older databases may lack, with what is read instead.
_OPTIONAL = {
    "model_config": "NULL",
    "cwd": "NULL",
    "archived": "0",
    "estimated_cost_usd": "NULL",
    "message_count": "0",
}

#: How Hermes marks content that is not a plain text.
_JSON_MARK = "\0json:"


class StateDb:
    """The reader of one ``state.db``; a file that is not there yet is an empty one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hermes-state-db")
        self._connection: sqlite3.Connection | None = None

    async def sessions(self) -> Sequence[SessionRow]:
        """Every session in the database.

        Raises:
            Unavailable: the file is there but could not be read.
        """
        return await self._read(_sessions, [])

    async def messages(
        self, session_ids: Sequence[str], *, before: int | None, limit: int
    ) -> list[HistoryMessage]:
        """The last ``limit`` messages of these sessions below row ``before``, in order.

        Args:
            session_ids: the segments of one conversation, oldest first.

        Rows that a person took back are left out; rows that were summarised away are not. What
        Hermes copies into a continuation (a summary and the newest messages) is told once.
        """
        return await self._read(lambda db: _messages(db, session_ids, before, limit), [])

    async def last_row(self, session_ids: Sequence[str]) -> int:
        """The number of the newest row of these sessions; 0 if there is none."""
        return await self._read(lambda db: _last_row(db, session_ids), 0)

    def close(self) -> None:
        """Close the connection; reading again is an error."""
        if self._connection is not None:
            self._thread.submit(self._connection.close)
        self._thread.shutdown(wait=False)

    async def _read(self, query: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        def run() -> T:
            if self._connection is None:
                if not self._path.exists():
                    return nothing
                self._connection = sqlite3.connect(
                    f"{self._path.as_uri()}?mode=ro", uri=True, timeout=1, check_same_thread=False
                )
                self._connection.row_factory = sqlite3.Row
            return query(self._connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, run)
        except sqlite3.Error as error:
            raise Unavailable(
                f"Hermes' database could not be read: {error}",
                code="state_db_unreadable",
                hint={"text": f"Look at {self._path}: is it locked, damaged or not yours?"},
            ) from error


def _sessions(db: sqlite3.Connection) -> list[SessionRow]:
    columns = {row["name"] for row in db.execute("PRAGMA table_info(sessions)")}
    if not columns:
        return []  # Hermes has made the file but not its tables yet.
    wanted = ", ".join(
        f"s.{name}" if name in columns else f"{default} AS {name}"
        for name, default in _OPTIONAL.items()
    )
    query = f"""
        SELECT s.id, s.source, s.title, s.parent_session_id, s.end_reason, s.started_at,
               s.ended_at, s.model, {wanted},
               (SELECT MAX(m.timestamp) FROM messages m WHERE m.session_id = s.id) AS spoke_at,
               (SELECT substr(m.content, 1, 400) FROM messages m
                WHERE m.session_id = s.id AND m.role = 'user' ORDER BY m.id LIMIT 1) AS opening
        FROM sessions s"""  # noqa: S608  only names from this file
    with closing(db.execute(query)) as cursor:
        return [_session(row) for row in cursor]


def _session(row: sqlite3.Row) -> SessionRow:
    try:
        marks = json.loads(row["model_config"] or "{}")
    except ValueError:
        marks = {}  # One damaged row must not hide the others.
    marks = marks if isinstance(marks, dict) else {}
    return SessionRow(
        id=row["id"],
        source=row["source"],
        title=row["title"],
        parent_id=row["parent_session_id"],
        end_reason=row["end_reason"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        last_active=row["spoke_at"] or row["started_at"],
        message_count=row["message_count"] or 0,
        preview=_plain(row["opening"])[:60],
        model=row["model"],
        cwd=row["cwd"],
        archived=bool(row["archived"]),
        branched_from=marks.get("_branched_from"),
        delegate_from=marks.get("_delegate_from"),
        cost_usd=row["estimated_cost_usd"],
    )


def _messages(
    db: sqlite3.Connection, session_ids: Sequence[str], before: int | None, limit: int
) -> list[HistoryMessage]:
    copied = _copied(db, session_ids)
    # Segments in one JSON array, so that any number of them is one parameter.
    segments = json.dumps([(name, copied.get(name, 0)) for name in session_ids])
    query = """
        WITH segments AS (SELECT json_extract(value, '$[0]') AS id,
                                 json_extract(value, '$[1]') AS copied FROM json_each(?))
        SELECT m.id, m.session_id, m.role, m.content, m.tool_call_id, m.tool_calls, m.tool_name,
               m.timestamp, m.reasoning
        FROM segments s JOIN messages m ON m.session_id = s.id AND m.id > s.copied
        WHERE (m.active = 1 OR m.compacted = 1) AND m.role IN ('user', 'assistant', 'tool')
              AND m.id < ?
        ORDER BY m.id DESC LIMIT ?"""
    with closing(db.execute(query, (segments, before or 1 << 62, limit))) as cursor:
        rows = cursor.fetchall()[::-1]
    calls: dict[str, dict[str, Any]] = {}
    found = []
    for row in rows:
        for call in _calls(row["tool_calls"]):
            calls[str(call.get("id"))] = call.get("function") or {}
        text = _plain(row["content"])
        if row["role"] == "tool":
            found.append(_tool_message(row, text, calls.get(row["tool_call_id"] or "", {})))
        elif text.strip() or row["reasoning"]:
            found.append(
                HistoryMessage(
                    row["id"],
                    row["session_id"],
                    row["role"],
                    text,
                    row["timestamp"],
                    row["reasoning"],
                )
            )
    return found


def _last_row(db: sqlite3.Connection, session_ids: Sequence[str]) -> int:
    # Of each session the index gives its last row at once, however many it has.
    query = """
        SELECT MAX((SELECT id FROM messages WHERE session_id = value ORDER BY id DESC LIMIT 1))
        FROM json_each(?)"""
    with closing(db.execute(query, (json.dumps([*session_ids]),))) as cursor:
        return int(cursor.fetchone()[0] or 0)


def _copied(db: sqlite3.Connection, session_ids: Sequence[str]) -> dict[str, int]:
    """The last row of each continuation that is a copy: that of its parent's last message."""
    pairs = json.dumps(list(pairwise(session_ids)))
    query = """
        WITH pairs AS (SELECT json_extract(value, '$[0]') AS parent,
                              json_extract(value, '$[1]') AS child FROM json_each(?)),
             ends AS (SELECT child, (SELECT MAX(id) FROM messages
                                     WHERE session_id = parent AND active = 1) AS id FROM pairs)
        SELECT ends.child, MIN(copy.id)
        FROM ends JOIN messages last ON last.id = ends.id
             JOIN messages copy ON copy.session_id = ends.child AND copy.role = last.role
                  AND copy.content IS last.content AND copy.tool_call_id IS last.tool_call_id
        GROUP BY ends.child"""
    with closing(db.execute(query, (pairs,))) as cursor:
        return {row[0]: row[1] for row in cursor}


def _tool_message(row: sqlite3.Row, text: str, call: dict[str, Any]) -> HistoryMessage:
    result, error = tool_result(text)
    try:
        args = json.loads(call.get("arguments") or "{}")
    except ValueError:
        args = {"arguments": call.get("arguments")}
    tool = {
        "id": row["tool_call_id"],
        "name": row["tool_name"] or call.get("name") or "tool",
        "args": args,
        "result": result,
        "duration": None,
        "error": error,
    }
    at: float = row["timestamp"]
    return HistoryMessage(row["id"], row["session_id"], "tool", "", at, tool=tool)


def _calls(stored: str | None) -> list[dict[str, Any]]:
    try:
        calls = json.loads(stored or "[]")
    except ValueError:
        return []
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _plain(content: str | None) -> str:
    """The text of a message's content, of whatever parts it is made."""
    if not content or not content.startswith(_JSON_MARK):
        return content or ""
    try:
        parts = json.loads(content[len(_JSON_MARK) :])
    except ValueError:
        return content[len(_JSON_MARK) :]
    if not isinstance(parts, list):
        return str(parts)
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict)).strip()
