"""The wheel in a bare environment, and the agent in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.servers import run_server

ROOT = Path(__file__).parent.parent.parent

#: Everything here waits for package registries.
pytestmark = pytest.mark.timeout(900)


def run(*command: str | Path, **environment: str) -> str:
    env = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment}
    # A variable of the developer's must not lend the environment what it should have itself.
    for name in ("PYTHONPATH", "VIRTUAL_ENV"):
        env.pop(name, None)
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=env, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", directory, ROOT)
    return next(directory.glob("hermes_jupyter-*.whl"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """The interpreter of an environment with JupyterLab and then the wheel, and nothing else."""
    environment = tmp_path_factory.mktemp("bare")
    python = environment / "bin" / "python"
    run(sys.executable, "-m", "venv", environment)
    run(python, "-m", "pip", "install", "-q", "jupyterlab>=4.2,<5")
    before = set(run(python, "-m", "pip", "freeze").splitlines())
    run(python, "-m", "pip", "install", "-q", wheel)
    after = set(run(python, "-m", "pip", "freeze").splitlines())
    # N11: nothing that was there has changed.
    assert before <= after
    assert "No broken requirements" in run(python, "-m", "pip", "check")
    return python


def test_the_wheel_is_light_and_complete(wheel: Path) -> None:
    assert wheel.stat().st_size < 5_000_000
    names = zipfile.ZipFile(wheel).namelist()
    shared = f"hermes_jupyter-{wheel.name.split('-')[1]}.data/data/share/jupyter/labextensions"
    assert f"{shared}/hermes-jupyter/package.json" in names
    assert "hermes_jupyter/static/widget.js" in names
    assert "hermes_jupyter/offline/tour.ipynb" in names
    assert "hermes_jupyter/server/openapi.yaml" in names
    assert not [name for name in names if "node_modules" in name or name.startswith("tests")]


def test_it_is_enabled_without_a_further_step(bare: Path) -> None:
    extensions = run(bare, "-m", "jupyter", "server", "extension", "list")
    assert "hermes_jupyter" in extensions
    assert "hermes_jupyter 0.1.0" in extensions.replace("\x1b[32m", "")
    labextensions = run(bare, "-m", "jupyter", "labextension", "list")
    line = next(line for line in labextensions.splitlines() if "hermes-jupyter" in line)
    assert "enabled" in line
    assert "OK" in line


def test_the_agent_comes_into_an_environment_of_its_own(bare: Path, tmp_path: Path) -> None:
    before = run(bare, "-m", "pip", "freeze")
    data = {"JUPYTER_DATA_DIR": str(tmp_path / "jupyter" / "data")}
    settings = ("--HermesExtension.offline=True", f"--HermesExtension.hermes_home={tmp_path / 'h'}")
    only_this = {"PATH": f"{bare.parent}:/usr/bin:/bin"}
    with (
        run_server(
            tmp_path / "jupyter", *settings, python=bare, trusting=True, **only_this
        ) as server,
        server.client() as client,
    ):
        agent = client.get("status").json()["agent"]
        assert (agent["state"], agent["hint"]["action"]) == ("failed", "install-agent")
        assert "jupyter hermes agent install" in agent["hint"]["command"]
        refused = client.post("sessions", json={})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "agent_missing")

        # With one click, as the panel does it: the running server has it, without a restart.
        assert client.post("agent/install").status_code == 202
        end = time.monotonic() + 300
        while (agent := client.get("status").json()["agent"])["state"] != "ready":
            assert agent["state"] == "starting", agent
            assert time.monotonic() < end, server.log.read_text()[-3000:]
            time.sleep(0.5)
        assert agent["version"].startswith("0.19")
        # It can be repeated, here by the command.
        told = run(bare, "-m", "jupyter", "hermes", "agent", "install", **data)
        assert told.index("1/3") < told.index("2/3") < told.index("3/3")
        assert "is ready" in told
        assert run(bare, "-m", "pip", "freeze") == before

        session_id = client.post("sessions", json={}).json()["id"]
        client.post(f"sessions/{session_id}/prompt", json={"text": "hello"}).raise_for_status()
        end = time.monotonic() + 60
        while client.get(f"sessions/{session_id}").json()["turn"]["state"] != "complete":
            assert time.monotonic() < end, server.log.read_text()[-3000:]
            time.sleep(0.2)
        messages = client.get(f"sessions/{session_id}").json()["messages"]
        assert "offline model" in json.dumps(messages[-1])
