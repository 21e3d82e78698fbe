"""A kernel's way to Hermes: to the server that started it, or to a core in its own process."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import httpx
from httpx_sse import EventSource
from jupyter_core.paths import jupyter_runtime_dir

from .errors import HermesError, NoServer

#: Seconds without a byte after which a stream counts as lost; the server pings every 4.5.
SILENCE = 15.0

#: How often in a row a lost stream is asked for again.
RETRIES = 4

#: An event of a conversation: its type, and what it says.
Event = tuple[str, dict[str, Any]]


class HermesClient:
    """The HTTP contract, of one server or of a core in this process.

    Args:
        url: the base URL.
        token: what opens it.
        path: of the Unix socket, instead of the network.

    Attributes:
        where: the core is, for a person to read.
    """

    def __init__(self, url: str, token: str, path: str | None = None) -> None:
        # By this name the server knows that no person looks at this client's streams.
        headers = {"User-Agent": "hermes-jupyter-kernel"}
        if token:
            headers["Authorization"] = f"token {token}"
        # No environment proxies: the server is on this machine, or this machine's own hub.
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/hermes/api/",
            headers=headers,
            timeout=60,
            trust_env=False,
            # Without certificates, there is no need to read those of this machine.
            verify=url.startswith("https:"),
            transport=httpx.HTTPTransport(uds=path, verify=False) if path else None,
        )
        self.where = "in this process" if path else f"on the Jupyter server {url}"
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def hang_up(self) -> None:
        """End the events that another thread reads."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Call a route and return its answer.

        Raises:
            HermesError: the server could not be reached, or refused.
        """
        try:
            response = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise NoServer(_unreachable(error)) from error
        return _answer(response)

    def knows_hermes(self) -> bool:
        """Whether the server has hermes-jupyter.

        Raises:
            HermesError: it cannot be reached, or does not let this kernel in.
        """
        try:
            response = self._http.get("status")
        except httpx.HTTPError as error:
            raise NoServer(_unreachable(error)) from error
        if response.status_code == httpx.codes.NOT_FOUND:
            return False
        _answer(response)
        return True

    def viewers(self) -> int:
        """Browsers in which a person sees what Hermes asks."""
        return int(self.call("GET", "status")["viewers"])

    def stream(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str],
        content: bytes | Iterator[bytes] | None,
    ) -> AbstractContextManager[httpx.Response]:
        """Ask for a route and read its answer as it comes, whatever its status.

        Raises:
            httpx.HTTPError: the server could not be reached, or went away.
        """
        limits = httpx.Timeout(60, read=SILENCE if "text/event-stream" in headers.values() else 60)
        return self._http.stream(method, path, headers=headers, content=content, timeout=limits)

    def events(self, session_id: str, over: threading.Event | None = None) -> Iterator[Event]:
        """The events of a conversation as ``(type, data)``, from a snapshot on, until ``over``.

        A stream that is lost is read on from where it was.

        Raises:
            HermesError: the stream was refused, or could not be had again.
        """
        over = over or threading.Event()
        cursor, failures = "", 0
        while not over.is_set():
            reason = "it has ended"
            try:
                for id_, type_, data in self._read(session_id, cursor):
                    cursor, failures = id_, 0
                    yield type_, data
                    if over.is_set():
                        return
            except httpx.HTTPError as error:
                reason = str(error) or repr(error)
            failures += 1
            if failures > RETRIES:
                raise NoServer(f"The stream from the Jupyter server was lost: {reason}")
            over.wait(failures)

    def _read(self, session_id: str, cursor: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """One connection's frames as ``(id, type, data)``."""
        headers = {"Last-Event-ID": cursor} if cursor else {}
        limits = httpx.Timeout(60, read=SILENCE)
        path = f"sessions/{session_id}/stream"
        with self._http.stream("GET", path, timeout=limits, headers=headers) as response:
            if response.is_error:
                response.read()
                _answer(response)
            self._socket = response.extensions["network_stream"].get_extra_info("socket")
            for frame in EventSource(response).iter_sse():
                # The first one only says how long to wait before a stream is asked for again.
                if frame.data:
                    yield frame.id, frame.event, json.loads(frame.data)

    def stop(self, session_id: str, turn_id: str) -> None:
        """Take a turn back if it still waits, else end it; one that is over stays as it is."""
        try:
            self.call("DELETE", f"sessions/{session_id}/turns/{turn_id}")
        except HermesError as error:
            if error.code != "turn_not_found":
                raise
        else:
            return
        try:
            self.call("POST", f"sessions/{session_id}/interrupt", json={"turn_id": turn_id})
        except HermesError as error:
            if error.code != "not_running":
                raise


class Listener:
    """Hears a conversation in a thread of its own.

    ``inbox`` gets every event from a snapshot on, or at last the error that ended the stream. So
    whoever waits for it can also do so for a time, and can be interrupted.
    """

    def __init__(self, client: HermesClient, session_id: str) -> None:
        self.inbox: SimpleQueue[Event | Exception] = SimpleQueue()
        self._client = client
        self._over = threading.Event()
        name = f"hermes-events-{session_id}"
        threading.Thread(target=self._listen, args=(session_id,), name=name, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._over.set()
        self._client.hang_up()

    def _listen(self, session_id: str) -> None:
        try:
            for event in self._client.events(session_id, self._over):
                self.inbox.put(event)
        except Exception as error:
            self.inbox.put(error)
        finally:
            self._client.close()


def _unreachable(error: httpx.HTTPError) -> str:
    return (
        f"The Jupyter server of this kernel cannot be reached: {error or repr(error)}. "
        "Is it still running? Start it again, or restart the kernel."
    )


def _answer(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = {}
    if response.is_error:
        error = body.get("error") if isinstance(body, dict) else None
        if not isinstance(error, dict):
            raise NoServer(
                f"The Jupyter server answered {response.status_code}: is hermes-jupyter installed "
                "and enabled there? `jupyter server extension list` tells."
            )
        raise HermesError(with_hint(error), error["code"])
    if not isinstance(body, dict):
        raise HermesError("The Jupyter server answered what is not an object.")
    return body


def with_hint(error: dict[str, Any]) -> str:
    """An error of the contract in one line: what went wrong, and the next step."""
    hint = error.get("hint") or {}
    steps = [error["message"], hint.get("text"), hint.get("command")]
    return " ".join(step for step in steps if step)


def find_server() -> HermesClient | None:
    """The server that started this kernel; None: none did.

    On a hub it is told by the environment; else by the file that a server writes about itself,
    found by the number of this kernel's parent process.
    """
    hub_url, hub_token = (
        os.environ.get("JUPYTERHUB_SERVICE_URL"),
        os.environ.get("JUPYTERHUB_API_TOKEN"),
    )
    if hub_url and hub_token:
        return HermesClient(hub_url, hub_token)
    parent = os.environ.get("JPY_PARENT_PID", "")
    about = Path(jupyter_runtime_dir()) / f"jpserver-{parent}.json"
    if not parent or not about.exists():
        return None
    server = json.loads(about.read_text())
    return HermesClient(server["url"], server["token"])


#: Whether this kernel has spoken to a server with Hermes.
_served = False


def connect() -> HermesClient:
    """The way to Hermes: the server of this kernel, or where it has none, a core in this process.

    Raises:
        HermesError: the server does not answer, or refuses. There is never a second agent beside
            one that only cannot be reached.
    """
    global _served
    server = find_server()
    if server is not None:
        try:
            known = server.knows_hermes()
        except HermesError:
            server.close()
            raise
        if known:
            _served = True
            return server
        server.close()
    elif _served:
        raise NoServer(
            "The Jupyter server that started this kernel is gone. Start it again, open the "
            "notebook there, and go on in a new kernel: the conversation is kept."
        )
    # Only here: a kernel whose server has Hermes never loads what runs an agent.
    from . import local

    if server is not None and not local.running():
        print(
            "The Jupyter server has no hermes-jupyter, so Hermes runs in this kernel and ends with "
            "it. For the sidebar, `pip install hermes-jupyter` where the server is.",
            file=sys.stderr,
        )
    return local.connect()


def kernel_id() -> str | None:
    """The kernel's id, which is in the name of its connection file; None: this is no kernel."""
    # What has not been loaded cannot be running.
    kernelapp = sys.modules.get("ipykernel.kernelapp")
    if kernelapp is None or not kernelapp.IPKernelApp.initialized():
        return None
    from ipykernel.connect import get_connection_file

    return Path(get_connection_file()).stem.removeprefix("kernel-")


#: The conversation of a process that is no kernel, or none that the server has started.
_of_process: str | None = None


def current_conversation(client: HermesClient) -> str | None:
    """The conversation that this kernel and the page beside it speak of; None: a new one."""
    return _told(client) or _of_process


def set_current_conversation(client: HermesClient, session_id: str | None) -> None:
    """Say which conversation this kernel and the page beside it speak of; None: a new one."""
    global _of_process
    kernel = kernel_id()
    if kernel is not None:
        body = {"kernel_ids": [kernel], "session_id": session_id}
        client.call("PUT", "current", json=body)
    _of_process = None if _told(client) == session_id else session_id


def _told(client: HermesClient) -> str | None:
    """The conversation of this kernel as the server knows it."""
    kernel = kernel_id()
    if kernel is None:
        return None
    told = client.call("GET", "current", params={"kernel_id": kernel})["session_id"]
    return None if told is None else str(told)


def new_conversation(client: HermesClient) -> str:
    """Open a conversation in the working directory of this process."""
    return str(client.call("POST", "sessions", json={"cwd": str(Path.cwd())})["id"])
