"""What is read of databases that Hermes' own library has written."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hermes_jupyter.agent.state_db import StateDb
from hermes_jupyter.core.errors import Unavailable
from hermes_jupyter.core.lineage import chains
from tests.hermes_store import ended, said, session, titled, turn, write

SUMMARY = "[CONTEXT COMPACTION — REFERENCE ONLY] What was said before."


@asynccontextmanager
async def database(home: Path) -> AsyncIterator[StateDb]:
    db = StateDb(home / "state.db")
    try:
        yield db
    finally:
        db.close()


def message(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


async def told(db: StateDb, *ids: str) -> list[str]:
    rows = await db.messages(ids, before=None, limit=1000)
    return [row.text if row.role != "notice" else "---" for row in rows]


@pytest.mark.parametrize("head", [0, 1, 3])
@pytest.mark.parametrize("tail", [0, 1, 4])
async def test_a_compaction_in_place_is_told_once(tmp_path: Path, head: int, tail: int) -> None:
    """R38: what was summarised away is there, what was written again is not told again."""
    lines = [
        message(role, f"{role} {number}") for number in range(6) for role in ("user", "assistant")
    ]
    kept_head, kept_tail = lines[:head], lines[len(lines) - tail :]
    compacted = [*kept_head, message("user", SUMMARY), *kept_tail]
    write(
        tmp_path,
        session("a"),
        *(said("a", line["role"], line["content"]) for line in lines),
        ["archive_and_compact", ["a", compacted], {}],
        *turn("a", "after", "that"),
    )
    texts = [line["content"] for line in lines]
    async with database(tmp_path) as db:
        rows = await db.messages(["a"], before=None, limit=1000)
        summarised = [row.compaction.messages for row in rows if row.compaction]
        assert await told(db, "a") == [*texts, "---", "after", "that"]
    assert summarised == [12 - head - tail]


async def test_many_compactions_are_told_once(tmp_path: Path) -> None:
    calls: list[Any] = [session("a")]
    kept: list[dict[str, str]] = []
    texts = []
    for number in range(20):
        lines = [message("user", f"question {number}"), message("assistant", f"answer {number}")]
        calls += [said("a", line["role"], line["content"]) for line in lines]
        texts += [line["content"] for line in lines]
        kept = [*kept[:1], message("user", f"{SUMMARY} {number}"), *lines]
        if number == 0:
            kept = [lines[0], message("user", SUMMARY), lines[1]]
        calls.append(["archive_and_compact", ["a", kept], {}])
        texts.append("---")
    write(tmp_path, *calls)
    async with database(tmp_path) as db:
        assert await told(db, "a") == texts


async def test_the_same_words_again_are_told_again(tmp_path: Path) -> None:
    """A person who says the same twice has said it twice."""
    write(
        tmp_path,
        session("a"),
        *turn("a", "go on", "ok"),
        *turn("a", "go on", "ok"),
        ["archive_and_compact", ["a", [message("user", SUMMARY), message("assistant", "ok")]], {}],
        *turn("a", "go on", "ok"),
    )
    async with database(tmp_path) as db:
        assert await told(db, "a") == ["go on", "ok", "go on", "ok", "---", "go on", "ok"]


async def test_a_rotated_conversation_is_told_once(tmp_path: Path) -> None:
    first = [message("user", "one"), message("assistant", "two"), message("user", "three")]
    copied = [first[0], message("user", SUMMARY), first[2]]
    write(
        tmp_path,
        session("a"),
        *(said("a", line["role"], line["content"]) for line in first),
        ended("a", "compression"),
        session("b", parent_session_id="a"),
        ["replace_messages", ["b", copied], {}],
        said("b", "assistant", "four"),
    )
    async with database(tmp_path) as db:
        assert await told(db, "a", "b") == ["one", "two", "three", "---", "four"]
        (chain,) = chains(await db.sessions())
        assert [row.id for row in chain.segments] == ["a", "b"]


async def test_pages_from_the_end_meet_without_a_seam(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "terminal", "arguments": "{}"}}
    write(
        tmp_path,
        session("a"),
        *(line for number in range(30) for line in turn("a", f"q{number}", f"a{number}")),
        said("a", "assistant", "", tool_calls=[call]),
        said("a", "tool", '{"output": "x"}', tool_call_id="c1", tool_name="terminal"),
        said("a", "user", [{"type": "text", "text": "look"}, {"type": "image_url"}]),
    )
    async with database(tmp_path) as db:
        whole = await db.messages(["a"], before=None, limit=1000)
        assert whole[-1].text == "look\n(an image)"
        assert whole[-2].tool is not None
        assert whole[-2].tool["name"] == "terminal"
        for limit in (1, 7, 50):
            pages: list[Any] = []
            before = None
            while page := await db.messages(["a"], before=before, limit=limit):
                pages = [*page, *pages]
                before = page[0].row
            assert pages == whole


async def test_a_change_is_read_and_nothing_else_is(tmp_path: Path) -> None:
    write(
        tmp_path,
        *(line for n in range(50) for line in (session(f"s{n}"), *turn(f"s{n}", "q", "a"))),
    )
    async with database(tmp_path) as db:
        before = await db.sessions()
        assert await db.sessions() is before
        write(tmp_path, titled("s7", "Seven"), *turn("s9", "more", "of it"), session("s50"))
        after = await db.sessions()
        known = {id(row) for row in before}
        assert {row.id for row in after if id(row) not in known} == {"s7", "s9", "s50"}
        by_id = {row.id: row for row in after}
        assert by_id["s7"].title == "Seven"
        assert by_id["s9"].message_count == 4
        assert by_id["s9"].last_active > before[9].last_active
        write(tmp_path, ["delete_session", ["s7"], {}])
        assert "s7" not in {row.id for row in await db.sessions()}


async def test_the_number_of_queries_does_not_grow(tmp_path: Path) -> None:
    """R43"""
    counts = []
    for number in (1, 200):
        home = tmp_path / str(number)
        write(
            home,
            *(call for n in range(number) for call in (session(f"s{n}"), *turn(f"s{n}", "q", "a"))),
        )
        async with database(home) as db:
            await db.last_row([])
            assert db._connection is not None
            statements: list[str] = []
            db._connection.set_trace_callback(statements.append)
            await asyncio.gather(*(db.sessions() for _ in range(10)))
            counts.append(len([one for one in statements if "PRAGMA data_version" not in one]))
    assert counts[0] == counts[1]


async def test_words_are_found_with_their_context(tmp_path: Path) -> None:
    write(
        tmp_path,
        session("a"),
        *turn("a", 'What of "kittens" and AND OR NOT (dogs)?', "Kittens are young cats."),
        said("a", "tool", "kittens in a tool", tool_name="terminal"),
        session("b"),
        *turn("b", "日本語で検索してください", "見つかりました"),
        session("c"),
        *turn("c", "kittens, undone", "undone"),
    )
    with sqlite3.connect(tmp_path / "state.db") as raw:
        raw.execute("UPDATE messages SET active = 0 WHERE session_id = 'c'")
    raw.close()
    async with database(tmp_path) as db:
        found = await db.search("kitt", limit=10)
        assert [(one.session_id, one.role) for one in found] == [("a", "assistant"), ("a", "user")]
        assert ("Kittens", True) in found[0].pieces
        assert [one.session_id for one in await db.search("日本語で", limit=10)] == ["b"]
        assert len(await db.search("kittens young", limit=10)) == 1
        for text in (
            '"',
            "AND",
            "OR NOT",
            "(",
            "*",
            "a^b",
            "NEAR(x y)",
            "col:x",
            "\0",
            "'; --",
            "x" * 500,
        ):
            await db.search(text, limit=10)


async def test_an_older_database_lacks_columns(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "state.db") as raw:
        raw.executescript("""
            CREATE TABLE sessions (id TEXT PRIMARY KEY, source TEXT, started_at REAL);
            CREATE TABLE messages (id INTEGER PRIMARY KEY, session_id TEXT, role TEXT, content TEXT,
                                   timestamp REAL);
            INSERT INTO sessions VALUES ('a', 'cli', 1.0);
            INSERT INTO messages VALUES (1, 'a', 'user', 'hello', 2.0);
        """)
    raw.close()
    async with database(tmp_path) as db:
        (row,) = await db.sessions()
        assert (row.id, row.preview, row.last_active, row.title) == ("a", "hello", 2.0, None)
        assert await told(db, "a") == ["hello"]
        assert await db.search("hello", limit=5) == []


async def test_a_file_that_comes_goes_and_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with database(tmp_path) as db:
        assert list(await db.sessions()) == []
        write(tmp_path, session("a"), *turn("a", "q", "a"))
        assert [row.id for row in await db.sessions()] == ["a"]
        other = tmp_path / "other"
        write(other, session("b"), *turn("b", "q", "a"))
        for suffix in ("-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        (other / "state.db").replace(path)
        assert [row.id for row in await db.sessions()] == ["b"]
        assert await told(db, "b") == ["q", "a"]
        path.write_bytes(b"this is no database at all" * 100)
        with pytest.raises(Unavailable) as refused:
            await db.sessions()
        assert refused.value.code == "state_db_unreadable"
        path.unlink()
        assert list(await db.sessions()) == []


#: Writes as fast as Hermes' library can, for two seconds.
WRITE = """
import sys, time
from pathlib import Path
from hermes_state import SessionDB
db = SessionDB(Path(sys.argv[1]))
end, number = time.monotonic() + 2, 0
while time.monotonic() < end:
    if number % 20 == 0:
        db.create_session(f"s{number:06}", "cli")
    db.append_message(f"s{number - number % 20:06}", "user", content=f"line {number}")
    number += 1
print(number)
"""


async def test_what_is_written_at_full_speed_is_read_without_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    line = [sys.executable, "-c", WRITE, str(path)]
    process = await asyncio.create_subprocess_exec(*line, stdout=asyncio.subprocess.PIPE)
    ends = asyncio.create_task(process.communicate())
    async with database(tmp_path) as db:
        seen = 0
        while not ends.done():
            rows = await db.sessions()
            counted = sum(row.message_count for row in rows)
            assert counted >= seen
            seen = counted
            if rows:
                newest = max(row.id for row in rows)
                lines = await told(db, newest)
                first = int(newest[1:])
                assert lines == [f"line {first + n}" for n in range(len(lines))]
            await asyncio.sleep(0.01)
        written = int((await ends)[0])
        assert sum(row.message_count for row in await db.sessions()) == written


async def test_ten_thousand_calls_leak_nothing(tmp_path: Path) -> None:
    write(tmp_path, session("a"), *turn("a", "q", "a"))
    async with database(tmp_path) as db:
        await db.sessions()
        before = open_files(tmp_path)
        assert before
        for _ in range(100):
            await asyncio.gather(
                *(db.sessions() for _ in range(50)), *(told(db, "a") for _ in range(50))
            )
        assert open_files(tmp_path) == before


def open_files(directory: Path) -> list[str]:
    """What of a directory this process has open, each as often as it has."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return sorted(one for one in found if one.startswith(str(directory)))
