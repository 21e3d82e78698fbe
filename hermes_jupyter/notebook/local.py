"""A core of its own, where no Jupyter server has Hermes: in a terminal, a script, VS Code, Colab.

The same core and the same routes as on a server, on an event loop in a thread of this process.
They are reached by a Unix socket in a directory of this user, with a token that nobody else has:
there is no port. The agent is a child of this process and ends with it. This is the one module of
the notebook side that knows how an agent is run.
"""

from __future__ import annotations

import asyncio
import atexit
import math
import os
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.authorizer import AllowAllAuthorizer
from jupyter_server.auth.identity import IdentityProvider
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket
from tornado.web import Application

from ..agent.hermes import HermesAgent
from ..core.attachments import Attachments
from ..core.core import Core
from ..core.store import Store
from ..server import status
from ..server.app import HermesExtension, all_routes, tour_directory
from ..server.base import CALLS, CORE, DRIVERS, MAX_CALLS, STREAMS, Places
from ..server.drivers import Drivers
from ..server.stream import Streams
from .client import HermesClient, kernel_id
from .errors import HermesError

if TYPE_CHECKING:
    from ..offline import OfflineModel

#: Set to 1, the package's own offline model answers: no key, no account, no network.
OFFLINE = "HERMES_JUPYTER_OFFLINE"

#: Streams at once: those of the panels and magics of one process.
MAX_STREAMS = 100

#: Seconds that the core may take to be there; the agent comes later.
START = 30.0

_lock = threading.Lock()
_core: LocalCore | None = None


def connect() -> HermesClient:
    """The way to the core of this process, which the first call starts.

    Raises:
        HermesError: it could not be started.
    """
    global _core
    with _lock:
        if not running():
            _core = LocalCore()
        assert _core is not None
        return _core.client()


def running() -> bool:
    """Whether this process has a core; one that was forked from a process with one has not."""
    return _core is not None and _core.pid == os.getpid()


class LocalCore:
    """A core, an agent and the routes to them, in a thread of this process.

    Raises:
        HermesError: it could not be started.
    """

    def __init__(self) -> None:
        if not hasattr(socket, "AF_UNIX"):
            raise HermesError(
                "This system has no Unix sockets, so Hermes cannot run in this process. "
                "Open the notebook in JupyterLab with hermes-jupyter."
            )
        self.pid = os.getpid()
        self._token = secrets.token_hex()
        self._directory = Path(tempfile.mkdtemp(prefix="hermes-"))
        self._offline = os.environ.get(OFFLINE, "") not in ("", "0")
        self._model: OfflineModel | None = None
        # With the offline model, nothing of a person's own Hermes is touched.
        own = tour_directory() / "home"
        home = own if self._offline else Path(os.environ.get("HERMES_HOME") or "~/.hermes")
        self._agent = HermesAgent(
            home=home.expanduser().resolve(),
            cwd=Path.cwd(),
            python="",
            approval_timeout=HermesExtension.approval_timeout.default_value,
            prepare=self._start_offline_model if self._offline else None,
        )
        self._up = threading.Event()
        self._failure: Exception | None = None
        atexit.register(self._end)
        threading.Thread(target=self._run, name="hermes-core", daemon=True).start()
        if not self._up.wait(START) or self._failure is not None:
            raise HermesError(
                f"Hermes could not be started in this process: {self._failure or 'no answer'}"
            ) from self._failure

    def client(self) -> HermesClient:
        """A way in."""
        return HermesClient("http://localhost", self._token, path=str(self._socket))

    @property
    def _socket(self) -> Path:
        return self._directory / "core"

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self._failure = error
            self._up.set()

    async def _serve(self) -> None:
        ours = self._agent.home / "jupyter"
        core = Core(self._agent, Store(ours), Attachments(ours / "attachments"))
        core.start()
        HTTPServer(self._application(core)).add_socket(bind_unix_socket(str(self._socket), 0o600))
        self._up.set()
        await asyncio.Event().wait()

    def _application(self, core: Core) -> Application:
        settings: dict[str, Any] = {
            CORE: core,
            CALLS: Places(MAX_CALLS, MAX_CALLS, "requests"),
            DRIVERS: Drivers(owner="", others=()),
            STREAMS: Streams(core, MAX_STREAMS, MAX_STREAMS, math.inf),
            status.OFFLINE: self._offline,
            status.DIRECTORY: Path.cwd(),
            "authorizer": AllowAllAuthorizer(),
            "identity_provider": IdentityProvider(token=self._token),
            "kernel_manager": _ThisKernel(),
            "base_url": "/",
            "cookie_secret": secrets.token_bytes(),
            "log_function": lambda handler: None,
        }
        return Application(all_routes(), **settings)

    def _end(self) -> None:
        """End the agent; what was under way is found in the store by the next one."""
        if os.getpid() == self.pid:
            self._agent.kill()
            shutil.rmtree(self._directory, ignore_errors=True)

    async def _start_offline_model(self) -> Mapping[str, str]:
        # Only here: who talks to a model of their own never loads it.
        from ..offline import OfflineModel
        from ..offline.config import write_home

        write_home(self._agent.home)
        if self._model is None:
            self._model = await OfflineModel().start()
        return self._model.environ


class _ThisKernel:
    """The kernels of this process, in place of a server's."""

    def list_kernel_ids(self) -> list[str]:
        kernel = kernel_id()
        return [] if kernel is None else [kernel]
