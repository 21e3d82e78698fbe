"""A real jupyter-server with the extension, the real agent and the offline model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyter_core import paths
from jupyter_core.utils import ensure_event_loop
from tornado.httpclient import HTTPClientError

from tests.servers import NO_TRUST

from .contract import check_answer
from .frames import Frame, read_frames
from .running import BASE_URL, Running


@pytest.fixture(scope="package", autouse=True)
def jp_asyncio_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One loop for all tests here: a server outlives a test."""
    loop = ensure_event_loop(prefer_selector_loop=True)
    yield loop
    loop.close()


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """Nothing: a server is closed by what has started it."""


@pytest.fixture(scope="package", autouse=True)
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Folders of the tests' own in the place of the person's."""
    folder = tmp_path_factory.mktemp("environment")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            (folder / name).mkdir()
            patch.setenv(name, str(folder / name))
        for name, value in NO_TRUST.items():
            patch.setenv(name, value)
        for name in ("SYSTEM_JUPYTER_PATH", "ENV_JUPYTER_PATH"):
            patch.setattr(paths, name, [str(folder / "share")])
        for name in ("SYSTEM_CONFIG_PATH", "ENV_CONFIG_PATH"):
            patch.setattr(paths, name, [str(folder / "etc")])
        yield


@pytest.fixture
def hermes_settings() -> dict[str, Any]:
    """Settings of HermesExtension that a test wants to be different."""
    return {}


@pytest.fixture
def home_settings() -> dict[str, Any]:
    """Entries of Hermes' own configuration that a test wants to be different."""
    return {}


@pytest.fixture
def app_settings() -> dict[str, Any]:
    """Settings of the server itself that a test wants to be different; it needs one of its own."""
    return {}


@pytest.fixture(scope="package")
def servers(jp_asyncio_loop: Any, environment: None) -> Iterator[dict[str, Running]]:
    """The servers that tests share, by their settings, the one used last at the end."""
    servers: dict[str, Running] = {}
    yield servers
    for server in servers.values():
        jp_asyncio_loop.run_until_complete(server.close())


@pytest.fixture
def server(
    request: pytest.FixtureRequest,
    servers: dict[str, Running],
    jp_asyncio_loop: Any,
    hermes_settings: dict[str, Any],
    home_settings: dict[str, Any],
    app_settings: dict[str, Any],
    tmp_path: Path,
) -> Iterator[Running]:
    """A server with the settings that the test wants.

    It is one that other tests had, who left nothing behind, unless the test is marked with
    ``own_server``: because it wants an agent that was never started, or changes what stays.
    """
    run = jp_asyncio_loop.run_until_complete
    if request.node.get_closest_marker("own_server"):
        server = Running(tmp_path, hermes_settings, home_settings, app_settings)
        run(server.start())
        server.begin()
        yield server
        run(server.close())
        return
    assert not app_settings
    key = json.dumps([hermes_settings, home_settings])
    server = servers.pop(key, None)
    if server is None:
        # Each has an agent in its memory: only the one used last is kept beside the new one.
        for other in [*servers][:-1]:
            run(servers.pop(other).close())
        folder = request.getfixturevalue("tmp_path_factory").mktemp("server")
        server = Running(folder, hermes_settings, home_settings)
        run(server.start())
    server.begin()
    yield server
    if run(server.forget()):
        servers[key] = server
    else:
        run(server.close())


@pytest.fixture
def home(server: Running) -> Path:
    """The Hermes home."""
    return server.home


@pytest.fixture
def requests(server: Running) -> list[Any]:
    """The messages of each request that the model got, oldest first."""
    return server.requests


@pytest.fixture
def offered(server: Running) -> list[set[str]]:
    """The names of the tools that the model had in each request, oldest first."""
    return server.offered


@pytest.fixture
def extension(server: Running) -> Any:
    """The loaded extension."""
    return server.extension


@pytest.fixture
def jp_serverapp(server: Running) -> Any:
    """The server's application."""
    return server.app


@pytest.fixture
def jp_root_dir(server: Running) -> Path:
    """The folder that the server shows."""
    return server.root


@pytest.fixture
def http_server(server: Running) -> Any:
    """What listens."""
    return server.http


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
def api(server: Running, jp_fetch: Any, jp_auth_header: Any, jp_asyncio_loop: Any) -> Iterator[Api]:
    """The HTTP contract, with the token of the owner."""
    origin = f"http://127.0.0.1:{server.port}{BASE_URL}hermes/api/"
    client = httpx.AsyncClient(base_url=origin, headers=jp_auth_header, timeout=60)
    yield Api(jp_fetch, client)
    jp_asyncio_loop.run_until_complete(client.aclose())
