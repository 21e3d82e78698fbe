"""Routes of what turns changed in notebooks, and of how far they may go."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import HermesHandler, authorized_to


class ChangesHandler(HermesHandler):
    """``sessions/{id}/changes``: what the turns of a conversation changed in notebooks."""

    @web.authenticated
    @authorized
    async def get(self, session_id: str) -> None:
        """Answer ``{turns}``, the newest first; each has its changes in order."""
        self.reply(await self.core.changes.of(session_id))


class UndoChangesHandler(HermesHandler):
    """``sessions/{id}/changes/undo``: take back what one turn changed."""

    @web.authenticated
    @authorized_to("execute")
    async def post(self, session_id: str) -> None:
        """Take ``{turn_id}``, answer ``{turns}``; what somebody has touched since stays."""
        turn_id = self.needed_text(self.body(), "turn_id")
        self.reply(await self.core.changes.undo(session_id, turn_id))


class PolicyHandler(HermesHandler):
    """``notebook/policy``: how far the agent may go in notebooks without asking."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer ``{policy, max_policy}``."""
        self.reply(self.core.notebook_policy.to_json())

    @web.authenticated
    @authorized_to("execute")
    async def put(self) -> None:
        """Take ``{policy}``, answer the same; 409 if the administrator allows less."""
        await self.core.notebook_policy.choose(self.needed_text(self.body(), "policy"))
        self.reply(self.core.notebook_policy.to_json())


_ID = r"/hermes/api/sessions/([^/]+)"

routes = [
    (_ID + r"/changes", ChangesHandler),
    (_ID + r"/changes/undo", UndoChangesHandler),
    (r"/hermes/api/notebook/policy", PolicyHandler),
]
