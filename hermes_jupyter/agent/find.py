"""Which interpreter has hermes-agent."""

from __future__ import annotations

import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from ..core.errors import Hint, Unavailable

INSTALL_HINT: Hint = {
    "text": "Install a tested one into a private environment; nothing else changes.",
    # By its path: a terminal need not have this environment's commands.
    "command": shlex.join([sys.executable, "-m", "jupyter", "hermes", "agent", "install"]),
    "action": "install-agent",
}

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
