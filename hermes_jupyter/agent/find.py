"""Which interpreter has hermes-agent."""

from __future__ import annotations

import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from ..core.errors import Forbidden, Hint, Unavailable

INSTALL_HINT: Hint = {
    "text": "Install a tested one into a private environment; nothing else changes.",
    # By its path: a terminal need not have this environment's commands.
    "command": shlex.join([sys.executable, "-m", "jupyter", "hermes", "agent", "install"]),
    "action": "install-agent",
}

#: Where the administrator provides the agent, and a person cannot.
PROVIDED_HINT: Hint = {"text": "Your administrator provides the agent here: ask them."}

#: What is installed; the shim is tried with this series.
REQUIREMENT = "hermes-agent==0.19.*"

#: What the agent's interpreter runs: a program of its own, by path.
CHILD = Path(__file__).with_name("child")

#: Variables of this interpreter that would lead another one to the wrong packages.
OTHER_PYTHON = ("PYTHONPATH", "PYTHONHOME")

#: Written into the private environment when all of it is there.
MARKER = "hermes-jupyter.json"


def private_environment() -> Path:
    """The folder of the environment that ``jupyter hermes agent install`` makes."""
    return Path(jupyter_data_dir()) / "hermes-jupyter" / "agent"


def python_of(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


class Interpreter:
    """The interpreter that the agent runs in, and who may see to what is in it.

    Args:
        configured: by the administrator; empty: it is found.
        may_install: whether a person may install an agent, where none is configured.
    """

    def __init__(self, configured: str, may_install: bool) -> None:
        self.configured = configured
        self._may_install = may_install and not configured

    @property
    def hint(self) -> Hint:
        """What to do where there is no agent, or none that is of use."""
        if self._may_install:
            return INSTALL_HINT
        if self.configured:
            return {
                "text": "Install hermes-agent there, or take back `HermesExtension.agent_python`.",
                "command": shlex.join([self.configured, "-m", "pip", "install", REQUIREMENT]),
            }
        return PROVIDED_HINT

    def find(self) -> Path:
        """Where it is.

        Raises:
            Unavailable: there is none, or the configured one is not there.
        """
        try:
            return find_python(self.configured)
        except Unavailable as error:
            if error.code == "agent_missing":
                error.hint = self.hint
            raise

    def unsupported(self, message: str) -> Unavailable:
        """What is said of one whose agent cannot be used."""
        return Unavailable(message, code="agent_unsupported", hint=self.hint)

    def must_allow_install(self) -> None:
        """Refuse where the agent is not a person's own business.

        Raises:
            Forbidden: the administrator provides it.
        """
        if not self._may_install:
            raise Forbidden(
                "Your administrator provides the agent here.", code="policy", hint=PROVIDED_HINT
            )


def find_python(configured: str = "") -> Path:
    """The interpreter to run the agent in.

    In this order: the configured one, the private environment's, this one, the one beside the
    ``hermes`` command.

    Raises:
        Unavailable: there is none, or the configured one is not there.
    """
    if configured:
        return _configured(configured)
    private = private_environment()
    if (private / MARKER).exists() and python_of(private).exists():
        return python_of(private)
    # Only looks for the module: nothing of the agent is imported here.
    if find_spec("tui_gateway") is not None:
        return Path(sys.executable)
    command = shutil.which("hermes")
    beside = command and Path(command).resolve().parent / Path(python_of(Path())).name
    if beside and beside.exists():
        return beside
    raise Unavailable("hermes-agent is not installed.", code="agent_missing", hint=INSTALL_HINT)


def _configured(path: str) -> Path:
    found = shutil.which(Path(path).expanduser())
    if found is None:
        raise Unavailable(
            f"The configured interpreter {path} is not there or cannot be run.",
            code="agent_python_broken",
            hint={"text": "Correct `c.HermesExtension.agent_python` and restart Jupyter."},
        )
    return Path(found)
