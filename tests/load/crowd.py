"""One person with many pages, whose agent works in some conversations at once."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any, Self

import httpx

from tests.hub.running import Hub, Person

from .pages import Page, Scribe

#: Conversations in which turns run at the same time.
CONVERSATIONS = 4

#: Of the pages, those that go and come back in each wave: one in so many.
ROVING = 4

ASK = {"name": "clarify", "arguments": {"question": "Which one?", "choices": ["red", "blue"]}}
DONE = {"text": "Done."}
RUN = {"name": "terminal", "arguments": {"command": "seq 200"}}


class Crowd:
    """Usable as an asynchronous context manager: its pages are open within.

    Args:
        pages: so many, beside the one that is told everything.
    """

    def __init__(self, hub: Hub, name: str, pages: int, dice: random.Random) -> None:
        self._hub = hub
        self.person = Person(hub, name, name).log_in()
        self._count = pages
        self._dice = dice
        #: So far: turns, times that a page came back and that it got a snapshot then, and events
        #: that were told and compared.
        self.turns = self.returns = self.snapshots = self.compared = 0

    def __str__(self) -> str:
        return (
            f"{self.person.name}, {self.turns} turns, {self.compared} events compared, "
            f"{self.returns} pages came back, {self.snapshots} of them to a snapshot"
        )

    async def __aenter__(self) -> Self:
        self._api = httpx.AsyncClient(
            base_url=f"{self.person.base}hermes/api/",
            headers=self.person.headers,
            cookies=self.person.client.cookies,
            timeout=60,
        )
        self.session_ids = [(await self._post("sessions"))["id"] for _ in range(CONVERSATIONS)]
        self.scribe = Scribe(self.person, *self.session_ids)
        self.pages = [
            Page(self.person, self.session_ids[number % CONVERSATIONS])
            for number in range(self._count)
        ]
        for page in (self.scribe, *self.pages):
            await page.open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for page in (self.scribe, *self.pages):
            await page.leave()
        for session_id in self.session_ids:
            await self._api.delete(f"sessions/{session_id}")
        await self._api.aclose()

    async def wave(self, turns: int) -> None:
        """So many turns, while pages come and go; then what was told is compared."""
        last = self.turns + turns
        talking = [self._talk(session_id, last) for session_id in self.session_ids]
        roving = [self._rove(page) for page in self.pages[::ROVING]]
        await asyncio.gather(*talking, *roving)
        await self._compare()

    async def _rove(self, page: Page) -> None:
        await asyncio.sleep(self._dice.random() * 3)
        await page.leave()
        await asyncio.sleep(self._dice.random())
        await page.open()
        self.returns += 1

    async def _talk(self, session_id: str, last: int) -> None:
        while self.turns < last:
            self.turns = number = self.turns + 1
            match number % 5:
                case 0:
                    turn = await self._post(f"sessions/{session_id}/compress")
                case 1:
                    turn = await self._say(session_id, number, {"tool_calls": [RUN]}, DONE)
                case 2:
                    turn = await self._say(session_id, number, {"tool_calls": [ASK]}, DONE)
                    await self._answer(turn["turn_id"])
                case 3:
                    path = f"sessions/{session_id}/attachments?name=notes-{number}.txt"
                    file = await self._api.post(path, content=b"a note\n" * 2000)
                    name = file.raise_for_status().json()["name"]
                    turn = await self._say(session_id, number, DONE, attachments=[name])
                case _:
                    long = {"text": f"Word {number} " * 150, "delay": 0.005}
                    turn = await self._say(session_id, number, long)
            await self._end(turn["turn_id"])

    async def _answer(self, turn_id: str) -> None:
        asked, ended = self.scribe.asked, self.scribe.ended
        await self.scribe.until(lambda: turn_id in asked or turn_id in ended)
        await self._post(f"questions/{asked.pop(turn_id)}/answer", answer="red")

    async def _end(self, turn_id: str) -> None:
        ended = self.scribe.ended
        await self.scribe.until(lambda: turn_id in ended)
        turn = ended.pop(turn_id)
        assert turn["state"] == "complete", turn

    async def _say(self, session_id: str, number: int, *steps: Any, **more: Any) -> Any:
        text = f"SCRIPT: {json.dumps(steps)}"
        path = f"sessions/{session_id}/prompt"
        return await self._post(path, text=text, client_id=f"turn-{number}", **more)

    async def _post(self, path: str, **body: Any) -> Any:
        response = await self._api.post(path, json=body)
        assert response.status_code < 300, response.text
        return response.json()

    async def _compare(self) -> None:
        """Hold what each page was told against the journal."""
        detail = (await self._api.get(f"sessions/{self.session_ids[0]}")).json()
        end = int(detail["cursor"].partition(".")[2])
        await self.scribe.until(lambda: (self.scribe.position or 0) >= end, 30)
        for number, page in enumerate(self.pages):
            must = self.scribe.journal(page, end)
            async with asyncio.timeout(30):
                while must and (page.position or 0) < must[-1].seq:
                    await asyncio.sleep(0.01)
            told = [one for one in page.told if one.seq <= end]
            lost, more = [*set(must) - set(told)][:3], [*set(told) - set(must)][:3]
            assert told == must, f"page {number}: {lost} are missing, {more} too much"
            self.compared += len(told)
            self.snapshots += len(page.skipped)
        for page in (self.scribe, *self.pages):
            page.forget(end)
