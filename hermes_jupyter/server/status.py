"""Routes about the agent, and about what a kernel and a page speak of."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from .._version import __version__
from ..core.errors import BadRequest, NotFound
from .base import DRIVERS, STREAMS, HermesHandler, authorized_to
from .drivers import Drivers

#: The keys of the application's settings that ``GET status`` tells.
OFFLINE = "hermes_offline"
DIRECTORY = "hermes_directory"


class StatusHandler(HermesHandler):
    """``GET status``: how the agent is. Asking starts nothing."""

    places = None

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer how the agent and the server are, and what the caller may do here."""
        agent = self.core.agent
        drivers: Drivers = self.settings[DRIVERS]
        self.reply(
            {
                "version": __version__,
                # Not in each event of the agent: it may be much, and is read when something fails.
                "agent": {**agent.status.to_json(), "stderr": agent.stderr},
                "epoch": self.core.journal.epoch,
                "offline": self.settings[OFFLINE],
                "model": self.core.model,
                "cwd": str(self.settings[DIRECTORY]),
                "max_upload": self.core.limits.upload,
                "can": await drivers.rights(self, self.current_user, self.auth_resource),
                "drivers": drivers.names,
                "viewers": self.settings[STREAMS].viewers,
                "policy": self.core.policy.to_json(),
            }
        )


class RestartHandler(HermesHandler):
    """``POST agent/restart``: end the agent's process and start a new one."""

    @web.authenticated
    @authorized_to("execute")
    async def post(self) -> None:
        """Answer the agent's new state."""
        await self.core.agent.restart()
        self.reply({"agent": self.core.agent.status.to_json()})


class InstallHandler(HermesHandler):
    """``POST agent/install``: install a tested agent, and start it."""

    @web.authenticated
    @authorized_to("execute")
    async def post(self) -> None:
        """Answer 202 with the agent's state, which tells how far it is."""
        self.core.install_agent()
        self.reply({"agent": self.core.agent.status.to_json()}, 202)


class CurrentHandler(HermesHandler):
    """``current``: the conversation that a kernel and the page beside it speak of."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer ``{session_id}`` of ``?kernel_id=``; null when nothing was said yet."""
        kernel_id = self.get_query_argument("kernel_id", "")
        self.reply({"session_id": self.core.current(kernel_id)})

    @web.authenticated
    @authorized
    async def put(self) -> None:
        """Take ``{kernel_ids, session_id}``; null begins a new one with the next prompt."""
        body = self.body()
        kernel_ids = body.get("kernel_ids")
        if not isinstance(kernel_ids, list) or not all(isinstance(one, str) for one in kernel_ids):
            raise BadRequest("`kernel_ids` must be a list of texts.", code="bad_type")
        session_id = self.text(body, "session_id")
        if session_id is not None:
            session_id = (await self.core.conversations.find(session_id)).id
        known = set(self.settings["kernel_manager"].list_kernel_ids())
        self.core.set_current(known.intersection(kernel_ids), session_id)
        self.reply({"session_id": session_id})


class UnknownHandler(HermesHandler):
    """Every path that there is not."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Answer 404, whatever the verb."""
        await super().prepare()
        raise NotFound(f"There is no {self.request.path}.", code="no_such_route")


routes = [
    (r"/hermes/api/status", StatusHandler),
    (r"/hermes/api/agent/restart", RestartHandler),
    (r"/hermes/api/agent/install", InstallHandler),
    (r"/hermes/api/current", CurrentHandler),
]
last_routes = [(r"/hermes/api/.*", UnknownHandler)]
