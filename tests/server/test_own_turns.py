"""Turns that nobody asked for: what the agent has sent away comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .conftest import Api
from .frames import Frame, ends
from .test_turn import completed


def script(*steps: dict[str, Any]) -> str:
    return "SCRIPT: " + json.dumps(steps)


def is_own(frame: Frame) -> bool:
    return frame.event == "turn" and frame.data["origin"] == "agent"


async def test_a_delegation_that_returns_begins_a_turn(
    api: Api, extension: Any, requests: list[Any]
) -> None:
    """R32, trap 15: it shows in open pages, and a prompt waits for its end."""
    # What the subagent says is the prompt of the turn that its return begins.
    back = script({"text": "It came back, with news.", "wait": "go", "wait_after": 1})
    call = {"name": "delegate_task", "arguments": {"goal": script({"text": back})}}
    session_id = await api.conversation()
    async with (
        api.stream("events", params={"session_id": session_id}) as page,
        api.stream("events") as elsewhere,
    ):
        asked = await api.say(session_id, [{"tool_calls": [call]}, {"text": "Sent away."}])
        first = await page.until(ends(asked))
        assert completed(first)[-1:] == ["Sent away."]
        began = await page.until(is_own)
        own = str(began[-1].data["turn_id"])
        began += await page.until(lambda frame: frame.event == "message.delta")
        await elsewhere.until(
            lambda frame: (
                frame.event == "sessions" and frame.data["sessions"][0]["state"] == "running"
            )
        )
        detail = await api.get("sessions", session_id)
        assert (detail["turn"]["turn_id"], detail["turn"]["origin"]) == (own, "agent")
        assert detail["turn"]["state"] == "running"

        waiting = await api.say(session_id, [{"text": "Your turn."}])
        queued = (await api.get("sessions", session_id))["queued"]
        assert [turn["turn_id"] for turn in queued] == [waiting]
        extension.offline_model.release("go")
        rest = await page.until(ends(own))
        assert completed(began + rest)[-1] == "It came back, with news."
        assert rest[-1].data["state"] == "complete"
        assert not [frame for frame in rest if frame.data.get("turn_id") == waiting][1:]
        last = await page.until(ends(waiting))
    assert completed(last) == ["Your turn."]
    said = [
        (message["role"], message["turn_id"], message["text"])
        for message in (await api.get("sessions", session_id))["messages"]
        if message["role"] != "tool"
    ]
    # Nobody has said what began the agent's own turn.
    assert [role for role, turn_id, _ in said if turn_id == own] == ["assistant"]
    assert said[-1] == ("assistant", waiting, "Your turn.")
    (news,) = [messages[-1] for messages in requests if "ASYNC" in str(messages[-1]["content"])]
    assert news["role"] == "user"


async def test_a_subagent_does_nothing_dangerous_unasked(
    api: Api, jp_root_dir: Path, requests: list[Any]
) -> None:
    """N8, trap 34: nobody is asked for what a subagent wants, so it is not done."""
    precious = jp_root_dir / "precious"
    precious.mkdir()
    (precious / "work").write_text("")
    removes = {"name": "terminal", "arguments": {"command": f"rm -rf {precious}"}}
    goal = script({"tool_calls": [removes]}, {"text": script({"text": "It came back."})})
    call = {"name": "delegate_task", "arguments": {"goal": goal}}
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as page:
        await api.say(session_id, [{"tool_calls": [call]}, {"text": "Sent away."}])
        began = await page.until(is_own)
        rest = await page.until(ends(str(began[-1].data["turn_id"])))
    assert completed(rest) == ["It came back."]
    assert not [frame for frame in began + rest if frame.event == "question"]
    assert (precious / "work").exists()
    results = [messages[-1] for messages in requests if messages[-1]["role"] == "tool"]
    assert any("pending_approval" in str(result["content"]) for result in results)
