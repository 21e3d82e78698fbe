"""Nothing that the agent started outlives the server, however the server ends."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.servers import Server, run_server

#: Seconds for the end of a server: less than two on a machine that does nothing else.
LIMIT = 8.0


def processes_of(home: Path) -> dict[int, str]:
    """The command of every process whose Hermes home this is: the agent, and all it started."""
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("HERMES_HOME") == str(home):
                found[process.pid] = " ".join(process.cmdline())
    return found


def agent_of(home: Path) -> int:
    return next(pid for pid, line in processes_of(home).items() if "agent/child" in line)


def run_long_command(server: Server, home: Path) -> None:
    """Let the agent run a shell command that takes for ever."""
    call = {"name": "terminal", "arguments": {"command": "sleep 4321"}}
    with server.client() as client:
        session_id = client.post("sessions", json={}).json()["id"]
        text = "SCRIPT: " + json.dumps([{"tool_calls": [call]}])
        client.post(f"sessions/{session_id}/prompt", json={"text": text}).raise_for_status()
        end = time.monotonic() + 90
        while "sleep 4321" not in processes_of(home).values():
            assert time.monotonic() < end, server.log.read_text()[-3000:]
            time.sleep(0.1)


def left_after(home: Path, seconds: float) -> dict[int, str]:
    end = time.monotonic() + seconds
    while (left := processes_of(home)) and time.monotonic() < end:
        time.sleep(0.1)
    return left


def settings(home: Path) -> tuple[str, str]:
    """Settings of a server; it gets a HOME too, for a person's profile may take its time."""
    return ("--HermesExtension.offline=True", f"--HermesExtension.hermes_home={home}")


@contextlib.contextmanager
def open_streams(server: Server, number: int) -> Iterator[None]:
    """Pages that watch, each with a stream of its own."""
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            client = stack.enter_context(server.client())
            response = stack.enter_context(client.stream("GET", "events"))
            assert response.status_code == 200
            next(response.iter_bytes())
        yield


def seconds_until_ended(server: Server, home: Path) -> float:
    """How long the server takes from now; nothing of the agent is left after it."""
    began = time.monotonic()
    server.process.wait(15)
    took = time.monotonic() - began
    assert left_after(home, 5) == {}
    return took


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_no_orphan(tmp_path: Path, how: signal.Signals) -> None:
    home = tmp_path / "home"
    with run_server(tmp_path / "jupyter", *settings(home), HOME=str(tmp_path)) as server:
        run_long_command(server, home)
        server.process.send_signal(how)
        assert seconds_until_ended(server, home) < LIMIT


def test_a_server_with_many_pages_ends_at_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with run_server(tmp_path / "jupyter", *settings(home), HOME=str(tmp_path)) as server:
        run_long_command(server, home)
        with open_streams(server, 20):
            server.process.terminate()
            assert seconds_until_ended(server, home) < LIMIT
    assert server.process.returncode == 0


def test_a_server_whose_agent_hangs_ends_at_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with run_server(tmp_path / "jupyter", *settings(home), HOME=str(tmp_path)) as server:
        run_long_command(server, home)
        os.kill(agent_of(home), signal.SIGSTOP)
        with open_streams(server, 1):
            server.process.terminate()
            assert seconds_until_ended(server, home) < LIMIT
    assert server.process.returncode == 0


def test_a_server_whose_agent_still_starts_ends_at_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with run_server(tmp_path / "jupyter", *settings(home), HOME=str(tmp_path)) as server:
        with server.client() as client, contextlib.suppress(httpx.TimeoutException):
            client.post("sessions", json={}, timeout=0.3)
        assert processes_of(home)
        server.process.terminate()
        assert seconds_until_ended(server, home) < LIMIT
    assert server.process.returncode == 0


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A terminal's other end, and an interpreter that runs in the terminal."""
    other_end, terminal = pty.openpty()
    python = tmp_path / "python"
    # The first terminal that the leader of a session opens becomes the one whose keys it feels.
    python.write_text(
        f"""#!{sys.executable}
import os, sys
os.setsid()
os.dup2(os.open({os.ttyname(terminal)!r}, os.O_RDWR), 0)
os.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[1:]])
"""
    )
    python.chmod(0o700)
    yield other_end, python
    os.close(terminal)
    with contextlib.suppress(OSError):
        os.close(other_end)


@pytest.mark.parametrize(("keys", "streams"), [(b"\x03", 20), (b"y\n", 0)])
def test_ctrl_c_in_a_terminal(
    tmp_path: Path, terminal: tuple[int, Path], keys: bytes, streams: int
) -> None:
    """Twice, or once and a yes."""
    home = tmp_path / "home"
    keyboard, python = terminal
    with run_server(
        tmp_path / "jupyter", *settings(home), python=python, HOME=str(tmp_path)
    ) as server:
        run_long_command(server, home)
        with open_streams(server, streams):
            os.write(keyboard, b"\x03")
            wait_for_log(server, "Shut down this Jupyter server")
            os.write(keyboard, keys)
            assert seconds_until_ended(server, home) < LIMIT
    assert server.process.returncode == 0


def test_a_terminal_that_is_closed(tmp_path: Path, terminal: tuple[int, Path]) -> None:
    home = tmp_path / "home"
    keyboard, python = terminal
    with run_server(
        tmp_path / "jupyter", *settings(home), python=python, HOME=str(tmp_path)
    ) as server:
        run_long_command(server, home)
        os.close(keyboard)
        assert seconds_until_ended(server, home) < LIMIT


def wait_for_log(server: Server, text: str) -> None:
    end = time.monotonic() + 10
    while text not in server.log.read_text():
        assert time.monotonic() < end, server.log.read_text()[-3000:]
        time.sleep(0.02)


def test_a_command_does_not_survive_a_killed_agent(tmp_path: Path) -> None:
    """Trap 22: the shell of a killed agent lives on unless it is ended."""
    home = tmp_path / "home"
    with run_server(tmp_path / "jupyter", *settings(home), HOME=str(tmp_path)) as server:
        run_long_command(server, home)
        os.kill(agent_of(home), signal.SIGKILL)
        assert left_after(home, 5) == {}
        assert server.process.poll() is None
