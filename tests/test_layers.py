"""The directions of imports and the weight of an import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parent.parent


def test_imports_go_in_one_direction() -> None:
    assert lint_imports(str(ROOT / "pyproject.toml"), no_cache=True) == EXIT_STATUS_SUCCESS


def modules_after(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after ``statement``."""
    names = f"{statement}; import sys, json; print(json.dumps([*sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", names], check=True, capture_output=True, text=True, cwd="/"
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_nothing_of_the_agent_is_loaded_into_a_server_or_a_kernel() -> None:
    """N11"""
    agents = {"tui_gateway", "run_agent", "agent", "tools", "hermes_cli", "hermes_state", "openai"}
    assert not agents & modules_after("import hermes_jupyter")
    assert not agents & modules_after(
        "import hermes_jupyter.server.app, hermes_jupyter.agent.hermes"
    )
    assert not agents & modules_after("import hermes_jupyter.notebook.magics")


def test_the_package_itself_loads_nothing_heavy() -> None:
    assert not {"tornado", "anywidget", "httpx", "IPython"} & modules_after("import hermes_jupyter")
