"""An agent's process that dies, hangs, or cannot be started."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from hermes_jupyter.agent import life
from hermes_jupyter.offline import OfflineModel
from hermes_jupyter.offline.config import write_home

from .conftest import Api
from .frames import Frame
from .test_bad_input import script
from .test_faults import children
from .test_turn import completed


def steps(frames: list[Frame]) -> list[str]:
    """The steps of a start that were told, without repetitions."""
    told = [frame.data["step"] for frame in frames if frame.event == "agent"]
    return list(dict.fromkeys(step for step in told if step))


@pytest.mark.own_server
class TestAStartThatFails:
    @pytest.fixture
    def python(self, tmp_path: Path) -> Path:
        return Path(script(tmp_path / "python", f"echo >> {tmp_path / 'starts'}; exit 3"))

    @pytest.fixture
    def hermes_settings(self, python: Path) -> dict[str, Any]:
        return {"agent_python": str(python)}

    @pytest.fixture(autouse=True)
    def back_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(life, "BACK_OFF", (0.0, 1.0, 30.0))

    async def fail(self, api: Api) -> float:
        """The seconds until a start has failed."""
        began = time.monotonic()
        status, error = await api.refused("POST", "sessions", body="{}")
        assert (status, error["code"]) == (503, "agent_failed")
        return time.monotonic() - began

    async def test_it_is_not_tried_in_a_loop(
        self, api: Api, tmp_path: Path, python: Path, extension: Any
    ) -> None:
        """A person's restart begins at once, and takes along what waits."""
        starts = tmp_path / "starts"
        assert await self.fail(api) < 1
        assert await self.fail(api) < 1
        assert await self.fail(api) > 0.7
        async with api.stream("events") as frames:
            waiting = [asyncio.ensure_future(api.post("sessions")) for _ in range(5)]
            seen = await frames.until(
                lambda frame: (
                    frame.event == "agent" and frame.data["step"] == "Trying again in 29 s"
                )
            )
            assert seen[-1].data["state"] == "starting"
            assert "exit code 3" in seen[-1].data["error"]
            told = (await api.get("status"))["agent"]
            assert (told["state"], told["step"]) == ("starting", "Trying again in 29 s")
            assert len(starts.read_text()) == 3
            script(python, f'echo >> {starts}; exec {sys.executable} "$@"')
            restarted = await api.post("agent", "restart")
            assert restarted["agent"]["state"] == "ready"
            assert restarted["agent"]["error"] is None
            for created in await asyncio.gather(*waiting):
                assert created["id"]
        assert len(starts.read_text()) == 4
        assert children(extension) == [extension.agent.pid]

    async def test_a_restart_resets(self, api: Api, python: Path) -> None:
        for _ in range(3):
            await self.fail(api)
        status, error = await api.refused("POST", "agent", "restart")
        assert (status, error["code"]) == (503, "agent_failed")
        # The row begins anew: the first end, without a pause after it.
        assert await self.fail(api) < 1

    async def test_a_server_ends_while_it_waits(self, api: Api) -> None:
        for _ in range(3):
            await self.fail(api)
        waiting = asyncio.ensure_future(api.refused("POST", "sessions", body="{}"))
        while not ((await api.get("status"))["agent"]["step"] or "").startswith("Trying again"):
            await asyncio.sleep(0.02)
        waiting.cancel()


@pytest.mark.parametrize("proven", [0.0, 1000.0])
async def test_an_agent_that_dies_again_and_again_has_to_wait(
    api: Api, extension: Any, monkeypatch: pytest.MonkeyPatch, proven: float
) -> None:
    """One that had worked for some time is started at once, however often."""
    monkeypatch.setattr(life, "BACK_OFF", (0.0, 1.0))
    monkeypatch.setattr(life, "PROVEN", proven)
    session_id = await api.conversation()
    waited = []
    for _ in range(2):
        os.kill(extension.agent.pid, signal.SIGKILL)
        async with asyncio.timeout(5):
            while (await api.get("status"))["agent"]["state"] != "failed":
                await asyncio.sleep(0.01)
        frames = await api.turn(session_id, [{"text": "Back."}])
        assert completed(frames) == ["Back."]
        waited.append("Trying again in 1 s" in steps(frames))
    assert waited == ([False, True] if proven else [False, False])
    assert children(extension) == [extension.agent.pid]


@pytest.mark.own_server
class TestWithoutAModel:
    @pytest.fixture
    def hermes_settings(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        for name in ("OPENROUTER_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        return {"offline": False}

    async def test_what_a_person_has_mended_works_at_once(
        self, api: Api, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """N12"""
        monkeypatch.setattr(life, "BACK_OFF", (1000.0,))
        for _ in range(3):
            status, error = await api.refused("POST", "sessions", body="{}")
            assert (status, error["code"]) == (503, "model_not_configured")
        async with OfflineModel() as model:
            for name, value in model.environ.items():
                monkeypatch.setenv(name, value)
            config = home / "config.yaml"
            config.unlink(missing_ok=True)
            write_home(config.parent)
            session_id = await api.conversation()
            assert completed(await api.turn(session_id, [{"text": "Fine."}])) == ["Fine."]


async def test_an_agent_that_hangs_is_said_and_can_be_restarted(
    api: Api, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await api.conversation()
    await api.turn(session_id, [{"text": "Before."}])
    hanging = extension.agent.pid
    with monkeypatch.context() as patched:
        patched.setattr(life, "CALL_TIMEOUT", 1.0)
        os.kill(hanging, signal.SIGSTOP)
        seen = await api.turn(session_id, [{"text": "Never."}])
        assert seen[-1].data["state"] == "error"
        error = seen[-1].data["error"]
        assert error["code"] == "agent_silent"
        assert "did not answer within 1 s" in error["message"]
        assert error["hint"]["action"] == "restart-agent"
        status, error = await api.refused("POST", "sessions", body="{}")
        assert (status, error["hint"]["action"]) == (503, "restart-agent")
        # The list comes from the database, and does not wait for anybody.
        assert [row["id"] for row in (await api.get("sessions"))["sessions"]] == [session_id]
    began = time.monotonic()
    assert (await api.post("agent", "restart"))["agent"]["state"] == "ready"
    assert time.monotonic() - began < 30
    assert children(extension) == [extension.agent.pid]
    assert extension.agent.pid != hanging
    assert completed(await api.turn(session_id, [{"text": "After."}])) == ["After."]


async def test_an_answer_to_an_agent_that_hangs_keeps_the_question(
    api: Api, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R6, R19"""
    session_id = await api.conversation()
    call = {"name": "clarify", "arguments": {"question": "Which one?"}}
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, [{"tool_calls": [call]}, {"text": "Thanks."}])
        asked = await frames.until(lambda frame: frame.event == "question")
        question = asked[-1].data["question"]
        path = ("questions", question["id"], "answer")
        with monkeypatch.context() as patched:
            patched.setattr(life, "CALL_TIMEOUT", 0.5)
            os.kill(extension.agent.pid, signal.SIGSTOP)
            status, error = await api.refused("POST", *path, body=json.dumps({"answer": "red"}))
            assert (status, error["code"]) == (503, "agent_silent")
            assert (await api.get("questions"))["questions"] == [question]
        os.kill(extension.agent.pid, signal.SIGCONT)
        seen = await frames.until(lambda frame: frame.ends(turn_id))
    assert completed(seen)[-1] == "Thanks."


async def test_only_what_is_needed_is_ever_asked_of_the_gateway(api: Api, extension: Any) -> None:
    """Trap 32: the gateway offers a shell, its command line and all settings."""
    await api.conversation()
    for method in ("shell.exec", "cli.exec", "model.save_key", "session.save", ""):
        with pytest.raises(ValueError, match="is not called"):
            await extension.agent._child.ask(method, command="true")


QUIET = {"display": {"tool_progress": "off", "interim_assistant_messages": False}}


@pytest.mark.parametrize("home_settings", [QUIET])
async def test_a_person_who_wants_a_quiet_terminal_still_sees_the_tools(api: Api) -> None:
    """Traps 23 and 26"""
    call = {"name": "terminal", "arguments": {"command": "echo seen"}}
    frames = await api.turn(
        await api.conversation(), [{"text": "I look.", "tool_calls": [call]}, {"text": "Done."}]
    )
    assert completed(frames) == ["I look.", "Done."]
    (began,) = [frame.data for frame in frames if frame.event == "tool.start"]
    (done,) = [frame.data for frame in frames if frame.event == "tool.complete"]
    assert began["args"] == call["arguments"]
    assert done["result"]["output"].strip() == "seen"
    assert "system_prompt" not in json.dumps([frame.data for frame in frames])


async def test_the_agent_gets_no_key_of_the_server_and_installs_nothing(
    api: Api, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap 33"""
    for name in ("JUPYTERHUB_API_TOKEN", "JUPYTER_TOKEN", "JPY_SESSION_NAME", "PYTHONPATH"):
        monkeypatch.setenv(name, "not the agent's business")
    await api.conversation()
    environment = psutil.Process(extension.agent.pid).environ()
    assert environment["HERMES_DISABLE_LAZY_INSTALLS"] == "1"
    assert "not the agent's business" not in environment.values()
