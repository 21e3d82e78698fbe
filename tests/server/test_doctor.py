"""The doctor of a running server; what it says of proxies is in ``test_proxies``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from hermes_jupyter._version import __version__
from hermes_jupyter.server import doctor_checks, way
from hermes_jupyter.server.doctor_app import address_of
from tests.servers import run_server

from .conftest import Api

SECRET = "sk-or-v1-0123456789abcdef0123456789abcdef"


def test_a_stream_that_is_cut() -> None:
    """At once, or in a silence that is shorter than a stream's own, or longer."""

    def told(*came: float, ended: float) -> tuple[str, str]:
        arrivals = [way.Arrival(sent=time, came=time) for time in came]
        check = way.stream_arrived(way.Trial(began=0, ended=ended, arrivals=arrivals, of=5))
        return check.state, check.reason

    assert "1 of 5 frames" in told(0, ended=0.1)[1]
    state, reason = told(0, 0.2, 0.4, 0.6, ended=2.6)
    assert (state, "silent for 2 s" in reason) == ("error", True)
    state, reason = told(0, 0.2, 0.4, 0.6, ended=5.6)
    assert (state, "silent for 5 s" in reason) == ("warning", True)
    assert told(0, 0.2, 0.4, 0.6, 6.6, ended=6.6)[0] == "ok"


async def test_an_address_that_is_another(api: Api) -> None:
    found, report = await way.ask(api.client)
    assert (found.state, report["version"]) == ("ok", __version__)
    for origin, headers, word in (
        (api.origin.replace("hermes/api", "elsewhere"), api.headers, "not as Hermes does"),
        (api.origin, {}, "without a login"),
        ("http://127.0.0.1:9/", {}, "cannot be reached"),
    ):
        async with httpx.AsyncClient(base_url=origin, headers=headers) as client:
            found, report = await way.ask(client)
            assert (found.state, word in found.reason, report) == ("error", True, {})


@pytest.mark.own_server
async def test_what_it_tells_of_this_server(api: Api, extension: Any) -> None:
    told = await api.get("doctor", load="true")
    found = {check["id"]: check for check in told["checks"]}
    assert len(found) == len(told["checks"])
    wrong = {id_ for id_, one in found.items() if one["state"] == "error"}
    assert wrong <= {"panel"}, found["database"]  # It may not be built where this runs.
    assert "offline of custom" in found["model"]["reason"]
    assert found["model_address"]["state"] == "ok"
    # It was loaded for that, and not started.
    assert (await api.get("status"))["agent"]["state"] == "stopped"
    for secret in (extension.offline_model.key, api.headers["Authorization"].split()[1]):
        assert secret not in json.dumps(told)
    quick = await api.get("doctor")
    assert {one["id"] for one in quick["checks"]} == set(found)


def test_streams_that_are_cut_after_the_same_time() -> None:
    assert doctor_checks.cut_streams(deque([1, 2, 3, 31, 500])).state == "ok"
    told = doctor_checks.cut_streams(deque([4, 30.2, 700, 30.1, 2, 30.4]))
    assert (told.state, "after 30 s" in told.reason) == ("warning", True)


@pytest.mark.own_server
def test_a_server_that_anybody_may_use(jp_serverapp: Any) -> None:
    assert doctor_checks.access(jp_serverapp).state == "ok"
    jp_serverapp.identity_provider.token = ""
    jp_serverapp.disable_check_xsrf = True
    told = doctor_checks.access(jp_serverapp)
    assert (told.state, "neither token" in told.reason, "_xsrf" in told.reason) == (
        "warning",
        True,
        True,
    )


@pytest.mark.own_server
def test_who_ends_what(jp_serverapp: Any) -> None:
    jp_serverapp.shutdown_no_activity_timeout = 0
    assert "Nothing ends" in doctor_checks.culling(jp_serverapp, 1800, False).reason
    jp_serverapp.shutdown_no_activity_timeout = 600
    jp_serverapp.kernel_manager.cull_idle_timeout = 300
    told = doctor_checks.culling(jp_serverapp, 1800, True).reason
    assert all(word in told for word in ("600 s", "300 s", "JupyterHub", "30 minutes"))


def test_a_panel_that_is_missing_off_or_old(tmp_path: Path) -> None:
    def told(*disabled: str) -> tuple[str, str]:
        check = doctor_checks.labextension([str(tmp_path)], disabled)
        return check.state, check.fix.get("command", "") if check.fix else ""

    assert told()[0] == "error"
    package = tmp_path / "hermes-jupyter" / "package.json"
    package.parent.mkdir()
    package.write_text(json.dumps({"version": __version__}))
    assert told() == ("ok", "")
    assert told("hermes-jupyter:plugin")[1].endswith("enable hermes-jupyter:plugin")
    package.write_text(json.dumps({"version": "0.0.1"}))
    assert "pip install" in told()[1]
    package.write_text("{")
    assert told()[0] == "error"


def doctor(*arguments: str, **environment: str) -> SimpleNamespace:
    line = [sys.executable, "-m", "jupyter", "hermes", "doctor", "--json", *arguments]
    import os

    done = subprocess.run(line, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    found = {check["id"]: check for check in report["checks"]}
    return SimpleNamespace(code=done.returncode, found=found, said=done.stdout + done.stderr)


def test_in_a_terminal(tmp_path: Path) -> None:
    """With a server and without one; a home with a key is told of without it."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.yaml").write_text("model: {provider: openrouter, default: some/model}\n")
    (home / ".env").write_text(f"OPENROUTER_API_KEY={SECRET}\n")
    # No word to the provider: the proxy is dead.
    dead = {"HTTPS_PROXY": f"http://me:{SECRET}@127.0.0.1:9", "HERMES_HOME": str(home)}
    runtime = {"JUPYTER_RUNTIME_DIR": str(tmp_path / "jupyter" / "runtime")}
    alone = doctor(**dead, **runtime)
    assert alone.code == 1
    assert alone.found["model"]["reason"].endswith("the key is there.")
    assert "HTTPS_PROXY" in alone.found["model_address"]["reason"]
    assert alone.found["url"]["state"] == "unknown"
    with run_server(tmp_path / "jupyter", **dead) as server:
        there = doctor(**runtime)
        assert (there.found["url"]["state"], there.found["stream"]["state"]) == ("ok", "ok")
        assert there.found["home"]["reason"].startswith(str(home))
        for secret in (SECRET, server.token):
            assert not any(secret in one.said for one in (alone, there))


def test_an_address_as_a_browser_shows_it() -> None:
    shown = "https://hub.example/user/ada/lab/workspaces/x/tree/a.ipynb?token=abc#b"
    assert address_of(shown) == ("https://hub.example/user/ada", "abc")
