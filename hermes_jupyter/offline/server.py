"""The offline model's HTTP server: the part of the OpenAI protocol that the agent uses."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Self

from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from . import tour
from .config import KEY_VARIABLE, URL_VARIABLE
from .script import Request, Script, Step, ToolCall

Delta = dict[str, Any]


class OfflineModel:
    """An OpenAI-compatible server on 127.0.0.1 whose answers come from a script.

    It runs on the event loop that `start` is awaited on, takes a free port, and answers nobody
    without its `key`: other accounts of the machine reach the loopback interface too. Usable as an
    asynchronous context manager.

    Args:
        script: chooses the answer to each chat request; the guided tour by default.
        model: the one model's name.
        context_length: the window it claims to have, in tokens.
        instant: leave out the delays of all steps.
    """

    def __init__(
        self,
        script: Script = tour.answer,
        *,
        model: str = "offline",
        context_length: int = 131_072,
        instant: bool = False,
    ) -> None:
        self.script = script
        self.model = model
        self.context_length = context_length
        self.instant = instant
        self.key = secrets.token_urlsafe(32)
        self._gates: dict[str, asyncio.Event] = {}
        self._server: HTTPServer | None = None
        self._port = 0

    @property
    def base_url(self) -> str:
        """The address of the API, ``http://127.0.0.1:{port}/v1``; known once started."""
        if not self._port:
            raise RuntimeError("the offline model is not started")
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def environ(self) -> dict[str, str]:
        """The variables an agent needs in its environment if its home is one of `write_home`."""
        return {URL_VARIABLE: self.base_url, KEY_VARIABLE: self.key}

    async def start(self) -> Self:
        """Listen, and return the model itself."""
        sockets = bind_sockets(0, "127.0.0.1")
        self._port = sockets[0].getsockname()[1]
        self._server = HTTPServer(
            Application(
                [
                    (r"/v1/models", ModelsHandler, {"model": self}),
                    (r"/v1/chat/completions", ChatHandler, {"model": self}),
                ],
                default_handler_class=NotFoundHandler,
                default_handler_args={"model": self},
                # Or every request of the agent shows up in the log of the person's Jupyter server.
                log_function=lambda handler: None,
            )
        )
        self._server.add_sockets(sockets)
        return self

    async def stop(self) -> None:
        """Stop listening and cut what is being answered; harmless if it is not running."""
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
            self._server = None
            self._port = 0

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    def gate(self, name: str) -> asyncio.Event:
        """Return the gate of this name, which is closed until released."""
        return self._gates.setdefault(name, asyncio.Event())

    def release(self, name: str) -> None:
        """Open a gate for good: what waits at it, or will, goes on."""
        self.gate(name).set()


class _Handler(RequestHandler):
    model: OfflineModel

    def initialize(self, model: OfflineModel) -> None:
        self.model = model
        self.gone = asyncio.Event()

    def prepare(self) -> None:
        given = self.request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.model.key}".encode()):
            self.refuse(401, "a wrong key, or none")

    def on_connection_close(self) -> None:
        self.gone.set()

    def refuse(self, status: int, message: str) -> None:
        self.set_status(status)
        self.finish({"error": {"message": message, "type": "offline_model", "code": status}})


class NotFoundHandler(_Handler):
    """Everything else: the agent probes a local server for the dialects of several others."""

    def get(self) -> None:
        self.refuse(404, "there is no such endpoint")

    head = post = put = patch = delete = options = get


class ModelsHandler(_Handler):
    """``GET /v1/models``: the one model there is."""

    def get(self) -> None:
        self.finish(
            {
                "object": "list",
                "data": [
                    {
                        "id": self.model.model,
                        "object": "model",
                        "owned_by": "hermes-jupyter",
                        "context_length": self.model.context_length,
                    }
                ],
            }
        )


class ChatHandler(_Handler):
    """``POST /v1/chat/completions``, streamed or not."""

    async def post(self) -> None:
        try:
            request: Request = json.loads(self.request.body)
            step = self.model.script(request)
        except ValueError as error:
            # A status that the agent does not retry, so a broken script ends the turn at once.
            self.refuse(400, str(error))
            return
        if step.status != 200:
            self.refuse(step.status, step.error)
            return
        reply = self._stream if request.get("stream") else self._complete
        with suppress(StreamClosedError):
            await reply(request, step)

    async def _complete(self, request: Request, step: Step) -> None:
        if step.wait is not None:
            await self._hold(step.wait)
        if step.drop is not None:
            self.detach().close()
            return
        calls = _wire_calls(step)
        message: Delta = {"role": "assistant", "content": step.text or None}
        if step.reasoning:
            message["reasoning_content"] = step.reasoning
        if calls:
            message["tool_calls"] = calls
        await self.finish(
            {
                **self._head("chat.completion"),
                "choices": [
                    {"index": 0, "message": message, "finish_reason": _finish_reason(step)}
                ],
                "usage": _usage(request, step),
            }
        )

    async def _stream(self, request: Request, step: Step) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        head = self._head("chat.completion.chunk")

        await self._frame({**head, "choices": [_choice({"role": "assistant", "content": ""})]})
        # The empty delta carries the end, so that a gate or a cut may also stand right before it.
        for number, delta in enumerate([*_deltas(step), {}]):
            if number == step.wait_after and step.wait is not None:
                await self._hold(step.wait)
            if number == step.drop:
                self.detach().close()
                return
            end = None if delta else _finish_reason(step)
            await self._frame({**head, "choices": [_choice(delta, end)]})
            if step.delay and not self.model.instant:
                await asyncio.sleep(step.delay)
        await self._frame({**head, "choices": [], "usage": _usage(request, step)})
        self.write("data: [DONE]\n\n")
        await self.finish()

    async def _frame(self, frame: dict[str, Any]) -> None:
        self.write(f"data: {json.dumps(frame)}\n\n")
        await self.flush()

    async def _hold(self, gate: str) -> None:
        waiters = [
            asyncio.ensure_future(event.wait()) for event in (self.model.gate(gate), self.gone)
        ]
        await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        for waiter in waiters:
            waiter.cancel()

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex[:12]}",
            "object": kind,
            "created": int(time.time()),
            "model": self.model.model,
        }


def _choice(delta: Delta, finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def _deltas(step: Step) -> Iterator[Delta]:
    """Yield what is streamed, none of it empty."""
    for piece in _pieces(step.reasoning, step.chunk):
        yield {"reasoning_content": piece}
    for piece in _pieces(step.text, step.chunk):
        yield {"content": piece}
    for index, call in enumerate(_wire_calls(step)):
        function = call["function"]
        yield {"tool_calls": [{**call, "index": index, "function": {**function, "arguments": ""}}]}
        for piece in _pieces(function["arguments"], step.chunk):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


def _wire_calls(step: Step) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{uuid.uuid4().hex[:12]}",
            "type": "function",
            "function": {"name": call.name, "arguments": _wire_arguments(call)},
        }
        for call in step.tool_calls
    ]


def _wire_arguments(call: ToolCall) -> str:
    return call.arguments if isinstance(call.arguments, str) else json.dumps(dict(call.arguments))


def _finish_reason(step: Step) -> str:
    return "tool_calls" if step.tool_calls else "stop"


def _usage(request: Request, step: Step) -> dict[str, int]:
    usage = {
        "prompt_tokens": _tokens([request.get("messages"), request.get("tools")]),
        "completion_tokens": _tokens([step.text, step.reasoning, _wire_calls(step)]),
        **step.usage,
    }
    return {"total_tokens": usage["prompt_tokens"] + usage["completion_tokens"], **usage}


def _tokens(value: Any) -> int:
    # Four characters a token is the estimate that Hermes uses itself.
    return len(json.dumps(value, ensure_ascii=False)) // 4
