"""Files for the agent: uploaded, sent with one prompt, shown with it for ever, deleted with it."""

from __future__ import annotations

import asyncio
import base64
import json
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_jupyter.core.attachments import safe_name
from tests.hermes_store import said, session, write

from .conftest import Api
from .contract import check_answer
from .test_limits import Socket
from .test_when_busy import script

#: A picture of one dot.
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

FINE = script({"text": "Fine."})


def files(home: Path) -> list[Path]:
    """All files there are of all conversations."""
    return [path for path in (home / "jupyter" / "attachments").glob("**/*") if path.is_file()]


async def post(api: Api, session_id: str, name: str, content: bytes) -> httpx.Response:
    response = await api.client.post(
        f"sessions/{session_id}/attachments", params={"name": name}, content=content
    )
    type_ = response.headers["Content-Type"]
    check_answer("POST", "sessions/x/attachments", response.status_code, type_, response.json())
    return response


async def attach(api: Api, session_id: str, name: str, content: bytes = b"a,b\n1,2\n") -> str:
    """The name under which a file is stored."""
    response = await post(api, session_id, name, content)
    assert response.status_code == 201, response.text
    return str(response.json()["name"])


async def send(api: Api, session_id: str, text: str, *names: str, **more: Any) -> Any:
    """The conversation after a prompt with these files."""
    async with api.stream("events", params={"session_id": session_id}) as frames:
        await frames.until(lambda frame: frame.event == "snapshot")
        answer = await api.post(
            "sessions", session_id, "prompt", text=text, attachments=names, **more
        )
        seen = await frames.until(lambda frame: frame.ends(answer["turn_id"]))
    assert seen[-1].data["state"] == "complete", seen[-1].data
    return await api.get("sessions", session_id)


def sent(detail: Any) -> list[tuple[str, list[str]]]:
    """What the person said, with the names of the files."""
    return [
        (message["text"], [file["name"] for file in message["attachments"]])
        for message in detail["messages"]
        if message["role"] == "user"
    ]


def prompt_of(requests: list[Any]) -> Any:
    """The content of the newest message of the person that the model got, titles aside."""
    asked = [one for one in requests if str(one[0]["content"]).startswith("You are Hermes")]
    return next(one["content"] for one in reversed(asked[-1]) if one["role"] == "user")


async def test_a_file_goes_with_its_prompt(
    api: Api, home: Path, requests: list[Any], extension: Any
) -> None:
    """Live, after a reload, and after a restart."""
    session_id = await api.conversation()
    answer = (await post(api, session_id, "Umsatz 2024.csv", b"a,b\n1,2\n")).json()
    assert (answer["name"], answer["size"], answer["type"]) == ("Umsatz 2024.csv", 8, "text/csv")
    path = Path(answer["path"])
    assert path.read_bytes() == b"a,b\n1,2\n"
    assert path.parents[2] == home / "jupyter"
    for folder in (path.parent, path.parents[1]):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    async with api.stream("events", params={"session_id": session_id}) as frames:
        await frames.until(lambda frame: frame.event == "snapshot")
        turn = await api.post(
            "sessions", session_id, "prompt", text=FINE, attachments=["Umsatz 2024.csv"]
        )
        seen = await frames.until(lambda frame: frame.ends(turn["turn_id"]))
    told = [{"name": "Umsatz 2024.csv", "type": "text/csv"}]
    began = next(frame for frame in seen if frame.event == "message.start")
    assert began.data["attachments"] == told
    assert seen[-1].data["attachments"] == told
    assert f"[User attached file: {path}]" in prompt_of(requests)
    expected = [(FINE, ["Umsatz 2024.csv"])]
    assert sent(await api.get("sessions", session_id)) == expected
    conversations = extension.core.conversations
    conversations._live.clear()
    assert sent(await api.get("sessions", session_id)) == expected
    assert (await api.get("sessions"))["sessions"][0]["preview"] == FINE[:60].strip()
    exported = await api.client.get(f"sessions/{session_id}/export")
    assert "*Attached: Umsatz 2024.csv*" in exported.text
    assert str(path) not in exported.text

    # The next prompt is without it; the agent's tools can read it all the same.
    read = {"name": "read_file", "arguments": {"path": str(path)}}
    detail = await send(api, session_id, script({"tool_calls": [read]}, {"text": "Read."}))
    assert "attached" not in prompt_of(requests)
    (tool,) = (message["tool"] for message in detail["messages"] if message["tool"])
    assert "1,2" in str(tool["result"])


async def test_a_file_is_read_back_and_never_shown_as_a_page(api: Api) -> None:
    session_id = await api.conversation()
    name = await attach(api, session_id, "ünï.html", b"<script>alert(1)</script>")
    response = await api.client.get(f"sessions/{session_id}/attachments/{name}")
    assert response.content == b"<script>alert(1)</script>"
    assert response.headers["Content-Type"] == "text/html"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"] == (
        "attachment; filename*=UTF-8''%C3%BCn%C3%AF.html"
    )
    large = bytes(range(256)) * 4096
    name = await attach(api, session_id, "large", large)
    response = await api.client.get(f"sessions/{session_id}/attachments/{name}")
    assert response.content == large


async def test_files_of_the_same_name_stay_distinct(api: Api, home: Path) -> None:
    """R50: also when they come at once; of another conversation, they are others."""
    session_id, other_id = await api.conversation(), await api.conversation()
    names = await asyncio.gather(
        *(attach(api, session_id, "a.csv", f"{number}".encode()) for number in range(5))
    )
    assert sorted(names) == ["a (2).csv", "a (3).csv", "a (4).csv", "a (5).csv", "a.csv"]
    for number, name in enumerate(names):
        response = await api.client.get(f"sessions/{session_id}/attachments/{name}")
        assert response.content == f"{number}".encode()
    assert await attach(api, other_id, "a.csv") == "a.csv"
    assert len(files(home)) == 6
    status, error = await api.refused("DELETE", "sessions", other_id, "attachments", "a (2).csv")
    assert (status, error["code"]) == (404, "attachment_not_found")


NAMES = {
    "../../etc/passwd": "passwd",
    "C:\\Users\\me\\report.pdf": "report.pdf",
    "a\0b\nc\x1b[31m.txt": "a bc _31m.txt",
    "\u202egnp.exe": "gnp.exe",
    "x" * 10_000 + ".csv": "x" * 146 + ".csv",
    "🦉" * 2_000: "🦉" * 37,
    "": "file",
    "..": "file (2)",
    ".bashrc": "bashrc",
    "con.txt": "_con.txt",
    "a]b @file:secret.txt": "a_b _file_secret.txt",
    "  a   b . ": "a b",
}


async def test_a_name_is_made_safe(api: Api, home: Path) -> None:
    session_id = await api.conversation()
    assert {name: await attach(api, session_id, name) for name in NAMES} == NAMES
    assert {path.name for path in files(home)} == {*NAMES.values()}
    assert len({path.parent for path in files(home)}) == 1


@given(st.text())
def test_any_text_makes_a_name_that_any_system_takes(text: str) -> None:
    name = safe_name(text)
    assert 0 < len(name.encode()) <= 160
    assert name == safe_name(name) == Path(name).name
    assert name == name.strip(". ")
    assert not set(name) & set('/\\<>:"|?*[]@`\0\n')


async def test_what_is_an_image_is_told_by_what_it_is(api: Api) -> None:
    session_id = await api.conversation()
    for name, content, stored, type_ in (
        ("dot.png", DOT, "dot.png", "image/png"),
        ("dot", DOT, "dot.png", "image/png"),
        ("dot.txt", DOT, "dot.txt.png", "image/png"),
        ("fake.PNG", b"no image", "fake.PNG.bin", "application/octet-stream"),
    ):
        answer = (await post(api, session_id, name, content)).json()
        assert (answer["name"].replace(" (2)", ""), answer["type"]) == (stored, type_)


class TestAModelThatSees:
    @pytest.fixture
    def home_settings(self) -> dict[str, dict[str, Any]]:
        return {"model": {"supports_vision": True}}

    async def test_an_image_is_shown_to_it_once(
        self, api: Api, extension: Any, requests: list[Any]
    ) -> None:
        """And is no megabytes in what a page gets."""
        session_id = await api.conversation()
        name = await attach(api, session_id, "dot.png", DOT)
        await send(api, session_id, "", name)
        parts = prompt_of(requests)
        assert [part["type"] for part in parts] == ["text", "image_url"]
        assert base64.b64encode(DOT).decode() in parts[1]["image_url"]["url"]
        await send(api, session_id, "Look again.")
        assert prompt_of(requests) == "Look again."
        expected = [("", ["dot.png"]), ("Look again.", [])]
        detail = await api.get("sessions", session_id)
        assert sent(detail) == expected
        extension.core.conversations._live.clear()
        detail = await api.get("sessions", session_id)
        assert sent(detail) == expected
        assert "base64" not in json.dumps(detail)

        # It can be edited and sent again, with its file.
        prompts = [message for message in detail["messages"] if message["role"] == "user"]
        edited = await send(api, session_id, "Now.", name, replaces=prompts[0]["id"])
        assert sent(edited) == [("Now.", ["dot.png"])]


async def test_a_model_that_may_be_blind_gets_an_image_in_words(
    api: Api, extension: Any, requests: list[Any]
) -> None:
    session_id = await api.conversation()
    name = await attach(api, session_id, "dot.png", DOT)
    await send(api, session_id, "What is it?", name)
    assert "vision_analyze" in prompt_of(requests)
    extension.core.conversations._live.clear()
    detail = await api.get("sessions", session_id)
    assert sent(detail) == [("What is it?", ["dot.png"])]


async def test_a_queued_prompt_keeps_its_files(api: Api, requests: list[Any]) -> None:
    """R49: to itself; and while it waits they are not taken back."""
    session_id = await api.conversation()
    name = await attach(api, session_id, "a.csv")
    async with api.stream("events", params={"session_id": session_id}) as frames:
        await frames.until(lambda frame: frame.event == "snapshot")
        first = await api.say(session_id, [{"text": "One.", "wait": "gate"}])
        queued = await api.post(
            "sessions", session_id, "prompt", text=FINE, attachments=[name], when_busy="steer"
        )
        assert queued["state"] == "queued"
        (waiting,) = (await api.get("sessions", session_id))["queued"]
        assert waiting["attachments"] == [{"name": "a.csv", "type": "text/csv"}]
        status, error = await api.refused("DELETE", "sessions", session_id, "attachments", name)
        assert (status, error["code"]) == (409, "attachment_sent")
        await api.delete("sessions", session_id, "turns", queued["turn_id"])
        other = await attach(api, session_id, "b.csv")
        again = await api.post(
            "sessions", session_id, "prompt", text=FINE, attachments=[other, other]
        )
        await api.delete("sessions", session_id, "attachments", name)
        await api.post("sessions", session_id, "interrupt", turn_id=first)
        await frames.until(lambda frame: frame.ends(again["turn_id"]))
    assert prompt_of(requests).count("[User attached file: ") == 1
    assert "b.csv" in prompt_of(requests)
    status, error = await api.refused("DELETE", "sessions", session_id, "attachments", other)
    assert (status, error["code"]) == (409, "attachment_sent")


async def test_prompts_with_files_that_are_refused(api: Api, requests: list[Any]) -> None:
    session_id = await api.conversation()
    name = await attach(api, session_id, "a.csv")
    names = [await attach(api, session_id, "many") for _ in range(21)]
    for attachments, status, code in (
        (["nobody"], 404, "attachment_not_found"),
        ([name, "nobody"], 404, "attachment_not_found"),
        (["../" + name], 404, "attachment_not_found"),
        (["x" * 10_000], 404, "attachment_not_found"),
        (["a\0b"], 404, "attachment_not_found"),
        ([""], 404, "attachment_not_found"),
        ([".."], 404, "attachment_not_found"),
        (names, 400, "too_many_attachments"),
        ("a.csv", 400, "bad_type"),
        ([1], 400, "bad_type"),
        ([], 400, "empty_prompt"),
    ):
        body = json.dumps({"text": "", "attachments": attachments})
        refused = await api.refused("POST", "sessions", session_id, "prompt", body=body)
        assert (refused[0], refused[1]["code"]) == (status, code), attachments
    assert (await api.get("sessions", session_id))["messages"] == []
    await api.delete("sessions", session_id, "attachments", name)
    body = json.dumps({"text": "hi", "attachments": [name]})
    status, error = await api.refused("POST", "sessions", session_id, "prompt", body=body)
    assert (status, error["code"]) == (404, "attachment_not_found")
    assert requests == []


class TestSmall:
    @pytest.fixture
    def hermes_settings(self) -> dict[str, Any]:
        return {"max_upload": 1_000_000}

    async def test_uploads_that_are_refused_or_break_off_leave_nothing(
        self, api: Api, home: Path
    ) -> None:
        assert (await api.get("status"))["max_upload"] == 1_000_000
        session_id = await api.conversation()
        path = f"sessions/{session_id}/attachments?name=a.csv"
        assert (await post(api, session_id, "a", b"")).json()["error"]["code"] == "empty_file"
        for expect in ((), ("Expect: 100-continue",)):
            large = await Socket.open(api)
            await large.ask(api, path, "Content-Length: 1000001", *expect, method="POST")
            status, headers = await large.head()
            assert (status, headers["Connection"]) == (413, "close")
            assert (await large.refusal())["code"] == "file_too_large"
        endless = await Socket.open(api)
        await endless.ask(api, path, "Transfer-Encoding: chunked", method="POST")
        endless.writer.write(b"1000000\r\n" + b" " * 1_100_000)
        assert (await endless.head())[0] == 413
        for wrong in ("-1", "1e3", "9" * 30, "x"):
            client = await Socket.open(api)
            await client.ask(api, path, f"Content-Length: {wrong}", method="POST")
            async with asyncio.timeout(10):
                assert b" 201 " not in await client.reader.read(1000)
        stranger = await Socket.open(api)
        await stranger.ask(api, path, "Content-Length: 900000", method="POST", token="wrong")
        assert (await stranger.head())[0] == 403
        assert (await stranger.refusal())["code"] == "forbidden"
        nowhere = await Socket.open(api)
        lost = path.replace(session_id, "nobody")
        await nowhere.ask(api, lost, "Content-Length: 900000", method="POST")
        assert (await nowhere.head())[0] == 404
        broken = await Socket.open(api)
        await broken.ask(api, path, "Content-Length: 900000", method="POST", body=b"x" * 500_000)
        async with asyncio.timeout(10):
            while not (begun := files(home)) or begun[0].stat().st_size < 1:
                await asyncio.sleep(0.01)
            broken.reset()
            while files(home):
                await asyncio.sleep(0.01)
        exact = await post(api, session_id, "exact", b"x" * 1_000_000)
        assert exact.json()["size"] == 1_000_000


async def test_files_go_with_their_conversation(api: Api, home: Path) -> None:
    """A branch has its own; nobody else's are touched."""
    session_id, other_id = await api.conversation(), await api.conversation()
    name = await attach(api, session_id, "a.csv", b"mine")
    await attach(api, other_id, "a.csv", b"other")
    await send(api, session_id, FINE, name)
    branch = await api.post("sessions", session_id, "branch")
    assert sent(branch) == [(FINE, ["a.csv"])]
    await api.delete("sessions", session_id)
    assert sorted(path.read_bytes() for path in files(home)) == [b"mine", b"other"]
    response = await api.client.get(f"sessions/{branch['id']}/attachments/{name}")
    assert response.content == b"mine"
    await api.delete("sessions", branch["id"])
    assert [path.read_bytes() for path in files(home)] == [b"other"]


@pytest.mark.own_server
async def test_images_within_messages_of_other_programs(api: Api, home: Path) -> None:
    """They have addresses; what is no image of ours to serve has none."""
    picture = base64.b64encode(DOT).decode()

    def image(url: str) -> dict[str, Any]:
        return {"type": "image_url", "image_url": {"url": url}}

    write(
        home,
        session("a", "telegram"),
        said(
            "a",
            "user",
            [
                {"type": "text", "text": "Which is it?"},
                image(f"data:image/png;base64,{picture}"),
                image("https://example.org/a.png"),
                image("data:text/html;base64,PGI+"),
                image(f"data:image/jpeg;base64,{picture}"),
                {"type": "input_image", "image_url": f"data:image/gif;base64,{picture}"},
                image("data:image/png;base64,%%%"),
            ],
        ),
        said("a", "assistant", "A dot."),
        session("b"),
        said("b", "user", "Nothing."),
    )
    detail = await api.get("sessions", "a")
    message = detail["messages"][0]
    assert message["text"] == "Which is it?\n(an image)\n(an image)"
    names = [file["name"] for file in message["attachments"]]
    row = message["id"]
    assert names == [
        *(f"image-{row}-0.png", f"image-{row}-1.jpg", f"image-{row}-2.gif", f"image-{row}-3.png")
    ]
    assert picture not in json.dumps(detail)
    assert (await api.get("sessions"))["sessions"][-1]["preview"] == "Which is it?"
    response = await api.client.get(f"sessions/a/attachments/{names[1]}")
    assert (response.content, response.headers["Content-Type"]) == (DOT, "image/jpeg")
    for session_id, name in (("a", names[3]), ("a", f"image-{row}-9.png"), ("b", names[0])):
        status, error = await api.refused("GET", "sessions", session_id, "attachments", name)
        assert (status, error["code"]) == (404, "attachment_not_found")
