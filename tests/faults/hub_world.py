"""The same on a hub: its proxy lies between, and the hub itself may go."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.hub.running import Hub, eventually

from .disk import Disk
from .world import Place, World

FAULTS = (
    "kill_agent",
    "kill_server",
    "kill_proxy",
    "kill_hub",
    "stop_proxy",
    "hang_proxy",
    "cut_network",
    "fill_disk",
)

#: Seconds for which a proxy hands on nothing: less, and more, than a page waits for a sign of life.
STOPPED, HUNG = 3.0, 25.0

#: What a server says for those on whom it depends: the hub does not tell it who asks.
NOT_ITS_OWN = ("internal", "error", "forbidden")


class HubWorld(World):
    """Somebody's server on a hub that is running; the hub starts it anew when it was killed.

    Args:
        disk: of the person's home; None: it is the machine's own, which is not filled.
    """

    name = "ada"

    def __init__(self, directory: Path, hub: Hub, disk: Disk | None = None) -> None:
        self._directory = directory
        self._hub = hub
        self._disk = disk
        self.home = hub.directory / self.name / ".local/share/jupyter/hermes-jupyter/tour/home"
        # The model is in the server, and tells nobody what it was asked.
        self.said = None

    async def come_up(self) -> Place:
        token = await asyncio.to_thread(self._hub.api, "POST", f"users/{self.name}/tokens", json={})
        return Place(f"{self._hub.url}user/{self.name}/", token["token"])

    async def go_down(self) -> None:
        await self.mend()

    async def call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Call a route, as soon as there is a server that answers in its own words."""
        async with asyncio.timeout(90):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    response = await self.api.request(method, path, json=body if body else None)
                    if response.is_success or _is_its_own(response):
                        return {"status": response.status_code, **response.json()}
                await asyncio.sleep(0.1)

    def processes(self) -> list[psutil.Process]:
        servers = self._hub.servers(self.name)
        return [*servers, *(child for one in servers for child in one.children(recursive=True))]

    # -- faults --------------------------------------------------------------------------------

    async def kill_server(self) -> None:
        await asyncio.to_thread(self._kill_server)

    async def kill_proxy(self) -> None:
        await asyncio.to_thread(self._kill_proxy)

    async def kill_hub(self) -> None:
        await asyncio.to_thread(self._hub.kill)
        await asyncio.to_thread(self._hub.start)

    async def stop_proxy(self) -> None:
        await self._stop_proxy(STOPPED)

    async def hang_proxy(self) -> None:
        await self._stop_proxy(HUNG)

    async def fill_disk(self) -> None:
        assert self._disk is not None
        self._disk.fill(self.processes())

    async def mend(self) -> None:
        if self._disk is not None:
            self._disk.free(self.processes())

    async def _stop_proxy(self, seconds: float) -> None:
        proxy = self._hub.proxy()
        assert proxy is not None
        proxy.suspend()
        await asyncio.sleep(seconds)
        proxy.resume()

    def _kill_server(self) -> None:
        for process in self._hub.servers(self.name):
            process.kill()
        # The hub notices by itself; then a person starts their server again.
        eventually(lambda: not self._hub.server(self.name))
        self._hub.spawn(self.name)

    def _kill_proxy(self) -> None:
        proxy = self._hub.proxy()
        assert proxy is not None
        proxy.kill()
        eventually(lambda: self._hub.proxy() not in (None, proxy))


def _is_its_own(response: httpx.Response) -> bool:
    """Whether the server itself refuses something, and nobody on the way to it."""
    try:
        return response.json()["error"]["code"] not in NOT_ITS_OWN
    except (ValueError, KeyError, TypeError):
        return False
