"""Real servers as processes of their own, for tests that end them or drive a browser."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

#: Trust in nobody. Until the end of its first turn an agent reads all the certificates that it
#: trusts some twenty times, which is a fifth of its work; the offline model needs none.
NO_TRUST = dict.fromkeys(
    ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    str(Path(__file__).with_name("certificate.pem")),
)

#: What others bring is a third of a server's start: one that nobody looks at does without.
ALONE = [
    f"--ServerApp.jpserver_extensions={name}=False"
    for name in (
        "jupyter_lsp",
        "jupyter_server_proxy",
        "jupyterlab",
        "nbclassic",
        "notebook",
        "notebook_shim",
    )
]


@dataclass(frozen=True)
class Server:
    """A running server, its address and its log."""

    process: subprocess.Popen[bytes]
    url: str
    token: str
    log: Path

    def client(self) -> httpx.Client:
        """A client of the HTTP contract, as the owner."""
        headers = {"Authorization": f"token {self.token}"}
        return httpx.Client(base_url=f"{self.url}hermes/api/", headers=headers, timeout=60)


def silence_news(settings: Path) -> None:
    """JupyterLab's question about its news would cover the panel's composer."""
    section = settings / "@jupyterlab" / "apputils-extension"
    section.mkdir(parents=True, exist_ok=True)
    (section / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until_open(port: int, seconds: float = 90) -> None:
    """Wait until somebody listens there."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert time.monotonic() < end, f"Nobody listens on port {port}."
        time.sleep(0.1)


@contextlib.contextmanager
def run_server(
    directory: Path,
    *arguments: str,
    command: str = "server",
    python: Path | str = sys.executable,
    again: Server | None = None,
    trusting: bool = False,
    base_url: str = "/",
    **environment: str,
) -> Iterator[Server]:
    """Run ``jupyter {command}`` with all of its data in ``directory``, until the block ends.

    Args:
        again: a server that has ended; the new one gets its address and its token.
        trusting: it speaks to the network, and trusts whom this machine trusts.
    """
    port = (urlsplit(again.url).port if again else None) or free_port()
    token = again.token if again else secrets.token_hex(16)
    directory.mkdir(exist_ok=True)
    silence_news(directory / "settings")
    log = directory / "server.log"
    env = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(directory / "config"),
        "JUPYTER_DATA_DIR": str(directory / "data"),
        "JUPYTER_RUNTIME_DIR": str(directory / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(directory / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(directory / "workspaces"),
        "IPYTHONDIR": str(directory / "ipython"),
        "JUPYTER_TOKEN": token,
        **({} if trusting else NO_TRUST),
        **environment,
    }
    line = [
        *(str(python), "-m", "jupyter", *command.split()),
        *("--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0"),
        *(ALONE if command == "server" else ()),
        f"--ServerApp.base_url={base_url}",
        *arguments,
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(line, env=env, stdout=output, stderr=subprocess.STDOUT)
    server = Server(process, f"http://127.0.0.1:{port}{base_url}", token, log)
    try:
        wait_until_up(server)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_up(server: Server, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    with server.client() as client:
        while time.monotonic() < end and server.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                # A server answers 404 until its extensions are loaded.
                if client.get("status").status_code == 200:
                    return
            time.sleep(0.1)
    raise AssertionError(f"The server did not come up:\n{server.log.read_text()[-4000:]}")
