"""Routes of models, slash commands and completions."""

from __future__ import annotations

import asyncio
from pathlib import Path

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.commands import command_json
from ..core.completion import complete_command, complete_path
from ..core.errors import BadRequest
from .base import MAX_TEXT, HermesHandler, authorized_to
from .status import DIRECTORY


class ModelsHandler(HermesHandler):
    """``models``: what this Hermes can use. Asking may start the agent."""

    @web.authenticated
    @authorized_to("execute")
    async def get(self) -> None:
        """Answer ``{providers, efforts, model, provider, reasoning}``; without any key.

        Of ``?session_id=``, or of a new conversation.
        """
        session_id = self.get_query_argument("session_id", None)
        self.reply(await self.core.models.known(session_id))


class ModelHandler(HermesHandler):
    """``sessions/{id}/model``: the model of one conversation."""

    @web.authenticated
    @authorized_to("execute")
    async def post(self, session_id: str) -> None:
        """Take ``{model?, provider?, reasoning?, confirmed?}``; answer what it has then."""
        body = self.body()
        confirmed = body.get("confirmed", False)
        if not isinstance(confirmed, bool):
            raise BadRequest("`confirmed` must be true or false.", code="bad_type")
        switched = await self.core.models.switch(
            session_id,
            model=self.text(body, "model"),
            provider=self.text(body, "provider"),
            reasoning=self.text(body, "reasoning"),
            confirmed=confirmed,
        )
        self.reply(switched)


class CommandsHandler(HermesHandler):
    """``commands``: the slash commands that make sense here. Asking may start the agent."""

    @web.authenticated
    @authorized_to("execute")
    async def get(self) -> None:
        """Answer ``{commands}``, by their names."""
        commands = await self.core.commands.known()
        self.reply({"commands": [command_json(command) for command in commands]})


class CommandHandler(HermesHandler):
    """``sessions/{id}/command``: run one."""

    @web.authenticated
    @authorized_to("execute")
    async def post(self, session_id: str) -> None:
        """Take ``{text}``; answer ``{command, session_id, turn, text}``."""
        body = self.body()
        text = self.needed_text(body, "text")
        outcome = await self.core.commands.run(session_id, text, self.answerer(body))
        self.reply(outcome.to_json())


class CompleteHandler(HermesHandler):
    """``complete``: how what is being typed may go on. Asking starts nothing."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer ``{replace_from, completions}`` for ``?text=``, up to where it is typed.

        Paths are below the folder of ``?session_id=``, else the server's root.
        """
        text = self.get_query_argument("text", "", strip=False)
        if len(text) > MAX_TEXT:
            raise BadRequest(f"`text` is longer than {MAX_TEXT} characters.", code="too_long")
        session_id = self.get_query_argument("session_id", None)
        folder: Path = self.settings[DIRECTORY]
        if session_id is not None:
            conversation = await self.core.conversations.find(session_id)
            folder = Path(conversation.cwd or folder)
        if text.startswith("/"):
            at, found = complete_command(text, self.core.commands.remembered())
        else:
            at, found = await asyncio.to_thread(complete_path, text, folder)
        self.reply({"replace_from": at, "completions": [one.to_json() for one in found]})


_ID = r"/hermes/api/sessions/([^/]+)"

routes = [
    (r"/hermes/api/models", ModelsHandler),
    (r"/hermes/api/commands", CommandsHandler),
    (r"/hermes/api/complete", CompleteHandler),
    (_ID + r"/model", ModelHandler),
    (_ID + r"/command", CommandHandler),
]
