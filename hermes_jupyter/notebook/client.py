"""A kernel's way to the server that started it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import EventSource
from jupyter_core.paths import jupyter_runtime_dir

#: Seconds without a byte after which a stream counts as lost; the server pings every 4.5.
SILENCE = 15.0

#: How often in a row a lost stream is asked for again.
RETRIES = 4


class HermesError(Exception):
    """The server refused; the message says why and what to do, ``code`` is the server's."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class NoServer(HermesError):
    """There is no server with hermes-jupyter to talk to."""


class HermesClient:
    """The HTTP contract of one server.

    Args:
        url: the server's base URL.
        token: what opens it.
    """

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"token {token}"} if token else {}
        # No environment proxies: the server is on this machine, or this machine's own hub.
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/hermes/api/",
            headers=headers,
            timeout=60,
            trust_env=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Call a route and return its answer.

        Raises:
            HermesError: the server could not be reached, or refused.
        """
        try:
            response = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise NoServer(f"The Jupyter server cannot be reached: {error}") from error
        return _answer(response)

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

    def events(self, session_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The events of a conversation as ``(type, data)``, from a snapshot on, without an end.

        A stream that is lost is read on from where it was.

        Raises:
            HermesError: the stream was refused, or could not be had again.
        """
        cursor, failures = "", 0
        while True:
            reason = "it has ended"
            try:
                for id_, type_, data in self._read(session_id, cursor):
                    cursor, failures = id_, 0
                    yield type_, data
            except httpx.HTTPError as error:
                reason = str(error) or repr(error)
            failures += 1
            if failures > RETRIES:
                raise NoServer(f"The stream from the Jupyter server was lost: {reason}")
            time.sleep(failures)

    def _read(self, session_id: str, cursor: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """One connection's frames as ``(id, type, data)``."""
        headers = {"Last-Event-ID": cursor} if cursor else {}
        limits = httpx.Timeout(60, read=SILENCE)
        path = f"sessions/{session_id}/stream"
        with self._http.stream("GET", path, timeout=limits, headers=headers) as response:
            if response.is_error:
                response.read()
                _answer(response)
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
        hint = error.get("hint") or {}
        steps = [error["message"], hint.get("text"), hint.get("command")]
        raise HermesError(" ".join(step for step in steps if step), error["code"])
    if not isinstance(body, dict):
        raise HermesError("The Jupyter server answered what is not an object.")
    return body


def find_server() -> HermesClient:
    """The server that started this kernel.

    On a hub it is told by the environment; else by the file that a server writes about itself,
    found by the number of this kernel's parent process.

    Raises:
        NoServer: this kernel was not started by a Jupyter server.
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
        raise NoServer(
            "This kernel was not started by a Jupyter server, so there is no Hermes to talk to. "
            "Open the notebook in JupyterLab or Jupyter Notebook."
        )
    server = json.loads(about.read_text())
    return HermesClient(server["url"], server["token"])


def kernel_id() -> str | None:
    """The kernel's id, which is in the name of its connection file.

    None: this is no kernel of Jupyter, as in marimo or in a script.
    """
    try:
        from ipykernel.connect import get_connection_file

        return Path(get_connection_file()).stem.removeprefix("kernel-")
    except (ImportError, RuntimeError):
        return None


def current_conversation(client: HermesClient) -> str | None:
    """The conversation that this kernel and the page beside it speak of; None: a new one."""
    kernel = kernel_id()
    if kernel is None:
        return None
    current = client.call("GET", "current", params={"kernel_id": kernel})["session_id"]
    return None if current is None else str(current)
