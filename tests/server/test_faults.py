"""Every state has an exit, whenever something goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import psutil
import pytest

from .conftest import Api
from .frames import Frame
from .test_questions import ASKS, asked
from .test_turn import completed


def children(extension: Any) -> list[int]:
    """The agents of this server that run."""
    return [
        child.pid
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE
        and child.environ().get("HERMES_HOME") == str(extension.agent.home)
    ]


@pytest.mark.parametrize("seconds", [0, 0.01, 0.1, 0.3, 1])
async def test_stop_at_any_moment_ends_the_turn(api: Api, seconds: float) -> None:
    """A slow command begins some time after the prompt: it must not run on."""
    call = {"name": "terminal", "arguments": {"command": "sleep 30"}}
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, [{"tool_calls": [call]}, {"text": "Done."}])
        await asyncio.sleep(seconds)
        await api.post("sessions", session_id, "interrupt", turn_id=turn_id)
        seen = await frames.until(lambda frame: frame.ends(turn_id), within=15)
    assert seen[-1].data["state"] == "interrupted"
    assert "Done." not in completed(seen)
    assert completed(await api.turn(session_id, [{"text": "Next."}])) == ["Next."]


@pytest.mark.parametrize("home_settings", [{"model": {"context_length": 40_000}}])
async def test_an_agent_that_cannot_be_built_ends_its_turns(api: Api) -> None:
    """N12: a broken configuration."""
    session_id = await api.conversation()
    frames = await api.turn(session_id, "hello")
    assert frames[-1].data["state"] == "error"
    assert "40,000" in frames[-1].data["error"]["message"]
    again = await api.turn(session_id, "hello")
    assert again[-1].data["state"] == "error"


async def test_a_prompt_in_the_moment_of_death_goes_to_the_next_agent(
    api: Api, extension: Any
) -> None:
    session_id = await api.conversation()
    await api.turn(session_id, [{"text": "Before."}])
    for pause in (0, 0.005, 0.05):
        os.kill(extension.agent.pid, signal.SIGKILL)
        await asyncio.sleep(pause)
        seen = await api.turn(session_id, [{"text": "After."}])
        if seen[-1].data["state"] == "error":
            # It had reached the dying process: that is said, and the next one works.
            assert seen[-1].data["error"]["code"] in ("agent_died", "agent_gone")
            seen = await api.turn(session_id, [{"text": "After."}])
        assert seen[-1].data["state"] == "complete"
        assert children(extension) == [extension.agent.pid]


async def test_an_answer_in_the_moment_of_death_is_not_lost(api: Api, extension: Any) -> None:
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        await api.say(session_id, ASKS)
        question = await asked(frames)
        os.kill(extension.agent.pid, signal.SIGKILL)
        path = ("questions", question["id"], "answer")
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(pytest.fail.Exception):
                    status, error = await api.refused("POST", *path, body='{"answer": "red"}')
                    assert (status, error["code"]) == (503, "agent_gone")
                    await asyncio.sleep(0.05)
                    continue
                break
        answered = next(
            one
            for one in (await api.get("sessions", session_id))["questions"]
            if one["id"] == question["id"]
        )
        assert (answered["state"], answered["answer"]) == ("answered", "red")
        turn_id = (await api.get("sessions", session_id))["turn"]["turn_id"]
        await frames.until(lambda frame: frame.ends(turn_id))


@pytest.mark.own_server
async def test_a_restart_while_everything_starts(api: Api, extension: Any) -> None:
    """Nothing hangs, nothing is left over, and the next conversation works."""

    async def outcome(call: Any) -> str:
        try:
            await call
        except Exception as error:
            return str(error)
        return "done"

    outcomes = await asyncio.gather(
        outcome(api.post("sessions")),
        outcome(api.post("agent", "restart")),
        outcome(api.post("sessions")),
        outcome(api.post("agent", "restart")),
    )
    assert all(told == "done" or "503" in told for told in outcomes), outcomes
    session_id = await api.conversation()
    assert completed(await api.turn(session_id, [{"text": "Fine."}])) == ["Fine."]
    assert children(extension) == [extension.agent.pid]


async def test_a_restart_in_a_turn_ends_it_and_begins_the_next(api: Api) -> None:
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        first = await api.say(session_id, [{"text": "a b c", "wait": "never", "wait_after": 1}])
        second = await api.say(session_id, [{"text": "Second."}])
        await frames.until(lambda frame: frame.event == "message.delta")
        await api.post("agent", "restart")
        seen: list[Frame] = await frames.until(lambda frame: frame.ends(second))
    ended = next(frame for frame in seen if frame.ends(first))
    assert ended.data["error"]["code"] == "agent_died"
    assert seen[-1].data["state"] == "complete"


@pytest.mark.own_server
class TestWithoutAModel:
    @pytest.fixture
    def hermes_settings(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        for name in ("OPENROUTER_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        return {"offline": False}

    async def test_no_call_gets_an_agent_that_is_not_ready(self, api: Api, extension: Any) -> None:
        async def create(pause: float) -> tuple[int, str]:
            await asyncio.sleep(pause)
            status, error = await api.refused("POST", "sessions", body="{}")
            return status, error["code"]

        outcomes = await asyncio.gather(*(create(pause) for pause in (0, 0.3, 0.6, 0.9)))
        assert set(outcomes) == {(503, "model_not_configured")}
        assert children(extension) == []


@pytest.mark.own_server
class TestADamagedStore:
    @pytest.fixture(autouse=True)
    def _damaged(self, tmp_path: Path) -> Path:
        file = tmp_path / "hermes-home" / "jupyter" / "conversations.db"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"This is no database." * 100)
        return file

    async def test_the_server_begins_a_new_one_and_says_so(self, api: Api, home: Path) -> None:
        assert (await api.get("sessions"))["total"] == 0
        checks = {one["id"]: one for one in (await api.get("doctor"))["checks"]}
        (aside,) = (home / "jupyter").glob("conversations.damaged-*.db")
        assert aside.read_bytes().startswith(b"This is no database.")
        assert (checks["store"]["state"], str(aside) in checks["store"]["reason"]) == (
            "warning",
            True,
        )


@pytest.mark.own_server
class TestAStoreOfANewerVersion:
    @pytest.fixture(autouse=True)
    def _newer(self, tmp_path: Path) -> None:
        file = tmp_path / "hermes-home" / "jupyter" / "conversations.db"
        file.parent.mkdir(parents=True)
        with sqlite3.connect(file) as db:
            db.execute("PRAGMA user_version = 1000")
        db.close()

    async def test_the_next_step_is_told(self, api: Api) -> None:
        assert (await api.get("status"))["agent"]["state"] == "stopped"
        status, error = await api.refused("GET", "sessions")
        assert (status, error["code"]) == (503, "store_newer")
        assert "newer version" in error["message"]
        assert "--upgrade" in error["hint"]["command"]
