"""Where a benchmark takes place: a real server, and a real agent if it needs one."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hermes_jupyter.offline.config import write_home
from tests.servers import Server, run_server

from .model import WINDOW

ROOT = Path(__file__).parents[2]

#: What the server loads; without others, it starts sooner and in the same way everywhere.
EXTENSIONS = ("hermes_jupyter", "tests.benchmarks.driver")

#: Seconds that a clarify waits here: a question's deadline less this is when the agent asked.
CLARIFY_TIMEOUT = 3600


@contextmanager
def serve(
    directory: Path | None = None,
    *,
    again: Server | None = None,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A Jupyter server with this extension and the benchmark's own, and no other one."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = directory or Path(temporary)
        arguments = (
            f"--ServerApp.jpserver_extensions={dict.fromkeys(EXTENSIONS, True)}",
            "--ServerApp.log_level=WARN",
            f"--ServerApp.root_dir={folder}",
            f"--HermesExtension.hermes_home={folder / 'home'}",
        )
        more = {"JUPYTER_NO_CONFIG": "1", "PYTHONPATH": str(ROOT), **(environ or {})}
        with run_server(folder, *arguments, again=again, **more) as server:
            yield server


@contextmanager
def serve_agent() -> Iterator[tuple[Server, Mapping[str, str]]]:
    """The same with an agent, and its model, which answers at full speed in its own process."""
    with tempfile.TemporaryDirectory() as temporary, run_model() as model:
        folder = Path(temporary)
        _write_home(folder / "home")
        with serve(folder, environ=model) as server:
            yield server, model


@contextmanager
def run_model() -> Iterator[Mapping[str, str]]:
    """The model's process; what is given is the environment that the agent needs."""
    line = [sys.executable, "-m", "tests.benchmarks.model"]
    with subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


def _write_home(home: Path) -> None:
    write_home(home, context_length=WINDOW)
    config = home / "config.yaml"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("#")]
    settings = json.loads("\n".join(lines))
    settings["agent"]["clarify_timeout"] = CLARIFY_TIMEOUT
    config.write_text(json.dumps(settings))
