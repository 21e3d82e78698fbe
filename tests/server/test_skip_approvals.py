"""R21: a person allows all that the agent does in a conversation, visibly and not for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .conftest import Api
from .frames import ends
from .test_questions import asked, remove, results
from .test_when_busy import script


async def skip(api: Api, session_id: str, on: bool) -> None:
    answer = await api.put("sessions", session_id, "skip-approvals", on=on)
    assert answer == {"skip_approvals": on}
    detail = await api.get("sessions", session_id)
    assert detail["skip_approvals"] is on


async def test_what_waits_is_allowed_and_what_follows_is_not_asked(
    api: Api, jp_root_dir: Path
) -> None:
    session_id = await api.conversation()
    calls = [{"tool_calls": [remove("one")]}, {"tool_calls": [remove("two")]}, {"text": "Done."}]
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, script(*calls))
        question = await asked(frames)
        await skip(api, session_id, True)
        seen = await frames.until(ends(turn_id))
    assert [result["exit_code"] for result in results(seen)] == [0, 0]
    asked_for = {
        frame.data["question"]["id"]: frame.data["question"]
        for frame in seen
        if frame.event == "question"
    }
    assert list(asked_for) == [question["id"]]
    assert asked_for[question["id"]]["answer"] == "once"
    changes = [frame.data for frame in seen if frame.event == "session"]
    assert any(change.get("skip_approvals") for change in changes)
    rows = (await api.get("sessions"))["sessions"]
    assert [row["skip_approvals"] for row in rows] == [True]


async def test_it_ends_by_command_and_holds_for_one_conversation(
    api: Api, jp_root_dir: Path
) -> None:
    session_id, other_id = await api.conversation(), await api.conversation()
    await skip(api, session_id, True)
    for name in (other_id, session_id):
        if name == session_id:
            await skip(api, session_id, False)
        async with api.stream("events", params={"session_id": name}) as frames:
            turn_id = await api.say(name, script({"tool_calls": [remove("x")]}, {"text": "."}))
            question = await asked(frames)
            await api.post("questions", question["id"], "answer", choice="deny")
            await frames.until(ends(turn_id))


async def test_it_ends_with_the_agent(api: Api, extension: Any) -> None:
    session_id = await api.conversation()
    await api.turn(session_id, script({"text": "Hello."}))
    await skip(api, session_id, True)
    await api.post("agent", "restart")
    assert (await api.get("sessions", session_id))["skip_approvals"] is False
    async with api.stream("events", params={"session_id": session_id}) as frames:
        await api.say(session_id, script({"tool_calls": [remove("x")]}, {"text": "."}))
        question = await asked(frames)
        await api.post("questions", question["id"], "answer", choice="deny")


async def test_only_true_and_false_are_taken(api: Api) -> None:
    session_id = await api.conversation()
    status, error = await api.refused(
        "PUT", "sessions", session_id, "skip-approvals", body='{"on": "yes"}'
    )
    assert (status, error["code"]) == (400, "bad_type")
    assert (await api.get("sessions", session_id))["skip_approvals"] is False
