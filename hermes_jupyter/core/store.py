"""What must survive a restart and is in nobody else's store.

Questions, the ids of accepted prompts, the last gauge of each conversation, what its compactions
made of the context, what its turns changed in notebooks, what is pinned and read, the message that
was being said, what a person has chosen for all conversations, and the epoch of the run: in one
SQLite file beside the agent's own, readable by the owner alone. Passwords and secrets never reach
it.

Each server holds a *lease* (a lock on a file that ends with its process) on what it has open. A
server takes over what belongs to a lease that nobody holds, and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from .agent import Compaction
from .errors import Unavailable
from .gauge import Gauge
from .question import Question
from .store_file import StoreFile
from .tools import Change

log = logging.getLogger(__name__)

T = TypeVar("T")

#: The tables whose rows belong to a conversation.
_OF_CONVERSATIONS = (
    "questions",
    "prompts",
    "gauges",
    "unfinished",
    "marks",
    "compactions",
    "changes",
)

_KEEP_EPOCH = "INSERT OR IGNORE INTO epochs VALUES (?)"

#: The row of the marks that says since when there are any: what is older counts as read.
_EVERYTHING = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """What people have pinned and read, by the ids of conversations."""

    pinned: frozenset[str] = frozenset()
    read_at: Mapping[str, float] = field(default_factory=dict)

    def unread(self, session_id: str, last_active: float) -> bool:
        """Whether anything was said since a conversation was read, or since there are marks."""
        since = self.read_at.get(session_id, self.read_at.get(_EVERYTHING))
        return since is not None and last_active > since


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one conversation.

    ``prompts`` maps the page's id of a prompt to the turn that it became. ``unfinished`` is the
    message that a server which is gone was in the middle of: ``{text, reasoning, at}``.
    ``compactions`` are in order, each with the time at which it was measured.
    """

    questions: list[Question]
    prompts: dict[str, str]
    gauge: Gauge | None
    unfinished: dict[str, Any] | None
    compactions: list[tuple[float, Compaction]]


@dataclass(frozen=True, slots=True)
class KeptChange:
    """A change of a notebook: its number here, and the turn that made it."""

    number: int
    turn_id: str
    at: float
    change: Change


class Store:
    """The file of one Hermes home, as one server uses it.

    Nothing is made before there is something to keep. Writing never waits: it is done in order in
    a thread of its own. What fails there is logged, and tried again with all that comes later.
    Reading raises :class:`~hermes_jupyter.core.errors.Unavailable` where that is not possible now.

    Args:
        directory: where the file and the leases are.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server = uuid.uuid4().hex[:12]
        self._lease: FileLock | None = None
        self._file = StoreFile(directory, self._begin)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hermes-store")
        #: What could not be written yet, by what it is about: newer words replace older ones.
        self._unwritten: dict[tuple[str, ...], tuple[str, tuple[Any, ...]]] = {}
        self._epoch: str | None = None
        self._marks = Marks()
        self._marks_version: int | None = None

    def last_epoch(self) -> str:
        """The highest epoch of all runs so far; empty: none is kept, or it cannot be read.

        Reads the disk, once, before the server serves.
        """
        if not self._file.there:
            return ""
        try:
            return self._thread.submit(self._file.read, _last_epoch).result()
        except Unavailable as error:
            log.error("The epoch of the run before is not known: %s", error)
            return ""

    def begin(self, epoch: str) -> None:
        """Keep the epoch of this run, as soon as anything is kept."""
        self._epoch = epoch
        if self._file.there:
            self._write(_KEEP_EPOCH, (epoch,), about=("epochs",))

    def other_leases(self) -> list[Path]:
        """The files of the leases that other servers hold, or held."""
        own = Path(self._lease_of(self._server).lock_file)
        return [path for path in self._directory.glob("*.lease") if path != own]

    def take_over(self) -> list[Question]:
        """The questions that servers which are gone had open, interrupted now.

        Reads the disk, once, before the server serves; nothing where it cannot be read.
        """
        if not self._file.there:
            return []
        try:
            return self._thread.submit(self._file.read, self._take_over).result()
        except Unavailable as error:
            log.error("The questions that were open are not shown until a restart: %s", error)
            return []

    async def kept(self, session_id: str) -> Kept:
        """What is kept of a conversation."""
        if not self._file.there:
            return Kept([], {}, None, None, [])
        return await self._read(lambda db: self._kept(db, session_id))

    async def marks(self) -> Marks:
        """What is pinned and read; the same object as long as nothing has changed."""
        if not self._file.there:
            return self._marks
        return await self._read(self._read_marks)

    async def mark(
        self, session_id: str, *, pinned: bool | None = None, read_at: float | None = None
    ) -> Marks:
        """Keep what is given, and return all marks."""

        def write(db: sqlite3.Connection) -> Marks:
            db.execute("INSERT OR IGNORE INTO marks (session_id) VALUES (?)", (session_id,))
            for column, value in (("pinned", pinned), ("read_at", read_at)):
                if value is not None:
                    statement = f"UPDATE marks SET {column} = ? WHERE session_id = ?"  # noqa: S608
                    db.execute(statement, (value, session_id))
            # This connection's own writes do not change its version.
            self._marks_version = None
            return self._read_marks(db)

        return await self._read(write)

    async def changes(self, session_id: str, turn_id: str | None = None) -> list[KeptChange]:
        """What the turns of a conversation (or one of them) have changed, in order."""
        if not self._file.there:
            return []
        query = """
            SELECT number, turn_id, at, change FROM changes
            WHERE session_id = ? AND turn_id = coalesce(?, turn_id) ORDER BY number"""
        rows = await self._read(lambda db: db.execute(query, (session_id, turn_id)).fetchall())
        return [
            KeptChange(number, turn, at, Change(**json.loads(change)))
            for number, turn, at, change in rows
        ]

    async def add_changes(self, session_id: str, turn_id: str, changes: Sequence[Change]) -> None:
        """Keep what a turn has changed."""
        now = time.time()
        rows = [(session_id, turn_id, now, json.dumps(asdict(change))) for change in changes]
        insert = "INSERT INTO changes (session_id, turn_id, at, change) VALUES (?, ?, ?, ?)"
        await self._read(lambda db: _all_or_none(db, insert, rows))

    async def update_changes(self, changes: Sequence[tuple[int, Change]]) -> None:
        """Keep what has become of changes, by their numbers."""
        rows = [(json.dumps(asdict(change)), number) for number, change in changes]
        update = "UPDATE changes SET change = ? WHERE number = ?"
        await self._read(lambda db: _all_or_none(db, update, rows))

    def setting(self, name: str) -> str | None:
        """What a person has chosen for all conversations; None: nothing.

        Reads the disk; before the server serves.

        Raises:
            Unavailable: it cannot be read.
        """
        if not self._file.there:
            return None
        query = "SELECT value FROM settings WHERE name = ?"
        found = self._thread.submit(
            self._file.read, lambda db: db.execute(query, (name,)).fetchone()
        )
        row = found.result()
        return row[0] if row else None

    async def set_setting(self, name: str, value: str) -> None:
        """Keep what a person has chosen for all conversations."""
        replace = "INSERT OR REPLACE INTO settings VALUES (?, ?)"
        await self._read(lambda db: db.execute(replace, (name, value)).rowcount)

    def keep_compaction(self, session_id: str, at: float, compaction: Compaction) -> None:
        """Keep what a compaction made of a conversation's context, measured at ``at``."""
        tokens = (compaction.before, compaction.after)
        self._write(
            "INSERT INTO compactions VALUES (?, ?, ?, ?)",
            (session_id, at, *tokens),
            about=("compactions", session_id, str(at)),
        )

    def keep_question(self, question: Question) -> None:
        """Keep a question as it is now."""
        server = self._server if question.state == "open" else None
        record = json.dumps(question.to_json())
        self._write(
            "INSERT OR REPLACE INTO questions VALUES (?, ?, ?, ?)",
            (question.id, question.session_id, server, record),
            about=("questions", question.id),
        )

    def keep_prompt(self, session_id: str, client_id: str, turn_id: str) -> None:
        """Keep that a page's prompt was accepted."""
        self._write(
            "INSERT OR REPLACE INTO prompts VALUES (?, ?, ?)",
            (session_id, client_id, turn_id),
            about=("prompts", session_id, client_id),
        )

    def keep_gauge(self, session_id: str, gauge: Gauge) -> None:
        """Keep the last reading of a conversation."""
        text = json.dumps(gauge.to_json())
        self._write(
            "INSERT OR REPLACE INTO gauges VALUES (?, ?)",
            (session_id, text),
            about=("gauges", session_id),
        )

    def keep_unfinished(self, session_id: str, message: dict[str, Any] | None) -> None:
        """Keep the message that is being said; None: it is finished."""
        about = ("unfinished", session_id)
        if message is None:
            delete = "DELETE FROM unfinished WHERE session_id = ?"
            self._write(delete, (session_id,), about=about)
        else:
            self._write(
                "INSERT OR REPLACE INTO unfinished VALUES (?, ?, ?)",
                (session_id, self._server, json.dumps(message)),
                about=about,
            )

    def forget(self, session_id: str) -> None:
        """Delete all that is kept of a conversation."""
        for table in _OF_CONVERSATIONS:
            delete = f"DELETE FROM {table} WHERE session_id = ?"  # noqa: S608
            self._write(delete, (session_id,), about=("forget", table, session_id))
        self._thread.submit(setattr, self, "_marks_version", None)

    async def close(self) -> None:
        """Finish writing and give the lease back."""

        def close() -> None:
            self._file.close()
            if self._lease is not None:
                self._lease.release()
                Path(self._lease.lock_file).unlink(missing_ok=True)

        await asyncio.get_running_loop().run_in_executor(self._thread, close)
        self._thread.shutdown(wait=False)

    # -- in the thread -------------------------------------------------------------------------

    def _begin(self, db: sqlite3.Connection) -> None:
        """What a file that was just opened needs of this server."""
        if self._lease is None:
            lease = self._lease_of(self._server)
            lease.acquire(blocking=False)
            self._lease = lease
        self._marks_version = None
        db.execute("INSERT OR IGNORE INTO marks VALUES (?, 0, ?)", (_EVERYTHING, time.time()))
        if self._epoch is not None:
            db.execute(_KEEP_EPOCH, (self._epoch,))

    def _read_marks(self, db: sqlite3.Connection) -> Marks:
        version = db.execute("PRAGMA data_version").fetchone()[0]
        if version != self._marks_version:
            rows = db.execute("SELECT session_id, pinned, read_at FROM marks").fetchall()
            self._marks = Marks(
                frozenset(name for name, pinned, _ in rows if pinned),
                {name: at for name, _, at in rows if at is not None},
            )
            self._marks_version = version
        return self._marks

    def _lease_of(self, server: str) -> FileLock:
        return FileLock(self._directory / f"{server}.lease", mode=0o600, thread_local=False)

    def _take_over(self, db: sqlite3.Connection) -> list[Question]:
        left = {row[0] for row in db.execute("SELECT DISTINCT server FROM questions")}
        left |= {row[0] for row in db.execute("SELECT DISTINCT server FROM unfinished")}
        for server in left - {None, self._server}:
            lease = self._lease_of(server)
            try:
                lease.acquire(blocking=False)
            except Timeout:
                continue  # That server lives: what it has open is its own.
            for (record,) in db.execute(
                "SELECT record FROM questions WHERE server = ?", (server,)
            ).fetchall():
                question = Question.from_json(json.loads(record))
                question.state = "interrupted"
                db.execute(
                    "UPDATE questions SET server = NULL, record = ? WHERE id = ?",
                    (json.dumps(question.to_json()), question.id),
                )
            db.execute("UPDATE unfinished SET server = '' WHERE server = ?", (server,))
            lease.release()
            Path(lease.lock_file).unlink(missing_ok=True)
        found = db.execute(
            "SELECT record FROM questions WHERE json_extract(record, '$.state') = 'interrupted'"
        )
        return [Question.from_json(json.loads(row[0])) for row in found]

    def _kept(self, db: sqlite3.Connection, session_id: str) -> Kept:
        one = (session_id,)
        questions = db.execute(
            "SELECT record FROM questions WHERE session_id = ?"
            " ORDER BY json_extract(record, '$.asked_at')",
            one,
        ).fetchall()
        prompts = db.execute("SELECT client_id, turn_id FROM prompts WHERE session_id = ?", one)
        gauge = db.execute("SELECT gauge FROM gauges WHERE session_id = ?", one).fetchone()
        unfinished = db.execute(
            "SELECT message FROM unfinished WHERE session_id = ? AND server = ''", one
        ).fetchone()
        compactions = db.execute(
            "SELECT at, before, after FROM compactions WHERE session_id = ? ORDER BY at", one
        )
        return Kept(
            [Question.from_json(json.loads(row[0])) for row in questions],
            dict(prompts.fetchall()),
            Gauge(**json.loads(gauge[0])) if gauge else None,
            json.loads(unfinished[0]) if unfinished else None,
            [(at, Compaction(None, before, after)) for at, before, after in compactions],
        )

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._file.read, query
        )

    def _write(self, statement: str, values: tuple[Any, ...], *, about: tuple[str, ...]) -> None:
        self._thread.submit(self._write_all, statement, values, about)

    def _write_all(self, statement: str, values: tuple[Any, ...], about: tuple[str, ...]) -> None:
        """Write this after all that could not be written before."""
        failed_before = bool(self._unwritten)
        self._unwritten.pop(about, None)
        self._unwritten[about] = (statement, values)
        try:
            for first in tuple(self._unwritten):
                self._file.write(*self._unwritten[first])
                del self._unwritten[first]
        except Unavailable as error:
            if not failed_before:
                log.error("This is kept in memory alone, and tried again: %s", error)
        else:
            if failed_before:
                log.warning("All is kept on disk again; nothing is missing there")


def _last_epoch(db: sqlite3.Connection) -> str:
    last = db.execute("SELECT max(epoch) FROM epochs").fetchone()[0] or ""
    db.execute("DELETE FROM epochs WHERE epoch < ?", (last,))
    return str(last)


def _all_or_none(db: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with db:
        db.execute("BEGIN")
        db.executemany(statement, rows)
