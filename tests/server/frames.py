"""Server-Sent Events as a test reads them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from httpx_sse import EventSource

from .contract import check_event


@dataclass(frozen=True)
class Frame:
    """One frame of a stream."""

    id: str
    event: str
    data: dict[str, Any]

    @property
    def seq(self) -> int:
        return int(self.id.partition(".")[2])

    def ends(self, turn_id: str) -> bool:
        """Whether it says that this turn is over."""
        over = ("complete", "interrupted", "error")
        return (
            self.event == "turn" and self.data["turn_id"] == turn_id and self.data["state"] in over
        )


class Frames:
    """The frames of one open stream, in order."""

    def __init__(self, response: httpx.Response, path: str) -> None:
        self.response = response
        self._path = path
        self._frames = EventSource(response).aiter_sse()

    async def next(self, within: float = 60) -> Frame:
        """The next frame that is not a ping."""
        async with asyncio.timeout(within):
            while True:
                frame = await self._read()
                if frame.event != "ping":
                    return frame

    async def until(self, found: Callable[[Frame], bool], within: float = 60) -> list[Frame]:
        """All frames up to the one that is looked for."""
        frames = []
        async with asyncio.timeout(within):
            while True:
                frames.append(await self.next())
                if found(frames[-1]):
                    return frames

    async def any(self) -> Frame:
        """The next frame, a ping as well."""
        return await self._read()

    async def _read(self) -> Frame:
        async for frame in self._frames:
            if frame.data:
                data = json.loads(frame.data)
                check_event(self._path, frame.event, data)
                return Frame(frame.id, frame.event, data)
        raise EOFError("The stream has ended.")


@asynccontextmanager
async def read_frames(
    client: httpx.AsyncClient, path: str, **options: Any
) -> AsyncIterator[Frames]:
    """Open a stream; leaving the block closes its socket."""
    async with client.stream("GET", path, **options) as response:
        if response.is_error:
            await response.aread()
        response.raise_for_status()
        yield Frames(response, path.partition("?")[0])


def ends(turn_id: str) -> Callable[[Frame], bool]:
    """Whether a frame says that this turn is over."""
    return lambda frame: frame.ends(turn_id)
