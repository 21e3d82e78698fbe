"""Undo, edit and send again, and compaction: changes of what was said already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Api
from .frames import Frame
from .test_turn import completed
from .test_when_busy import script, told


async def ended(api: Api, session_id: str, *path: str, **body: Any) -> list[Frame]:
    """The frames of a turn that a call begins."""
    async with api.stream("events", params={"session_id": session_id}) as frames:
        await frames.until(lambda frame: frame.event == "snapshot")
        turn_id = (await api.post("sessions", session_id, *path, **body))["turn_id"]
        return await frames.until(lambda frame: frame.ends(turn_id))


async def spoken(api: Api, *lines: str) -> str:
    """A conversation in which the agent said these lines."""
    session_id = await api.conversation()
    for line in lines:
        await api.turn(session_id, script({"text": line}))
    return session_id


def answers(detail: dict[str, Any]) -> list[str]:
    return [text for role, text in told(detail) if role == "assistant"]


async def test_undo_takes_back_the_last_prompt_for_good(api: Api, requests: list[Any]) -> None:
    session_id = await spoken(api, "One.", "Two.")
    frames = await ended(api, session_id, "undo")
    snapshots = [frame.data for frame in frames if frame.event == "snapshot"]
    assert answers(snapshots[-1]) == ["One."]
    assert answers(await api.get("sessions", session_id)) == ["One."]
    assert completed(await api.turn(session_id, script({"text": "Three."}))) == ["Three."]
    assert "Two." not in str(requests[-1])
    assert answers(await api.get("sessions", session_id)) == ["One.", "Three."]

    # Another agent reads it from the database as it is now.
    await api.post("agent", "restart")
    await ended(api, session_id, "undo")
    await api.turn(session_id, script({"text": "Four."}))
    assert "Three." not in str(requests[-1])
    assert "One." in str(requests[-1])

    await ended(api, session_id, "undo")
    await ended(api, session_id, "undo")
    status, error = await api.refused("POST", "sessions", session_id, "undo")
    assert (status, error["code"]) == (409, "nothing_to_undo")


async def test_a_prompt_is_told_from_one_that_ends_like_it(api: Api) -> None:
    session_id = await api.conversation()
    await api.turn(session_id, script({"text": "One."}))
    await api.turn(session_id, "Please.\n" + script({"text": "One."}))
    first = (await api.get("sessions", session_id))["messages"][0]["id"]
    new = script({"text": "New."})
    frames = await ended(api, session_id, "prompt", text=new, replaces=first)
    assert frames[-1].data["state"] == "complete"
    await api.post("agent", "restart")
    await api.turn(session_id, script({"text": "Next."}))
    assert answers(await api.get("sessions", session_id)) == ["New.", "Next."]


async def test_an_edited_message_replaces_what_followed_it(api: Api, requests: list[Any]) -> None:
    session_id = await spoken(api, "Same.", "Same.", "Later.")
    first, second, _ = [
        message
        for message in (await api.get("sessions", session_id))["messages"]
        if message["role"] == "user"
    ]
    text = script({"text": "Better."})
    frames = await ended(api, session_id, "prompt", text=text, replaces=second["id"])
    assert completed(frames) == ["Better."]
    assert answers(await api.get("sessions", session_id)) == ["Same.", "Better."]
    assert str(requests[-1]).count("Same.") == 2  # In the prompt's script and in its answer.

    status, error = await api.refused(
        "POST",
        *("sessions", session_id, "prompt"),
        body=json.dumps({"text": "x", "replaces": second["id"]}),
    )
    assert (status, error["code"]) == (404, "message_not_found")
    assert answers(await api.get("sessions", session_id)) == ["Same.", "Better."]
    assert first["id"] == (await api.get("sessions", session_id))["messages"][0]["id"]


@pytest.mark.parametrize("home_settings", [{"model": {"context_length": 40_000}}])
async def test_a_prompt_that_never_reached_the_agent_can_be_said_again(
    api: Api, home: Path
) -> None:
    session_id = await api.conversation()
    frames = await api.turn(session_id, "hello")
    assert frames[-1].data["state"] == "error"
    config = home / "config.yaml"
    config.write_text(config.read_text().replace("40000", "131072"))
    await api.post("agent", "restart")
    said = (await api.get("sessions", session_id))["messages"][0]
    text = script({"text": "Now."})
    frames = await ended(api, session_id, "prompt", text=text, replaces=said["id"])
    assert completed(frames) == ["Now."]
    assert told(await api.get("sessions", session_id)) == [("user", text), ("assistant", "Now.")]


async def test_nothing_is_taken_back_while_a_turn_runs(api: Api) -> None:
    """R53: of two pages that change the same place, one is told of the other."""
    session_id = await spoken(api, "One.")
    first = (await api.get("sessions", session_id))["messages"][0]["id"]
    slow = script({"text": "Slow.", "wait": "never", "wait_after": 1})
    body = {"text": slow, "replaces": first}
    turn_id = (await api.post("sessions", session_id, "prompt", **body))["turn_id"]
    for path, body in (
        (["undo"], "{}"),
        (["prompt"], json.dumps({"text": "x", "replaces": first})),
    ):
        status, error = await api.refused("POST", "sessions", session_id, *path, body=body)
        assert (status, error["code"], error["turn"]["turn_id"]) == (409, "busy", turn_id)
    await api.post("sessions", session_id, "interrupt", turn_id=turn_id)


async def test_compaction_is_a_turn_and_the_gauge_falls_at_once(api: Api) -> None:
    """R48"""
    session_id = await spoken(api, *[f"{'word ' * 3000}{n}." for n in range(14)])
    before = (await api.get("sessions", session_id, "context"))["context"]
    frames = await ended(api, session_id, "compress", focus="the numbers")
    assert frames[-1].data["state"] == "complete"
    assert frames[-1].data["action"] == "compress"
    after = (await api.get("sessions", session_id, "context"))["context"]
    assert after["used"] < before["used"]
    assert after["estimate"]
    compaction = [frame.data for frame in frames if frame.event == "compaction"]
    assert compaction[0]["before"] == before["used"]
    assert compaction[0]["after"] == after["used"]
    detail = await api.get("sessions", session_id)
    assert len(answers(detail)) == 14
    mark = [message for message in detail["messages"] if message["compaction"]][-1]
    assert mark["id"] == compaction[0]["message_id"]
    assert mark["text"] == compaction[0]["text"]
    assert f"{before['used']:,} tokens became {after['used']:,}" in mark["text"]
    assert after["compactions"] == before["compactions"] + 1
    await api.turn(session_id, script({"text": "Next."}))
    assert not (await api.get("sessions", session_id, "context"))["context"]["estimate"]

    status, error = await api.refused(
        "POST",
        *("sessions", session_id, "interrupt"),
        body=json.dumps({"turn_id": frames[-1].data["turn_id"]}),
    )
    assert (status, error["code"]) == (409, "not_running")


async def test_what_was_compacted_cannot_be_taken_back(api: Api) -> None:
    session_id = await spoken(api, *[f"{'word ' * 300}{n}." for n in range(14)])
    first = next(
        message["id"]
        for message in (await api.get("sessions", session_id))["messages"]
        if message["role"] == "user"
    )
    await ended(api, session_id, "compress")
    frames = await ended(api, session_id, "prompt", text="x", replaces=first)
    assert frames[-1].data["state"] == "error"
    assert frames[-1].data["error"]["code"] == "compacted"
    assert len(answers(await api.get("sessions", session_id))) == 14


async def test_too_little_to_compact_is_said(api: Api) -> None:
    session_id = await spoken(api, "One.")
    frames = await ended(api, session_id, "compress")
    assert frames[-1].data["state"] == "complete"
    notices = [frame.data for frame in frames if frame.event == "notice"]
    assert notices[0]["level"] == "warning"
    assert notices[0]["text"]


@pytest.mark.parametrize("action", ["compress", "undo"])
async def test_an_unknown_conversation_is_refused(api: Api, action: str) -> None:
    status, error = await api.refused("POST", "sessions", "nobody", action)
    assert (status, error["code"]) == (404, "session_not_found")
