"""Each mistake gets its own clear refusal, and the server goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import Api
from .test_turn import completed


async def test_prompts_that_are_refused(api: Api) -> None:
    session_id = await api.conversation()
    path = ("sessions", session_id, "prompt")
    megabyte = json.dumps({"text": "x" * 1_000_000})
    for body, status, code in (
        ("", 400, "missing_field"),
        ("{", 400, "bad_json"),
        ("[]", 400, "bad_json"),
        ('{"text": ""}', 400, "empty_prompt"),
        ('{"text": " \\n "}', 400, "empty_prompt"),
        ('{"text": 3}', 400, "bad_type"),
        ('{"text": "hi", "when_busy": "guess"}', 400, "bad_request"),
        (megabyte, 413, "prompt_too_large"),
    ):
        refused = await api.refused("POST", *path, body=body)
        assert (refused[0], refused[1]["code"]) == (status, code), body[:40]
    assert (await api.get("sessions", session_id))["messages"] == []
    assert completed(await api.turn(session_id, [{"text": "Fine."}])) == ["Fine."]


async def test_unknown_ids(api: Api) -> None:
    for method, path in (
        ("GET", ("sessions", "nobody")),
        ("POST", ("sessions", "nobody", "interrupt")),
        ("GET", ("sessions", "nobody", "context")),
        ("DELETE", ("sessions", "nobody", "turns", "none")),
    ):
        options = {"body": '{"turn_id": "none"}'} if method == "POST" else {}
        status, error = await api.refused(method, *path, **options)
        assert (status, error["code"]) == (404, "session_not_found")
    body = json.dumps({"text": "hi"})
    status, error = await api.refused("POST", "sessions", "nobody", "prompt", body=body)
    assert (status, error["code"]) == (404, "session_not_found")
    status, error = await api.refused("POST", "questions", "none", "answer", body="{}")
    assert (status, error["code"]) == (404, "question_not_found")


async def test_new_conversations_that_are_refused(api: Api, jp_root_dir: Path) -> None:
    (jp_root_dir / "work").mkdir()
    (jp_root_dir / "work" / "a.ipynb").write_text("{}")
    for body, code in (
        ({"cwd": "nowhere"}, "no_such_folder"),
        ({"cwd": 3}, "bad_type"),
        ({"notebook": "nowhere/a.ipynb"}, "no_such_folder"),
        ({"cwd": "\0"}, "no_such_folder"),
    ):
        status, error = await api.refused("POST", "sessions", body=json.dumps(body))
        assert (status, error["code"]) == (400, code)
    detail = await api.post("sessions", notebook="work/a.ipynb")
    assert detail["cwd"] == str(jp_root_dir / "work")
    for limit in ("0", "-1", "x", "1000"):
        status, error = await api.refused("GET", "sessions", params={"limit": limit})
        assert (status, error["code"]) == (400, "bad_limit")


def script(path: Path, text: str) -> str:
    """An executable shell script in the place of an interpreter."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


BROKEN = {
    "missing": (None, "agent_python_broken", "is not there"),
    "garbage": ("echo garbage; echo more; exit 3", "agent_failed", "exit code 3"),
    "silent": ("exit 0", "agent_failed", "exit code 0"),
    "killed": ("kill -9 $$", "agent_failed", "signal 9"),
    "says why": ("echo broken pip >&2; exit 1", "agent_failed", "broken pip"),
    "no hermes": (
        f'exec {sys.executable} -I -S "$@"',
        "agent_unsupported",
        "No module named 'tui_gateway'",
    ),
}


@pytest.fixture
def hermes_settings(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    name = getattr(request, "param", None)
    if name is None:
        return {}
    text = BROKEN[name][0]
    python = tmp_path / "python"
    return {"agent_python": script(python, text) if text else str(python)}


@pytest.mark.parametrize(
    ("hermes_settings", "name"), [(name, name) for name in BROKEN], indirect=["hermes_settings"]
)
async def test_an_agent_that_does_not_start(api: Api, name: str) -> None:
    """N12"""
    _, code, said = BROKEN[name]
    status, error = await api.refused("POST", "sessions", body="{}")
    assert (status, error["code"]) == (503, code)
    assert said in error["message"]
    assert error["hint"]["text"]
    told = (await api.get("status"))["agent"]
    assert told["state"] == "failed"
    assert said in told["error"]
    assert told["hint"] == error["hint"]
    assert (await api.get("sessions"))["sessions"] == []


class TestNoModel:
    @pytest.fixture
    def hermes_settings(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        for name in ("OPENROUTER_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        return {"offline": False}

    async def test_the_command_that_sets_one_up_is_told(self, api: Api, tmp_path: Path) -> None:
        """N12"""
        status, error = await api.refused("POST", "sessions", body="{}")
        assert (status, error["code"]) == (503, "model_not_configured")
        assert error["hint"]["action"] == "set-up-model"
        assert error["hint"]["command"].startswith(f"HERMES_HOME={tmp_path / 'hermes-home'} ")
        assert error["hint"]["command"].endswith("hermes model")
        assert (await api.get("status"))["agent"]["hint"] == error["hint"]


async def test_a_database_that_is_broken_is_not_an_empty_one(api: Api, tmp_path: Path) -> None:
    home = tmp_path / "hermes-home"
    home.mkdir(exist_ok=True)
    (home / "state.db").write_bytes(b"not a database " * 1000)
    status, error = await api.refused("GET", "sessions")
    assert (status, error["code"]) == (503, "state_db_unreadable")
    assert str(home / "state.db") in error["hint"]["text"]
