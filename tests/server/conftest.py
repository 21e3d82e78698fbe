"""A real jupyter-server with the extension, the real agent and the offline model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tornado.httpclient import HTTPClientError

from hermes_jupyter.offline import OfflineModel
from hermes_jupyter.offline.config import write_home

from .contract import check_answer
from .frames import Frame, read_frames


@pytest.fixture
def hermes_settings() -> dict[str, Any]:
    """Settings of HermesExtension that a test wants to be different."""
    return {}


@pytest.fixture
def jp_server_config(tmp_path: Path, hermes_settings: dict[str, Any]) -> dict[str, Any]:
    settings = {"offline": True, "hermes_home": str(tmp_path / "hermes-home"), **hermes_settings}
    return {
        "ServerApp": {
            "jpserver_extensions": {"hermes_jupyter": True},
            "allow_unauthenticated_access": False,
        },
        "HermesExtension": settings,
    }


@pytest.fixture
def home_settings() -> dict[str, dict[str, Any]]:
    """Entries of Hermes' own configuration that a test wants to be different."""
    return {}


@pytest.fixture(autouse=True)
def hermes_home(tmp_path: Path, home_settings: dict[str, dict[str, Any]]) -> None:
    if home_settings:
        home = tmp_path / "hermes-home"
        write_home(home)
        config = home / "config.yaml"
        lines = [line for line in config.read_text().splitlines() if not line.startswith("#")]
        settings = json.loads("\n".join(lines))
        for section, entries in home_settings.items():
            settings[section] = {**settings.get(section, {}), **entries}
        config.write_text(json.dumps(settings))


@pytest.fixture
def extension(jp_serverapp: Any) -> Any:
    """The loaded extension."""
    return jp_serverapp.extension_manager.extension_apps["hermes_jupyter"].copy().pop()


@pytest.fixture
def requests() -> list[Any]:
    """The messages of each request that the model got, oldest first."""
    return []


@pytest.fixture
def offered() -> list[set[str]]:
    """The names of the tools that the model had in each request, oldest first."""
    return []


@pytest.fixture(autouse=True)
def instant_model(
    monkeypatch: pytest.MonkeyPatch, requests: list[Any], offered: list[set[str]]
) -> None:
    """A scripted answer that arrives without the pauses of a real one."""
    stock = OfflineModel.__init__

    def init(self: OfflineModel, *args: Any, **options: Any) -> None:
        stock(self, *args, **{"instant": True, **options})
        answer = self.script

        def heard(request: Any) -> Any:
            requests.append(request["messages"])
            offered.append({tool["function"]["name"] for tool in request.get("tools", ())})
            return answer(request)

        self.script = heard

    monkeypatch.setattr(OfflineModel, "__init__", init)


class Api:
    """The HTTP contract as a client sees it."""

    def __init__(self, fetch: Callable[..., Awaitable[Any]], client: httpx.AsyncClient) -> None:
        self._fetch = fetch
        self.client = client
        self.origin = str(client.base_url)
        self.headers = {"Authorization": client.headers["Authorization"]}

    async def get(self, *path: str, **params: str) -> Any:
        return await self._call("GET", path, params=params)

    async def post(self, *path: str, **body: Any) -> Any:
        return await self._call("POST", path, body=json.dumps(body))

    async def put(self, *path: str, **body: Any) -> Any:
        return await self._call("PUT", path, body=json.dumps(body))

    async def patch(self, *path: str, **body: Any) -> Any:
        return await self._call("PATCH", path, body=json.dumps(body))

    async def delete(self, *path: str) -> Any:
        return await self._call("DELETE", path)

    async def refused(self, method: str, *path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """The status and the error object of a call that must fail."""
        with pytest.raises(HTTPClientError) as caught:
            await self._call(method, path, **options)
        response = caught.value.response
        assert response is not None
        return response.code, _checked(method, path, response)["error"]

    async def _call(self, method: str, path: tuple[str, ...], **options: Any) -> Any:
        if method in ("POST", "PUT") and "body" not in options:
            options["body"] = "{}"
        response = await self._fetch(
            "hermes", "api", *path, method=method, request_timeout=60, **options
        )
        return _checked(method, path, response)

    def stream(self, path: str, **options: Any) -> Any:
        """An open stream: ``async with api.stream("events") as frames``."""
        return read_frames(self.client, path, **options)

    async def conversation(self) -> str:
        """The id of a new conversation."""
        return str((await self.post("sessions"))["id"])

    async def say(self, session_id: str, text: Any) -> str:
        """Send a prompt (steps of a script, or a text) and return its turn."""
        if not isinstance(text, str):
            text = "SCRIPT: " + json.dumps(text)
        return str((await self.post("sessions", session_id, "prompt", text=text))["turn_id"])

    async def said(self, session_id: str, text: str) -> Any:
        """The conversation, as soon as its last message has come to exactly this text."""
        async with asyncio.timeout(10):
            while (detail := await self.get("sessions", session_id))["messages"][-1][
                "text"
            ] != text:
                await asyncio.sleep(0.02)
        return detail

    async def turn(self, session_id: str, text: Any) -> list[Frame]:
        """Send a prompt and return all its frames, up to the end of the turn."""
        async with self.stream("events", params={"session_id": session_id}) as frames:
            await frames.until(lambda frame: frame.event == "snapshot")
            turn_id = await self.say(session_id, text)
            return await frames.until(lambda frame: frame.ends(turn_id))


def _checked(method: str, path: tuple[str, ...], response: Any) -> Any:
    """The answer, which is as the document of the routes says."""
    body = json.loads(response.body)
    type_ = response.headers["Content-Type"].partition(";")[0]
    check_answer(method, "/".join(path), response.code, type_, body)
    return body


@pytest.fixture
def api(
    jp_fetch: Any,
    jp_serverapp: Any,
    http_server: Any,
    jp_http_port: int,
    jp_base_url: str,
    jp_auth_header: Any,
    jp_asyncio_loop: Any,
) -> Iterator[Api]:
    """The HTTP contract, with the token of the owner."""
    origin = f"http://127.0.0.1:{jp_http_port}{jp_base_url}hermes/api/"
    client = httpx.AsyncClient(base_url=origin, headers=jp_auth_header, timeout=60)
    yield Api(jp_fetch, client)
    jp_asyncio_loop.run_until_complete(client.aclose())
