"""The list of conversations, their lineage, a long transcript and the search.

The databases are made by Hermes' own library and then filled in one go: of ten sessions six stand
alone and four are one conversation, with six messages each. The yardstick of what reads the
database is the same rows in one query of this process; of what does not, a bare handler.
"""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from hermes_jupyter.agent.state_sessions import SessionsTable
from hermes_jupyter.core.listing import Lineages
from tests.servers import Server

from .caller import PLAIN, Caller
from .measure import Row, middle
from .stage import ROOT, serve

SIZES = (100, 1_000, 10_000)

#: Sessions of ten that stand alone; the others are one conversation.
ALONE = 6

#: Messages of the conversation that is read.
LONG = 10_000

REPEATS = 9

LIST = "hermes/api/sessions"

#: What the list cannot do without, in one query.
TABLE = """SELECT id, source, title, parent_session_id, end_reason, started_at, ended_at,
                  message_count, model, model_config, cwd, archived, estimated_cost_usd, cost_status
           FROM sessions"""


def sessions() -> Iterator[Row]:
    """The list at three sizes, and what of it is lineage."""
    for size in SIZES:
        with tempfile.TemporaryDirectory() as temporary:
            database = _database(Path(temporary), size)
            with serve(Path(temporary)) as server, closing(sqlite3.connect(database)) as writer:
                writer.isolation_level = None
                yield from _list(server, writer, size)
            if size == SIZES[-1]:
                yield from _lineage(database)


def transcripts() -> Iterator[Row]:
    """The end of a long conversation, and a search among many."""
    with tempfile.TemporaryDirectory() as temporary:
        database = _database(Path(temporary), SIZES[-1])
        with closing(sqlite3.connect(database)) as reader:
            _lengthen(reader)
            with serve(Path(temporary)) as server, Caller(server) as caller:
                caller.get(LIST)
                last = (
                    "SELECT * FROM messages WHERE session_id = 's00000' ORDER BY id DESC LIMIT 50"
                )
                yield Row(
                    what=f"a conversation of {LONG:,} messages: opened",
                    value=caller.time(f"{LIST}/s00000") * 1e3,
                    unit="ms",
                    budget=200,
                    yardstick=_query(reader, last) * 1e3,
                    beside="50 rows in one query",
                )
                yield Row(
                    what=f"a conversation of {LONG:,} messages: a page before that",
                    value=_median(lambda: caller.time(f"{LIST}/s00000/messages?limit=50")),
                    unit="ms",
                    budget=200,
                    yardstick=_median(lambda: _query(reader, last)),
                    beside="50 rows in one query",
                )
                found = """
                    SELECT m.*, snippet(messages_fts, 0, '', '', '', 16) FROM messages_fts
                    JOIN messages m ON m.id = messages_fts.rowid
                    WHERE messages_fts MATCH 'otters' ORDER BY m.id DESC LIMIT 50"""
                yield Row(
                    what=f"search in {SIZES[-1] * 6:,} messages",
                    value=_median(lambda: caller.time("hermes/api/search?q=otters")),
                    unit="ms",
                    yardstick=_median(lambda: _query(reader, found)),
                    beside="the same in one query",
                    limit=12,
                )


def _list(server: Server, writer: sqlite3.Connection, size: int) -> Iterator[Row]:
    with Caller(server) as caller:
        table = _median(lambda: _query(writer, TABLE))
        plain = _median(lambda: caller.time(PLAIN))
        cold = caller.time(LIST) * 1e3
        yield Row(
            what=f"list of {size:,}, cold",
            value=cold,
            unit="ms",
            yardstick=table,
            beside="the table in one query",
        )
        warm = _median(lambda: caller.time(LIST))
        yield Row(
            what=f"list of {size:,}, warm",
            value=warm,
            unit="ms",
            budget=50,
            yardstick=plain,
            beside="a bare handler",
        )

        def changed() -> float:
            writer.execute(
                "INSERT INTO messages (session_id, role, content, timestamp)"
                " VALUES ('s00003', 'user', 'More.', ?)",
                (time.time(),),
            )
            return caller.time(LIST)

        yield Row(
            what=f"list of {size:,}, after a change",
            value=_median(changed),
            unit="ms",
            budget=150,
            yardstick=table,
            beside="the table in one query",
            limit=12 if size == SIZES[-1] else None,
        )
        yield Row(
            what=f"list of {size:,}: ten pages at once, after a change",
            value=_ten_at_once(server, changed),
            unit="ms",
            yardstick=_median(changed),
            beside="one",
        )
        yield Row(
            what=f"list of {size:,}: bytes of a page",
            value=len(json.dumps(caller.get(LIST))) / 1e3,
            unit="KB",
            budget=60,
        )


def _ten_at_once(server: Server, changed: Callable[[], float]) -> float:
    with ThreadPoolExecutor(10) as pool:
        callers = [Caller(server) for _ in range(10)]
        taken = []
        for _ in range(REPEATS):
            changed()
            start = time.perf_counter()
            list(pool.map(lambda caller: caller.get(LIST), callers))
            taken.append(time.perf_counter() - start)
        for caller in callers:
            caller.__exit__()
    return middle(taken) * 1e3


def _lineage(database: Path) -> Iterator[Row]:
    with closing(sqlite3.connect(database)) as db:
        db.row_factory = sqlite3.Row
        rows = SessionsTable().read(db)

        def walk() -> float:
            start = time.perf_counter()
            by_id = {row.id: row for row in rows}
            for row in rows:
                parent = by_id.get(row.parent_id or "")
                while parent is not None:
                    parent = by_id.get(parent.parent_id or "")
            return time.perf_counter() - start

        def worked_out() -> float:
            start = time.perf_counter()
            Lineages(rows)
            return time.perf_counter() - start

        yield Row(
            what=f"lineage of {len(rows):,}",
            value=_median(worked_out),
            unit="ms",
            budget=60,
            yardstick=_median(walk),
            beside="each session's way to its root",
            limit=60,
        )


def _database(home: Path, size: int) -> Path:
    """A database of Hermes' own making with so many sessions."""
    home = home / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    line = [sys.executable, "-m", "tests.hermes_store", str(home)]
    subprocess.run(line, input="", text=True, check=True, cwd=ROOT, timeout=120)
    database = home / "state.db"
    chance = random.Random(1)
    sources = ("cli", "jupyter", "telegram", "cron")
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA synchronous = OFF")
        for number in range(size):
            place = number % 10
            in_chain = place >= ALONE
            follows = in_chain and place > ALONE
            began = 1_760_000_000.0 + number * 60
            db.execute(
                "INSERT INTO sessions (id, source, model, model_config, system_prompt, title, cwd,"
                " started_at, ended_at, end_reason, parent_session_id, message_count)"
                " VALUES (?, ?, 'scripted', ?, ?, ?, '/home/someone/work', ?, ?, ?, ?, 6)",
                (
                    f"s{number:05}",
                    "cli" if in_chain else chance.choice(sources),
                    '{"max_iterations": 90, "reasoning_config": null}',
                    "A system prompt. " * 400,
                    f"A title {number}",
                    began,
                    began + 50 if in_chain and place < 9 else None,
                    "compression" if in_chain and place < 9 else None,
                    f"s{number - 1:05}" if follows else None,
                ),
            )
            said = "otters" if number % 500 == 0 else "kittens"
            lines = [
                ("user" if turn % 2 == 0 else "assistant", f"{turn} of {said} and more. " * 10)
                for turn in range(6)
            ]
            _say(db, f"s{number:05}", lines, began)
        db.commit()
    return database


def _lengthen(db: sqlite3.Connection) -> None:
    lines = [("user" if n % 2 == 0 else "assistant", f"{n}: " + "words " * 40) for n in range(LONG)]
    _say(db, "s00000", lines, 1_770_000_000.0)
    db.commit()


def long_database(home: Path) -> Path:
    """A database with one long conversation among a few others."""
    database = _database(home, SIZES[0])
    with closing(sqlite3.connect(database)) as db:
        _lengthen(db)
    return database


def _say(
    db: sqlite3.Connection, session_id: str, lines: list[tuple[str, str]], began: float
) -> None:
    db.executemany(
        "INSERT INTO messages (session_id, role, content, timestamp) VALUES (?, ?, ?, ?)",
        [(session_id, role, text, began + number) for number, (role, text) in enumerate(lines)],
    )


def _query(db: sqlite3.Connection, query: str) -> float:
    start = time.perf_counter()
    db.execute(query).fetchall()
    return time.perf_counter() - start


def _median(seconds: Callable[[], float]) -> float:
    """The median of several, in ms."""
    return middle(seconds() for _ in range(REPEATS)) * 1e3
