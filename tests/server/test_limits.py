"""Whatever many or slow pages do, the server stays small and answers the others."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from hermes_jupyter.core.journal import EVERYWHERE
from hermes_jupyter.server import base, stream

from .conftest import Api
from .test_questions import ASKS, asked

#: Seconds within which the server notices what it has to; far more than it needs.
SOON = 10


class Socket:
    """A page as the server's kernel sees it: one that reads only when it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, api: Api, *, buffer: int = 0) -> Socket:
        """Connect; with ``buffer``, take no more than about so many unread bytes."""
        url = urlsplit(api.origin)
        connection = socket.socket()
        if buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (url.hostname, url.port))
        return cls(*await asyncio.open_connection(sock=connection, limit=4096))

    async def ask(
        self,
        api: Api,
        path: str,
        *headers: str,
        method: str = "GET",
        body: bytes = b"",
        token: str = "",
    ) -> None:
        """Send a request, as the owner unless with another token, and read nothing."""
        url = urlsplit(api.origin)
        lines = [
            f"{method} {url.path}{path} HTTP/1.1",
            f"Host: {url.netloc}",
            f"Authorization: {f'token {token}' if token else api.headers['Authorization']}",
            *headers,
        ]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await self.writer.drain()

    async def head(self) -> tuple[int, httpx.Headers]:
        """The status and the headers of the answer."""
        status, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = [(line.partition(": ")[0], line.partition(": ")[2]) for line in lines if line]
        return int(status.split()[1]), httpx.Headers(headers)

    async def refusal(self) -> dict[str, Any]:
        """The error of the answer, which is the last thing on this connection."""
        return dict(json.loads(await self.reader.read())["error"])

    def reset(self) -> None:
        """Be gone in this moment, without a goodbye."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


@asynccontextmanager
async def pages(
    api: Api, number: int, path: str = "events", *, buffer: int = 0
) -> AsyncIterator[list[Socket]]:
    """So many pages with an open stream, of which they have read the head of the answer."""
    opened: list[Socket] = []
    try:
        for _ in range(number):
            opened.append(await Socket.open(api, buffer=buffer))
            await opened[-1].ask(api, path)
        for page in opened:
            assert (await page.head())[0] == 200
        yield opened
    finally:
        for page in opened:
            page.reset()


async def soon(true: Callable[[], bool], within: float = SOON) -> None:
    async with asyncio.timeout(within):
        while not true():
            await asyncio.sleep(0.01)


def nothing_is_left(extension: Any) -> bool:
    """Whether no stream is open, counted, or woken by the journal."""
    journal = extension.core.journal
    viewers = [topic.viewers for topic in journal._topics.values()]
    return not (len(extension.streams) or extension.streams._taken or any(viewers))


def calls(extension: Any) -> int:
    """The calls in progress that count."""
    return len(extension.settings[base.CALLS]._taken)


@pytest.mark.own_server
class TestStreams:
    @pytest.fixture
    def hermes_settings(self) -> dict[str, Any]:
        return {"max_streams": 50}

    async def test_more_than_the_limit_are_refused_and_the_others_served(
        self, api: Api, extension: Any
    ) -> None:
        """R30: 429, with the time to wait, on a connection that is closed."""
        attempts = [await Socket.open(api) for _ in range(200)]
        await asyncio.gather(*(attempt.ask(api, "events") for attempt in attempts))
        heads = [await attempt.head() for attempt in attempts]
        assert sorted(status for status, _ in heads) == [200] * 50 + [429] * 150
        assert len(extension.streams) == 50
        for attempt, (status, headers) in zip(attempts, heads, strict=True):
            if status == 429:
                assert headers["Retry-After"] == "5"
                assert headers["Connection"] == "close"
                assert (await attempt.refusal())["code"] == "too_many_streams"
        # Another kind of stream counts the same; what is no stream does not.
        for path in ("clarify/stream", "approval/stream"):
            with pytest.raises(httpx.HTTPStatusError, match="429"):
                async with api.stream(path):
                    pass
        assert (await api.get("status"))["agent"]["state"] == "stopped"
        assert await api.get("questions") == {"questions": []}
        for attempt in attempts:
            attempt.reset()
        await soon(lambda: nothing_is_left(extension))
        async with api.stream("events") as frames:
            assert (await frames.next()).event == "agent"


async def test_calls_that_wait_are_limited_and_answers_are_not(
    api: Api, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent that does not come up: calls pile up, up to the limit."""
    session_id = await api.conversation()
    go = asyncio.Event()
    stock = extension.core.agent.create

    async def create(**options: Any) -> Any:
        await go.wait()
        return await stock(**options)

    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, ASKS)
        question = await asked(frames)
        monkeypatch.setattr(extension.core.agent, "create", create)
        monkeypatch.setattr(extension.settings[base.CALLS], "_most", 8)
        waiting = [await Socket.open(api) for _ in range(8)]
        for caller in waiting:
            await caller.ask(api, "sessions", "Content-Length: 0", method="POST")
        await soon(lambda: calls(extension) == 8)
        for method, path in (("POST", ("sessions",)), ("GET", ("sessions", session_id))):
            status, error = await api.refused(method, *path)
            assert (status, error["code"]) == (429, "too_many_requests")
            assert error["hint"]["text"]
        assert (await api.get("status"))["agent"]["state"] == "ready"
        await api.post("questions", question["id"], "answer", answer="red")
        await frames.until(lambda frame: frame.ends(turn_id))
        status, error = await api.refused(
            "POST", "sessions", session_id, "interrupt", body=json.dumps({"turn_id": turn_id})
        )
        assert (status, error["code"]) == (409, "not_running")
        # Those who do not wait any more are still served, and count until they are.
        for caller in waiting[4:]:
            caller.reset()
        await asyncio.sleep(0.1)
        assert calls(extension) == 8
        go.set()
        assert [(await caller.head())[0] for caller in waiting[:4]] == [201] * 4
        await soon(lambda: calls(extension) == 0)
    await api.conversation()


async def test_a_caller_that_goes_in_the_middle_of_its_body_leaves_nothing(
    api: Api, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    callers = [await Socket.open(api) for _ in range(10)]
    for caller in callers:
        await caller.ask(
            api, "sessions", "Content-Length: 1000", method="POST", body=b'{"title": "'
        )
    await soon(lambda: calls(extension) == 10)
    for caller in callers:
        caller.reset()
    await soon(lambda: calls(extension) == 0)

    monkeypatch.setattr(base.HermesHandler, "body_deadline", 0.2)
    slow = await Socket.open(api)
    await slow.ask(api, "sessions", "Content-Length: 1000", method="POST", body=b"{")
    await soon(lambda: calls(extension) == 1)
    async with asyncio.timeout(SOON):
        assert await slow.reader.read() == b""
    assert calls(extension) == 0
    assert (await api.get("sessions"))["total"] == 0


async def test_a_page_that_is_gone_before_its_first_frame_leaves_nothing(
    api: Api, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R29: noticed when its stream begins, or by the next sign of life."""
    session_id = await api.conversation()
    monkeypatch.setattr(extension.streams._pulse, "callback_time", 50)
    paths = ("events", f"sessions/{session_id}/stream", "clarify/stream", "approval/stream")
    for number in range(100):
        page = await Socket.open(api)
        await page.ask(api, paths[number % 4])
        await asyncio.sleep(number % 3 / 1000)
        page.reset()
    await soon(lambda: nothing_is_left(extension))


async def test_a_page_that_is_gone_while_it_is_let_in_leaves_nothing(
    api: Api, jp_serverapp: Any, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R29: an identity provider that takes its time, as a hub's does."""
    stock = jp_serverapp.identity_provider.get_user
    begun = 0

    async def get_user(handler: Any) -> Any:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0.1)
        return await stock(handler)

    monkeypatch.setattr(jp_serverapp.identity_provider, "get_user", get_user)
    opened = [await Socket.open(api) for _ in range(50)]
    for number, page in enumerate(opened):
        # A server that writes before the stream begins learns of it there, and never again.
        await page.ask(api, "events", *(["Expect: 100-continue"] if number % 2 else []))
    await soon(lambda: begun > 10)
    for page in opened:
        page.reset()
    await soon(lambda: begun == 50)
    await asyncio.sleep(0.3)
    extension.core.journal.publish("notice", {}, EVERYWHERE)
    await soon(lambda: nothing_is_left(extension))


async def test_a_page_that_stops_reading_costs_one_buffer_and_is_closed(
    api: Api, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R29: 50 such pages and 20 MB of events, which each of them would have to be told."""
    monkeypatch.setattr(stream, "WRITE_DEADLINE", 3.0)
    journal = extension.core.journal
    text = "x" * 100_000
    memory = psutil.Process().memory_info
    async with pages(api, 50, buffer=4096), api.stream("events") as reading:
        await reading.until(lambda frame: frame.event == "agent")
        before = memory().rss
        for number in range(200):
            said = {"session_id": "a", "message_id": str(number), "text": text, "level": "info"}
            journal.publish("notice", said, EVERYWHERE)
            if number % 10 == 0:
                await asyncio.sleep(0)
        # The journal keeps it, once for all.
        assert memory().rss - before < 100_000_000
        stuck = [one for one in extension.streams._open if one._full]
        assert len(stuck) >= 50
        for one in stuck:
            buffered = len(one.request.connection.stream._write_buffer)
            assert buffered < stream.CHUNK + 2 * len(text)
        seen = await reading.until(lambda frame: frame.data.get("message_id") == "199")
        assert seen[-1].data["text"] == text
        await soon(lambda: len(extension.streams) == 1)
    await soon(lambda: nothing_is_left(extension))


async def test_what_concerns_every_page_is_not_kept_for_ever(api: Api, extension: Any) -> None:
    """Lists change with every turn: after one, a page that was away for long gets a snapshot."""
    journal = extension.core.journal
    session_id = await api.conversation()
    away = journal.cursor
    for number in range(40):
        said = {"session_id": "a", "message_id": str(number), "text": "x" * 10_000, "level": "info"}
        journal.publish("notice", said, EVERYWHERE)
    async with api.stream("events", params={"cursor": away}) as frames:
        assert (await frames.next()).data["message_id"] == "0"
    await api.turn(session_id, [{"text": "Done."}])
    async with asyncio.timeout(SOON):
        while journal.position(away, {EVERYWHERE}) is not None:
            await asyncio.sleep(0.01)
    async with api.stream("events", params={"cursor": away}) as frames:
        assert (await frames.next()).event == "agent"


async def together(calls: list[Awaitable[Any]], within: float) -> list[Any]:
    async with asyncio.timeout(within):
        return await asyncio.gather(*calls)


async def test_a_hundred_streams_open_at_once(api: Api) -> None:
    """R3: with an empty and with a filled queue, the first frame comes at once."""

    async def first(path: str) -> tuple[str, int]:
        async with api.stream(path) as frames:
            frame = await frames.next()
        return frame.event, frame.data["pending_count"]

    assert set(await together([first("clarify/stream") for _ in range(100)], 10)) == {
        ("initial", 0)
    }
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, ASKS)
        await asked(frames)
        paths = ("clarify/stream", f"clarify/stream?session_id={session_id}")
        opened = await together([first(paths[n % 2]) for n in range(100)], 10)
        assert set(opened) == {("initial", 1)}
        await api.post("sessions", session_id, "interrupt", turn_id=turn_id)
        await frames.until(lambda frame: frame.ends(turn_id), within=15)


async def test_five_hundred_pages_prevent_nothing(api: Api, extension: Any) -> None:
    """R30: a hundred of them never read."""
    session_id = await api.conversation()
    path = f"events?session_id={session_id}"
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(pages(api, 100, path, buffer=4096))
        reading = await stack.enter_async_context(pages(api, 400, path))
        tasks = [asyncio.ensure_future(page.reader.readuntil(b'"complete"')) for page in reading]
        frames = await stack.enter_async_context(
            api.stream("events", params={"session_id": session_id})
        )
        assert len(extension.streams) == 501
        turn_id = await api.say(session_id, ASKS)
        question = await asked(frames)
        async with asyncio.timeout(SOON):
            assert (await api.get("status"))["agent"]["state"] == "ready"
            await api.post("questions", question["id"], "answer", answer="red")
            await frames.until(lambda frame: frame.ends(turn_id))
            slow = [{"text": "word " * 200, "wait": "never", "wait_after": 3}]
            turn_id = await api.say(session_id, slow)
            await frames.until(lambda frame: frame.event == "message.delta")
            await api.post("sessions", session_id, "interrupt", turn_id=turn_id)
            await frames.until(lambda frame: frame.ends(turn_id))
            async with api.stream("events") as another:
                assert (await another.next()).event == "agent"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await soon(lambda: nothing_is_left(extension))
