"""What the extension adds to the start of a server, and to that of a kernel which imports it.

Both are work of one thread that waits for nothing, so the processor's time is what counts, and of
several runs the least: whatever else runs on the machine can only add to it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .measure import Row
from .stage import ROOT

REPEATS = 3

#: Prints the processor's seconds of an import on top of another one.
_IMPORT = """
import time
import {before}
start = time.process_time()
import {module}
print(time.process_time() - start)
"""

#: Makes a server ready to listen as `jupyter server` does, and then adds the extension to it.
_SERVER = """
import time
start = time.process_time()
from jupyter_server.serverapp import ServerApp
server = ServerApp(jpserver_extensions={}, port=0, open_browser=False, allow_root=True)
server.initialize(argv=[])
without = time.process_time() - start
start = time.process_time()
server.extension_manager.add_extension("hermes_jupyter", enabled=True)
server.extension_manager.link_extension("hermes_jupyter")
server.extension_manager.load_extension("hermes_jupyter")
assert "hermes_core" in server.web_app.settings
print(without, time.process_time() - start)
"""


def start() -> Iterator[Row]:
    """A server with and without, and imports."""
    without, more = min(_run(_SERVER) for _ in range(REPEATS))
    yield Row(
        what="start of a server, more with the extension",
        value=more,
        unit="s",
        budget=0.3,
        yardstick=without,
        beside="the server without it",
        limit=0.5,
    )
    known = _import("asyncio, json, sqlite3", "sys")
    for module, before in (
        ("hermes_jupyter", "sys"),
        ("hermes_jupyter.server.app", "jupyter_server.serverapp"),
    ):
        yield Row(
            what=f"import {module}",
            value=_import(module, before),
            unit="ms",
            budget=60,
            yardstick=known,
            beside="import asyncio, json, sqlite3",
            limit=3,
        )


def _import(module: str, before: str) -> float:
    """Milliseconds of an import, where ``before`` is imported already."""
    program = _IMPORT.format(module=module, before=before)
    return min(_run(program)[0] for _ in range(REPEATS)) * 1e3


def _run(program: str) -> list[float]:
    with tempfile.TemporaryDirectory() as directory:
        env = {
            **os.environ,
            "JUPYTER_NO_CONFIG": "1",
            "JUPYTER_DATA_DIR": directory,
            "JUPYTER_RUNTIME_DIR": directory,
            "HERMES_HOME": str(Path(directory) / "home"),
            "PYTHONPATH": str(ROOT),
        }
        line = [sys.executable, "-c", program]
        output = subprocess.run(line, env=env, cwd=directory, capture_output=True, check=True)
        return [float(word) for word in output.stdout.split()]
