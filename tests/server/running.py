"""A jupyter-server with the extension, on the loop of the tests; many tests may share one."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from traitlets.config import Config

from hermes_jupyter.core.errors import CoreError
from hermes_jupyter.core.listing import Wanted
from hermes_jupyter.offline import OfflineModel, tour
from hermes_jupyter.offline.config import write_home
from hermes_jupyter.server.base import CALLS

#: Characters in it show up addresses that were put together by hand.
BASE_URL = "/a%40b/"

TOKEN = "the-owner's"


class Running:
    """A running server.

    Args:
        folder: for all of its files.
        settings: of HermesExtension.
        home_settings: entries of Hermes' own configuration.
        app_settings: of the server itself.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, Any],
        home_settings: dict[str, Any],
        app_settings: dict[str, Any] | None = None,
    ) -> None:
        self.home = folder / "hermes-home"
        self.root = folder / "root_dir"
        self.root.mkdir(parents=True)
        #: Its scripted answers arrive without the pauses of a real one's.
        self.model: OfflineModel | None = None
        if settings.get("offline", True):
            self.model = OfflineModel(instant=True)
            write_home(self.home)
            _configure(self.home / "config.yaml", home_settings)
        self._app_settings = app_settings or {}
        self._settings = {"offline": True, "hermes_home": str(self.home), **settings}
        #: The messages of each request for an answer that the model got in this test, oldest first.
        self.requests: list[Any] = []
        #: The names of the tools that it had in each of them.
        self.offered: list[set[str]] = []
        #: The messages of each request for a title.
        self.titles: list[Any] = []
        self._config = ""

    async def start(self) -> None:
        """Come up; the agent starts when it is needed."""
        self.app = ServerApp(
            config=Config(
                ServerApp={
                    "base_url": BASE_URL,
                    "jpserver_extensions": {
                        "hermes_jupyter": True,
                        "jupyter_server_terminals": False,
                    },
                    "allow_unauthenticated_access": False,
                    **self._app_settings,
                },
                IdentityProvider={"token": TOKEN},
                NotebookNotary={"db_file": ":memory:"},
                HermesExtension=self._settings,
            ),
            log_level=logging.DEBUG,
            open_browser=False,
            root_dir=str(self.root),
            allow_root=True,
        )
        self.app.init_signal = lambda: None
        self.app.initialize(argv=[], new_httpserver=False)
        # What it logs is pytest's to show.
        self.app.log.handlers = []
        self.app.log.propagate = True
        (self.extension,) = self.app.extension_manager.extension_apps["hermes_jupyter"]
        if self.model is not None:
            self.extension.offline_model = await self.model.start()
        socket, self.port = bind_unused_port()
        self.http = HTTPServer(self.app.web_app)
        self.http.add_socket(socket)

    async def close(self) -> None:
        """End it, and all it has started."""
        self.http.stop()
        await self.app._cleanup()
        await self.http.close_all_connections()
        self.app.kernel_manager.context.destroy()

    def begin(self) -> None:
        """Begin a test: the model has been asked nothing, and its gates are closed."""
        self.requests.clear()
        self.offered.clear()
        self.titles.clear()
        self._config = self._configured()
        if self.model is not None:
            self.model.script = self._heard
            self.model.instant = True
            self.model._gates.clear()

    def _heard(self, request: Any) -> Any:
        # Titles are not streamed, and may be asked for when their conversation is gone already.
        if request.get("stream"):
            self.requests.append(request["messages"])
            self.offered.append({tool["function"]["name"] for tool in request.get("tools", ())})
        else:
            self.titles.append(request["messages"])
        return tour.answer(request)

    async def forget(self) -> bool:
        """Undo what a test has done; whether all is as the next one has to find it."""
        try:
            async with asyncio.timeout(20):
                await self._delete_all()
                while len(self.extension.streams) or self.extension.settings[CALLS]._taken:
                    await asyncio.sleep(0.01)
        except (CoreError, TimeoutError) as error:
            logging.info("This server is of no use to another test: %s", error)
            return False
        # The folder itself is where the agent's process is.
        for path in self.root.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        # A title that is found after all gives a session that is gone a row, with nothing in it.
        rows = await self.extension.core.agent.history.sessions()
        left = [*self.extension.core.conversations, *(row for row in rows if row.message_count)]
        as_it_was = self._configured() == self._config and not self.extension.agent._child._bad_ends
        return as_it_was and not left

    async def _delete_all(self) -> None:
        core = self.extension.core
        for conversation in core.conversations:
            conversation.queued.clear()
            while conversation.busy:
                if conversation.turn.action == "prompt" and not conversation.turn.stopped:
                    await core.turns.interrupt(conversation.id, conversation.turn.id)
                await asyncio.sleep(0.01)
        ids = {conversation.id for conversation in core.conversations}
        for archived in (False, True):
            listed = await core.conversations.listing(Wanted(limit=200, archived=archived))
            ids |= {row["id"] for row in listed["sessions"]}
        for id_ in ids:
            await core.records.delete(id_)

    def _configured(self) -> str:
        config = self.home / "config.yaml"
        return config.read_text() if config.exists() else ""


def _configure(config: Path, sections: dict[str, Any]) -> None:
    lines = [line for line in config.read_text().splitlines() if not line.startswith("#")]
    settings = json.loads("\n".join(lines))
    for section, entries in sections.items():
        if isinstance(entries, dict):
            entries = {**settings.get(section, {}), **entries}
        settings[section] = entries
    config.write_text(json.dumps(settings))
