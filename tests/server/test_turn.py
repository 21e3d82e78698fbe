"""Turns of the real agent, through the real routes."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import httpx
import pytest

from .conftest import Api
from .frames import Frame


def answer_of(frames: list[Frame]) -> str:
    """What the deltas of the assistant add up to."""
    return "".join(frame.data["text"] for frame in frames if frame.event == "message.delta")


def completed(frames: list[Frame]) -> list[str]:
    """The whole texts of the assistant, in order."""
    started = {
        frame.data["message_id"]
        for frame in frames
        if frame.event == "message.start" and frame.data["role"] == "assistant"
    }
    return [
        frame.data["text"]
        for frame in frames
        if frame.event == "message.complete" and frame.data["message_id"] in started
    ]


async def test_an_answer_streams_and_the_gauge_moves(api: Api) -> None:
    session_id = await api.conversation()
    frames = await api.turn(session_id, "hello")
    assert frames[-1].data["state"] == "complete"
    assert answer_of(frames) == completed(frames)[0]
    assert "offline model" in answer_of(frames)
    numbers = [frame.seq for frame in frames if frame.event != "snapshot"]
    assert numbers == sorted(set(numbers))
    states = [frame.data["state"] for frame in frames if frame.event == "turn"]
    assert states == ["starting", "running", "complete"]
    gauge = (await api.get("sessions", session_id, "context"))["context"]
    assert 0 < gauge["used"] < gauge["threshold"] < gauge["max"] == 131072
    assert gauge["cost_usd"] is None


@pytest.mark.own_server
async def test_every_step_of_the_start_is_named(api: Api) -> None:
    assert (await api.get("status"))["agent"]["state"] == "stopped"
    async with api.stream("events") as frames:
        asyncio.get_running_loop().create_task(api.conversation())
        seen = await frames.until(
            lambda frame: frame.event == "agent" and frame.data["state"] == "ready"
        )
    steps = [frame.data["step"] for frame in seen if frame.event == "agent"]
    assert "Starting the agent's process" in steps
    assert any(step and step.startswith("Loading Hermes 0.19") for step in steps)
    assert seen[-1].data["version"].startswith("0.19")


async def test_a_reload_in_the_middle_loses_nothing(api: Api, extension: Any) -> None:
    """R24, R25, R27: a second page that comes in the middle ends with the same text."""
    session_id = await api.conversation()
    script = [{"text": "one two three four five six seven", "wait": "middle", "wait_after": 2}]
    async with api.stream("events", params={"session_id": session_id}) as first:
        await first.until(lambda frame: frame.event == "snapshot")
        turn_id = await api.say(session_id, script)
        await first.until(lambda frame: frame.event == "message.delta")
        detail = await api.said(session_id, "one two three fo")
        assert detail["turn"]["turn_id"] == turn_id
        assert [message["role"] for message in detail["messages"]] == ["user", "assistant"]
        so_far = detail["messages"][-1]
        assert so_far["status"] == "streaming"
        extension.offline_model.release("middle")
        params = {"session_id": session_id, "cursor": detail["cursor"]}
        async with api.stream("events", params=params) as second:
            rest = await second.until(lambda frame: frame.ends(turn_id))
        assert all(frame.event != "snapshot" for frame in rest)
        assert so_far["text"] + answer_of(rest) == script[0]["text"]
        whole = await first.until(lambda frame: frame.ends(turn_id))
    later = [frame.id for frame in whole if frame.seq >= rest[0].seq]
    assert later == [frame.id for frame in rest]


async def test_a_cursor_that_means_nothing_here_gets_a_snapshot(api: Api) -> None:
    """R25, R26: of another epoch, of the future, and garbage."""
    session_id = await api.conversation()
    await api.turn(session_id, [{"text": "Hi."}])
    epoch, _, number = (await api.get("sessions", session_id))["cursor"].partition(".")
    for cursor in (f"0000.{number}", f"{epoch}.{int(number) + 1}", f"{epoch}.0x1", "x", "", "."):
        params = {"session_id": session_id}
        headers = {"Last-Event-ID": cursor}
        async with api.stream("events", params=params, headers=headers) as frames:
            told = await frames.until(lambda frame: frame.event == "snapshot")
        assert told[-1].data["messages"][-1]["text"] == "Hi."
        assert told[0].event == "agent"


async def test_stop_ends_the_turn_it_was_pressed_for(api: Api) -> None:
    """R35"""
    session_id = await api.conversation()
    slow = [{"text": "word " * 50, "wait": "never", "wait_after": 3}]
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, slow)
        await frames.until(lambda frame: frame.event == "message.delta")
        status, error = await api.refused(
            "POST", "sessions", session_id, "interrupt", body='{"turn_id": "another"}'
        )
        assert (status, error["code"], error["turn"]["turn_id"]) == (409, "not_running", turn_id)
        await api.post("sessions", session_id, "interrupt", turn_id=turn_id)
        ended = await frames.until(lambda frame: frame.ends(turn_id), within=15)
    assert ended[-1].data["state"] == "interrupted"
    detail = await api.get("sessions", session_id)
    assert detail["messages"][-1]["text"].startswith("word word")
    assert detail["messages"][-1]["status"] == "interrupted"
    again = await api.turn(session_id, [{"text": "Still here."}])
    assert completed(again) == ["Still here."]


async def test_a_prompt_waits_for_the_turn_in_hand(api: Api, extension: Any) -> None:
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        first = await api.say(session_id, [{"text": "First.", "wait": "go"}])
        second = await api.say(session_id, [{"text": "Second."}])
        third = await api.say(session_id, [{"text": "Third."}])
        detail = await api.get("sessions", session_id)
        assert [turn["turn_id"] for turn in detail["queued"]] == [second, third]
        await api.delete("sessions", session_id, "turns", third)
        extension.offline_model.release("go")
        seen = await frames.until(lambda frame: frame.ends(second))
    assert [frame.data["turn_id"] for frame in seen if frame.ends(first) or frame.ends(second)] == [
        first,
        second,
    ]
    assert completed(seen)[-2:] == ["First.", "Second."]
    status, error = await api.refused("DELETE", "sessions", session_id, "turns", third)
    assert (status, error["code"]) == (404, "turn_not_found")


async def test_a_repeated_post_is_one_turn(api: Api) -> None:
    session_id = await api.conversation()
    said = {"text": "hello", "client_id": "page-1"}
    first = await api.post("sessions", session_id, "prompt", **said)
    again = await api.post("sessions", session_id, "prompt", **said)
    assert first["turn_id"] == again["turn_id"]


@pytest.mark.parametrize(
    "text",
    [
        'use {"a": 1} as the payload, {x!r} and 100%% of %s',
        "back\\slash \\n \"quotes\" 'and' `ticks` $HOME $(x)\n\ttabs and\r\nlines",
        "emoji 🦉 and ‮right to left‬ and é",
        "many words " * 20_000 + "end",
    ],
    ids=["braces", "escapes", "unicode", "200 KB"],
)
async def test_a_prompt_arrives_byte_for_byte(api: Api, extension: Any, text: str) -> None:
    """N7: what the model gets is what the person wrote."""
    seen: list[str] = []
    session_id = await api.conversation()
    stock = extension.offline_model.script

    def listen(request: Any) -> Any:
        seen.extend(str(message["content"]) for message in request["messages"])
        return stock(request)

    extension.offline_model.script = listen
    await api.turn(session_id, text)
    assert text in seen
    stored = await api.get("sessions", session_id)
    assert stored["messages"][0]["text"] == text


async def test_tools_are_told_with_arguments_and_result(api: Api) -> None:
    call = {"name": "terminal", "arguments": {"command": "echo to-the-page"}}
    session_id = await api.conversation()
    frames = await api.turn(session_id, [{"text": "Look:", "tool_calls": [call]}, {"text": "So."}])
    started = next(frame for frame in frames if frame.event == "tool.start")
    ended = next(frame for frame in frames if frame.event == "tool.complete")
    assert started.data["args"] == {"command": "echo to-the-page"}
    assert "to-the-page" in ended.data["result"]["output"]
    assert ended.data["duration"] > 0
    assert ended.data["error"] is None
    roles = [m["role"] for m in (await api.get("sessions", session_id))["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant"]
    assert completed(frames) == ["Look:", "So."]


async def test_a_compaction_keeps_the_conversation_together(api: Api) -> None:
    session_id = await api.conversation()
    await api.turn(session_id, "tell me a long story")
    frames = await api.turn(session_id, "compact")
    compaction = next(frame for frame in frames if frame.event == "compaction")
    assert compaction.data["before"] > compaction.data["after"]
    detail = await api.get("sessions", session_id)
    assert detail["id"] == session_id != detail["tip_id"]
    assert len(detail["segments"]) == 2
    assert (await api.get("sessions", detail["tip_id"]))["id"] == session_id
    listed = (await api.get("sessions"))["sessions"]
    assert [row["id"] for row in listed] == [session_id]
    again = await api.turn(session_id, [{"text": "Going on."}])
    assert completed(again) == ["Going on."]


@pytest.mark.parametrize(
    ("step", "said"),
    [({"status": 401, "error": "bad key"}, "bad key"), ({"status": 404, "error": "gone"}, "gone")],
)
async def test_a_model_that_refuses_is_an_error_with_a_next_step(
    api: Api, step: dict[str, Any], said: str
) -> None:
    session_id = await api.conversation()
    frames = await api.turn(session_id, [step])
    ended = frames[-1].data
    assert ended["state"] == "error"
    assert ended["error"]["code"] == "model_error"
    assert said in ended["error"]["message"]
    assert ended["error"]["hint"]["command"]
    assert (await api.get("sessions"))["sessions"][0]["state"] == "error"


async def test_a_model_that_fails_for_a_while_is_an_error_in_the_end(api: Api) -> None:
    """Hermes tries a 500 again, for some seconds, and says so when it gives up."""
    session_id = await api.conversation()
    broken = {"status": 500, "error": "out of order"}
    frames = await api.turn(session_id, [broken])
    assert frames[-1].data["state"] == "error"
    assert "out of order" in frames[-1].data["error"]["message"]


async def test_a_model_that_says_nothing_can_be_stopped(api: Api) -> None:
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, [{"wait": "never"}])
        await frames.until(lambda f: f.event == "turn" and f.data["state"] == "running")
        await api.post("sessions", session_id, "interrupt", turn_id=turn_id)
        seen = await frames.until(lambda frame: frame.ends(turn_id), within=15)
    assert seen[-1].data["state"] == "interrupted"


async def test_a_turn_that_is_still_starting_can_be_stopped(api: Api) -> None:
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, [{"text": "Never said."}])
        await api.post("sessions", session_id, "interrupt", turn_id=turn_id)
        seen = await frames.until(lambda frame: frame.ends(turn_id), within=15)
    assert seen[-1].data["state"] == "interrupted"
    assert completed(seen) == []


async def test_a_killed_agent_is_said_and_the_next_prompt_works(api: Api, extension: Any) -> None:
    """N4"""
    session_id = await api.conversation()
    script = [{"text": "Half of it, and the other half", "wait": "never", "wait_after": 2}]
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, script)
        await frames.until(lambda frame: frame.event == "message.delta")
        await api.said(session_id, "Half of it, and ")
        os.kill(extension.agent.pid, signal.SIGKILL)
        seen = await frames.until(lambda frame: frame.ends(turn_id), within=2)
    assert seen[-1].data["error"]["code"] == "agent_died"
    detail = await api.get("sessions", session_id)
    assert detail["messages"][-1]["text"] == "Half of it, and "
    assert detail["messages"][-1]["status"] == "error"
    status = (await api.get("status"))["agent"]
    assert (status["state"], status["hint"]["action"]) == ("failed", "restart-agent")
    assert completed(await api.turn(session_id, [{"text": "Back again."}])) == ["Back again."]
    assert (await api.get("status"))["agent"]["state"] == "ready"


async def test_restart_brings_a_new_process(api: Api, extension: Any) -> None:
    await api.conversation()
    before = extension.agent.pid
    assert (await api.post("agent", "restart"))["agent"]["state"] == "ready"
    assert extension.agent.pid != before


async def test_a_stream_that_is_gone_frees_everything(api: Api, extension: Any) -> None:
    """R29"""
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        await frames.until(lambda frame: frame.event == "snapshot")
        assert len(extension.streams) == 1
    async with asyncio.timeout(5):
        while len(extension.streams):
            await asyncio.sleep(0.01)


async def test_a_stream_shows_that_it_lives(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async with api.stream("events") as frames:
        async with asyncio.timeout(6):
            while (frame := await frames.any()).event != "ping":
                pass
    assert frame.data["t"] > 0
    assert frame.id.count(".") == 1


async def test_a_stream_of_an_unknown_conversation_is_refused(api: Api) -> None:
    for path in ("events?session_id=nobody", "sessions/nobody/stream"):
        with pytest.raises(httpx.HTTPStatusError) as caught:
            async with api.stream(path):
                pass
        assert caught.value.response.status_code == 404
        assert caught.value.response.json()["error"]["code"] == "session_not_found"
