"""What a panel asks where its page cannot reach the server: the kernel asks in its place.

In VS Code, Colab, marimo or the classic notebook the page of a widget knows the kernel alone. What
it says to the server (a request and its answer, piece by piece) then goes through the widget's
comm. A message of the page is one of::

    {"type": "request", "id", "method", "path", "headers", "body"}
    {"type": "abort", "id"}

and of the kernel::


    {"type": "answer", "id", "status", "headers"}   then, any number of times,
    {"type": "piece", "id"} with the bytes as its buffer, and at last
    {"type": "end", "id", "error"?}

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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from .client import HermesClient, connect, kernel_id
from .errors import HermesError

log = logging.getLogger(__name__)

#: Requests at once; a panel has one stream, and a few calls beside it.
MOST = 16

#: Sends a message, and bytes with it.
Send = Callable[[dict[str, Any], list[bytes]], None]


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
        self._aborted: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def hear(self, message: dict[str, Any]) -> None:
        """Take a message of the page; one that makes no sense is told so, or left alone."""
        id_ = str(message.get("id"))
        if message.get("type") == "abort":
            aborted = self._aborted.get(id_)
            if aborted is not None:
                aborted.set()
        elif message.get("type") == "request":
            if len(self._aborted) >= MOST:
                self._refuse(id_, 429, "too_many", "This panel asks too much at once.")
                return
            aborted = self._aborted[id_] = threading.Event()
            threading.Thread(
                target=self._answer,
                args=(id_, message, aborted),
                name=f"hermes-relay-{id_}",
                daemon=True,
            ).start()

    def close(self) -> None:
        """End what is under way."""
        for aborted in tuple(self._aborted.values()):
            aborted.set()

    def _answer(self, id_: str, message: dict[str, Any], aborted: threading.Event) -> None:
        try:
            self._relay(id_, message, aborted)
        except HermesError as error:
            self._refuse(id_, 503, error.code or "no_server", str(error))
        except (httpx.HTTPError, ValueError, TypeError) as error:
            # After the beginning of an answer nothing but its end can be told.
            log.info("A request of a panel has failed: %r", error)
            self._say({"type": "end", "id": id_, "error": str(error) or repr(error)})
        finally:
            self._aborted.pop(id_, None)

    def _relay(self, id_: str, message: dict[str, Any], aborted: threading.Event) -> None:
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
        body = message.get("body")
        with self._server().stream(
            str(message.get("method") or "GET"),
            path,
            headers=headers,
            content=None if body is None else str(body).encode(),
        ) as response:
            told = {name: response.headers[name] for name in _TOLD if name in response.headers}
            status = response.status_code
            self._say({"type": "answer", "id": id_, "status": status, "headers": told})
            for piece in response.iter_bytes():
                if aborted.is_set():
                    break
                self._say({"type": "piece", "id": id_}, [piece])
        self._say({"type": "end", "id": id_})

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
