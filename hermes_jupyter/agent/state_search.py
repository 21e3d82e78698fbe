"""Full-text search in Hermes' database, by the index that Hermes keeps.

Two indices are there: one of words, and one of trigrams for scripts without spaces between words.
Hermes' own search finds nothing in a database that is open read only, hence this one.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

from ..core.agent import Found
from .state_messages import messages_table, plain

#: Marks of a match in a snippet; not to be found in any text.
_BEGIN, _END = "\ue000", "\ue001"

#: Words of context in a snippet.
_WORDS = 16

#: Shortest text that trigrams can find.
_TRIGRAM = 3


def search(db: sqlite3.Connection, text: str, limit: int) -> list[Found]:
    """The newest messages that contain all words of ``text``; each the words as they stand."""
    tables = {
        row[0]
        for row in db.execute("SELECT name FROM sqlite_master WHERE name LIKE 'messages_fts%'")
    }
    found: dict[int, Found] = {}
    # SQLite ends a query at a NUL.
    words = text.replace("\0", " ").split()
    if not words:
        return []
    if "messages_fts" in tables:
        # A word is quoted, so that nothing in it is an operator; the last one may go on.
        query = " ".join(f'"{word}"' for word in (word.replace('"', '""') for word in words))
        _ask(db, "messages_fts", f"{query}*", limit, found)
    if "messages_fts_trigram" in tables and all(len(word) >= _TRIGRAM for word in words):
        query = " ".join(f'"{word}"' for word in (word.replace('"', '""') for word in words))
        _ask(db, "messages_fts_trigram", query, limit, found)
    return sorted(found.values(), key=lambda one: one.row, reverse=True)[:limit]


def _ask(
    db: sqlite3.Connection, table: str, query: str, limit: int, found: dict[int, Found]
) -> None:
    statement = f"""
        SELECT m.id, m.session_id, m.role, m.timestamp,
               snippet({table}, 0, '{_BEGIN}', '{_END}', '…', {_WORDS}) AS snippet
        FROM {table} JOIN {messages_table(db)} m ON m.id = {table}.rowid
        WHERE {table} MATCH ? AND (m.active = 1 OR m.compacted = 1)
              AND m.role IN ('user', 'assistant')
        ORDER BY m.id DESC LIMIT ?"""  # noqa: S608  names of this file
    with closing(db.execute(statement, (query, limit))) as cursor:
        for row in cursor:
            if row["id"] not in found:
                pieces = _pieces(plain(row["snippet"]))
                found[row["id"]] = Found(
                    row["id"], row["session_id"], row["role"], row["timestamp"], pieces
                )


def _pieces(snippet: str) -> list[tuple[str, bool]]:
    """A snippet in pieces, each with whether it is a match."""
    pieces: list[tuple[str, bool]] = []
    for part in snippet.split(_BEGIN):
        match, ended, rest = part.partition(_END)
        if ended:
            pieces += [(match, True), (rest, False)]
        else:
            pieces.append((match, False))
    return [(text, hit) for text, hit in pieces if text]
