"""The doctor on set-ups that are really broken: each is named, with the next step."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from hermes_jupyter.agent import check, check_home
from hermes_jupyter.agent.check import Check
from hermes_jupyter.agent.find import Interpreter
from hermes_jupyter.agent.hermes import HermesAgent

KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"


async def looked_at(home: Path, python: str = "", load: bool = True) -> dict[str, Check]:
    agent = HermesAgent(home=home, cwd=home.parent, python=python)
    return {one.id: one for one in await agent.checks(load=load)}


async def test_a_home_that_was_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENROUTER_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    found = await looked_at(tmp_path / "home")
    assert {id_ for id_, one in found.items() if one.state == "error"} == {"model"}
    assert found["model"].fix is not None
    assert found["model"].fix["action"] == "set-up-model"
    assert found["version"].reason == "hermes-agent 0.19.0, as tried."
    assert found["configuration"].state == "warning"


async def test_a_dead_address_and_no_word_of_the_key(tmp_path: Path) -> None:
    """Half a provider: nobody listens where it should be."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "config.yaml").write_text(
        f"model: {{provider: custom, default: m, api_key: {KEY},"
        f" base_url: 'http://me:{KEY}@127.0.0.1:{port}/v1'}}\n"
    )
    found = await looked_at(tmp_path)
    assert (found["model"].state, found["model_address"].state) == ("ok", "error")
    assert "127.0.0.1 cannot be reached" in found["model_address"].reason
    assert KEY not in repr(found)


async def test_an_interpreter_without_the_agent(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    python.chmod(0o700)
    found = await looked_at(tmp_path / "home", str(python))
    assert found["agent"].state == "ok"
    assert found["version"].state == "error"
    assert "cannot be loaded" in found["version"].reason
    # It is the administrator's: nothing that is installed elsewhere would be used.
    assert found["version"].fix is not None
    assert "action" not in found["version"].fix
    assert str(python) in found["version"].fix["command"]
    assert found["model"].state == "unknown"


async def test_an_interpreter_that_is_not_there(tmp_path: Path) -> None:
    found = await looked_at(tmp_path, "/nowhere/python")
    assert (found["agent"].state, found["version"].state) == ("error", "unknown")
    assert "/nowhere/python" in found["agent"].reason


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("not a folder")
    assert "is no folder" in check_home.folder(home).reason
    assert check.configuration(home).state == "error"


async def test_without_loading_nothing_is_started(tmp_path: Path) -> None:
    found = await looked_at(tmp_path / "home", load=False)
    assert {found[id_].state for id_ in ("version", "model", "model_address")} == {"unknown"}
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("found", "state", "word"),
    [
        ({"version": "0.20.1", "missing": []}, "warning", "not tried"),
        ({"version": "0.17.0", "missing": ["tui_gateway.server._emit"]}, "error", "lacks tui"),
    ],
)
def test_other_versions(found: dict[str, Any], state: str, word: str) -> None:
    told = check.agent_loads(found, Interpreter("", True).hint)
    assert (told.state, word in told.reason) == (state, True)


@pytest.mark.parametrize("text", [f"model: {{key: {KEY}\n", f"- {KEY}\n", "\t{"])
def test_a_configuration_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    told = check.configuration(tmp_path)
    assert told.state == "error"
    assert "as if there was none" in told.reason
    assert KEY not in repr(told)


@pytest.mark.parametrize(
    ("status", "state"), [(200, "ok"), (404, "ok"), (401, "error"), (503, "warning")]
)
def test_what_the_model_answers(status: int, state: str) -> None:
    found = {
        "address": "https://models.example/v1",
        "provider": "custom",
        "answer": {"status": status, "ms": 5},
    }
    assert check.model_answers(found).state == state


def test_a_home_that_others_can_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    told = check_home.folder(tmp_path)
    assert (told.state, told.fix and told.fix["command"]) == ("warning", f"chmod 700 {tmp_path}")
    tmp_path.chmod(0o700)
    assert check_home.folder(tmp_path).state == "ok"


def test_a_home_of_somebody_else(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("Only root can give a folder away.")
    os.chown(tmp_path, 12345, -1)
    assert "belongs to the user 12345" in check_home.folder(tmp_path).reason


def test_a_home_that_cannot_be_written() -> None:
    """What root cannot do either: make a file in /proc."""
    told = check_home.folder(Path("/proc/self"))
    assert told.state == "error"
    assert "cannot be used" in told.reason


def test_a_damaged_database(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    assert check_home.database(tmp_path).state == "ok"
    path.write_bytes(b"garbage" * 1000)
    told = check_home.database(tmp_path)
    assert (told.state, "cannot be read" in told.reason) == ("error", True)
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE sessions (id TEXT)")
    assert check_home.database(tmp_path).reason == "0 sessions can be read."


def test_a_home_on_another_machine(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    home = Path("/mnt/my home/ada/.hermes")
    local = "/dev/sda1 / ext4 rw 0 0\n"
    mounts.write_text(local + "nas:/home /mnt/my\\040home nfs4 rw 0 0\n")
    told = check_home.file_system(home, mounts)
    assert (told.state, "is nfs4" in told.reason) == ("warning", True)
    mounts.write_text(local + "nas:/home /mnt/my\\040homes nfs4 rw 0 0\n")
    assert check_home.file_system(home, mounts).state == "ok"
    assert check_home.file_system(home, tmp_path / "none").state == "unknown"


def test_a_full_disk(tmp_path: Path) -> None:
    """As full as it would be for somebody who needs more than there is."""
    free = shutil.disk_usage(tmp_path).free
    assert check_home.space(tmp_path / "home", free // 2).state == "ok"
    assert check_home.space(tmp_path, 2 * free).state == "warning"
    assert check_home.space(tmp_path, 200 * free).state == "error"


def test_another_server_on_the_same_home(tmp_path: Path) -> None:
    live, gone = tmp_path / "a.lease", tmp_path / "b.lease"
    gone.touch()
    with FileLock(live):
        told = check_home.other_servers([live, gone])
    assert (told.state, told.reason.startswith("Another server")) == ("warning", True)
    assert check_home.other_servers([live, gone]).state == "ok"


def test_a_clock_that_was_set_back() -> None:
    assert check_home.clock("f" * 12).state == "warning"
    assert check_home.clock("0" * 12).state == "ok"
