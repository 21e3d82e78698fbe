"""The agent installed from the panel: told step by step, refused, failed, cut off."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from hermes_jupyter.agent.find import private_environment

from .conftest import Api


def pips() -> list[str]:
    """What this process has running that installs."""
    lines = []
    for child in psutil.Process().children(recursive=True):
        try:
            line = " ".join(child.cmdline())
        except psutil.Error:
            continue
        if str(private_environment()) in line or "ensurepip" in line:
            lines.append(line)
    return lines


@pytest.mark.own_server
async def test_its_steps_its_failure_and_its_end_with_the_server(
    api: Api, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a network, pip fails in its own words."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    async with api.stream("events") as frames:
        answer = await api.post("agent", "install")
        assert answer["agent"]["state"] in ("stopped", "starting")
        code, error = await api.refused("POST", "agent", "install")
        assert (code, error["code"]) == (409, "installing")
        # Who says something meanwhile gets what comes of it.
        waiting = asyncio.create_task(api.refused("POST", "sessions"))
        seen = await frames.until(
            lambda frame: frame.event == "agent" and frame.data["state"] == "failed"
        )
    steps = [frame.data["step"] or "" for frame in seen if frame.event == "agent"]
    assert [step[:3] for step in steps if step[1:2] == "/"] == ["1/3", "2/3"]
    failed = seen[-1].data
    assert "No matching distribution found for hermes-agent==0.19.*" in failed["error"]
    assert failed["hint"]["action"] == "install-agent"
    assert (await waiting)[1]["code"] == "install_failed"

    # Again, and the server ends meanwhile.
    await api.post("agent", "install")
    end = time.monotonic() + 20
    while not pips():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)
    await extension.agent.close()
    assert pips() == []


class TestProvided:
    """Where the agent is the administrator's business."""

    @pytest.fixture(params=["allow_install", "agent_python"])
    def hermes_settings(self, request: Any, tmp_path: Path) -> dict[str, Any]:
        value = False if request.param == "allow_install" else str(tmp_path / "none")
        return {request.param: value}

    async def test_nobody_else_installs_one(self, api: Api) -> None:
        code, error = await api.refused("POST", "agent", "install")
        assert (code, error["code"]) == (403, "policy")
        assert "administrator" in error["message"]
