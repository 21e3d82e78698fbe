"""The server extension: its settings, and the one place where the parts are put together."""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_core.paths import jupyter_data_dir
from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Enum, Float, Int, List, Set, Unicode, default

from ..agent.hermes import HermesAgent
from ..core.attachments import Attachments
from ..core.core import Core
from ..core.journal import EVERYWHERE
from ..core.notebook_policy import POLICIES, NotebookPolicy
from ..core.policy import Policy
from ..core.store import Store
from ..core.turns import Limits
from . import attachments, changes, choices, doctor, openapi, questions, sessions, status, stream
from .activity import Activity
from .audit import Audit
from .base import CALLS, CORE, DRIVERS, MAX_CALLS, STREAMS, Places
from .drivers import Drivers
from .notebooks import pages
from .notebooks.documents import Documents
from .notebooks.host import Notebooks
from .notebooks.kernels import Kernels

if TYPE_CHECKING:
    from ..offline import OfflineModel


#: What the pages' configuration says of a server that has no panel.
DISABLED = "hermesDisabled"


def all_routes() -> list[tuple[str, Any]]:
    """Every route, below the server's base URL."""
    modules = (
        status,
        sessions,
        attachments,
        changes,
        choices,
        questions,
        pages,
        stream,
        doctor,
        openapi,
    )
    routes = [route for module in modules for route in module.routes]
    return [*routes, *status.last_routes]


def tour_directory() -> Path:
    """Where the tour keeps its notebook and its Hermes home."""
    return Path(jupyter_data_dir()) / "hermes-jupyter" / "tour"


class HermesExtension(ExtensionApp):
    """Hermes, Nous Research's agent, in JupyterLab and Jupyter Notebook."""

    name = "hermes_jupyter"
    description = "Run a Jupyter server with Hermes, or one of the subcommands."
    app_name = "Hermes"
    extension_url = "/lab"
    load_other_extensions = True
    subcommands = {  # noqa: RUF012  as traitlets wants it
        "tour": (
            "hermes_jupyter.server.commands.TourApp",
            "Open JupyterLab on the tour, with the offline model: no key, no account.",
        ),
        "agent": (
            "hermes_jupyter.server.commands.AgentApp",
            "Install hermes-agent into a private environment.",
        ),
        "doctor": (
            "hermes_jupyter.server.doctor_app.DoctorApp",
            "Look for what is wrong, and say what to do about it.",
        ),
    }

    enabled = Bool(
        True, help="Whether there are the panel and its routes; without, its place says so."
    ).tag(config=True)
    agent_python = Unicode(
        help="""The interpreter that has hermes-agent.
        Empty: the one of `jupyter hermes agent install`, else this one, else the one beside
        the `hermes` command."""
    ).tag(config=True)
    allow_install = Bool(
        True,
        help="Whether a person may install the agent from the panel, into an environment of their "
        "own. Never where `agent_python` is set.",
    ).tag(config=True)
    hermes_home = Unicode(
        help="The Hermes home. Empty: $HERMES_HOME, else ~/.hermes; the tour has its own."
    ).tag(config=True)
    offline = Bool(
        False, help="Answer with the package's own offline model: no key, no account, no network."
    ).tag(config=True)
    allowed_models = List(
        Unicode(),
        help="""Patterns of the models that may be used, such as `gpt-5*`; empty: all.
        The panel offers no other, none can be switched to, and a turn with another is refused.
        Like the next three, it is policy and not a sandbox: who has a terminal here can run
        another agent.""",
    ).tag(config=True)
    allowed_providers = List(
        Unicode(), help="Patterns of the providers that may be used, likewise; empty: all."
    ).tag(config=True)
    forbidden_toolsets = List(
        Unicode(),
        help="""Hermes' toolsets that the agent is not given, such as `terminal`,
        `code_execution` or `browser`. What one tool does, another may do as well: forbid all that
        are of a kind.""",
    ).tag(config=True)
    approval_mode = Enum(
        ["", "manual"],
        "",
        help="""`manual`: every approval is asked of a person, whatever Hermes' configuration says,
        and none can be skipped. Empty: as each person has it.""",
    ).tag(config=True)
    approval_timeout = Int(
        1800,
        min=1,
        help="Seconds an approval waits, unless Hermes' `approvals.timeout` is set. Then it is "
        "refused: silence is not consent.",
    ).tag(config=True)
    notebook_policy = Enum(
        POLICIES,
        default_value="edit",
        help="""How far the agent may go in notebooks, until the person chooses:
        read only (`read`), edit and run when it was allowed to (`ask`), edit by itself and run
        when it was allowed to (`edit`), or both by itself (`run`).""",
    ).tag(config=True)
    max_notebook_policy = Enum(
        POLICIES, default_value="run", help="The most of it that the person may choose."
    ).tag(config=True)
    max_prompt = Int(
        Limits().prompt, min=1, help="Bytes of the longest prompt; a longer one is refused."
    ).tag(config=True)
    max_queued = Int(Limits().queued, min=1, help="Prompts that may wait in one conversation.").tag(
        config=True
    )

    max_upload = Int(
        Limits().upload, min=1, help="Bytes of the largest file that may be attached to a prompt."
    ).tag(config=True)

    max_streams = Int(
        2000, min=1, help="Streams that may be open at once: one for each page that is open."
    ).tag(config=True)

    max_streams_each = Int(
        200,
        min=1,
        help="Streams that one person may have open at once, where the server tells persons apart: "
        "on JupyterHub. A browser needs one, however many tabs it has.",
    ).tag(config=True)

    reauthenticate = Float(
        300.0,
        min=0,
        help="Seconds after which an open stream asks again whether its page is still logged in. "
        "JupyterHub's answer may be `HubOAuth.cache_max_age` old.",
    ).tag(config=True)

    drivers = Set(
        Unicode(),
        help="""On JupyterHub: the names of those who may drive Hermes beside the owner of the
        server: write to it, answer it, stop it, give it files. "*": everybody who is let in.
        All others read, as far as `ServerApp.authorizer_class` lets them.
        Elsewhere, by another identity provider than Jupyter's own: if it is not empty, these alone.
        """,
    ).tag(config=True)

    question_patience = Int(
        1800,
        min=0,
        help="Seconds for which a turn that waits for a person counts as activity: after that, an "
        "idle server may be culled, and the question is there when it is started again.",
    ).tag(config=True)

    @default("hermes_home")
    def _default_home(self) -> str:
        if self.offline:
            return str(tour_directory() / "home")
        return os.environ.get("HERMES_HOME") or str(Path.home() / ".hermes")

    @property
    def policy(self) -> Policy:
        """What is decided here for everybody."""
        return Policy(
            models=tuple(self.allowed_models),
            providers=tuple(self.allowed_providers),
            toolsets=tuple(self.forbidden_toolsets),
            approvals=self.approval_mode,
            install=self.allow_install and not self.agent_python,
        )

    def initialize_settings(self) -> None:
        """Put the parts together; nothing is started yet."""
        assert self.serverapp is not None
        if not self.enabled:
            # The pages are told, or they would look for routes that are not there.
            self.settings.setdefault("page_config_data", {})[DISABLED] = "true"
            return
        # What the core and the agent log goes where this extension logs.
        logging.getLogger("hermes_jupyter").parent = self.log
        self.offline_model: OfflineModel | None = None
        directory = Path(self.serverapp.root_dir).expanduser().resolve()
        self.agent = HermesAgent(
            home=Path(self.hermes_home).expanduser().resolve(),
            cwd=directory,
            python=self.agent_python,
            policy=self.policy,
            approval_timeout=self.approval_timeout,
            prepare=self._start_offline_model if self.offline else None,
        )
        ours = self.agent.home / "jupyter"
        limits = Limits(
            self.max_prompt,
            self.max_queued,
            upload=self.max_upload,
            approval=self.approval_timeout,
        )
        store = Store(ours)
        freedom = NotebookPolicy(store, self.notebook_policy, self.max_notebook_policy)
        server = self.serverapp
        self.notebooks = Notebooks(
            Documents(self._tell_pages),
            Kernels(server.session_manager, server.kernel_manager, server.kernel_spec_manager),
            server.contents_manager,
            freedom,
        )
        self.core = Core(
            self.agent,
            store,
            Attachments(ours / "attachments"),
            limits=limits,
            tools=self.notebooks,
            policy=self.policy,
            notebook_policy=freedom,
        )
        assert server.event_logger is not None
        audit = Audit(server.event_logger)
        self.core.tell(audit.turn, audit.question)
        self.activity = Activity(self.core, self.question_patience, self.settings)
        self.streams = stream.Streams(
            self.core, self.max_streams, self.max_streams_each, self.reauthenticate
        )
        owner = os.environ.get("JUPYTERHUB_USER", "")
        self.settings.update(
            {
                doctor.DOCTOR: doctor.Doctor(
                    self.core,
                    lambda load: self.agent.checks(load=load),
                    self.serverapp,
                    self.question_patience,
                    self.streams.lasted,
                ),
                CORE: self.core,
                CALLS: Places(MAX_CALLS, MAX_CALLS // 2, "requests"),
                DRIVERS: Drivers(owner, self.drivers, parent=self),
                STREAMS: self.streams,
                pages.NOTEBOOKS: self.notebooks,
                status.OFFLINE: self.offline,
                status.DIRECTORY: directory,
            }
        )
        self.activity.start()
        self.serverapp.io_loop.add_callback(self.core.start)
        # Not every signal lets a server run `stop_extension`.
        atexit.register(self.agent.kill)

    def initialize_handlers(self) -> None:
        """Add the routes under ``{base_url}hermes/api/``."""
        if not self.enabled:
            return
        self.handlers.extend(all_routes())

    def current_activity(self) -> bool:
        """Whether an agent works: then the server does not end itself."""
        return self.enabled and self.activity.working

    async def stop_extension(self) -> None:
        """End the streams, the agent and all it started."""
        if not self.enabled:
            return
        self.activity.stop()
        self.streams.close()
        await self.core.close()
        atexit.unregister(self.agent.kill)
        if self.offline_model is not None:
            await self.offline_model.stop()

    def _tell_pages(self, event: str, data: dict[str, Any]) -> None:
        self.core.journal.publish(event, data, EVERYWHERE)

    async def _start_offline_model(self) -> Mapping[str, str]:
        # Only here: a server that talks to a person's own model never loads it.
        from ..offline import OfflineModel
        from ..offline.config import write_home

        write_home(self.agent.home)
        if self.offline_model is None:
            self.offline_model = await OfflineModel().start()
        return self.offline_model.environ


main = HermesExtension.launch_instance
