"""Pages that follow conversations through the hub's proxy, and what each of them was told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple
from zlib import crc32

from tests.hub.running import Person

#: Events that every page is told, whichever conversation it follows.
EVERYWHERE = ("agent", "sessions", "question", "current")

#: Bytes of the longest answer's head, and those that a page takes at once.
HEAD, TAKE = 1 << 14, 1 << 18


class Told(NamedTuple):
    """An event as it came: its number, and what its bytes come to."""

    seq: int
    sum: int


class Page:
    """A page that follows conversations, and goes on where it was when it comes back."""

    def __init__(self, person: Person, *session_ids: str) -> None:
        self._person = person
        self.session_ids = session_ids
        self.told: list[Told] = []
        #: What it was not told one by one but in a snapshot: from after, up to.
        self.skipped: list[tuple[int, int]] = []
        #: The number up to which it knows everything; None: it was never open.
        self.position: int | None = None
        self._epoch = ""
        self._fresh = False
        self._opening: int | None = None
        self._reading: asyncio.Task[None] | None = None
        self._opened = asyncio.Event()

    async def open(self) -> None:
        """Connect, and wait for the first frame."""
        self._opened.clear()
        self._reading = asyncio.create_task(self._follow())
        opened = asyncio.create_task(self._opened.wait())
        await asyncio.wait({self._reading, opened}, return_when="FIRST_COMPLETED", timeout=60)
        opened.cancel()
        assert self._opened.is_set(), f"No stream within a minute: {self._reading}"

    async def leave(self) -> None:
        """Go, in the middle of whatever comes."""
        assert self._reading is not None
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading

    async def _follow(self) -> None:
        """Read on; what the proxy or the hub ends, it opens again, as the panel's client does."""
        while True:
            reader, writer = await self._connect()
            try:
                rest = b""
                while data := await reader.read(TAKE):
                    *frames, rest = (rest + data).split(b"\n\n")
                    for frame in frames:
                        self._hear(frame)
            finally:
                writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        headers = self._person.headers
        if self.position is not None:
            headers["Last-Event-ID"] = f"{self._epoch}.{self.position}"
        request = self._person.client.build_request(
            "GET",
            f"{self._person.base}hermes/api/events",
            params={"session_id": [*self.session_ids]},
            headers={**headers, "Connection": "close"},
        )
        # The older protocol has no chunks: what comes is the stream itself.
        lines = [f"GET {request.url.raw_path.decode()} HTTP/1.0"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        url = request.url
        reader, writer = await asyncio.open_connection(url.host, url.port, limit=HEAD)
        writer.write("\r\n".join([*lines, "", ""]).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.split()[1] == b"200", head + await reader.read(TAKE)
        return reader, writer

    def _hear(self, frame: bytes) -> None:
        head, _, data = frame.partition(b"\ndata: ")
        if not head.startswith(b"id: "):
            # How soon to come back: that is no event.
            self._fresh = True
            self._opened.set()
            return
        cursor, _, event = head.removeprefix(b"id: ").decode().partition("\nevent: ")
        self._epoch, _, number = cursor.partition(".")
        seq = int(number)
        fresh, self._fresh = self._fresh, False
        if event == "ping":
            return
        if fresh and event == "agent" and not self.goes_on(seq):
            # So begins the whole truth of now, all of it under one number.
            if self.position is not None:
                self.skipped.append((self.position, seq))
            self._opening = self.position = seq
        if seq != self._opening:
            assert self.position is not None
            assert seq > self.position, f"{event} {seq} was told after {self.position}"
            self.told.append(Told(seq, crc32(frame)))
            self.heard(seq, event, data)
            self.position = seq

    def goes_on(self, seq: int) -> bool:
        """Whether what a stream begins with is the next event, and no snapshot."""
        return False

    def heard(self, seq: int, event: str, data: bytes) -> None:
        """An event was told; to a page, it is as good as any other."""

    def forget(self, up_to: int) -> None:
        """Let go of what was looked at."""
        self.told = [told for told in self.told if told.seq > up_to]
        self.skipped.clear()


class Scribe(Page):
    """A page that follows all conversations: it is told the journal, number by number."""

    def __init__(self, person: Person, *session_ids: str) -> None:
        super().__init__(person, *session_ids)
        #: Whom each event concerns: a conversation, or everybody (None).
        self.concerns: dict[int, str | None] = {}
        self.ended: dict[str, dict[str, Any]] = {}
        self.asked: dict[str, str] = {}
        self._news = asyncio.Event()

    def goes_on(self, seq: int) -> bool:
        # A stream that was ended in order goes on with whatever was told since: with a step of the
        # agent's start as well.
        return seq == (self.position or 0) + 1

    def heard(self, seq: int, event: str, data: bytes) -> None:
        assert seq == (self.position or 0) + 1, f"{seq} was told after {self.position}"
        said = json.loads(data)
        self.concerns[seq] = None if event in EVERYWHERE else said["session_id"]
        if event == "turn" and said["state"] in ("complete", "interrupted", "error"):
            self.ended[said["turn_id"]] = said
        if event == "question" and said["question"]["state"] == "open":
            self.asked[said["question"]["turn_id"]] = said["question"]["id"]
        self._news.set()

    async def until(self, found: Callable[[], bool], within: float = 120) -> None:
        """Wait for what an event brings."""
        async with asyncio.timeout(within):
            while not found():
                self._news.clear()
                await self._news.wait()

    def journal(self, page: Page, up_to: int) -> list[Told]:
        """What a page must have been told since the last look, one by one."""
        return [
            told
            for told in self.told
            if told.seq <= up_to
            and self.concerns[told.seq] in (None, *page.session_ids)
            and not any(after < told.seq <= before for after, before in page.skipped)
        ]

    def forget(self, up_to: int) -> None:
        super().forget(up_to)
        self.concerns = {seq: whom for seq, whom in self.concerns.items() if seq > up_to}
