"""All there is: a model, a server, its agent, a network, and a page that looks on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil

from hermes_jupyter.offline import OfflineModel
from hermes_jupyter.offline.config import write_home
from tests.servers import Server, run_server

from .disk import Disk

LABEXTENSION = Path(__file__).parents[2] / "labextension"


def build_page(directory: Path) -> Path:
    """The panel's client and model, as a program for Node."""
    program = directory / "page.mjs"
    line = ["node_modules/.bin/esbuild", "tests/page.ts", "--bundle", "--format=esm"]
    line += ["--platform=node", "--log-level=warning", f"--outfile={program}"]
    subprocess.run(line, cwd=LABEXTENSION, check=True, timeout=60)
    return program


class Network:
    """What lies between the page and the server, and can be cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> int:
        """The port of the near end."""
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Break every connection that there is."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    def close(self) -> None:
        self._server.close()
        self.cut()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, far_writer}
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        self._open -= {writer, far_writer}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class Page:
    """The panel's own code, following a conversation in Node."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def shows(self) -> dict[str, Any]:
        """What it shows now."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        async with asyncio.timeout(20):
            return dict(json.loads(await self._process.stdout.readline()))

    async def close(self) -> None:
        # Not by a signal: that would end what has started it, and leave the page.
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(20):
            await self._process.wait()


class Place(NamedTuple):
    """Where a server is reached, and with what."""

    url: str
    token: str


class World:
    """One conversation in it; the server may be another one from time to time."""

    def __init__(self, directory: Path, model: OfflineModel) -> None:
        self.model = model
        #: The texts that the model was asked to say, as often as it was; None: it does not tell.
        self.said: list[str] | None = []
        said = self.said
        self._directory = directory
        self._servers = ExitStack()
        answer = model.script

        def told(request: Any) -> Any:
            step = answer(request)
            said.append(step.text)
            return step

        model.script = told

    async def come_up(self) -> Place:
        """Start the server, with the home on a disk of its own."""
        self.disk = Disk(self._directory / "disk")
        self.home = self.disk.path / "hermes-home"
        write_home(self.home)
        self._options = [f"--HermesExtension.hermes_home={self.home}"]
        await self._serve(None)
        return Place(self.server.url, self.server.token)

    async def begin(self) -> None:
        place = await self.come_up()
        url = httpx.URL(place.url)
        self.network = Network(url.port or 0)
        port = await self.network.start()
        self.api = httpx.AsyncClient(
            base_url=f"{place.url}hermes/api/",
            headers={"Authorization": f"token {place.token}"},
            timeout=60,
        )
        self.session_id = (await self.call("POST", "sessions"))["id"]
        # From its first turn on, the agent has the conversation in its database.
        await self.call(
            "POST", f"sessions/{self.session_id}/prompt", text='SCRIPT: {"text": "Hi."}'
        )
        async with asyncio.timeout(60):
            while (await self.detail())["state"] != "idle":
                await asyncio.sleep(0.05)
        program = await asyncio.to_thread(build_page, self._directory)
        self.page = Page(
            await asyncio.create_subprocess_exec(
                *("node", str(program), str(url.copy_with(port=port))),
                *(place.token, self.session_id),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=1 << 24,
            )
        )

    async def end(self) -> None:
        await self.page.close()
        await self.api.aclose()
        self.network.close()
        await self.go_down()

    async def go_down(self) -> None:
        """End the server."""
        await asyncio.to_thread(self._servers.close)
        self.disk.close()

    async def _serve(self, again: Server | None) -> None:
        context = run_server(
            self._directory / "jupyter", *self._options, again=again, **self.model.environ
        )
        # In a thread: the model has to answer meanwhile.
        self.server = await asyncio.to_thread(self._servers.enter_context, context)

    async def call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Call a route, of whichever server there is next."""
        async with asyncio.timeout(90):
            while True:
                try:
                    response = await self.api.request(method, path, json=body if body else None)
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
                    continue
                return {"status": response.status_code, **response.json()}

    async def detail(self) -> dict[str, Any]:
        return await self.call("GET", f"sessions/{self.session_id}")

    def stored(self) -> list[str]:
        """What the agent has said, as its own database has it, oldest first."""
        uri = f"{(self.home / 'state.db').as_uri()}?mode=ro"
        query = "SELECT content FROM messages WHERE role = 'assistant' ORDER BY id"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=5)) as db:
            return [str(content or "") for (content,) in db.execute(query)]

    def processes(self) -> list[psutil.Process]:
        """The server, and all that it has started."""
        server = psutil.Process(self.server.process.pid)
        return [server, *server.children(recursive=True)]

    # -- faults --------------------------------------------------------------------------------

    async def kill_agent(self) -> None:
        for process in self.processes():
            if "agent/child" in " ".join(process.cmdline()):
                process.kill()

    async def kill_server(self) -> None:
        self.server.process.kill()
        await self._again()

    async def stop_server(self) -> None:
        self.server.process.terminate()
        await self._again()

    async def cut_network(self) -> None:
        self.network.cut()

    async def fill_disk(self) -> None:
        """It stays full until all is mended."""
        self.disk.fill(self.processes())

    async def mend(self) -> None:
        """End what has no end of its own."""
        self.disk.free(self.processes())

    async def _again(self) -> None:
        await asyncio.to_thread(self.server.process.wait, 20)
        await self._serve(self.server)


@asynccontextmanager
async def a_world(directory: Path) -> AsyncIterator[World]:
    """A world, until the block ends."""
    async with OfflineModel() as model, lived_in(World(directory, model)) as world:
        yield world


@asynccontextmanager
async def lived_in(world: World) -> AsyncIterator[World]:
    """The world, from its beginning to its end."""
    await world.begin()
    try:
        yield world
    finally:
        await world.end()
