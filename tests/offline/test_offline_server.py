"""The offline model's server, spoken to over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from hermes_jupyter.offline import OfflineModel, Step, ToolCall

HELLO = {"messages": [{"role": "user", "content": "hello"}]}


class Scripted(OfflineModel):
    """A model that answers every request with `answer`."""

    def __init__(self) -> None:
        super().__init__(lambda request: self.answer, instant=True)
        self.answer = Step(text="Hello there")


@pytest_asyncio.fixture
async def model() -> AsyncIterator[Scripted]:
    async with Scripted() as running:
        yield running


@pytest_asyncio.fixture
async def client(model: Scripted) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {model.key}"}
    async with httpx.AsyncClient(base_url=model.base_url, headers=headers, timeout=5) as client:
        yield client


async def stream(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Ask for a stream; return its frames, the end mark checked and left out."""
    response = await client.post("chat/completions", json={**HELLO, "stream": True})
    assert response.headers["content-type"] == "text/event-stream"
    *frames, end, rest = response.text.split("\n\n")
    assert (end, rest) == ("data: [DONE]", "")
    return [json.loads(frame.removeprefix("data: ")) for frame in frames]


def deltas(frames: list[dict[str, Any]], field: str) -> list[Any]:
    found = (frame["choices"][0]["delta"].get(field) for frame in frames if frame["choices"])
    return [value for value in found if value]


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["models", "chat/completions", "nothing"])
@pytest.mark.parametrize("key", ["", "Bearer", "Bearer wrong", "Bearer \xe9"])
async def test_a_stranger_is_refused_everywhere(model: Scripted, path: str, key: str) -> None:
    async with httpx.AsyncClient(base_url=model.base_url) as stranger:
        headers = {b"Authorization": key.encode("latin1")} if key else {}
        for method in ("GET", "POST"):
            response = await stranger.request(method, path, headers=headers)
            assert response.status_code == 401
            assert "error" in response.json()


def test_every_model_has_a_key_of_its_own() -> None:
    assert OfflineModel().key != OfflineModel().key


def test_the_address_is_unknown_before_the_start() -> None:
    with pytest.raises(RuntimeError, match="not started"):
        _ = OfflineModel().base_url


@pytest.mark.asyncio
async def test_it_listens_on_the_loopback_interface_until_stopped() -> None:
    model = await OfflineModel().start()
    assert model.base_url.startswith("http://127.0.0.1:")
    address = model.base_url
    await model.stop()
    await model.stop()
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(address)


@pytest.mark.asyncio
async def test_the_model_and_its_window_are_listed(client: httpx.AsyncClient) -> None:
    (entry,) = (await client.get("models")).json()["data"]
    assert (entry["id"], entry["context_length"]) == ("offline", 131_072)


@pytest.mark.asyncio
async def test_other_endpoints_do_not_exist(client: httpx.AsyncClient) -> None:
    response = await client.get("props")
    assert response.status_code == 404
    assert "error" in response.json()


@pytest.mark.asyncio
async def test_a_whole_answer(model: Scripted, client: httpx.AsyncClient) -> None:
    call = ToolCall(name="terminal", arguments={"command": "true"})
    model.answer = Step(text="Hi", reasoning="hm", tool_calls=[call])
    body = (await client.post("chat/completions", json=HELLO)).json()
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "Hi"
    assert choice["message"]["reasoning_content"] == "hm"
    (sent,) = choice["message"]["tool_calls"]
    assert sent["function"] == {"name": "terminal", "arguments": '{"command": "true"}'}


@pytest.mark.asyncio
async def test_a_stream_has_role_text_end_and_usage(
    model: Scripted, client: httpx.AsyncClient
) -> None:
    model.answer = Step(text="Hello there", reasoning="greet", chunk=4)
    frames = await stream(client)
    assert frames[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(deltas(frames, "reasoning_content")) == "greet"
    assert deltas(frames, "content") == ["Hell", "o th", "ere"]
    assert frames[-2]["choices"][0]["finish_reason"] == "stop"
    assert frames[-1]["choices"] == []
    usage = frames[-1]["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0


@pytest.mark.asyncio
async def test_a_streamed_tool_call_comes_name_first(
    model: Scripted, client: httpx.AsyncClient
) -> None:
    model.answer = Step(
        tool_calls=[ToolCall(name="one", arguments={"a": 1}), ToolCall(name="two", arguments="{")]
    )
    frames = await stream(client)
    pieces = [piece for (piece,) in deltas(frames, "tool_calls")]
    assert [(piece["index"], piece["function"]["name"]) for piece in pieces if "id" in piece] == [
        (0, "one"),
        (1, "two"),
    ]
    assert len({piece["id"] for piece in pieces if "id" in piece}) == 2
    arguments = [
        "".join(p["function"]["arguments"] for p in pieces if p["index"] == index)
        for index in (0, 1)
    ]
    assert arguments == ['{"a": 1}', "{"]


@pytest.mark.asyncio
async def test_the_usage_grows_with_the_conversation(client: httpx.AsyncClient) -> None:
    long = {"messages": [{"role": "user", "content": "x" * 4000}]}
    short_use, long_use = [
        (await client.post("chat/completions", json=body)).json()["usage"]["prompt_tokens"]
        for body in (HELLO, long)
    ]
    assert 950 < long_use - short_use < 1050


@pytest.mark.asyncio
async def test_a_step_can_claim_another_usage(model: Scripted, client: httpx.AsyncClient) -> None:
    model.answer = Step(usage={"prompt_tokens": 110_000})
    usage = (await client.post("chat/completions", json=HELLO)).json()["usage"]
    assert usage["prompt_tokens"] == 110_000
    assert usage["total_tokens"] == 110_000 + usage["completion_tokens"]


@pytest.mark.asyncio
async def test_an_error_has_the_status_and_the_message_of_the_step(
    model: Scripted, client: httpx.AsyncClient
) -> None:
    model.answer = Step(status=429, error="slow down")
    response = await client.post("chat/completions", json={**HELLO, "stream": True})
    assert response.status_code == 429
    assert response.json()["error"]["message"] == "slow down"


@pytest.mark.asyncio
@pytest.mark.parametrize("content", ["{", 'SCRIPT: {"txet": "typo"}'])
async def test_what_cannot_be_read_is_refused_with_a_reason(content: str) -> None:
    body = (
        content
        if content == "{"
        else json.dumps({"messages": [{"role": "user", "content": content}]})
    )
    async with OfflineModel() as model, httpx.AsyncClient() as client:
        response = await client.post(
            f"{model.base_url}/chat/completions",
            content=body,
            headers={"Authorization": f"Bearer {model.key}"},
        )
    assert response.status_code == 400
    assert response.json()["error"]["message"]


@pytest.mark.asyncio
@pytest.mark.parametrize("drop", [0, 1, 2])
async def test_a_dropped_stream_ends_after_so_many_deltas(
    model: Scripted, client: httpx.AsyncClient, drop: int
) -> None:
    model.answer = Step(text="abcdef", chunk=3, drop=drop)
    received = ""
    with pytest.raises(httpx.RemoteProtocolError):
        async with client.stream(
            "POST", "chat/completions", json={**HELLO, "stream": True}
        ) as response:
            async for line in response.aiter_lines():
                received += line
    assert received.count('"content"') == 1 + drop  # the role comes with an empty content
    assert "[DONE]" not in received


@pytest.mark.asyncio
async def test_a_held_stream_goes_on_when_the_gate_opens(
    model: Scripted, client: httpx.AsyncClient
) -> None:
    model.answer = Step(text="abcdef", chunk=3, wait="go", wait_after=1)
    received = ""
    async with client.stream(
        "POST", "chat/completions", json={**HELLO, "stream": True}
    ) as response:
        lines = response.aiter_lines()
        while '"abc"' not in received:
            received += await anext(lines)
        assert '"def"' not in received
        model.release("go")
        async for line in lines:
            received += line
    assert '"def"' in received


@pytest.mark.asyncio
async def test_stopping_cuts_a_hanging_answer(model: Scripted, client: httpx.AsyncClient) -> None:
    model.answer = Step(wait="never")
    asking = asyncio.ensure_future(client.post("chat/completions", json=HELLO))
    await asyncio.sleep(0.05)
    assert not asking.done()
    await asyncio.wait_for(model.stop(), 1)
    with pytest.raises(httpx.RemoteProtocolError):
        await asking


@pytest.mark.asyncio
async def test_a_client_that_leaves_ends_its_answer(
    model: Scripted, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    model.answer = Step(text="abc", wait="never")
    with pytest.raises(httpx.ReadTimeout):
        await client.post("chat/completions", json={**HELLO, "stream": True}, timeout=0.05)
    await asyncio.sleep(0.05)
    here = asyncio.current_task()
    assert not [
        task for task in asyncio.all_tasks() if task is not here and "Event.wait" in repr(task)
    ]
    assert not caplog.records
