"""What becomes of words that come while a turn is in hand: they wait, go into it, or end it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from .conftest import Api
from .frames import Frames
from .test_turn import completed

LIST = {"name": "terminal", "arguments": {"command": "sleep 1; echo listed"}}


def script(*steps: Any) -> str:
    return "SCRIPT: " + json.dumps(steps)


def told(detail: dict[str, Any]) -> list[tuple[str, str]]:
    """Who said what, tools left out."""
    return [
        (message["role"], message["text"])
        for message in detail["messages"]
        if message["role"] != "tool"
    ]


async def tool_runs(frames: Frames) -> None:
    await frames.until(lambda frame: frame.event == "tool.start")


async def test_what_is_said_into_a_turn_goes_with_the_next_tool(
    api: Api, requests: list[Any]
) -> None:
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, script({"tool_calls": [LIST]}, {"text": "Done."}))
        await tool_runs(frames)
        said = {"text": "only the names, please", "client_id": "steer-1"}
        for _ in range(2):
            answer = await api.post("sessions", session_id, "steer", **said)
            assert answer == {"turn_id": turn_id, "state": "running"}
        seen = await frames.until(lambda frame: frame.ends(turn_id))
    assert seen[-1].data["state"] == "complete"
    carried = [message for message in requests[-1] if message["role"] == "tool"]
    assert "only the names, please" in carried[-1]["content"]
    assert carried[-1]["content"].count("only the names, please") == 1
    detail = await api.get("sessions", session_id)
    assert told(detail)[1:] == [("user", said["text"]), ("assistant", "Done.")]
    assert [message["steered"] for message in detail["messages"]] == [False, False, True, False]


async def test_what_is_said_too_late_for_a_tool_is_the_next_prompt(
    api: Api, extension: Any
) -> None:
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        text = script({"text": "one two three", "wait": "middle", "wait_after": 1})
        turn_id = await api.say(session_id, text)
        await frames.until(lambda frame: frame.event == "message.delta")
        late = script({"text": "Heard."})
        answer = await api.post("sessions", session_id, "steer", text=late)
        assert answer["turn_id"] == turn_id
        extension.offline_model.release("middle")
        first = await frames.until(lambda frame: frame.ends(turn_id))
        notices = [frame.data["text"] for frame in first if frame.event == "notice"]
        assert "next prompt" in notices[-1]
        rest = await frames.until(
            lambda frame: frame.event == "turn" and frame.data["state"] == "complete"
        )
    assert completed(rest) == ["Heard."]
    assert rest[-1].data["text"] == late


async def test_a_stopped_turn_does_not_begin_again_with_what_was_said_into_it(
    api: Api, extension: Any
) -> None:
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        slow = script({"text": "one two three", "wait": "never", "wait_after": 1})
        turn_id = await api.say(session_id, slow)
        await frames.until(lambda frame: frame.event == "message.delta")
        await api.post("sessions", session_id, "steer", text="faster")
        await api.post("sessions", session_id, "interrupt", turn_id=turn_id)
        seen = await frames.until(lambda frame: frame.ends(turn_id))
    assert seen[-1].data["state"] == "interrupted"
    detail = await api.get("sessions", session_id)
    assert detail["queued"] == []
    assert told(detail)[-1][0] == "notice"


async def test_with_no_turn_in_hand_it_is_a_prompt(api: Api) -> None:
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        text = script({"text": "Here."})
        answer = await api.post("sessions", session_id, "steer", text=text)
        seen = await frames.until(lambda frame: frame.ends(answer["turn_id"]))
    assert completed(seen) == ["Here."]


async def test_an_urgent_prompt_ends_the_turn_and_comes_first_in_line(
    api: Api, requests: list[Any]
) -> None:
    session_id = await api.conversation()
    slow = script({"text": "one two three", "wait": "never", "wait_after": 1})
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, slow)
        await frames.until(lambda frame: frame.event == "message.delta")
        urgent = {"text": script({"text": "At once."}), "when_busy": "interrupt"}
        answer = await api.post("sessions", session_id, "prompt", **urgent)
        assert answer["state"] == "queued"
        ended = await frames.until(lambda frame: frame.ends(turn_id))
        assert ended[-1].data["state"] == "interrupted"
        seen = await frames.until(lambda frame: frame.ends(answer["turn_id"]))
    assert completed(seen) == ["At once."]


async def test_an_urgent_prompt_comes_before_those_that_wait(api: Api) -> None:
    session_id = await api.conversation()
    slow = script({"text": "one two three", "wait": "never", "wait_after": 1})
    async with api.stream("events", params={"session_id": session_id}) as frames:
        await api.say(session_id, slow)
        await frames.until(lambda frame: frame.event == "message.delta")
        patient = await api.say(session_id, script({"text": "Patient."}))
        urgent = {"text": script({"text": "At once."}), "when_busy": "interrupt"}
        await api.post("sessions", session_id, "prompt", **urgent)
        seen = await frames.until(lambda frame: frame.ends(patient))
    assert completed(seen)[-2:] == ["At once.", "Patient."]


async def test_an_urgent_prompt_is_taken_once_where_the_turn_cannot_be_stopped(
    api: Api,
) -> None:
    session_id = await api.conversation()
    await api.turn(session_id, script({"text": "Hello."}))
    async with api.stream("events", params={"session_id": session_id}) as frames:
        compaction = (await api.post("sessions", session_id, "compress"))["turn_id"]
        urgent = {"text": script({"text": "At once."}), "when_busy": "interrupt"}
        answer = await api.post("sessions", session_id, "prompt", **urgent)
        assert answer["state"] == "queued"
        ended = await frames.until(lambda frame: frame.ends(compaction))
        assert ended[-1].data["state"] == "complete"
        seen = await frames.until(lambda frame: frame.ends(answer["turn_id"]))
    assert completed(seen) == ["At once."]


async def test_a_prompt_in_the_moment_of_the_agents_own_turn_waits_for_it(
    api: Api, extension: Any
) -> None:
    """Hermes would queue it, and its answer would look like a turn that nobody asked for."""
    session_id = await api.conversation()
    await api.turn(session_id, script({"text": "Hello."}))
    agent = extension.agent
    own = "[A background process has ended]\n" + script(
        {"text": "By myself.", "wait": "own", "wait_after": 1}
    )
    async with api.stream("events", params={"session_id": session_id}) as frames:
        # The agent begins by itself, and before that is heard a person's prompt is on its way.
        its_own = asyncio.ensure_future(agent.prompt(session_id, own, [], ""))
        turn_id = await api.say(session_id, script({"text": "Yours."}))
        assert await its_own
        await frames.until(
            lambda frame: (
                frame.event == "turn"
                and (frame.data["turn_id"], frame.data["state"]) == (turn_id, "queued")
            )
        )
        extension.offline_model.release("own")
        seen = await frames.until(lambda frame: frame.ends(turn_id))
    assert completed(seen)[-1] == "Yours."
    origins = {frame.data["origin"]: frame.data["state"] for frame in seen if frame.event == "turn"}
    assert origins == {"agent": "complete", "user": "complete"}
    detail = await api.get("sessions", session_id)
    assert sum(message["role"] == "user" for message in detail["messages"]) == 2
