"""Passwords and secrets: asked by the real agent, and told to nobody but the agent."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from .conftest import Api
from .frames import Frame, ends
from .test_questions import asked, results
from .test_turn import completed

VALUE = "correct-horse-battery-staple"

#: What Hermes does with a real one: ``-n`` asks whether it works without a password.
SUDO = """#!/bin/sh
if [ "$1" = -n ]; then echo "sudo: a password is required" >&2; exit 1; fi
if [ "$1" != -S ]; then echo "sudo: a terminal is required to read the password" >&2; exit 1; fi
shift 3
read -r password
[ "$password" = "$(cat {file})" ] || { echo "sudo: incorrect password attempt" >&2; exit 1; }
exec "$@"
"""

SKILL = """---
name: weather
description: Tells the weather.
required_environment_variables:
  - name: WEATHER_KEY
    prompt: The key of the weather service
---
Ask the service.
"""

#: The agent gets the environment of the test.
pytestmark = pytest.mark.own_server

RUNS_SUDO = {"name": "terminal", "arguments": {"command": "sudo echo done as root"}}
READS_SKILL = {"name": "skill_view", "arguments": {"name": "weather"}}
CALLS = {"sudo": RUNS_SUDO, "secret": READS_SKILL}


@pytest.fixture(autouse=True)
def needs_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jp_home_dir: Path, jp_environ: None
) -> None:
    commands = tmp_path / "commands"
    commands.mkdir()
    (tmp_path / "password").write_text(VALUE)
    (commands / "sudo").write_text(SUDO.replace("{file}", str(tmp_path / "password")))
    (commands / "sudo").chmod(0o700)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    # The agent's shell is a login shell, which sets the path anew.
    (jp_home_dir / ".bash_profile").write_text(f"PATH={commands}:$PATH\n")
    skill = tmp_path / "hermes-home" / "skills" / "weather"
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text(SKILL)


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Everything that this process logs, whatever the level."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    loggers = [logging.getLogger(), logging.getLogger("hermes_jupyter")]
    listener = Listener()
    for logger in loggers:
        logger.addHandler(listener)
        logger.setLevel(logging.DEBUG)
    yield lines
    for logger in loggers:
        logger.removeHandler(listener)
        logger.setLevel(logging.NOTSET if logger.name == "hermes_jupyter" else logging.WARNING)


def holders(folder: Path) -> list[str]:
    """The files that have the value in them."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and VALUE.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize("kind", ["sudo", "secret"])
async def test_a_value_goes_to_the_agent_alone(
    api: Api,
    tmp_path: Path,
    kind: str,
    logged: list[str],
) -> None:
    session_id = await api.conversation()
    seen: list[Frame] = []
    async with (
        api.stream("events", params={"session_id": session_id}) as page,
        api.stream("events") as elsewhere,
    ):
        turn_id = await api.say(session_id, [{"tool_calls": [CALLS[kind]]}, {"text": "Done."}])
        question = await asked(page)
        assert question["kind"] == kind
        assert question["questions"][0]["text"]
        assert question["choices"] is None
        assert question["deadline"] > question["asked_at"] + 1700
        assert (await api.get("questions"))["questions"] == [question]
        row = (await api.get("sessions"))["sessions"][0]
        assert (row["state"], row["attention"]) == ("waiting", {"clarify": 0, "approval": 1})
        path = ("questions", question["id"], "answer")
        for body in ({"value": ""}, {"answer": VALUE}, {"value": [VALUE]}, {"choice": "once"}):
            status, error = await api.refused("POST", *path, body=json.dumps(body))
            assert (status, error["code"]) == (400, "empty_answer")
        assert await api.post(*path, value=VALUE) == {"state": "answered"}
        status, error = await api.refused("POST", *path, body=json.dumps({"value": VALUE}))
        assert (status, error["code"]) == (409, "question_answered")
        assert VALUE not in json.dumps(error)
        seen += await page.until(lambda frame: frame.ends(turn_id))
        seen += await elsewhere.until(
            lambda frame: frame.event == "question" and frame.data["question"]["state"] != "open"
        )
    (result,) = results(seen)
    if kind == "sudo":
        assert (result["output"].strip(), result["exit_code"]) == ("done as root", 0)
    else:
        assert (result["success"], result["setup_needed"]) == (True, False)
        assert f"WEATHER_KEY={VALUE}" in (tmp_path / "hermes-home" / ".env").read_text()
    assert completed(seen) == ["Done."]
    closed = next(frame.data["question"] for frame in reversed(seen) if frame.event == "question")
    assert (closed["state"], closed["answer"], closed["told_agent"]) == ("answered", None, None)

    snapshot = await api.get("sessions", session_id)
    assert [one["state"] for one in snapshot["questions"]] == ["answered"]
    told = [json.dumps([frame.data for frame in seen]), json.dumps(snapshot)]
    told += [json.dumps(await api.get(path)) for path in ("questions", "sessions", "status")]
    assert not [text for text in told if VALUE in text]
    # What was kept is written before the next prompt begins to be told.
    await api.turn(session_id, [{"text": "Next."}])
    hermes_home = tmp_path / "hermes-home"
    assert (hermes_home / "jupyter" / "conversations.db").exists()
    assert holders(hermes_home) == ([".env"] if kind == "secret" else [])
    agents = psutil.Process().children(recursive=True)
    assert agents
    assert VALUE not in str([[agent.cmdline(), agent.environ()] for agent in agents])
    assert logged
    assert not [line for line in logged if VALUE in line]


@pytest.mark.parametrize("hermes_settings", [{"approval_timeout": 2}])
async def test_a_question_that_nobody_answers_expires(api: Api) -> None:
    """R8"""
    session_id = await api.conversation()
    for kind, call in CALLS.items():
        async with api.stream("events", params={"session_id": session_id}) as page:
            turn_id = await api.say(session_id, [{"tool_calls": [call]}, {"text": "Went on."}])
            question = await asked(page)
            seen = await page.until(ends(turn_id), within=20)
        closed = next(frame.data["question"] for frame in seen if frame.event == "question")
        assert (closed["id"], closed["state"]) == (question["id"], "expired")
        assert completed(seen) == ["Went on."]
        (result,) = results(seen)
        if kind == "sudo":
            assert result["exit_code"] == 1
        else:
            assert (result["setup_skipped"], result["setup_needed"]) == (True, True)
        path = ("questions", question["id"], "answer")
        status, error = await api.refused("POST", *path, body=json.dumps({"value": VALUE}))
        assert (status, error["code"]) == (409, "question_expired")
        assert (await api.get("questions"))["questions"] == []


async def test_a_stopped_turn_takes_its_question_along(api: Api) -> None:
    session_id = await api.conversation()
    for call in CALLS.values():
        async with api.stream("events", params={"session_id": session_id}) as page:
            turn_id = await api.say(session_id, [{"tool_calls": [call]}, {"text": "Never."}])
            question = await asked(page)
            await api.post("sessions", session_id, "interrupt", turn_id=turn_id)
            seen = await page.until(ends(turn_id), within=20)
        closed = next(frame.data["question"] for frame in seen if frame.event == "question")
        assert (closed["id"], closed["state"]) == (question["id"], "cancelled")


async def test_each_conversation_asks_for_its_own_secret(api: Api, extension: Any) -> None:
    """Hermes has one callback for all: that of the turn which began last."""
    one, other = await api.conversation(), await api.conversation()
    async with (
        api.stream("events", params={"session_id": one}) as page,
        api.stream("events", params={"session_id": other}) as second,
    ):
        await api.say(one, [{"tool_calls": [READS_SKILL], "wait": "go"}, {"text": "Done."}])
        await api.say(other, [{"text": "Hello", "wait": "never", "wait_after": 1}])
        await second.until(lambda frame: frame.event == "message.delta")
        extension.offline_model.release("go")
        question = await asked(page)
    assert (question["kind"], question["session_id"]) == ("secret", one)
