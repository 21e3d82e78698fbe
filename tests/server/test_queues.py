"""Several questions at once: the oldest first, each with its own fate."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Api
from .frames import ends
from .test_questions import ASKS, CLARIFY, asked, remove, results
from .test_turn import answer_of
from .test_when_busy import script


async def test_the_oldest_is_shown_and_the_next_follows_its_answer(api: Api) -> None:
    """R4, R7, R12: the same question of two conversations is two questions."""
    first, second = await api.conversation(), await api.conversation()
    async with api.stream("clarify/stream") as everywhere:
        assert (await everywhere.next()).data == {"pending": None, "pending_count": 0}
        for number, session_id in enumerate((first, second), 1):
            await api.say(session_id, ASKS)
            frame = await everywhere.next()
            assert frame.data["pending_count"] == number
            assert frame.data["pending"]["session_id"] == first
        for session_id, left in ((first, 1), (second, 0)):
            head = frame.data["pending"]
            assert head["session_id"] == session_id
            await api.post("clarify", "respond", request_id=head["id"], answer="red")
            frame = await everywhere.next()
            assert frame.data["pending_count"] == left
            assert await api.get("clarify", "pending") == frame.data
    assert frame.data["pending"] is None


async def test_a_question_in_the_moment_of_subscribing_is_told_once(api: Api) -> None:
    """R2, R11: whenever a page comes, what it ends with is what there is."""
    session_id = await api.conversation()
    await api.turn(session_id, script({"text": "Hello."}))
    for pause in (0, 0.002, 0.01, 0.03, 0.1):
        saying = asyncio.ensure_future(api.say(session_id, ASKS))
        await asyncio.sleep(pause)
        params = {"session_id": session_id}
        async with (
            api.stream("events", params=params) as page,
            api.stream("clarify/stream", params=params) as queue,
        ):
            turn_id = await saying
            told = await queue.until(lambda frame: frame.data["pending"] is not None)
            assert told[-1].data["pending_count"] == 1
            question = told[-1].data["pending"]
            open_on_page: list[str] = []
            while question["id"] not in open_on_page:
                frame = await page.next()
                if frame.event == "snapshot":
                    open_on_page = [
                        one["id"] for one in frame.data["questions"] if one["state"] == "open"
                    ]
                elif frame.event == "question" and frame.data["question"]["state"] == "open":
                    open_on_page.append(frame.data["question"]["id"])
            assert open_on_page.count(question["id"]) == 1
            await api.post("questions", question["id"], "answer", answer="red")
            await page.until(ends(turn_id))


async def test_a_late_answer_does_not_touch_the_next_question(api: Api) -> None:
    """R5, R7, R9, R18: the same question again is another one."""
    session_id = await api.conversation()
    twice = script({"tool_calls": [CLARIFY]}, {"tool_calls": [CLARIFY]}, {"text": "Done."})
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, twice)
        one = await asked(frames)
        await api.post("questions", one["id"], "answer", answer="red")
        two = await asked(frames)
        assert two["id"] != one["id"]
        status, error = await api.refused(
            "POST", "questions", one["id"], "answer", body='{"answer": "late"}'
        )
        assert (status, error["code"]) == (409, "question_answered")
        assert (await api.get("questions"))["questions"] == [two]
        await api.post("questions", two["id"], "answer", answer="blue")
        seen = await frames.until(ends(turn_id))
    assert [result["user_response"] for result in results(seen)] == ["red", "blue"][-1:]


async def test_of_many_answers_at_once_one_counts(api: Api) -> None:
    """R19, N2: a double click, two tabs, an impatient script."""
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, ASKS)
        question = await asked(frames)
        path = f"{api.origin}questions/{question['id']}/answer"

        async def answer(number: int) -> tuple[int, Any]:
            response = await api.client.post(path, json={"answer": f"answer {number}"})
            return response.status_code, response.json()

        outcomes = await asyncio.gather(*(answer(number) for number in range(20)))
        seen = await frames.until(ends(turn_id))
    assert sorted(status for status, _ in outcomes) == [200] + [409] * 19
    winner = next(number for number, (status, _) in enumerate(outcomes) if status == 200)
    assert results(seen)[0]["user_response"] == f"answer {winner}"


async def test_two_approvals_at_once_are_two(api: Api, jp_root_dir: Path) -> None:
    """R17: the second one is answered first, and only it is resolved."""
    (jp_root_dir / "precious").mkdir()
    removal = {"name": "terminal", "arguments": {"command": "rm -r precious"}}
    first, second = await api.conversation(), await api.conversation()
    async with (
        api.stream("events", params={"session_id": first}) as one,
        api.stream("events", params={"session_id": second}) as two,
    ):
        turns = [
            await api.say(name, script({"tool_calls": [removal]}, {"text": "Done."}))
            for name in (first, second)
        ]
        await asked(one, 2)
        waiting = {
            question["session_id"]: question["id"]
            for question in (await api.get("questions"))["questions"]
        }
        await api.post("questions", waiting[second], "answer", choice="once")
        await two.until(ends(turns[1]))
        assert not (jp_root_dir / "precious").exists()
        (jp_root_dir / "precious").mkdir()
        left = (await api.get("questions"))["questions"]
        assert [(question["id"], question["state"]) for question in left] == [
            (waiting[first], "open")
        ]
        await api.post("questions", waiting[first], "answer", choice="deny")
        await one.until(ends(turns[0]))
    assert (jp_root_dir / "precious").exists()


@pytest.mark.parametrize("choice", ["session", "always"])
async def test_session_and_always_ask_no_more_where_they_hold(api: Api, choice: str) -> None:
    """R16: "session" in this one, "always" in every one and after a restart."""
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, script({"tool_calls": [remove("x")]}, {"text": "."}))
        question = await asked(frames)
        await api.post("questions", question["id"], "answer", choice=choice)
        await frames.until(ends(turn_id))
    again = await api.turn(session_id, script({"tool_calls": [remove("y")]}, {"text": "."}))
    assert all(frame.event != "question" for frame in again)
    await api.post("agent", "restart")
    other = await api.conversation()
    async with api.stream("events", params={"session_id": other}) as frames:
        await frames.until(lambda frame: frame.event == "snapshot")
        turn_id = await api.say(other, script({"tool_calls": [remove("z")]}, {"text": "."}))
        if choice == "session":
            question = await asked(frames)
            await api.post("questions", question["id"], "answer", choice="deny")
        seen = await frames.until(ends(turn_id))
    if choice == "always":
        assert all(frame.event != "question" for frame in seen)


async def test_a_page_gets_few_events_and_the_whole_text(api: Api, extension: Any) -> None:
    """R34: a model that emits a hundred pieces in a second is told in some twenty."""
    session_id = await api.conversation()
    await api.turn(session_id, script({"text": "Warm."}))
    extension.offline_model.instant = False
    text = "0123456789" * 20
    step = {"text": text, "chunk": 2, "delay": 0.01}
    frames = await api.turn(session_id, "SCRIPT: " + json.dumps([step]))
    deltas = [frame for frame in frames if frame.event == "message.delta"]
    assert answer_of(frames) == text
    began = next(frame.data["at"] for frame in frames if frame.event == "message.start")
    assert began
    # A hundred pieces, at least 10 ms apart, are a second; a slow machine needs more.
    assert len(deltas) < 50
