"""R54: behind nginx and behind jupyter-server-proxy, what holds without them holds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from hermes_jupyter.server.doctor_app import through
from tests.nginx import DOCUMENTED, plain, run_nginx

from .frames import Frame, Frames, ends, read_frames
from .running import BASE_URL, TOKEN, Running

#: As nginx has it in its addresses when it looks for a location.
PREFIX = unquote(BASE_URL)

WORDS = "one two three four five six seven"

CLARIFY = {"name": "clarify", "arguments": {"question": "Which one?", "choices": ["red", "blue"]}}

#: Ends a stream from which somebody has read.
Cut = Callable[[Frames], Awaitable[None]]

#: It waits for a gate in the middle of its words, and for a person after them.
STEPS = [
    {"text": WORDS, "tool_calls": [CLARIFY], "wait": "middle", "wait_after": 2},
    {"text": "Thank you."},
]


class Visit:
    """Somebody who comes through a proxy, and what they have read."""

    def __init__(self, client: httpx.AsyncClient, session_id: str) -> None:
        self.client = client
        self.session_id = session_id
        self.read: list[Frame] = []

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[Frames]:
        """From where they are on, if they have read anything."""
        headers = {"Accept": "text/event-stream"}
        if self.read:
            headers["Last-Event-ID"] = self.read[-1].id
        path = f"events?session_id={self.session_id}"
        async with read_frames(self.client, path, headers=headers) as frames:
            yield frames

    async def until(self, found: Callable[[Frame], bool]) -> Frame:
        """Read on, and come back when the stream ends."""
        while True:
            async with self.stream() as frames:
                with suppress(EOFError):
                    self.read += await frames.until(found)
                    return self.read[-1]

    async def post(self, path: str, **options: Any) -> Any:
        response = await self.client.post(path, **options)
        assert response.status_code < 300, response.text
        return response.json()

    @property
    def words(self) -> str:
        """What the agent has said, put together from its deltas."""
        deltas = [frame for frame in self.read if frame.event == "message.delta"]
        return "".join(frame.data["text"] for frame in deltas)


@asynccontextmanager
async def visit(url: str) -> AsyncIterator[Visit]:
    """Somebody at a new conversation of the server that has this address."""
    headers = {"Authorization": f"token {TOKEN}"}
    async with httpx.AsyncClient(
        base_url=f"{url}hermes/api/", headers=headers, timeout=60
    ) as client:
        created = await client.post("sessions", json={})
        yield Visit(client, created.json()["id"])


async def a_turn_in_two_halves(visitor: Visit, extension: Any, cut: Cut) -> None:
    """The stream of a turn is cut in the middle; nothing is missing then, and nothing twice."""
    prompt = {"text": f"SCRIPT: {json.dumps(STEPS)}"}
    await visitor.until(lambda frame: frame.event == "snapshot")
    turn = await visitor.post(f"sessions/{visitor.session_id}/prompt", json=prompt)
    # The model does not go on yet: nothing on the way waits for more.
    await visitor.until(lambda frame: frame.event == "message.delta")
    assert visitor.words
    assert visitor.words != WORDS
    async with visitor.stream() as frames:
        await cut(frames)
    extension.offline_model.release("middle")
    asked = (await visitor.until(lambda frame: frame.event == "question")).data["question"]
    assert visitor.words == WORDS
    await visitor.post(f"questions/{asked['id']}/answer", json={"answer": "red"})
    await visitor.until(ends(turn["turn_id"]))
    assert visitor.words == f"{WORDS}Thank you."
    numbers = [frame.seq for frame in visitor.read]
    assert numbers == sorted(numbers)
    assert [frame.event for frame in visitor.read].count("snapshot") == 1


async def addresses_are_right(visitor: Visit) -> None:
    contract = await visitor.client.get("openapi.json")
    (server,) = contract.json()["servers"]
    assert contract.url.join(server["url"]) == visitor.client.base_url


COMPRESSING = "gzip on; gzip_min_length 1; gzip_types text/event-stream application/json;"


@pytest.mark.parametrize(
    "site",
    [DOCUMENTED, plain(), COMPRESSING + plain()],
    ids=["as documented", "by itself", "compressing"],
)
async def test_nginx(server: Running, extension: Any, tmp_path: Path, site: str) -> None:
    """It is stopped and started in the middle of a turn."""
    with run_nginx(tmp_path, site, server.port, PREFIX) as nginx:

        async def cut(frames: Frames) -> None:
            nginx.stop()
            with pytest.raises((httpx.RemoteProtocolError, EOFError)):
                await frames.until(lambda frame: False)
            nginx.start(site)

        async with visit(f"http://127.0.0.1:{nginx.port}{BASE_URL}") as visitor:
            await a_turn_in_two_halves(visitor, extension, cut)
            await addresses_are_right(visitor)
            path = f"sessions/{visitor.session_id}/attachments"
            table = b"a,b\n" * 100_000
            stored = await visitor.post(f"{path}?name=table.csv", content=table)
            assert (await visitor.client.get(f"{path}/{stored['name']}")).content == table


@pytest.mark.own_server
class TestJupyterServerProxy:
    """The server is its own neighbour; this proxy does not keep percent signs of a prefix."""

    @pytest.fixture
    def app_settings(self) -> dict[str, Any]:
        extensions = {"hermes_jupyter": True, "jupyter_server_proxy": True}
        return {"base_url": "/lab/", "jpserver_extensions": extensions}

    @pytest.fixture
    def hermes_settings(self) -> dict[str, Any]:
        return {"reauthenticate": 0}

    async def test_a_page_that_is_there_and_then_gone(
        self, server: Running, extension: Any
    ) -> None:
        """The proxy does not tell which: every stream is ended, and who is there comes back."""
        neighbour = f"http://127.0.0.1:{server.port}/lab/proxy/{server.port}/lab/"
        async with visit(neighbour) as visitor:

            async def cut(frames: Frames) -> None:
                async with visitor.stream() as other:
                    await other.any()
                with pytest.raises(EOFError):
                    await frames.until(lambda frame: False)
                async with asyncio.timeout(30):
                    while len(extension.streams):
                        await asyncio.sleep(0.05)

            await a_turn_in_two_halves(visitor, extension, cut)
            await addresses_are_right(visitor)


async def test_what_the_doctor_says_of_nginx(server: Running, tmp_path: Path) -> None:
    """What is wrong, and the directive that mends it."""
    holds = plain("proxy_ignore_headers X-Accel-Buffering;")
    sites = {
        DOCUMENTED: ("ok", "frame by frame"),
        holds: ("error", "holds streams back", "`proxy_buffering off;`"),
        COMPRESSING + holds: ("error", "holds streams back", "`proxy_buffering off;`"),
        plain("proxy_read_timeout 2s;"): ("error", "that is silent", "`proxy_read_timeout"),
        plain("proxy_read_timeout 5500ms;"): ("warning", "that is silent", "`proxy_read_timeout"),
        plain('proxy_set_header Last-Event-ID "";'): ("ok", "frame by frame"),
    }
    with ExitStack() as stack:
        ports = [
            stack.enter_context(run_nginx(tmp_path / str(n), site, server.port, PREFIX)).port
            for n, site in enumerate(sites)
        ]
        reports = await asyncio.gather(
            *(through(f"http://127.0.0.1:{port}{BASE_URL}", TOKEN) for port in ports)
        )
    found = [{check["id"]: check for check in report["checks"]} for report in reports]
    for checks, (state, *words) in zip(found, sites.values(), strict=True):
        told = checks["stream"]
        assert told["state"] == state, told
        said = f"{told['reason']} {told.get('fix')}"
        assert all(word in said for word in words), said
    *others, taken_away = [checks["last_event_id"]["state"] for checks in found]
    assert (set(others), taken_away) == ({"ok"}, "warning")
