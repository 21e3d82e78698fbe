"""A kernel's way to the server that started it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from jupyter_core.paths import jupyter_runtime_dir

#: Seconds without a byte after which a stream counts as lost; the server pings every 4.5.
SILENCE = 15.0


class HermesError(Exception):
    """The server refused; the message says why and what to do."""


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

    def events(self, session_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The events of a conversation as ``(type, data)``, from a snapshot on.

        Raises:
            HermesError: the stream was refused, or is lost.
        """
        limits = httpx.Timeout(60, read=SILENCE)
        try:
            path = f"sessions/{session_id}/stream"
            with self._http.stream("GET", path, timeout=limits) as response:
                if response.is_error:
                    response.read()
                    _answer(response)
                type_ = ""
                for line in response.iter_lines():
                    if line.startswith("event: "):
                        type_ = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        yield type_, json.loads(line.removeprefix("data: "))
        except httpx.HTTPError as error:
            raise NoServer(f"The stream from the Jupyter server was lost: {error}") from error


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
        raise HermesError(" ".join(step for step in steps if step))
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
