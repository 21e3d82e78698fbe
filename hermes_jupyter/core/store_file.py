"""The file of the store: opened, brought to the tables of this version, set aside when damaged.

A file that is locked, or that a newer version has written, is left as it is.
"""

from __future__ import annotations

import errno
import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from .errors import Hint, Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

#: The name of the file, and of one that was set aside; the star is when.
NAME = "conversations.db"
#: The version of the tables below, as ``PRAGMA user_version``. Files from before there was a number
#: have the same tables.
VERSION = 1

ASIDE = "conversations.damaged-*.db"

#: Seconds for which a lock is waited out.
PATIENCE = 5.0

#: What is made beside a database, and goes with it.
_BESIDE = ("", "-wal", "-shm")

_SCHEMA = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS questions (
        id TEXT PRIMARY KEY, session_id TEXT NOT NULL, server TEXT, record TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS questions_of_session ON questions (session_id);
    CREATE TABLE IF NOT EXISTS prompts (
        session_id TEXT NOT NULL, client_id TEXT NOT NULL, turn_id TEXT NOT NULL,
        PRIMARY KEY (session_id, client_id));
    CREATE TABLE IF NOT EXISTS gauges (session_id TEXT PRIMARY KEY, gauge TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS unfinished (
        session_id TEXT PRIMARY KEY, server TEXT NOT NULL, message TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS marks (
        session_id TEXT PRIMARY KEY, pinned INTEGER NOT NULL DEFAULT 0, read_at REAL);
    CREATE TABLE IF NOT EXISTS compactions (
        session_id TEXT NOT NULL, at REAL NOT NULL, before INTEGER, after INTEGER);
    CREATE INDEX IF NOT EXISTS compactions_of_session ON compactions (session_id);
    CREATE TABLE IF NOT EXISTS changes (
        number INTEGER PRIMARY KEY, session_id TEXT NOT NULL, turn_id TEXT NOT NULL,
        at REAL NOT NULL, change TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS changes_of_turn ON changes (session_id, turn_id);
    CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS epochs (epoch TEXT PRIMARY KEY);
"""


class StoreFile:
    """One SQLite file; all but :attr:`there` is done in one thread.

    Args:
        directory: where it is; made together with it.
        begin: is given the connection to a file that was just opened.
    """

    def __init__(self, directory: Path, begin: Callable[[sqlite3.Connection], None]) -> None:
        self._directory = directory
        self._path = directory / NAME
        self._begin = begin
        self._connection: sqlite3.Connection | None = None

    @property
    def there(self) -> bool:
        """Whether there is anything to read."""
        return self._connection is not None or self._path.exists()

    def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Do something with the file; one that is damaged makes room for an empty one.

        Raises:
            Unavailable: it is locked, full or out of reach, or of a newer version.
        """
        try:
            return self._do(query)
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(
                f"{self._path} could not be used: {error}",
                code="store_unavailable",
                hint=_next_step(error),
            ) from error

    def write(self, statement: str, values: tuple[Any, ...]) -> None:
        """Execute one statement; raises as :meth:`read` does."""
        self.read(lambda db: db.execute(statement, values))

    def close(self) -> None:
        """Close it; it can be used again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return work(self._open())
        except sqlite3.Error as error:
            if not self._is_damaged(error):
                raise
            self._set_aside(error)
            return work(self._open())

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made before SQLite opens it, so that nobody else could read it for a moment.
            if not self._path.exists():
                self._path.touch(mode=0o600)
            connection = sqlite3.connect(self._path, timeout=PATIENCE, isolation_level=None)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _prepare(self, db: sqlite3.Connection) -> None:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise Unavailable(
                f"{self._path} was written by a newer version of hermes-jupyter.",
                code="store_newer",
                hint=NEWER,
            )
        db.executescript(_SCHEMA)
        if version < VERSION:
            db.execute(f"PRAGMA user_version = {VERSION}")
        self._begin(db)

    # -- damage --------------------------------------------------------------------------------

    def _is_damaged(self, error: sqlite3.Error) -> bool:
        code = _code(error)
        if code == sqlite3.SQLITE_CANTOPEN:
            # That can have many reasons; here, only one that lies in the file itself counts.
            try:
                self._path.open("rb").close()
            except (PermissionError, IsADirectoryError):
                return True
        return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Give the file another name; what is kept from now on goes to a new one."""
        self.close()
        # Another server may be about to do the same, and must not set aside the new one.
        with FileLock(self._directory / "aside.lock", mode=0o600):
            if self._is_whole():
                return
            aside = self._directory / ASIDE.replace("*", time.strftime("%Y-%m-%dT%H-%M-%S"))
            while aside.exists():
                aside = aside.with_stem(f"{aside.stem}-again")
            for suffix in _BESIDE:
                beside = self._path.with_name(NAME + suffix)
                if beside.exists():
                    beside.rename(aside.with_name(aside.name + suffix))
        log.error(
            "%s is damaged (%s). It was set aside as %s, and an empty one begun: questions that "
            "nobody had answered, pins, read marks and what was chosen are not known any more. "
            "The chats themselves are kept by the agent, and are all there.",
            *(self._path, error, aside.name),
        )

    def _is_whole(self) -> bool:
        try:
            found = self._open().execute("PRAGMA integrity_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            if not self._is_damaged(error):
                raise
            found = str(error)
        if found != "ok":
            self.close()
        return bool(found == "ok")


#: What to do about a file of a newer version.
NEWER: Hint = {
    "text": "Install that version again, or move the file away and begin a new one.",
    "command": "pip install --upgrade hermes-jupyter",
}


def _next_step(error: OSError | sqlite3.Error) -> Hint:
    """What a person can do about it."""
    if _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return {"text": "Another program holds it: end that, then try again."}
    if _code(error) == sqlite3.SQLITE_FULL or getattr(error, "errno", None) == errno.ENOSPC:
        return {"text": "The disk is full: make room, then try again."}
    return {"text": "Make its folder readable and writable for yourself, and see to its disk."}


def _code(error: BaseException) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)) & 0xFF
