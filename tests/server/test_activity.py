"""What keeps a server from being culled, and what does not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .conftest import Api
from .test_questions import ASKS, asked
from .test_when_busy import script


@pytest.fixture(autouse=True)
def quick_look(extension: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension.activity._pulse, "callback_time", 20)
    extension.activity._pulse.stop()
    extension.activity._pulse.start()


async def test_a_working_agent_is_activity_and_an_open_page_is_not(
    api: Api, extension: Any
) -> None:
    web_app = extension.serverapp.web_app
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as page:
        await page.until(lambda frame: frame.event == "snapshot")
        before = web_app.last_activity()
        for _ in range(2):
            assert (await page.any()).event == "ping"
        assert web_app.last_activity() == before
        assert not extension.current_activity()

        turn_id = await api.say(session_id, script({"text": "x", "wait": "end", "wait_after": 1}))
        await page.until(lambda frame: frame.event == "message.delta")
        moment = web_app.last_activity()
        async with asyncio.timeout(10):
            while web_app.last_activity() == moment:
                await asyncio.sleep(0.02)
        assert extension.current_activity()
        extension.offline_model.release("end")
        await page.until(lambda frame: frame.ends(turn_id))
        assert not extension.current_activity()


@pytest.mark.parametrize(("patience", "works"), [(1800, True), (0, False)])
async def test_a_question_that_waits_too_long_is_no_activity(
    api: Api, extension: Any, monkeypatch: pytest.MonkeyPatch, patience: int, works: bool
) -> None:
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as page:
        await api.say(session_id, ASKS)
        question = await asked(page)
    monkeypatch.setattr(extension.activity, "_patience", patience)
    assert extension.current_activity() is works
    await api.post("questions", question["id"], "answer", answer="red")
