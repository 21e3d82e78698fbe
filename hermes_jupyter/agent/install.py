"""A private environment with a tested hermes-agent, so that nobody else's packages change."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path

from .find import MARKER, OTHER_PYTHON, REQUIREMENT, private_environment, python_of
from .process import MARK, end_marked
from .stderr import shown

#: Lines of what a step that went wrong has said last.
TAIL = 8


class InstallFailed(Exception):
    """The environment could not be made; the message says at which step, and its last words."""


async def install(say: Callable[[str], None] = print, hear: Callable[[str], None] = print) -> Path:
    """Make or repair the private environment and return its interpreter.

    Can be repeated: what is there already is kept, and a run that was cut off is completed. When it
    is cancelled, what it runs is ended.

    Args:
        say: told each step, a line each.
        hear: told what the step at hand says, a line each.

    Raises:
        InstallFailed: a step went wrong; what was there before still works if it did before.
    """
    environment = private_environment()
    python = python_of(environment)
    say(f"1/3 Making the environment {environment}")
    try:
        environment.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InstallFailed(f"Could not make {environment.parent}: {error.strerror}.") from error
    # An environment whose Python is gone cannot be repaired, only made again.
    clear = [] if python.exists() else ["--clear"]
    venv = [sys.executable, "-m", "venv", *clear, str(environment)]
    await _run(venv, "make a virtual environment", hear)
    say(f"2/3 Installing {REQUIREMENT} (about 60 MB)")
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    await _run([*pip, "--progress-bar=off", REQUIREMENT], f"install {REQUIREMENT}", hear)
    say("3/3 Checking it")
    version = await _run([str(python), "-P", "-c", _CHECK], "load hermes-agent", lambda line: None)
    (environment / MARKER).write_text(json.dumps({"hermes-agent": version}))
    say(f"hermes-agent {version} is ready in {environment}")
    return python


_CHECK = """
import importlib.metadata, importlib.util
assert importlib.util.find_spec("tui_gateway"), "hermes-agent has no tui_gateway"
print(importlib.metadata.version("hermes-agent"))
"""


async def _run(command: list[str], what: str, hear: Callable[[str], None]) -> str:
    """Run a command to its end and return its last line."""
    last: deque[str] = deque(maxlen=TAIL)
    mark = uuid.uuid4().hex
    kept = {key: value for key, value in os.environ.items() if key not in OTHER_PYTHON}
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**kept, MARK: mark},
            limit=1 << 20,
        )
    except OSError as error:
        raise InstallFailed(f"Could not {what}: {error}") from error
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            last.append(line.decode("utf-8", "replace").rstrip())
            hear(last[-1])
        code = await process.wait()
    finally:
        if process.returncode is None:
            end_marked(mark)
    if code:
        words = "\n".join(shown(line) for line in last)
        raise InstallFailed(f"Could not {what}:\n{words or f'exit code {code}'}")
    return last[-1] if last else ""
