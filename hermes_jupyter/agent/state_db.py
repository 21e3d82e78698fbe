"""Hermes' own database, ``state.db``, read only.

The tables are those of hermes-agent 0.19 (schema 22); columns that a database does not have are
read as their defaults. One connection is kept, in a thread of its own, so that the event loop
never waits for a disk and calls that come at once share what was read.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ..core.agent import Found, HistoryMessage
from ..core.errors import Unavailable
from ..core.lineage import SessionRow
from .state_messages import Copies, last_row, read_copies, read_image, read_messages
from .state_search import search
from .state_sessions import SessionsTable

T = TypeVar("T")

#: Conversations whose copies are remembered.
_REMEMBERED = 64

#: Seconds for which a lock is waited out: Hermes holds one while it makes or mends its tables.
_PATIENCE = 5

#: Seconds before a file is opened again that could not be opened or read.
_AGAIN = 0.1


class StateDb:
    """The reader of one ``state.db``; a file that is not there yet is an empty one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hermes-state-db")
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._table = SessionsTable()
        self._copies: dict[tuple[str, ...], tuple[int, Copies]] = {}

    async def sessions(self) -> Sequence[SessionRow]:
        """Every session in the database; the same object as long as nothing has changed.

        Raises:
            Unavailable: the file is there but could not be read.
        """
        return await self._read(lambda db: self._table.read(db), ())

    async def messages(
        self, session_ids: Sequence[str], *, before: int | None, limit: int
    ) -> list[HistoryMessage]:
        """The last ``limit`` messages of these sessions below row ``before``, in order.

        Args:
            session_ids: the segments of one conversation, oldest first.

        Rows that a person took back are left out; rows that were summarised away are not. What
        Hermes copies into a continuation (a summary and the newest messages) is told once.
        """

        def read(db: sqlite3.Connection) -> list[HistoryMessage]:
            return read_messages(db, session_ids, self._copies_of(db, session_ids), before, limit)

        return await self._read(read, [])

    async def compactions(self, session_ids: Sequence[str]) -> int:
        """How often the context of these sessions was compacted."""
        return await self._read(lambda db: len(self._copies_of(db, session_ids).summaries), 0)

    async def last_row(self, session_ids: Sequence[str]) -> int:
        """The number of the newest row of these sessions; 0 if there is none."""
        return await self._read(lambda db: last_row(db, session_ids), 0)

    async def image(self, session_ids: Sequence[str], name: str) -> bytes | None:
        """The image of this name within a message of these sessions; None: there is none."""
        return await self._read(lambda db: read_image(db, session_ids, name), None)

    async def search(self, text: str, *, limit: int) -> list[Found]:
        """The newest messages in which all words of ``text`` are found."""
        return await self._read(lambda db: search(db, text, limit), [])

    def close(self) -> None:
        """Close the connection; reading again is an error."""
        if self._connection is not None:
            self._thread.submit(self._connection.close)
        self._thread.shutdown(wait=False)

    # -- in the thread -------------------------------------------------------------------------

    def _copies_of(self, db: sqlite3.Connection, session_ids: Sequence[str]) -> Copies:
        key = tuple(session_ids)
        newest = last_row(db, session_ids)
        known = self._copies.get(key)
        if known is not None and known[0] == newest:
            return known[1]
        copies = read_copies(db, session_ids)
        while len(self._copies) >= _REMEMBERED:
            del self._copies[next(iter(self._copies))]
        self._copies[key] = (newest, copies)
        return copies

    def _open(self) -> sqlite3.Connection | None:
        """The connection to the file that is there now; None: there is none."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._forget()
            return None
        file = (stat.st_dev, stat.st_ino)
        if self._file != file:
            # Another file under the same name: the old one would be read for ever.
            self._forget()
        if self._connection is None:
            self._connection = sqlite3.connect(
                f"{self._path.as_uri()}?mode=ro",
                uri=True,
                timeout=_PATIENCE,
                check_same_thread=False,
            )
            self._connection.row_factory = sqlite3.Row
            self._file = file
        return self._connection

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._file = None
        self._table = SessionsTable()
        self._copies.clear()

    async def _read(self, query: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        def once() -> T:
            db = self._open()
            return nothing if db is None else query(db)

        def run() -> T:
            try:
                return once()
            except sqlite3.OperationalError:
                # The first writer makes the files beside the database, the last one deletes them:
                # whoever opens it in that moment finds them half there.
                self._forget()
                time.sleep(_AGAIN)
                return once()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, run)
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(
                f"Hermes' database could not be read: {error}",
                code="state_db_unreadable",
                hint={"text": f"Look at {self._path}: is it locked, damaged or not yours?"},
            ) from error
