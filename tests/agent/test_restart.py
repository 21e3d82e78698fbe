"""A server that is stopped, or killed, in the middle of everything."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import Server, run_server

from .test_history import say, told

CLARIFY = {"name": "clarify", "arguments": {"question": "Which one?", "choices": ["red", "blue"]}}
REMOVE = {"name": "terminal", "arguments": {"command": "mkdir -p x && rm -r x"}}


def settings(tmp_path: Path) -> tuple[str, str]:
    return ("--HermesExtension.offline=True", f"--HermesExtension.hermes_home={tmp_path / 'h'}")


def end(server: Server, how: str) -> None:
    server.process.kill() if how == "killed" else server.process.terminate()
    server.process.wait(15)


def prompt(client: httpx.Client, session_id: str, steps: Any, **more: str) -> str:
    body = {"text": "SCRIPT: " + json.dumps(steps), **more}
    return str(client.post(f"sessions/{session_id}/prompt", json=body).json()["turn_id"])


def eventually(client: httpx.Client, path: str, found: Any) -> Any:
    """What ``found`` makes of an answer, as soon as it is something."""
    limit = time.monotonic() + 30
    while not (value := found(client.get(path).json())):
        assert time.monotonic() < limit, client.get(path).json()
        time.sleep(0.05)
    return value


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_an_open_question_survives_a_restart(tmp_path: Path, how: str) -> None:
    """N3"""
    with run_server(tmp_path / "jupyter", *settings(tmp_path)) as server, server.client() as client:
        session_id = client.post("sessions", json={}).json()["id"]
        other_id = client.post("sessions", json={}).json()["id"]
        turn_id = prompt(client, session_id, [{"tool_calls": [CLARIFY]}], client_id="page-1")
        prompt(client, other_id, [{"tool_calls": [REMOVE]}])
        eventually(client, "questions", lambda body: len(body["questions"]) == 2)
        gauge = client.get(f"sessions/{session_id}/context").json()["context"]
        end(server, how)

    files = [*(tmp_path / "h" / "jupyter").iterdir()]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files), files

    with run_server(tmp_path / "jupyter", *settings(tmp_path)) as server, server.client() as client:
        waiting = {one["kind"]: one for one in client.get("questions").json()["questions"]}
        clarify, approval = waiting["clarify"], waiting["approval"]
        assert (clarify["state"], approval["state"]) == ("interrupted", "interrupted")
        rows = {row["id"]: row for row in client.get("sessions").json()["sessions"]}
        assert rows[session_id]["state"] == "waiting"
        assert rows[session_id]["attention"] == {"clarify": 1, "approval": 0}
        assert client.get(f"sessions/{session_id}/context").json()["context"] == gauge
        # A page that had not heard of its success sends the same again: still one turn.
        assert prompt(client, session_id, [], client_id="page-1") == turn_id

        path = f"questions/{approval['id']}"
        refused = client.post(f"{path}/answer", json={"choice": "once"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (
            409,
            "question_interrupted",
        )
        assert client.post(f"{path}/dismiss", json={}).json() == {"state": "dismissed"}

        answered = client.post(f"questions/{clarify['id']}/answer", json={"answer": "blue"}).json()
        assert answered["state"] == "answered"
        detail = eventually(
            client,
            f"sessions/{session_id}",
            lambda body: body["turn"]["state"] == "complete" and body,
        )
        said = [message["text"] for message in detail["messages"] if message["role"] == "user"]
        assert said[-1] == "> Which one?\n\nblue"
        states = [question["state"] for question in detail["questions"]]
        assert states == ["answered"]

    with run_server(tmp_path / "jupyter", *settings(tmp_path)) as server, server.client() as client:
        assert client.get("questions").json() == {"questions": []}
        kept = client.get(f"sessions/{session_id}").json()["questions"]
        assert [(one["state"], one["answer"]) for one in kept] == [("answered", "blue")]


@pytest.mark.parametrize("how", ["killed"])
def test_what_was_being_said_survives_a_restart(tmp_path: Path, how: str) -> None:
    with run_server(tmp_path / "jupyter", *settings(tmp_path)) as server, server.client() as client:
        session_id = client.post("sessions", json={}).json()["id"]
        say(client, session_id, [{"text": "Before."}])
        prompt(client, session_id, [{"text": "one two three " * 100, "delay": 0.05}])
        before = eventually(
            client,
            f"sessions/{session_id}",
            lambda body: len(body["messages"][-1]["text"].partition("SCRIPT")[0]) > 400 and body,
        )
        end(server, how)
    with run_server(tmp_path / "jupyter", *settings(tmp_path)) as server, server.client() as client:
        once = client.get(f"sessions/{session_id}").json()
    with run_server(tmp_path / "jupyter", *settings(tmp_path)) as server, server.client() as client:
        after = client.get(f"sessions/{session_id}").json()
        assert told(after) == told(once)
        assert told(after)[:3] == told(before)[:3]
        lines = [text for role, text in told(after) if role == "assistant"]
        assert len(lines) == 2
        # At most the last second of it is lost (twenty deltas of eight characters), and the moment
        # until it is written.
        assert len(lines[1]) > len(told(before)[-1][1]) - 30 * 8
        assert "one two three one two" in lines[1]
        say(client, session_id, [{"text": "After."}])


def test_a_second_server_takes_nothing_over(tmp_path: Path) -> None:
    with run_server(tmp_path / "one", *settings(tmp_path)) as first, first.client() as client:
        session_id = client.post("sessions", json={}).json()["id"]
        prompt(client, session_id, [{"tool_calls": [CLARIFY]}, {"text": "Thanks."}])
        question = eventually(
            client, "questions", lambda body: body["questions"] and body["questions"][0]
        )
        with run_server(tmp_path / "two", *settings(tmp_path)) as second, second.client() as other:
            assert other.get("questions").json() == {"questions": []}
        client.post(f"questions/{question['id']}/answer", json={"answer": "red"}).raise_for_status()
        eventually(
            client, f"sessions/{session_id}", lambda body: body["turn"]["state"] == "complete"
        )
