"""Conversations as a whole: renamed, put away, deleted, branched, exported."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.hermes_store import ended, said, session, titled, turn, write

from .conftest import Api
from .test_questions import ASKS, asked
from .test_taking_back import answers
from .test_when_busy import script


async def change(api: Api, session_id: str, **body: Any) -> tuple[int, Any]:
    response = await api.client.patch(f"{api.origin}sessions/{session_id}", json=body)
    return response.status_code, response.json()


@pytest.mark.own_server
async def test_a_conversation_is_renamed_and_put_away(api: Api, home: Path) -> None:
    write(
        home,
        *(session("a"), *turn("a", "q", "a"), ended("a", "compression")),
        *(session("b", parent_session_id="a"), *turn("b", "q", "a")),
        *(session("c"), titled("c", "Taken"), *turn("c", "q", "a")),
    )
    async with api.stream("events") as page:
        await page.next()
        status, row = await change(api, "a", title="Sales")
        assert (status, row["title"], row["id"]) == (200, "Sales", "a")
        seen = await page.until(lambda frame: frame.event == "sessions")
        assert seen[-1].data["sessions"][0]["title"] == "Sales"
    for title, code in (("Taken", "bad_title"), ("x" * 101, "title_too_long"), (7, "bad_type")):
        status, answer = await change(api, "a", title=title)
        assert (status, answer["error"]["code"]) == (400, code)
    assert (await change(api, "a", archived=True))[1]["archived"] is True
    assert [row["id"] for row in (await api.get("sessions"))["sessions"]] == ["c"]
    assert (await change(api, "a", archived=False, title=""))[1]["title"] is None
    rows = {row["id"]: row for row in (await api.get("sessions"))["sessions"]}
    assert (rows["a"]["archived"], rows["a"]["title"]) == (False, None)


@pytest.mark.own_server
async def test_deleted_is_gone_everywhere(api: Api, extension: Any, home: Path) -> None:
    """R44"""
    write(
        home,
        *(session("a"), *turn("a", "q", "a"), ended("a", "compression")),
        *(session("b", parent_session_id="a"), *turn("b", "q", "a")),
    )
    await api.turn("a", script({"text": "Here."}))
    async with api.stream("events", params={"session_id": "a"}) as page:
        turn_id = await api.say("a", ASKS)
        question = await asked(page)
        status, error = await api.refused("DELETE", "sessions", "b")
        assert (status, error["code"], error["turn"]["turn_id"]) == (409, "busy", turn_id)
        await api.post("questions", question["id"], "answer", answer="red")
        await page.until(lambda frame: frame.ends(turn_id))
        await api.delete("sessions", "b")
        seen = await page.until(lambda frame: bool(frame.data.get("removed")))
        assert seen[-1].data["removed"] == ["a"]
    assert (await api.get("sessions"))["sessions"] == []
    for name in ("a", "b"):
        status, error = await api.refused("GET", "sessions", name)
        assert (status, error["code"]) == (404, "session_not_found")
    await extension.core._store.kept("a")
    for path, tables in (
        (home / "state.db", ("sessions", "messages")),
        (home / "jupyter" / "conversations.db", ("questions", "prompts", "gauges", "unfinished")),
    ):
        db = sqlite3.connect(path)
        counts = [db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables]
        db.close()
        assert counts == [0] * len(tables)


async def test_a_draft_is_deleted_too(api: Api) -> None:
    session_id = await api.conversation()
    await api.delete("sessions", session_id)
    status, _ = await api.refused("GET", "sessions", session_id)
    assert status == 404


async def test_a_branch_goes_on_by_itself(api: Api, requests: list[Any]) -> None:
    """R36"""
    session_id = await api.conversation()
    await api.turn(session_id, script({"text": "Common."}))
    branch = await api.post("sessions", session_id, "branch", title="What if")
    assert (branch["relation"], branch["parent_id"]) == ("branch", session_id)
    assert branch["title"] == "What if"
    assert answers(branch) == ["Common."]
    await api.turn(branch["id"], script({"text": "Branched."}))
    assert "Common." in str(requests[-1])
    assert answers(await api.get("sessions", branch["id"])) == ["Common.", "Branched."]
    assert answers(await api.get("sessions", session_id)) == ["Common."]
    rows = [row["id"] for row in (await api.get("sessions"))["sessions"]]
    # In the list it stands under its origin.
    assert rows == [session_id, branch["id"]]


@pytest.mark.own_server
async def test_a_subagents_conversation_is_read_only(api: Api, home: Path) -> None:
    """R42"""
    marks = {"_delegate_from": "a"}
    write(
        home,
        *(session("a"), *turn("a", "q", "a")),
        session("child", "subagent", parent_session_id="a", model_config=marks),
        *turn("child", "subtask", "done"),
    )
    detail = await api.get("sessions", "child")
    assert detail["capabilities"] == ["export"]
    for path, body in (
        ("prompt", {"text": "x"}),
        ("steer", {"text": "x"}),
        ("compress", {}),
        ("undo", {}),
        ("branch", {}),
    ):
        response = await api.client.post(f"{api.origin}sessions/child/{path}", json=body)
        assert (response.status_code, response.json()["error"]["code"]) == (403, "read_only"), path
    assert (await change(api, "child", title="x"))[0] == 403
    assert (await change(api, "child", archived=True))[0] == 403
    status, _ = await api.refused("DELETE", "sessions", "child")
    assert status == 403
    assert (await api.get("status"))["agent"]["state"] == "stopped"


@pytest.mark.own_server
async def test_a_conversation_becomes_a_file(api: Api, home: Path) -> None:
    """R41: the source is the same in list, detail and export."""
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "terminal", "arguments": '{"a": 1}'},
    }
    write(
        home,
        session("a", "telegram", cwd="/srv"),
        titled("a", "Über ../../etc & <script>"),
        *(line for n in range(120) for line in turn("a", f"q{n}", f"```\na{n}\n```")),
        said("a", "assistant", "", tool_calls=[call]),
        said("a", "tool", "out ````", tool_call_id="c1", tool_name="terminal"),
        said("a", "assistant", "Done."),
    )

    async def exported(format_: str) -> Any:
        url = f"{api.origin}sessions/a/export"
        response = await api.client.get(url, params={"format": format_})
        assert response.status_code == 200
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        disposition = response.headers["Content-Disposition"]
        assert disposition.startswith("attachment; filename*=UTF-8''%C3%9Cber%20")
        assert "/" not in disposition.partition("''")[2]
        return response

    text = (await exported("md")).text
    assert text.index("q0") < text.index("q119") < text.index("Done.")
    assert "`````\nout ````\n`````" in text
    whole = (await exported("json")).json()
    assert len(whole["messages"]) == 242
    (row,) = (await api.get("sessions"))["sessions"]
    detail = await api.get("sessions", "a")
    for name in ("source", "source_label", "source_tag", "session_source", "is_cli_session"):
        assert row[name] == detail[name] == whole["session"][name]
    notebook = nbformat.reads((await exported("ipynb")).text, as_version=4)
    nbformat.validate(notebook)
    assert len(notebook.cells) == 243
    assert json.loads((await exported("ipynb")).text) == json.loads((await exported("ipynb")).text)
    status, error = await api.refused("GET", "sessions", "a", "export", params={"format": "exe"})
    assert (status, error["code"]) == (400, "bad_format")
