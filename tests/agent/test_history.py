"""What the agent's own database remembers: other servers' and other front ends' sessions."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx

from tests.servers import run_server


def say(client: httpx.Client, session_id: str, text: Any) -> None:
    """Send a prompt and wait until its turn is complete."""
    if not isinstance(text, str):
        text = "SCRIPT: " + json.dumps(text)
    client.post(f"sessions/{session_id}/prompt", json={"text": text}).raise_for_status()
    end = time.monotonic() + 60
    while (turn := client.get(f"sessions/{session_id}").json()["turn"])["state"] != "complete":
        assert time.monotonic() < end, turn
        time.sleep(0.1)


def told(detail: dict[str, Any]) -> list[tuple[str, str]]:
    return [(message["role"], message["text"]) for message in detail["messages"]]


def spoken(detail: dict[str, Any]) -> list[tuple[str, str]]:
    return [line for line in told(detail) if line[0] != "notice"]


def test_a_conversation_goes_on_after_a_restart(tmp_path: Path) -> None:
    settings = ("--HermesExtension.offline=True", f"--HermesExtension.hermes_home={tmp_path / 'h'}")
    call = {"name": "terminal", "arguments": {"command": "echo kept"}}
    with run_server(tmp_path / "jupyter", *settings) as server, server.client() as client:
        session_id = client.post("sessions", json={}).json()["id"]
        say(client, session_id, [{"text": "First.", "tool_calls": [call]}, {"text": "Second."}])
        before = client.get(f"sessions/{session_id}").json()
    with run_server(tmp_path / "jupyter", *settings) as server, server.client() as client:
        assert client.get("status").json()["agent"]["state"] == "stopped"
        (row,) = client.get("sessions").json()["sessions"]
        assert (row["id"], row["source"], row["state"]) == (session_id, "jupyter", "idle")
        after = client.get(f"sessions/{session_id}").json()
        assert told(after) == told(before)
        tool = next(message["tool"] for message in after["messages"] if message["tool"])
        assert tool["args"] == {"command": "echo kept"}
        assert "kept" in tool["result"]["output"]
        assert client.get("status").json()["agent"]["state"] == "stopped"

        say(client, session_id, [{"text": "Third."}])
        again = client.get(f"sessions/{session_id}").json()
        assert told(again)[: len(told(before))] == told(before)
        assert told(again)[-1] == ("assistant", "Third.")


def test_a_compacted_conversation_is_one_row_and_told_once(tmp_path: Path) -> None:
    settings = ("--HermesExtension.offline=True", f"--HermesExtension.hermes_home={tmp_path / 'h'}")
    with run_server(tmp_path / "jupyter", *settings) as server, server.client() as client:
        session_id = client.post("sessions", json={}).json()["id"]
        for number in range(3):
            say(client, session_id, [{"text": f"Answer {number}. " + "Many words." * 500}])
        say(client, session_id, "compact")
        say(client, session_id, [{"text": "Going on."}])
        before = client.get(f"sessions/{session_id}").json()
    with run_server(tmp_path / "jupyter", *settings) as server, server.client() as client:
        (row,) = client.get("sessions").json()["sessions"]
        assert (row["id"], row["segment_count"]) == (session_id, 2)
        after = client.get(f"sessions/{row['tip_id']}").json()
        assert after["id"] == session_id
        assert spoken(after) == spoken(before)
        assert [role for role, _ in told(after)].count("notice") == 1
