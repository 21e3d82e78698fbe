"""What a panel asks where its page cannot reach the server: the kernel asks in its place.

In VS Code, Colab, marimo or the classic notebook the page of a widget knows the kernel alone. What
it says to the server (a request and its answer, piece by piece) then goes through the widget's
comm. A message of the page is one of::

    {"type": "request", "id", "method", "path", "headers", "body", "size"?}
    {"type": "part", "id"} with bytes of the body as its buffer
    {"type": "abort", "id"}

and of the kernel::

    {"type": "heard", "id"}                         at once, whatever the answer may wait for
    {"type": "more", "id"}                          for each part of a body that has a size
    {"type": "answer", "id", "status", "headers"}   then, any number of times,
    {"type": "piece", "id"} with the bytes as its buffer, and at last
    {"type": "end", "id", "error"?}

A body with a ``size`` in bytes is a file: it comes in parts, each when it is asked for, so that a
kernel never holds more than one.

Two paths are answered by the kernel itself: ``kernel`` with ``{kernel_id, cwd}``, and
``kernel/host.js`` with what a page needs that has no labextension, and no saved notebook has to
carry.

A kernel that is busy hears none of it (ipykernel 6.31 and 7.4): a question is then answered in
JupyterLab, or by its deadline.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from .client import HermesClient, connect, kernel_id
from .errors import HermesError

log = logging.getLogger(__name__)

#: Requests at once; a panel has one stream, and a few calls beside it.
MOST = 16

#: Seconds that a page may take to send the next part of a file.
PART = 60.0

#: Sends a message, and bytes with it.
Send = Callable[[dict[str, Any], list[bytes]], None]


class _Request:
    """A request of a page that is under way."""

    def __init__(self) -> None:
        #: The parts of its body that have come; ``None`` is said at its abortion.
        self.parts: Queue[bytes | None] = Queue()
        self.aborted = False

    def abort(self) -> None:
        """Nobody wants the answer any more."""
        self.aborted = True
        self.parts.put(None)


class Relay:
    """Asks the server what the page of one panel wants to know.

    Each request has a thread of its own: a stream lasts, and the server may take its time.

    Args:
        send: brings a message to the page; called from any thread.
        find: the way to Hermes; called at the first request.
    """

    def __init__(self, send: Send, find: Callable[[], HermesClient] = connect) -> None:
        self._send = send
        self._find = find
        self._client: HermesClient | None = None
        self._under_way: dict[str, _Request] = {}
        self._lock = threading.Lock()

    def hear(self, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Take a message of the page; one that makes no sense is told so, or left alone."""
        id_ = str(message.get("id"))
        request = self._under_way.get(id_)
        if message.get("type") == "request" and request is None:
            self._begin(id_, message)
        elif message.get("type") == "part" and request is not None:
            request.parts.put(b"".join(bytes(part) for part in buffers))
        elif message.get("type") == "abort" and request is not None:
            request.abort()

    def _begin(self, id_: str, message: dict[str, Any]) -> None:
        if len(self._under_way) >= MOST:
            self._refuse(id_, 429, "too_many", "This panel asks too much at once.")
            return
        request = self._under_way[id_] = _Request()
        self._send({"type": "heard", "id": id_}, [])
        threading.Thread(
            target=self._answer,
            args=(id_, message, request),
            name=f"hermes-relay-{id_}",
            daemon=True,
        ).start()

    def close(self) -> None:
        """End what is under way."""
        for request in tuple(self._under_way.values()):
            request.abort()

    def _answer(self, id_: str, message: dict[str, Any], request: _Request) -> None:
        try:
            self._relay(id_, message, request)
        except HermesError as error:
            self._refuse(id_, 503, error.code or "no_server", str(error))
        except Exception as error:
            # The page waits for an end, whatever it was; nobody else sees what ends this thread.
            log.warning("A request of a panel has failed.", exc_info=error)
            self._say({"type": "end", "id": id_, "error": str(error) or repr(error)})
        finally:
            self._under_way.pop(id_, None)

    def _relay(self, id_: str, message: dict[str, Any], request: _Request) -> None:
        path = _path(message)
        if path == "kernel":
            place = {"kernel_id": kernel_id(), "cwd": str(Path.cwd())}
            self._reply(id_, 200, json.dumps(place).encode())
            return
        if path == "kernel/host.js":
            self._reply(id_, 200, _HOST.read_bytes(), "text/javascript")
            return
        headers = {
            name: str(value)
            for name, value in (message.get("headers") or {}).items()
            if name.lower() in ("accept", "content-type", "last-event-id")
        }
        body, size = message.get("body"), message.get("size")
        content = None if body is None else str(body).encode()
        if size is not None:
            headers["Content-Length"] = str(int(size))
        with self._server().stream(
            str(message.get("method") or "GET"),
            path,
            headers=headers,
            content=content if size is None else self._parts(id_, int(size), request),
        ) as response:
            told = {name: response.headers[name] for name in _TOLD if name in response.headers}
            status = response.status_code
            self._say({"type": "answer", "id": id_, "status": status, "headers": told})
            for piece in response.iter_bytes():
                if request.aborted:
                    break
                self._say({"type": "piece", "id": id_}, [piece])
        self._say({"type": "end", "id": id_})

    def _parts(self, id_: str, size: int, request: _Request) -> Iterator[bytes]:
        """The body of a request, part by part as the page sends it."""
        while size > 0:
            self._say({"type": "more", "id": id_})
            try:
                part = request.parts.get(timeout=PART)
            except Empty:
                raise HermesError("The page sent only a part of the file.", "cut_off") from None
            if not part:
                raise HermesError("The file was taken back.", "aborted")
            size -= len(part)
            yield part

    def _server(self) -> HermesClient:
        with self._lock:
            if self._client is None:
                self._client = self._find()
            return self._client

    def _refuse(self, id_: str, status: int, code: str, text: str) -> None:
        error = {"error": {"code": code, "message": text}}
        self._reply(id_, status, json.dumps(error).encode())

    def _reply(self, id_: str, status: int, body: bytes, type_: str = "application/json") -> None:
        headers = {"content-type": type_}
        self._say({"type": "answer", "id": id_, "status": status, "headers": headers})
        self._say({"type": "piece", "id": id_}, [body])
        self._say({"type": "end", "id": id_})

    def _say(self, message: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        self._send(message, buffers or [])


_HOST = Path(__file__).parent.parent / "static" / "kernel-host.js"

#: What of an answer's headers a page is told.
_TOLD = ("content-type", "content-disposition", "retry-after")


def _path(message: dict[str, Any]) -> str:
    """The path below the API; nothing beside it can be reached from a panel."""
    path = str(message.get("path") or "")
    where, _, _ = path.partition("?")
    if where.startswith("/") or "://" in where or ".." in where.split("/"):
        raise HermesError("This is no path of Hermes' API.", "bad_path")
    return path
