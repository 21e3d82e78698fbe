"""A server that is killed and comes back, with a hundred pages that do not let go.

The pages wait as the panel does (``EventStream.backOff`` in ``labextension/src/client/stream.ts``):
``min(2 ** failures, 30)`` seconds, a quarter more or less by chance. *Load* is what a person
notices of it, the time that a request for the status takes: while the pages come back, it may be
twice what it is when all of them are connected and quiet.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.servers import Server

from .caller import STATUS
from .measure import Row, percentile
from .pages import address, request
from .stage import serve

PAGES = 100

LONGEST_WAIT = 30.0

#: Seconds of quiet before the end.
QUIET = 3.0


def restart() -> Iterator[Row]:
    """Requests and the status, before and after."""
    with tempfile.TemporaryDirectory() as directory:
        yield from asyncio.run(_Restart(Path(directory)).run())


class _Restart:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._connected: set[int] = set()
        #: When a page's request reached a server that answered, and when one was refused.
        self._served: list[float] = []
        self._refused = 0
        self._status: list[tuple[float, float]] = []

    async def run(self) -> list[Row]:
        first = serve(self._directory)
        server = await asyncio.to_thread(first.__enter__)
        tasks = [asyncio.create_task(self._page(server, number)) for number in range(PAGES)]
        tasks.append(asyncio.create_task(self._ask(server)))
        await self._until_connected()
        quiet_from = time.monotonic()
        await asyncio.sleep(QUIET)
        killed = time.monotonic()
        self._served.clear()
        server.process.kill()
        await asyncio.to_thread(first.__exit__, None, None, None)
        self._connected.clear()
        second = serve(self._directory, again=server)
        await asyncio.to_thread(second.__enter__)
        up = time.monotonic()
        await self._until_connected()
        done = time.monotonic()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(second.__exit__, None, None, None)
        quiet = [seconds for at, seconds in self._status if quiet_from < at < killed]
        wave = [seconds for at, seconds in self._status if self._served[0] <= at <= done]
        seconds = Counter(int(at - self._served[0]) for at in self._served)
        tenths = Counter(int((at - self._served[0]) * 10) for at in self._served)
        return [
            Row(
                what="restart, 100 pages: requests in the busiest second",
                value=max(seconds.values()),
                unit="/s",
                yardstick=PAGES,
                beside="pages, which come at once without jitter",
                limit=0.9,
            ),
            Row(
                what="restart, 100 pages: requests in the busiest 100 ms",
                value=max(tenths.values()),
                unit="",
                yardstick=PAGES,
                beside="pages, which come at once without jitter",
                limit=0.3,
            ),
            *(
                Row(
                    what=f"restart, 100 pages: status in the wave, {name}",
                    value=percentile(wave, share) * 1e3,
                    unit="ms",
                    yardstick=percentile(quiet, share) * 1e3,
                    beside="the same when all are connected",
                    limit=limit,
                )
                for name, share, limit in (("p50", 0.5, 2), ("p99", 0.99, None))
            ),
            Row(what="restart, 100 pages: attempts at no server", value=self._refused, unit=""),
            Row(what="restart: from the kill to the answer", value=up - killed, unit="s"),
            Row(what="restart: from the kill to the last page", value=done - killed, unit="s"),
        ]

    async def _until_connected(self) -> None:
        async with asyncio.timeout(60):
            while len(self._connected) < PAGES:
                await asyncio.sleep(0.01)

    async def _page(self, server: Server, number: int) -> None:
        failures = 0
        while True:
            with suppress(ConnectionError):
                if await self._follow(server, number):
                    failures = 0
            wait = min(2.0**failures, LONGEST_WAIT) * (0.75 + random.random() / 2)
            failures += 1
            await asyncio.sleep(wait)

    async def _follow(self, server: Server, number: int) -> bool:
        """Read a stream to its end; whether there was one."""
        try:
            reader, writer = await asyncio.open_connection(*address(server))
        except ConnectionError:
            self._refused += 1
            raise
        try:
            writer.write(request("GET", "hermes/api/events", server.token))
            at = time.monotonic()
            # A server that is still loading its extensions does not know the stream.
            served = (await reader.readline()).split()[1:2] == [b"200"]
            if served:
                self._served.append(at)
                self._connected.add(number)
                while await reader.read(65536):
                    pass
            return served
        finally:
            writer.close()

    async def _ask(self, server: Server) -> None:
        while True:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection(*address(server))
                sent = request("GET", STATUS, server.token)
                try:
                    while True:
                        start = time.monotonic()
                        writer.write(sent)
                        head = await reader.readuntil(b"\r\n\r\n")
                        length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
                        await reader.readexactly(int(length))
                        self._status.append((start, time.monotonic() - start))
                        await asyncio.sleep(0.01)
                finally:
                    writer.close()
            await asyncio.sleep(0.05)
