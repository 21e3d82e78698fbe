"""A file that is damaged, locked, full or too new: nothing is deleted, and the server goes on."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hermes_jupyter.agent import check_home
from hermes_jupyter.core import store_file
from hermes_jupyter.core.errors import Unavailable
from hermes_jupyter.core.gauge import Gauge
from hermes_jupyter.core.notebook_policy import NotebookPolicy
from hermes_jupyter.core.store import Store

#: Rows enough for some hundred pages.
MANY = 200


async def a_file(folder: Path) -> Path:
    """What a server has kept, which is gone."""
    store = Store(folder / "jupyter")
    for number in range(MANY):
        store.keep_prompt("a", f"prompt-{number}", f"turn-{number}" + "x" * 2000)
    store.keep_gauge("a", Gauge(used=7))
    await store.set_setting("notebook_policy", "read")
    await store.close()
    return folder / "jupyter" / store_file.NAME


@contextmanager
def listening(said: list[str]) -> Iterator[None]:
    """What is logged until the block ends."""

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    listener = Listener(logging.ERROR)
    # Who configures logging anew, as the linter of imports does, silences what there was.
    store_file.log.disabled = False
    store_file.log.addHandler(listener)
    yield
    store_file.log.removeHandler(listener)


def overwritten(file: Path) -> None:
    file.write_bytes(b"This is no database." * 1000)


def cut(file: Path) -> None:
    with file.open("r+b") as there:
        there.truncate(file.stat().st_size // 2)


def torn(file: Path) -> None:
    """Its beginning is as it was."""
    with file.open("r+b") as there:
        there.seek(8192)
        there.write(b"\xff" * (file.stat().st_size - 8192))


def a_folder(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.mkdir()
    (file / "something").write_text("x")


@pytest.mark.parametrize("damage", [overwritten, cut, torn, a_folder])
async def test_a_damaged_file_is_set_aside(damage: Callable[[Path], None], tmp_path: Path) -> None:
    file = await a_file(tmp_path)
    damage(file)
    before = file.read_bytes() if file.is_file() else b""
    home = file.parents[1]
    said: list[str] = []
    with listening(said):
        # As a server does: the file is damaged again, within the same second.
        for number in (1, 2):
            store = Store(file.parent)
            store.last_epoch()
            store.begin("f" * 12)
            store.take_over()
            NotebookPolicy(store)
            assert (await store.kept("a")).prompts == {}
            store.keep_gauge("a", Gauge(used=number))
            assert (await store.kept("a")).gauge == Gauge(used=number)
            await store.close()
            aside = sorted(file.parent.glob(store_file.ASIDE))
            assert len(aside) == number
            if number == 1:
                if before:
                    assert aside[0].read_bytes() == before
                else:
                    assert (aside[0] / "something").exists()
                overwritten(file)
    assert all(f"set aside as {one.name}," in " ".join(said) for one in aside)
    told = check_home.store(home)
    assert (told.state, str(aside[0]) in told.reason) == ("warning", True)
    again = Store(file.parent)
    assert again.last_epoch() == "f" * 12
    assert (await again.kept("a")).gauge == Gauge(used=2)
    await again.close()


async def test_a_file_that_is_damaged_while_it_is_used(tmp_path: Path) -> None:
    file = await a_file(tmp_path)
    store = Store(file.parent)
    assert (await store.marks()).pinned == frozenset()
    torn(file)
    # What is to be kept now is kept, in the new one.
    store.keep_prompt("a", "mine", "turn")
    assert (await store.kept("a")).prompts == {"mine": "turn"}
    assert len([*file.parent.glob(store_file.ASIDE)]) == 1
    await store.close()


async def test_a_locked_file_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = await a_file(tmp_path)
    monkeypatch.setattr(store_file, "PATIENCE", 0.1)
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        store = Store(file.parent)
        assert store.last_epoch() == ""
        assert store.take_over() == []
        # Silence is not consent: what was chosen is not known, and may have been less.
        assert NotebookPolicy(store).now == "ask"
        with pytest.raises(Unavailable, match="locked") as told:
            await store.kept("a")
        assert told.value.hint == {"text": "Another program holds it: end that, then try again."}
        assert check_home.store(file.parents[1]).state == "error"
        store.keep_prompt("a", "mine", "turn")
        other.execute("ROLLBACK")
    other.close()
    # The next word writes what could not be written, too.
    store.keep_gauge("a", Gauge(used=8))
    kept = await store.kept("a")
    assert (kept.prompts["mine"], kept.gauge, len(kept.prompts)) == (
        "turn",
        Gauge(used=8),
        MANY + 1,
    )
    await store.close()
    assert not [*file.parent.glob(store_file.ASIDE)]
    assert check_home.store(file.parents[1]).state == "ok"


async def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    file = await a_file(tmp_path)
    with sqlite3.connect(file) as db:
        db.execute(f"PRAGMA user_version = {store_file.VERSION + 1}")
    db.close()
    before = file.read_bytes()
    store = Store(file.parent)
    assert store.last_epoch() == ""
    with pytest.raises(Unavailable, match="newer version") as told:
        await store.marks()
    assert told.value.code == "store_newer"
    store.keep_gauge("a", Gauge(used=8))
    await store.close()
    assert file.read_bytes() == before
    check = check_home.store(file.parents[1])
    assert (check.state, check.fix) == ("error", store_file.NEWER)


async def test_what_a_full_disk_refuses_is_written_when_there_is_room(tmp_path: Path) -> None:
    file = await a_file(tmp_path)
    store = Store(file.parent)
    (pages,) = await store._read(lambda db: db.execute("PRAGMA page_count").fetchone())
    await store._read(lambda db: db.execute(f"PRAGMA max_page_count = {pages + 30}").fetchone())
    for number in range(MANY):
        store.keep_prompt("b", f"prompt-{number}", f"turn-{number}" + "x" * 2000)
    assert 0 < len((await store.kept("b")).prompts) < MANY
    await store._read(lambda db: db.execute("PRAGMA max_page_count = 100000").fetchone())
    store.keep_gauge("b", Gauge(used=1))
    kept = await store.kept("b")
    assert (len(kept.prompts), kept.gauge) == (MANY, Gauge(used=1))
    await store.close()
