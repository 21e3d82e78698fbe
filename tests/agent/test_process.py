"""What a process prints on the way that frames come: never more than a line in the log."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from hermes_jupyter.agent.process import RpcProcess
from hermes_jupyter.agent.stderr import Stderr

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)
#: What looks like a frame at first sight.
almost = st.dictionaries(
    st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error"]),
    values | st.sampled_from(["event", 1, {"code": 1, "message": "no"}]),
)
lines = st.binary() | (values | almost).map(lambda value: json.dumps(value).encode())


def reader(heard: list[Any]) -> RpcProcess:
    """The reading half of a process, without one."""

    def hear(params: dict[str, Any]) -> None:
        heard.append(params["type"])

    process = RpcProcess.__new__(RpcProcess)
    process._calls = {}
    process.stderr = Stderr()
    process._on_event = hear
    return process


@given(st.lists(lines, max_size=20))
@example([b"[" * 500_000])
@example([b'{"id": []}', b'{"id": 1e999}', b'{"id": {}}'])
@example([b'{"id": 7, "method": "event", "params": 3}'])
def test_garbage_is_passed_over(printed: list[bytes]) -> None:
    heard: list[Any] = []

    async def read() -> Any:
        process = reader(heard)
        # A number that no garbage hits by chance.
        answer = process._calls[10**40] = asyncio.get_running_loop().create_future()
        for line in printed:
            process._receive(line)
        before = len(heard)
        process._receive(b'{"method": "event", "params": {"type": "idle"}}')
        assert heard[before:] == ["idle"]
        assert len(process.stderr.lines) <= 20
        assert all(len(line) <= 500 for line in process.stderr.lines)
        process._receive(json.dumps({"id": 10**40, "result": "good"}).encode())
        return await answer

    assert asyncio.run(read()) == "good"


@given(values)
@example("no")
@example({"code": None})
@example(None)
def test_a_refusal_of_any_shape_is_a_refusal(error: Any) -> None:
    async def read() -> BaseException | None:
        process = reader([])
        answer = process._calls[7] = asyncio.get_running_loop().create_future()
        process._receive(json.dumps({"id": 7, "error": error}).encode())
        return answer.exception()

    assert type(asyncio.run(read())).__name__ == "RpcError"
