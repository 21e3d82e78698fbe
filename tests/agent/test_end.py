"""Nothing that the agent started outlives the server, however the server ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.servers import Server, run_server


def processes_of(home: Path) -> dict[int, str]:
    """The command of every process whose Hermes home this is: the agent, and all it started."""
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("HERMES_HOME") == str(home):
                found[process.pid] = " ".join(process.cmdline())
    return found


def run_long_command(server: Server, home: Path) -> None:
    """Let the agent run a shell command that takes for ever."""
    call = {"name": "terminal", "arguments": {"command": "sleep 4321"}}
    with server.client() as client:
        session_id = client.post("sessions", json={}).json()["id"]
        text = "SCRIPT: " + json.dumps([{"tool_calls": [call]}])
        client.post(f"sessions/{session_id}/prompt", json={"text": text}).raise_for_status()
        end = time.monotonic() + 30
        while "sleep 4321" not in processes_of(home).values():
            assert time.monotonic() < end, server.log.read_text()[-3000:]
            time.sleep(0.1)


def left_after(home: Path, seconds: float) -> dict[int, str]:
    end = time.monotonic() + seconds
    while (left := processes_of(home)) and time.monotonic() < end:
        time.sleep(0.1)
    return left


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_no_orphan(tmp_path: Path, how: signal.Signals) -> None:
    home = tmp_path / "home"
    settings = ("--HermesExtension.offline=True", f"--HermesExtension.hermes_home={home}")
    with run_server(tmp_path / "jupyter", *settings) as server:
        run_long_command(server, home)
        server.process.send_signal(how)
        server.process.wait(15)
        assert left_after(home, 5) == {}


def test_a_server_with_an_open_stream_ends_at_once(tmp_path: Path) -> None:
    settings = ("--HermesExtension.offline=True", f"--HermesExtension.hermes_home={tmp_path / 'h'}")
    with run_server(tmp_path / "jupyter", *settings) as server:
        with server.client() as client, client.stream("GET", "events") as response:
            assert response.status_code == 200
            next(response.iter_bytes())
            server.process.terminate()
            server.process.wait(5)
        assert server.process.returncode == 0


def test_a_command_does_not_survive_a_killed_agent(tmp_path: Path) -> None:
    """Trap 22: the shell of a killed agent lives on unless it is ended."""
    home = tmp_path / "home"
    settings = ("--HermesExtension.offline=True", f"--HermesExtension.hermes_home={home}")
    with run_server(tmp_path / "jupyter", *settings) as server:
        run_long_command(server, home)
        agent = next(pid for pid, line in processes_of(home).items() if "child.py" in line)
        os.kill(agent, signal.SIGKILL)
        assert left_after(home, 5) == {}
        assert server.process.poll() is None
