"""A private environment with a tested hermes-agent, so that nobody else's packages change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .find import MARKER, OTHER_PYTHON, private_environment, python_of

#: What is installed; the shim is tried with this series.
REQUIREMENT = "hermes-agent==0.19.*"


class InstallFailed(Exception):
    """The environment could not be made; the message says at which step."""


def install(say: Callable[[str], None] = print) -> Path:
    """Make or repair the private environment and return its interpreter.

    Can be repeated: what is there already is kept, and a run that was cut off is completed.

    Args:
        say: told each step, a line each.

    Raises:
        InstallFailed: a step went wrong; what was there before still works if it did before.
    """
    environment = private_environment()
    python = python_of(environment)
    say(f"1/3 Making the environment {environment}")
    environment.parent.mkdir(parents=True, exist_ok=True)
    # An environment whose Python is gone cannot be repaired, only made again.
    clear = [] if python.exists() else ["--clear"]
    _run([sys.executable, "-m", "venv", *clear, str(environment)], "make a virtual environment")
    say(f"2/3 Installing {REQUIREMENT} (about 60 MB)")
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    _run([*pip, "--progress-bar=off", REQUIREMENT], f"install {REQUIREMENT}")
    say("3/3 Checking it")
    version = _run([str(python), "-P", "-c", _CHECK], "load hermes-agent", capture=True).strip()
    (environment / MARKER).write_text(json.dumps({"hermes-agent": version}))
    say(f"hermes-agent {version} is ready in {environment}")
    return python


_CHECK = """
import importlib.metadata, importlib.util
assert importlib.util.find_spec("tui_gateway"), "hermes-agent has no tui_gateway"
print(importlib.metadata.version("hermes-agent"))
"""


def _run(command: list[str], what: str, *, capture: bool = False) -> str:
    try:
        done = subprocess.run(  # noqa: S603  fixed commands, no shell
            command,
            check=True,
            text=True,
            stdout=subprocess.PIPE if capture else None,
            env={key: value for key, value in os.environ.items() if key not in OTHER_PYTHON},
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise InstallFailed(
            f"Could not {what}: {error}. Correct what is said above and run this again."
        ) from error
    return done.stdout or ""
