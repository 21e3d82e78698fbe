"""Pages: raw sockets on one selector, which find the ends of frames and look at the clock."""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from tests.servers import Server

#: Bytes that a page takes at once.
TAKE = 256 * 1024

#: Pages that are opened at once: the server's queue of new connections has 128 places.
AT_ONCE = 50


class Arrival(NamedTuple):
    """A frame that a page has got; ``at`` is epoch seconds, as in the frames themselves."""

    page: int
    at: float
    frame: bytes

    @property
    def data(self) -> Any:
        """What it says."""
        return json.loads(self.frame[self.frame.index(b"data: ") + 6 :])


class Pages:
    """Connections to streams of one server.

    Args:
        mark: only frames with these bytes are kept as ``arrivals``.
    """

    def __init__(self, server: Server, mark: bytes = b"event: ") -> None:
        self._address = address(server)
        self._token = server.token
        self._mark = mark
        self._selector = selectors.DefaultSelector()
        self._rests: list[bytes] = []
        self.sockets: list[socket.socket] = []
        self.arrivals: list[Arrival] = []
        #: Bytes and the time of the first and the last ones, over all pages.
        self.received = 0
        self.first_at = self.last_at = 0.0
        self.ended = 0

    def open(self, path: str, count: int = 1, *, receive_buffer: int = 0) -> None:
        """Open ``count`` pages more, and wait until each has got something."""
        for start in range(0, count, AT_ONCE):
            some = range(min(AT_ONCE, count - start))
            fresh = [self.connect(path, receive_buffer=receive_buffer) for _ in some]
            waiting = set(fresh)
            end = time.monotonic() + 30
            while waiting and time.monotonic() < end:
                waiting.difference_update(self.step(0.2))
            assert not waiting, f"{len(waiting)} pages got no answer"

    def connect(self, path: str, *, receive_buffer: int = 0) -> int:
        """Open a page, do not wait for anything, and return its number."""
        page = socket.socket()
        if receive_buffer:
            page.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        page.connect(self._address)
        page.sendall(request("GET", path, self._token))
        page.setblocking(False)
        number = len(self.sockets)
        self.sockets.append(page)
        self._rests.append(b"")
        self._selector.register(page, selectors.EVENT_READ, number)
        return number

    def step(self, timeout: float) -> Sequence[int]:
        """Take what has come, once; return the numbers of the pages that got something."""
        ready = [key.data for key, _ in self._selector.select(timeout)]
        for number in ready:
            self._take(number)
        return ready

    def read(self, until: Callable[[], bool], within: float) -> None:
        """Take what comes until something is so."""
        end = time.monotonic() + within
        while not until():
            assert time.monotonic() < end, f"not within {within} s; {len(self.arrivals)} arrivals"
            self.step(0.05)

    def read_arrivals(self, count: int, within: float) -> None:
        """Take what comes until there are so many arrivals."""
        self.read(lambda: len(self.arrivals) >= count, within)

    def read_for(self, seconds: float) -> None:
        """Take what comes for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.step(left)

    def close(self) -> None:
        """Close all pages."""
        self._selector.close()
        for page in self.sockets:
            page.close()

    def _take(self, number: int) -> None:
        page = self.sockets[number]
        try:
            data = page.recv(TAKE)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        now = time.time()
        if not data:
            self._selector.unregister(page)
            self.ended += 1
            return
        self.received += len(data)
        self.first_at = self.first_at or now
        self.last_at = now
        *frames, rest = (self._rests[number] + data).split(b"\n\n")
        self._rests[number] = rest
        for frame in frames:
            if self._mark in frame:
                self.arrivals.append(Arrival(number, now, frame))


@contextmanager
def open_pages(
    server: Server, path: str, count: int = 1, *, mark: bytes = b"event: "
) -> Iterator[Pages]:
    """Pages that are open until the block ends."""
    pages = Pages(server, mark)
    try:
        pages.open(path, count)
        yield pages
    finally:
        pages.close()


def address(server: Server) -> tuple[str, int]:
    """Where a server listens."""
    host, port = server.url.removeprefix("http://").rstrip("/").split(":")
    return host, int(port)


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """A whole request; ``path`` is below the root of the server."""
    head = f"{method} /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: token {token}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
