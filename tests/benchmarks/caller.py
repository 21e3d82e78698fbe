"""Plain requests on one connection, timed from the first byte sent to the last one read."""

from __future__ import annotations

import json
import socket
import time
from typing import Any, Self

from tests.servers import Server

from .pages import address, request

#: The paths of the requests that are compared.
STATUS = "hermes/api/status"
PLAIN = "bench/plain"


class Caller:
    """A client that keeps its connection; usable as a context manager."""

    def __init__(self, server: Server) -> None:
        self._token = server.token
        self._socket = socket.create_connection(address(server), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        #: Seconds that the last request took, and the time at which it was sent.
        self.seconds = 0.0
        self.sent_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._socket.close()

    def get(self, path: str) -> Any:
        """The answer, read as JSON after the time was taken."""
        return self._call(request("GET", path, self._token))

    def post(self, path: str, **body: Any) -> Any:
        """The answer, read as JSON after the time was taken."""
        return self._call(request("POST", path, self._token, json.dumps(body).encode()))

    def time(self, path: str) -> float:
        """Seconds that a GET takes."""
        self.get(path)
        return self.seconds

    def _call(self, sent: bytes) -> Any:
        self.sent_at, start = time.time(), time.perf_counter()
        self._socket.sendall(sent)
        got = b""
        while (end := got.find(b"\r\n\r\n")) < 0:
            got += self._receive()
        head, got = got[:end].lower(), got[end + 4 :]
        missing = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]) - len(got)
        parts = [got]
        while missing > 0:
            parts.append(self._receive())
            missing -= len(parts[-1])
        self.seconds = time.perf_counter() - start
        body = b"".join(parts)
        assert head.split()[1].startswith(b"2"), body
        return json.loads(body)

    def _receive(self) -> bytes:
        data = self._socket.recv(1 << 20)
        if not data:
            raise ConnectionError("The server has closed the connection.")
        return data
