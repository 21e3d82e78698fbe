"""Routes of the doctor: what is wrong here, and what to do about it."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from .._version import __version__
from ..agent.check import Check
from ..agent.check_home import clock, other_servers
from ..core.core import Core
from ..core.journal import encode_frame
from . import doctor_checks as checks
from .base import HermesHandler, authorized_to

#: The key of the doctor in the web application's settings.
DOCTOR = "hermes_doctor"

#: Frames of a trial of the way, the seconds between two, and before the last one: longer than any
#: stream is silent, to see who would not wait for that.
FRAMES = 5
PAUSE = 0.2
SILENCE = 6.0

CheckAgent = Callable[[bool], Coroutine[Any, Any, list[Check]]]


class Doctor:
    """Looks at everything that is known to go wrong; never holds up the server.

    Args:
        check_agent: what is to be said of the agent; told whether to load it for that.
        serverapp: the Jupyter server.
        patience: seconds for which a turn that waits for a person counts as activity.
        lasted: the seconds for which streams that somebody else has ended were open.
    """

    def __init__(
        self,
        core: Core,
        check_agent: CheckAgent,
        serverapp: Any,
        patience: float,
        lasted: deque[float],
    ) -> None:
        self._core = core
        self._check_agent = check_agent
        self._serverapp = serverapp
        self._patience = patience
        self._lasted = lasted
        self._loading: asyncio.Task[list[Check]] | None = None

    async def look(self, *, load: bool) -> list[Check]:
        """All checks but those of the way here.

        Args:
            load: load the agent, in a process that ends with that, and ask its model's address.
                Who asks while that is under way gets what comes of it.
        """
        agent = await (self._load() if load else self._check_agent(False))
        leases = await asyncio.to_thread(
            lambda: [
                other_servers(self._core.other_leases()),
                checks.installed_labextension(),
            ]
        )
        return [
            *agent,
            *leases,
            checks.access(self._serverapp),
            checks.culling(self._serverapp, self._patience, "JUPYTERHUB_API_URL" in os.environ),
            checks.cut_streams(self._lasted),
            clock(self._core.journal.epoch),
        ]

    async def _load(self) -> list[Check]:
        if self._loading is None:
            self._loading = asyncio.create_task(self._check_agent(True))
            self._loading.add_done_callback(self._loaded)
        return await asyncio.shield(self._loading)

    def _loaded(self, task: asyncio.Task[list[Check]]) -> None:
        self._loading = None
        # Who asked may be gone.
        if not task.cancelled():
            task.exception()


class DoctorHandler(HermesHandler):
    """``GET doctor``: what is wrong here. For who may drive the agent: it tells of their disk."""

    @web.authenticated
    @authorized_to("execute")
    async def get(self) -> None:
        """Answer ``{version, at, checks}``; ``?load=true`` loads the agent for it, and ends it."""
        doctor: Doctor = self.settings[DOCTOR]
        load = self.get_query_argument("load", "false") == "true"
        found = await doctor.look(load=load)
        found.append(checks.way_here(self.request, self.base_url))
        told = [check.to_json() for check in found]
        self.reply({"version": __version__, "at": time.time(), "checks": told})


class TrialHandler(HermesHandler):
    """``doctor/trial``: a stream of some seconds, to see what the way makes of one."""

    _track_activity = False

    def initialize(self) -> None:
        """Set up a trial that somebody waits for."""
        self._gone = asyncio.Event()

    def on_connection_close(self) -> None:
        """Nobody waits for the rest."""
        super().on_connection_close()
        self._gone.set()

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Stream ``trial`` frames ``{n, of, at, last_event_id}``; the last after a silence."""
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache, no-transform")
        self.set_header("X-Accel-Buffering", "no")
        told = {"of": FRAMES, "last_event_id": self.request.headers.get("Last-Event-ID")}
        for n in range(1, FRAMES + 1):
            data = {"n": n, "at": time.time(), **told}
            self.write(encode_frame(f"trial.{n}", "trial", data))
            with suppress(StreamClosedError):
                await self.flush()
            if n < FRAMES:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._gone.wait(), SILENCE if n == FRAMES - 1 else PAUSE)
                    return


routes: list[tuple[str, Any]] = [
    (r"/hermes/api/doctor", DoctorHandler),
    (r"/hermes/api/doctor/trial", TrialHandler),
]
