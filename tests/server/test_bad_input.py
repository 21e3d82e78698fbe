"""Each mistake gets its own clear refusal, changes nothing, and the server goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from hermes_jupyter.server.base import CALLS
from hermes_jupyter.server.notebooks.pages import MAX_ANSWER
from hermes_jupyter.server.openapi import document

from .conftest import Api
from .contract import operations
from .test_limits import Socket
from .test_questions import ASKS, asked, remove
from .test_turn import completed

#: Every verb and path, with an id that nobody has; and whether it takes JSON.
ROUTES = [
    (
        verb,
        re.sub(r"{\w+}", "nobody", path)[1:],
        "application/json"
        in document()["paths"][path][verb.lower()].get("requestBody", {}).get("content", {}),
    )
    for verb, path in operations()
]
TAKES_BODY = [(verb, path) for verb, path, takes in ROUTES if takes]

NO_JSON = {
    "cut off": b'{"text": "hi',
    "text": b"hello",
    "form": b"text=hello&client_id=1",
    "list": b'[{"text": "hi"}]',
    "string": b'"hi"',
    "null": b"null",
    "NaN": b'{"text": "hi", "at": NaN}',
    "infinity": b'{"text": "hi", "at": -Infinity}',
    "deep": b'{"text": ' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "a long number": b'{"text": ' + b"9" * 100_000 + b"}",
    "half a character": b'{"text": "hi \\ud83e"}',
    "half a name": b'{"text": "hi", "\\udd89": 1}',
    "not UTF-8": b'{"text": "\xff"}',
    "UTF-16": '{"text": "hi"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"text": "hi"}',
    "NUL": b"\0",
    "two": b'{"text": "hi"}{"text": "hi"}',
}


@asynccontextmanager
async def owner(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sends what it is told, with the token."""
    async with httpx.AsyncClient(base_url=api.origin, headers=api.headers, timeout=30) as client:
        yield client


async def state(api: Api, session_id: str) -> Any:
    """Everything that a mistake could have changed."""
    return [
        await api.get("sessions", session_id),
        await api.get("sessions"),
        await api.get("questions"),
        await api.get("current", kernel_id="nobody"),
    ]


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def test_a_body_that_is_no_json(api: Api) -> None:
    """The same for every route that takes one, also for one that would find no such thing."""
    session_id = await api.conversation()
    before = await state(api, session_id)
    async with owner(api) as client:
        for what, body in NO_JSON.items():
            for verb, path in TAKES_BODY:
                response = await client.request(
                    verb, path.replace("sessions/nobody", f"sessions/{session_id}"), content=body
                )
                assert code_of(response) == (400, "bad_json"), (what, verb, path)
                assert len(response.content) < 1000
    assert await state(api, session_id) == before


async def test_a_body_is_json_whatever_it_is_called(api: Api) -> None:
    async with owner(api) as client:
        for type_ in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "%",
        ):
            response = await client.put(
                "current", content=b'{"kernel_ids": []}', headers={"Content-Type": type_}
            )
            assert response.json() == {"session_id": None}


async def test_a_field_of_a_wrong_type(api: Api) -> None:
    session_id = await api.conversation()
    before = await state(api, session_id)
    long = "x" * 5000
    said = {"text": "hi"}
    wrong: list[tuple[str, str, dict[str, Any], str]] = [
        ("POST", "sessions", {"title": 1}, "bad_type"),
        ("POST", "sessions", {"title": long}, "too_long"),
        ("POST", "sessions", {"model": ["a"]}, "bad_type"),
        ("POST", "sessions", {"cwd": {}}, "bad_type"),
        ("POST", "sessions", {"cwd": long}, "too_long"),
        ("POST", "sessions", {"cwd": "x" * 4000}, "no_such_folder"),
        ("POST", "sessions", {"notebook": True}, "bad_type"),
        ("POST", "sessions/{id}/prompt", {}, "missing_field"),
        ("POST", "sessions/{id}/prompt", {"text": None}, "missing_field"),
        ("POST", "sessions/{id}/prompt", {"text": ["hi"]}, "bad_type"),
        ("POST", "sessions/{id}/prompt", {**said, "client_id": 7}, "bad_type"),
        ("POST", "sessions/{id}/prompt", {**said, "client_id": long}, "too_long"),
        ("POST", "sessions/{id}/prompt", {**said, "when_busy": "guess"}, "bad_when_busy"),
        ("POST", "sessions/{id}/prompt", {**said, "when_busy": {}}, "bad_type"),
        ("POST", "sessions/{id}/prompt", {**said, "replaces": 1}, "bad_type"),
        ("POST", "sessions/{id}/prompt", {**said, "attachments": "a"}, "bad_type"),
        ("POST", "sessions/{id}/prompt", {**said, "attachments": [1]}, "bad_type"),
        ("POST", "sessions/{id}/steer", {}, "missing_field"),
        ("POST", "sessions/{id}/steer", {"text": " "}, "empty_prompt"),
        ("POST", "sessions/{id}/compress", {"focus": 1}, "bad_type"),
        ("POST", "sessions/{id}/model", {"model": {}}, "bad_type"),
        ("POST", "sessions/{id}/model", {"model": long}, "too_long"),
        ("POST", "sessions/{id}/model", {"model": "a", "confirmed": "yes"}, "bad_type"),
        ("POST", "sessions/{id}/command", {}, "missing_field"),
        ("POST", "sessions/{id}/command", {"text": ["/help"]}, "bad_type"),
        ("POST", "sessions/{id}/command", {"text": "/help", "client": 1}, "bad_type"),
        ("POST", "sessions/{id}/interrupt", {}, "missing_field"),
        ("POST", "sessions/{id}/interrupt", {"turn_id": 1}, "bad_type"),
        ("PATCH", "sessions/{id}", {"archived": "yes"}, "bad_type"),
        ("PATCH", "sessions/{id}", {"pinned": 1}, "bad_type"),
        ("PATCH", "sessions/{id}", {"read": []}, "bad_type"),
        ("PUT", "sessions/{id}/skip-approvals", {}, "bad_type"),
        ("PUT", "sessions/{id}/skip-approvals", {"on": 1}, "bad_type"),
        ("PUT", "current", {}, "bad_type"),
        ("PUT", "current", {"kernel_ids": "a"}, "bad_type"),
        ("PUT", "current", {"kernel_ids": [1]}, "bad_type"),
        ("PUT", "current", {"kernel_ids": [], "session_id": 1}, "bad_type"),
        ("POST", "questions/x/answer", {"answer": "a", "client": 1}, "bad_type"),
        ("POST", "questions/x/dismiss", {"client": [1]}, "bad_type"),
        ("POST", "clarify/respond", {"answer": "a"}, "missing_field"),
        ("POST", "approval/respond", {"request_id": 1, "choice": "once"}, "bad_type"),
    ]
    async with owner(api) as client:
        for verb, path, body, code in wrong:
            response = await client.request(verb, path.format(id=session_id), json=body)
            assert code_of(response) == (400, code), (verb, path, str(body)[:50])
    assert await state(api, session_id) == before


async def test_a_get_has_no_body(api: Api) -> None:
    async with owner(api) as client:
        for verb, path, _ in ROUTES:
            if verb == "GET":
                response = await client.request("GET", path, content=b"{}")
                assert code_of(response) == (400, "unexpected_body"), path
        response = await client.request("GET", "status", content=chunks())
        assert code_of(response) == (400, "unexpected_body")


async def chunks() -> AsyncIterator[bytes]:
    """A body whose length is not known before."""
    yield b"{}"


async def test_ids_that_nobody_has(api: Api) -> None:
    """Long ones, with what is special in addresses, and such as are no text."""
    session_id = await api.conversation()
    before = await state(api, session_id)
    body = {"text": "hi", "turn_id": "x", "on": True, "choice": "once", "request_id": "x"}
    async with owner(api) as client:
        for id_ in ("x" * 10_000, "%00", "..%2F..%2Fetc", "%F0%9F%A6%89", "'%3B--", "null", "%25"):
            for verb, path, takes in ROUTES:
                if "nobody" in path:
                    response = await client.request(
                        verb, path.replace("nobody", id_), json=body if takes else None
                    )
                    assert response.status_code == 404, (verb, path, id_[:20], response.text)
                    assert response.json()["error"]["code"].endswith("_not_found")
                    assert len(response.content) < 1000
        for verb, path, _ in ROUTES:
            if "nobody" in path:
                response = await client.request(verb, path.replace("nobody", "%FF"))
                assert code_of(response) == (400, "bad_request")
        for path in ("events", "clarify/stream", "approval/stream"):
            response = await client.get(path, params={"session_id": "x" * 10_000})
            assert code_of(response) == (404, "session_not_found")
    assert await state(api, session_id) == before


async def test_an_address_that_is_no_text(api: Api, extension: Any) -> None:
    """Whatever reads it: a route, or the server on the way in and out."""
    async with owner(api) as client:
        for name in ("kernel_id", "session_id", "limit", "cursor", "token", "no_track_activity"):
            for verb, path, _ in ROUTES:
                if verb == "GET" and "nobody" not in path:
                    address = f"{path}?{name}=%FF"
                    async with client.stream(verb, address) as response:
                        assert response.status_code in (200, 400), address
    # The doctor's trial lasts a second, whoever has gone.
    async with asyncio.timeout(10):
        while extension.settings[CALLS]._taken:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 30, "-1", "1e3", "\u0663", "0x1", "", " 1"])
async def test_a_cursor_of_another_shape_gets_a_snapshot(api: Api, number: str) -> None:
    session_id = await api.conversation()
    epoch = (await api.get("status"))["epoch"]
    params = {"session_id": session_id, "cursor": f"{epoch}.{number}"}
    async with api.stream("events", params=params) as frames:
        await frames.until(lambda frame: frame.event == "snapshot", within=10)


async def test_what_is_too_large_is_refused_before_it_is_read(api: Api, extension: Any) -> None:
    """From nobody more than a known number of bytes is held, and from a stranger none."""
    memory = psutil.Process().memory_info
    before = memory().rss
    limit = 6 * extension.core.limits.prompt + 2 * 1024 * 1024
    for verb, path in TAKES_BODY:
        for expect in ((), ("Expect: 100-continue",)):
            large = await Socket.open(api)
            most = MAX_ANSWER if path == "notebook/respond" else limit
            length = f"Content-Length: {most + 1}"
            await large.ask(api, path, length, *expect, method=verb)
            status, headers = await large.head()
            assert (status, headers["Connection"]) == (413, "close")
            assert (await large.refusal())["code"] == "body_too_large"
    stranger = await Socket.open(api)
    length = "Content-Length: 1000000"
    await stranger.ask(api, "sessions", length, method="POST", token="wrong")
    assert (await stranger.head())[0] == 403
    assert (await stranger.refusal())["code"] == "forbidden"
    endless = await Socket.open(api)
    await endless.ask(api, "sessions", "Transfer-Encoding: chunked", method="POST")
    endless.writer.write(b"1000000\r\n" + b" " * (limit + 1))
    status, headers = await endless.head()
    assert (status, headers["Connection"]) == (413, "close")
    assert (await endless.refusal())["code"] == "body_too_large"
    assert (await api.get("sessions"))["total"] == 0
    assert memory().rss - before < 50_000_000


@pytest.mark.own_server
async def test_a_header_that_is_too_long_ends_its_connection_alone(api: Api) -> None:
    for header in ("Last-Event-ID", "Authorization", "X-Anything"):
        client = await Socket.open(api)
        await client.ask(api, "status", f"{header}: {'x' * 200_000}")
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(10):
                assert b" 200 " not in await client.reader.read()
    assert (await api.get("status"))["agent"]["state"] == "stopped"


@pytest.mark.own_server
@pytest.mark.parametrize(
    "data", [b"\0" * 1000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 99]
)
async def test_what_is_no_request_at_all(api: Api, data: bytes) -> None:
    client = await Socket.open(api)
    client.writer.write(data)
    client.writer.write_eof()
    async with asyncio.timeout(10):
        assert b" 200 " not in await client.reader.read()
    assert (await api.get("status"))["agent"]["state"] == "stopped"


async def test_answers_that_do_not_fit_change_nothing(api: Api, jp_root_dir: Path) -> None:
    """R5, R9: by either way; then the right one is taken, once, and a later one told who won."""
    megabyte = "x" * 1_000_000
    (jp_root_dir / "precious").mkdir()
    wrong: dict[str, list[tuple[dict[str, Any], str]]] = {
        "clarify": [
            ({}, "empty_answer"),
            ({"answer": ""}, "empty_answer"),
            ({"answer": " \n\t"}, "empty_answer"),
            ({"answer": None}, "empty_answer"),
            ({"answer": {"text": "red"}}, "empty_answer"),
            ({"answer": megabyte}, "answer_too_long"),
            ({"answers": []}, "bad_answers"),
            ({"answers": ["red", "blue"]}, "bad_answers"),
            ({"answers": [[]]}, "bad_answers"),
            ({"answers": [{"a": 1}]}, "empty_answer"),
            ({"answers": [megabyte]}, "answer_too_long"),
            ({"answers": "red"}, "bad_answers"),
            ({"choice": "once"}, "empty_answer"),
            ({"value": "red"}, "empty_answer"),
        ],
        "approval": [
            ({}, "bad_choice"),
            ({"choice": "yes"}, "bad_choice"),
            ({"choice": "ONCE"}, "bad_choice"),
            ({"choice": ["once"]}, "bad_choice"),
            ({"choice": {"once": 1}}, "bad_choice"),
            ({"choice": megabyte}, "bad_choice"),
            ({"choice": True}, "bad_choice"),
            ({"answer": "once"}, "bad_choice"),
        ],
    }
    right = {"clarify": {"answer": "red"}, "approval": {"choice": "deny"}}
    session_id = await api.conversation()
    script = [
        {"tool_calls": ASKS[0]["tool_calls"]},
        {"tool_calls": [remove("precious")]},
        {"text": "."},
    ]
    async with (
        owner(api) as client,
        api.stream("events", params={"session_id": session_id}) as frames,
    ):
        turn_id = await api.say(session_id, script)
        for kind, other in (("clarify", "approval"), ("approval", "clarify")):
            question = await asked(frames)
            assert question["kind"] == kind
            before = await api.get("questions")
            long_way = f"questions/{question['id']}/answer"
            for body, code in wrong[kind]:
                short = {**body, "request_id": question["id"]}
                for path, sent in ((long_way, body), (f"{kind}/respond", short)):
                    response = await client.post(path, json=sent)
                    assert code_of(response) == (400, code), (path, str(body)[:50])
                    assert len(response.content) < 1000
            sent = {**right[other], "request_id": question["id"]}
            response = await client.post(f"{other}/respond", json=sent)
            assert code_of(response) == (400, "wrong_kind")
            response = await client.post(f"questions/{question['id']}/dismiss", json={})
            assert code_of(response) == (409, "still_open")
            response = await client.post("questions/nobody/answer", json=right[kind])
            assert code_of(response) == (404, "question_not_found")
            assert await api.get("questions") == before

            assert (await client.post(long_way, json=right[kind])).status_code == 200
            for body in (right[kind], {"answer": "blue", "choice": "once"}):
                response = await client.post(long_way, json=body)
                assert code_of(response) == (409, "question_answered")
                winner = response.json()["error"]["question"]
                assert winner["answer"] == next(iter(right[kind].values()))
        await frames.until(lambda frame: frame.ends(turn_id))
    assert (jp_root_dir / "precious").is_dir()


async def test_characters_that_are_no_letters_arrive(api: Api, extension: Any) -> None:
    """NUL, the ends of lines of other worlds, and what no font has."""
    text = "a\0b \u2028 \u0085 \x1b[31m \ufffe \U0010ffff\rc"
    session_id = await api.conversation()
    frames = await api.turn(session_id, text)
    assert frames[-1].data["state"] == "complete"
    said = [f.data["text"] for f in frames if f.event == "message.complete"]
    assert said[0] == text
    assert (await api.get("sessions", session_id))["messages"][0]["text"] == text


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
        ('{"text": "hi", "when_busy": "guess"}', 400, "bad_when_busy"),
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


@pytest.mark.own_server
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


@pytest.mark.own_server
class TestNoModel:
    @pytest.fixture
    def hermes_settings(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        for name in ("OPENROUTER_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        return {"offline": False}

    async def test_the_command_that_sets_one_up_is_told(self, api: Api, home: Path) -> None:
        """N12"""
        status, error = await api.refused("POST", "sessions", body="{}")
        assert (status, error["code"]) == (503, "model_not_configured")
        assert error["hint"]["action"] == "set-up-model"
        assert error["hint"]["command"].startswith(f"HERMES_HOME={home} ")
        assert error["hint"]["command"].endswith("hermes model")
        assert error["hint"]["tour"].endswith("hermes tour")
        assert (await api.get("status"))["agent"]["hint"] == error["hint"]


@pytest.mark.own_server
async def test_a_database_that_is_broken_is_not_an_empty_one(api: Api, home: Path) -> None:
    (home / "state.db").write_bytes(b"not a database " * 1000)
    status, error = await api.refused("GET", "sessions")
    assert (status, error["code"]) == (503, "state_db_unreadable")
    assert str(home / "state.db") in error["hint"]["text"]
