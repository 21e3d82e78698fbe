"""Slash commands without a terminal, and what a person may go on to type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_jupyter.core.completion import complete_path

from .conftest import Api
from .test_questions import remove
from .test_when_busy import script


@pytest.fixture
def home_settings() -> dict[str, dict[str, Any]]:
    return {
        "quick_commands": {
            "hello": {"type": "exec", "command": "echo hello from here", "description": "Greet."},
            "squeeze": {"type": "alias", "target": "/compress"},
            "loop": {"type": "alias", "target": "/loop"},
        }
    }


@pytest.fixture
def skill(home: Path) -> None:
    """A skill of the person's."""
    folder = home / "skills" / "haiku"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SKILL.md").write_text(
        "---\nname: haiku\ndescription: Write a haiku.\n---\nFive, seven, five syllables.\n"
    )


async def run(api: Api, session_id: str, text: str) -> Any:
    return await api.post("sessions", session_id, "command", text=text)


async def settled(api: Api, session_id: str, text: str) -> Any:
    """The outcome of a command that begins a turn, and the conversation after that."""
    async with api.stream("events", params={"session_id": session_id}) as frames:
        await frames.until(lambda frame: frame.event == "snapshot")
        outcome = await run(api, session_id, text)
        await frames.until(lambda frame: frame.ends(outcome["turn"]["turn_id"]))
    return outcome, await api.get("sessions", session_id)


def answers(detail: Any) -> list[str]:
    return [one["text"] for one in detail["messages"] if one["role"] == "assistant"]


async def test_commands_that_make_sense_here(api: Api, skill: None) -> None:
    commands = {one["name"]: one for one in (await api.get("commands"))["commands"]}
    assert list(commands) == sorted(commands)
    assert {"new", "compress", "undo", "status", "goal", "hello", "haiku"} <= commands.keys()
    assert commands["haiku"]["description"] == "Write a haiku."
    assert commands["compress"]["aliases"] == ["compact"]
    blocking = {"quit", "clear", "prompt", "redraw", "skin", "voice", "update", "resume", "paste"}
    assert not blocking & commands.keys()
    # Now that they are known they are completed.
    found = await api.get("complete", text="/ha")
    assert found == {
        "replace_from": 0,
        "completions": [{"text": "/haiku ", "label": "/haiku", "detail": "Write a haiku."}],
    }


async def test_commands_do_what_the_routes_do(api: Api, requests: list[Any]) -> None:
    session_id = await api.conversation()
    again = script({"text": "One."})
    await api.turn(session_id, again)
    await run(api, session_id, "/title Sales")
    assert (await api.get("sessions", session_id))["title"] == "Sales"
    assert (await run(api, session_id, "/title"))["text"] == "Sales"

    outcome, detail = await settled(api, session_id, "/retry")
    assert (outcome["command"], outcome["session_id"]) == ("retry", session_id)
    assert answers(detail) == ["One."]
    outcome, detail = await settled(api, session_id, f"/queue {script({'text': 'Two.'})}")
    assert answers(detail) == ["One.", "Two."]
    _, detail = await settled(api, session_id, "/undo")
    assert answers(detail) == ["One."]

    branch = (await run(api, session_id, "/fork What if"))["session_id"]
    detail = await api.get("sessions", branch)
    assert (detail["title"], answers(detail)) == ("What if", ["One."])
    new = (await run(api, session_id, "/new Fresh"))["session_id"]
    detail = await api.get("sessions", new)
    assert (detail["title"], detail["messages"]) == ("Fresh", [])
    assert detail["cwd"] == (await api.get("sessions", session_id))["cwd"]

    async with api.stream("events", params={"session_id": session_id}) as frames:
        await frames.until(lambda frame: frame.event == "snapshot")
        turn_id = await api.say(session_id, [{"text": "Never.", "wait": "gate"}])
        await frames.until(lambda frame: frame.data.get("state") == "running")
        assert (await run(api, session_id, "/stop"))["turn"]["turn_id"] == turn_id
        await frames.until(lambda frame: frame.ends(turn_id))
    assert (await run(api, session_id, "/yolo"))["text"].startswith("Approvals are skipped")
    assert (await api.get("sessions", session_id))["skip_approvals"] is True
    frames = await api.turn(session_id, [{"tool_calls": [remove("x")]}, {"text": "Gone."}])
    assert not [frame for frame in frames if frame.event == "question"]
    await run(api, session_id, "/yolo")
    assert (await api.get("sessions", session_id))["skip_approvals"] is False
    assert (await run(api, session_id, "/model"))["text"] == "The model is offline."
    assert (await run(api, session_id, "/reasoning low"))["text"] == "Reasoning is now low."
    await run(api, session_id, "/model other --provider custom")
    assert (await api.get("sessions", session_id))["model"] == "other"
    assert "/compress" in (await run(api, session_id, "/help"))["text"]


async def test_commands_that_the_agent_runs(api: Api, skill: None, requests: list[Any]) -> None:
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        outcome = await run(api, session_id, "/status")
        notice = (await frames.until(lambda frame: frame.event == "notice"))[-1].data
    assert outcome["turn"] is None
    assert "offline" in outcome["text"]
    assert (notice["text"], notice["level"]) == (outcome["text"], "info")
    assert (await run(api, session_id, "/hello"))["text"] == "hello from here"
    version = (await run(api, session_id, "/version"))["text"]
    assert version.startswith("Hermes Agent")
    assert "\x1b" not in version
    outcome, detail = await settled(api, session_id, "/haiku about rain")
    (prompt,) = (one["text"] for one in detail["messages"] if one["role"] == "user")
    assert "Five, seven, five syllables." in prompt
    assert "about rain" in prompt
    assert [one["text"] for one in detail["messages"] if one["role"] == "notice"][:2] == [
        notice["text"],
        "hello from here",
    ]
    outcome, _ = await settled(api, session_id, "/squeeze")
    assert outcome["command"] == "compress"


async def test_commands_that_are_refused(api: Api) -> None:
    session_id = await api.conversation()
    for text, status, code in (
        ("", 400, "bad_command"),
        ("hello", 400, "bad_command"),
        ("/", 400, "bad_command"),
        ("//", 400, "bad_command"),
        ("/../etc", 400, "bad_command"),
        ("/nothing", 400, "unknown_command"),
        ("/quit", 400, "unknown_command"),
        ("/" + "x" * 10_000, 400, "unknown_command"),
        ("/a\0b", 400, "unknown_command"),
        ("/queue", 400, "bad_command"),
        ("/reasoning", 400, "bad_command"),
        ("/undo 3", 400, "bad_command"),
        ("/undo", 409, "nothing_to_undo"),
        ("/retry", 409, "nothing_to_undo"),
        ("/stop", 409, "not_running"),
        ("/title " + "x" * 101, 400, "title_too_long"),
        ("/model a b", 400, "bad_model"),
        ("/model small --global", 400, "bad_model"),
        ("/loop", 400, "bad_request"),
    ):
        body = json.dumps({"text": text})
        refused = await api.refused("POST", "sessions", session_id, "command", body=body)
        assert (refused[0], refused[1]["code"]) == (status, code), text[:40]
        assert len(refused[1]["message"]) < 500
    assert (await api.get("sessions", session_id))["messages"] == []


@pytest.mark.own_server
async def test_completion_starts_nothing_and_stays_in_its_folder(
    api: Api, jp_root_dir: Path
) -> None:
    work = jp_root_dir / "work"
    (work / "data").mkdir(parents=True)
    for name in ("data/sales.csv", "data/two words.csv", ".env", "report.md"):
        (work / name).write_text("x")
    (jp_root_dir / "secret.txt").write_text("x")
    (work / "out").symlink_to(jp_root_dir)
    (work / "in").symlink_to(work / "data")

    async def texts(text: str, **params: str) -> list[str]:
        found = await api.get("complete", text=text, **params)
        assert 0 <= found["replace_from"] <= len(text)
        return [one["text"] for one in found["completions"]]

    assert await texts("/comp") == ["/compress "]
    assert await texts("Look at @work") == ["@folder:work/"]
    assert (await api.get("status"))["agent"]["state"] == "stopped"
    session_id = (await api.post("sessions", cwd=str(work)))["id"]
    here = {"session_id": session_id}
    assert await texts("@", **here) == ["@folder:data/", "@folder:in/", "@file:report.md"]
    assert await texts("@data/", **here) == ["@file:data/sales.csv", "@file:`data/two words.csv`"]
    assert await texts("@file:data/tw", **here) == ["@file:`data/two words.csv`"]
    assert await texts("@folder:", **here) == ["@folder:data/", "@folder:in/"]
    assert await texts("see @ales", **here) == ["@file:data/sales.csv"]
    assert await texts("@in/s", **here) == ["@file:in/sales.csv"]
    for text in ("@../", "@..", "@/", "@/etc/", "@~/", "@.e", "@.", "@out/", "@secret", "a@data"):
        assert await texts(text, **here) == [], text
    for text in ("", "hi", "@data/\0", "@" + "x" * 4000, "@" + "a/" * 2000, "/reset x"):
        assert await texts(text, **here) == [], text[:20]
    status, error = await api.refused("GET", "complete", params={"text": "x" * 4097})
    assert (status, error["code"]) == (400, "too_long")
    status, error = await api.refused("GET", "complete", params={"session_id": "nobody"})
    assert (status, error["code"]) == (404, "session_not_found")


@given(st.text())
def test_any_path_is_below_its_folder(text: str) -> None:
    at, found = complete_path(f"@{text}", Path(__file__).parent)
    assert 0 <= at <= len(text) + 1
    for one in found:
        path = one.text.partition(":")[2].strip("`")
        assert not {"", ".."} & {*path.rstrip("/").split("/")}
        assert (Path(__file__).parent / path).exists()
