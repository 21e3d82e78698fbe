"""The subcommands of ``jupyter hermes``."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

from jupyter_core.application import JupyterApp

from ..agent.find import find_python
from ..agent.install import InstallFailed, install
from ..core.errors import Unavailable
from .app import tour_directory


class TourApp(JupyterApp):
    """``jupyter hermes tour``: JupyterLab on the tour notebook, with the offline model.

    It works in a folder of its own with a Hermes home of its own; the person's ``~/.hermes`` is
    not touched. Further options go to JupyterLab, such as ``--no-browser``.
    """

    name = "jupyter-hermes-tour"
    description = __doc__

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        """Leave every option to JupyterLab."""
        self.extra_args = list(argv or [])

    def start(self) -> None:
        """Prepare the folder and run JupyterLab."""
        try:
            from jupyterlab.labapp import LabApp
        except ModuleNotFoundError:
            self.exit("JupyterLab is not installed: pip install 'hermes-jupyter[lab]'")
        try:
            find_python()
        except Unavailable:
            print("The tour runs the real agent, which is not installed yet.")
            try:
                asyncio.run(install())
            except InstallFailed as error:
                self.exit(str(error))
        directory = tour_directory()
        notebooks = prepare_tour(directory)
        # There is one application at a time: from here on it is JupyterLab.
        type(self).clear_instance()
        LabApp.launch_instance(
            argv=[
                f"--ServerApp.root_dir={notebooks}",
                f"--LabApp.user_settings_dir={directory / 'settings'}",
                f"--LabApp.workspaces_dir={directory / 'workspaces'}",
                "--LabApp.default_url=/lab/tree/tour.ipynb",
                "--HermesExtension.offline=True",
                *self.extra_args,
            ]
        )


def prepare_tour(directory: Path) -> Path:
    """Make the tour's folders and return that of its notebook; what is there already is kept."""
    notebooks = directory / "notebooks"
    notebooks.mkdir(parents=True, exist_ok=True)
    if not (notebooks / "tour.ipynb").exists():
        shutil.copyfile(_shipped_notebook(), notebooks / "tour.ipynb")
    # JupyterLab's question about its news needs a network, and covers the composer.
    settings = directory / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    if not any(settings.iterdir()):
        quiet = {"fetchNews": "false", "checkForUpdates": False}
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    return notebooks


def _shipped_notebook() -> Path:
    """The notebook of the wheel; in a clone, the one it is made from."""
    package = Path(__file__).parent.parent
    shipped = package / "offline" / "tour.ipynb"
    return shipped if shipped.exists() else package.parent / "examples" / "tour.ipynb"


class AgentInstallApp(JupyterApp):
    """``jupyter hermes agent install``: a tested hermes-agent in a private environment."""

    name = "jupyter-hermes-agent-install"
    description = __doc__

    def start(self) -> None:
        """Install it, telling each step."""
        try:
            asyncio.run(install())
        except InstallFailed as error:
            self.exit(str(error))


class AgentApp(JupyterApp):
    """``jupyter hermes agent``: the agent that the panel talks to."""

    name = "jupyter-hermes-agent"
    description = __doc__
    subcommands = {  # noqa: RUF012  as traitlets wants it
        "install": (AgentInstallApp, "Install hermes-agent into a private environment."),
    }

    def start(self) -> None:
        """Run the subcommand; without one, say where the agent is."""
        if self.subapp is not None:
            self.subapp.start()
            return
        try:
            print(f"hermes-agent runs in {find_python()}")
        except Unavailable as error:
            self.exit(f"{error.message} Run: jupyter hermes agent install")
