"""What the real agent asks, answered through the real routes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from .conftest import Api
from .frames import Frame, Frames

CLARIFY = {"name": "clarify", "arguments": {"question": "Which one?", "choices": ["red", "blue"]}}
ASKS = [{"tool_calls": [CLARIFY]}, {"text": "Thank you."}]


def remove(folder: str) -> dict[str, Any]:
    """A tool call that needs an approval."""
    return {
        "name": "terminal",
        "arguments": {"command": f"mkdir -p {folder} && rm -r {folder}"},
    }


async def asked(frames: Frames, number: int = 1) -> dict[str, Any]:
    """The newest of ``number`` questions that were asked since."""
    seen: set[str] = set()

    def enough(frame: Frame) -> bool:
        if frame.event == "question" and frame.data["question"]["state"] == "open":
            seen.add(frame.data["question"]["id"])
        return len(seen) == number

    found = await frames.until(enough)
    return dict(found[-1].data["question"])


def results(frames: list[Frame]) -> list[Any]:
    """What the tools returned to the agent."""
    return [frame.data["result"] for frame in frames if frame.event == "tool.complete"]


async def test_one_answer_closes_a_question_everywhere(api: Api) -> None:
    """R1, R5, R12, N2: the second answer is told who won."""
    session_id = await api.conversation()
    async with (
        api.stream("events", params={"session_id": session_id}) as page,
        api.stream("events") as elsewhere,
        api.stream("clarify/stream", params={"session_id": session_id}) as original,
    ):
        first = await original.next()
        assert (first.event, first.data) == ("initial", {"pending": None, "pending_count": 0})
        turn_id = await api.say(session_id, ASKS)
        question = await asked(page)
        assert (await asked(elsewhere))["id"] == question["id"]
        assert question["kind"] == "clarify"
        assert question["questions"] == [
            {"text": "Which one?", "choices": ["red", "blue"], "multi_select": False}
        ]
        assert "key" not in question
        frame = await original.next()
        assert (frame.event, frame.data["pending_count"]) == ("clarify", 1)
        assert frame.data["pending"]["question"] == "Which one?"
        assert frame.data["pending"]["choices_offered"] == ["red", "blue"]
        assert await api.get("clarify", "pending") == frame.data
        assert (await api.get("questions"))["questions"] == [question]
        row = (await api.get("sessions"))["sessions"][0]
        assert (row["state"], row["attention"]) == ("waiting", {"clarify": 1, "approval": 0})

        path = ("questions", question["id"], "answer")
        answered = await api.post(*path, answer="blue", client="cell")
        assert answered == {"state": "answered"}
        status, error = await api.refused("POST", *path, body='{"answer": "red"}')
        assert (status, error["code"]) == (409, "question_answered")
        assert error["question"]["answer"] == "blue"
        assert error["question"]["answered_by"]["client"] == "cell"

        for frames in (page, elsewhere):
            closed = await frames.until(
                lambda frame: frame.event == "question" and frame.data["question"]["answer"]
            )
            assert closed[-1].data["question"]["told_agent"] == "blue"
        assert (await original.next()).data == {"pending": None, "pending_count": 0}
        seen = await page.until(lambda frame: frame.ends(turn_id))
    assert (await api.get("clarify", "pending"))["pending"] is None
    assert seen[-1].data["state"] == "complete"
    detail = await api.get("sessions", session_id)
    tool = next(message["tool"] for message in detail["messages"] if message["role"] == "tool")
    assert tool["result"]["user_response"] == "blue"
    assert [one["state"] for one in detail["questions"]] == ["answered"]


async def test_the_short_way_to_answer_a_clarify(api: Api) -> None:
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as page:
        turn_id = await api.say(session_id, ASKS)
        question = await asked(page)
        for body, code in (
            ({"answer": "red"}, "missing_field"),
            ({"request_id": question["id"]}, "empty_answer"),
            ({"request_id": question["id"], "answer": "  "}, "empty_answer"),
            ({"request_id": question["id"], "answer": ["red"]}, "empty_answer"),
            ({"request_id": question["id"], "answer": "x" * 100_001}, "answer_too_long"),
        ):
            refused = await api.refused("POST", "clarify", "respond", body=json.dumps(body))
            assert (refused[0], refused[1]["code"]) == (400, code)
        body = json.dumps({"request_id": question["id"], "choice": "once"})
        status, error = await api.refused("POST", "approval", "respond", body=body)
        assert (status, error["code"]) == (400, "wrong_kind")
        status, error = await api.refused(
            "POST", "clarify", "respond", body='{"request_id": "nothing", "answer": "red"}'
        )
        assert (status, error["code"]) == (404, "question_not_found")
        await api.post("clarify", "respond", request_id=question["id"], answer="Something else")
        seen = await page.until(lambda frame: frame.ends(turn_id))
    assert results(seen)[0]["user_response"] == "Something else"


async def test_a_denied_command_does_not_run(api: Api, jp_root_dir: Path) -> None:
    (jp_root_dir / "precious").mkdir()
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as page:
        turn_id = await api.say(session_id, [{"tool_calls": [remove("precious")]}, {"text": "Ok."}])
        question = await asked(page)
        assert question["kind"] == "approval"
        assert question["command"] == "mkdir -p precious && rm -r precious"
        assert question["deadline"] > question["asked_at"] + 1700
        kinds = {choice["id"]: choice["kind"] for choice in question["choices"]}
        assert kinds == {"once": "allow", "session": "allow", "always": "allow", "deny": "deny"}
        path = ("questions", question["id"], "answer")
        for body in ('{"choice": "yes"}', '{"answer": "once"}', '{"choice": null}'):
            status, error = await api.refused("POST", *path, body=body)
            assert (status, error["code"]) == (400, "bad_choice")
        await api.post(*path, choice="deny")
        seen = await page.until(lambda frame: frame.ends(turn_id))
    assert results(seen)[0]["status"] == "blocked"
    assert (jp_root_dir / "precious").is_dir()


async def test_once_covers_one_call(api: Api) -> None:
    """R16"""
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as page:
        steps = [{"tool_calls": [remove("a")]}, {"tool_calls": [remove("b")]}, {"text": "Done."}]
        turn_id = await api.say(session_id, steps)
        for choice in ("once", "deny"):
            question = await asked(page)
            await api.post("approval", "respond", request_id=question["id"], choice=choice)
        seen = await page.until(lambda frame: frame.ends(turn_id))
    assert seen[-1].data["state"] == "complete"
    states = [one["answer"] for one in (await api.get("sessions", session_id))["questions"]]
    assert states == ["once", "deny"]


async def test_stopping_the_turn_closes_its_question(api: Api) -> None:
    """R8"""
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as page:
        turn_id = await api.say(session_id, ASKS)
        question = await asked(page)
        await api.post("sessions", session_id, "interrupt", turn_id=turn_id)
        seen = await page.until(lambda frame: frame.ends(turn_id), within=15)
    closed = [f.data["question"] for f in seen if f.event == "question"][-1]
    assert (closed["id"], closed["state"]) == (question["id"], "cancelled")
    body = json.dumps({"answer": "red"})
    status, error = await api.refused("POST", "questions", question["id"], "answer", body=body)
    assert (status, error["code"]) == (409, "question_cancelled")


@pytest.mark.parametrize("home_settings", [{"agent": {"clarify_timeout": 1}}])
async def test_an_expired_clarify_says_what_the_agent_was_told(api: Api) -> None:
    """R8, R10: the deadline is the one of the agent's configuration."""
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as page:
        turn_id = await api.say(session_id, ASKS)
        question = await asked(page)
        assert question["deadline"] - question["asked_at"] == pytest.approx(1, abs=0.5)
        seen = await page.until(lambda frame: frame.ends(turn_id))
    closed = [f.data["question"] for f in seen if f.event == "question"][-1]
    assert closed["state"] == "expired"
    assert "did not answer within 1 second." in closed["told_agent"]
    assert results(seen)[0]["user_response"] == closed["told_agent"]


@pytest.mark.parametrize("home_settings", [{"agent": {"clarify_timeout": 0}}])
async def test_no_timeout_waits_without_a_deadline(api: Api) -> None:
    """R10"""
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as page:
        turn_id = await api.say(session_id, ASKS)
        question = await asked(page)
        assert question["deadline"] is None
        await api.post("questions", question["id"], "answer", answers=["red"])
        seen = await page.until(lambda frame: frame.ends(turn_id))
    assert results(seen)[0]["user_response"] == "red"


@pytest.mark.parametrize("hermes_settings", [{"approval_timeout": 1}])
async def test_no_viewer_is_not_consent(api: Api, jp_root_dir: Path) -> None:
    """N8"""
    (jp_root_dir / "precious").mkdir()
    session_id = await api.conversation()
    await api.say(session_id, [{"tool_calls": [remove("precious")]}, {"text": "Ok."}])
    async with asyncio.timeout(30):
        while (detail := await api.get("sessions", session_id))["state"] != "idle":
            await asyncio.sleep(0.1)
    assert [question["state"] for question in detail["questions"]] == ["expired"]
    assert "not consent" in detail["questions"][0]["told_agent"]
    assert (jp_root_dir / "precious").is_dir()


async def test_a_clarify_of_a_dead_agent_can_still_be_answered(api: Api, extension: Any) -> None:
    """N3, N4: the answer goes as the next prompt, quoting the question; an approval cannot."""
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as page:
        await api.say(session_id, ASKS)
        question = await asked(page)
        path = ("questions", question["id"])
        status, error = await api.refused("POST", *path, "dismiss", body="{}")
        assert (status, error["code"]) == (409, "still_open")
        os.kill(extension.agent.pid, signal.SIGKILL)
        await page.until(
            lambda f: f.event == "question" and f.data["question"]["state"] == "interrupted"
        )
        assert (await api.get("questions"))["questions"][0]["id"] == question["id"]
        answered = await api.post(*path, "answer", answer="blue")
        assert answered["state"] == "answered"
        await page.until(lambda frame: frame.ends(answered["turn_id"]))
        messages = (await api.get("sessions", session_id))["messages"]
        said = [message["text"] for message in messages if message["role"] == "user"]
        assert said[-1] == "> Which one?\n\nblue"

        await api.say(session_id, [{"tool_calls": [remove("x")]}])
        approval = await asked(page)
        os.kill(extension.agent.pid, signal.SIGKILL)
        await page.until(
            lambda f: f.event == "question" and f.data["question"]["state"] == "interrupted"
        )
    path = ("questions", approval["id"])
    status, error = await api.refused("POST", *path, "answer", body='{"choice": "once"}')
    assert (status, error["code"]) == (409, "question_interrupted")
    assert (await api.post(*path, "dismiss", body="{}"))["state"] == "dismissed"
    assert (await api.get("questions"))["questions"] == []
