"""A Jupyter extension in the measured server: the yardsticks, and what no agent is fast enough for.

* ``bench/raw`` is the cheapest stream there is: a prebuilt chunk, written to each socket.
* ``bench/plain`` is the cheapest request there is, ``bench/bytes`` the cheapest long answer.
* ``bench/publish`` publishes timed events, in the journal or to the raw streams.
* ``bench/speak`` makes an agent's turn long, through the same door that the agent's words come in.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, ClassVar

from tornado import web
from tornado.iostream import IOStream

from hermes_jupyter.core.agent import TextDelta, ToolBegan, ToolDone
from hermes_jupyter.core.conversation import Conversation
from hermes_jupyter.core.core import Core
from hermes_jupyter.core.journal import EVERYWHERE, encode_frame
from hermes_jupyter.server.base import CORE
from hermes_jupyter.server.stream import STREAMS

#: The type of the timed events, which carry the time at which they were published.
PROBE = "probe"

#: Deltas between two tools of a turn that is made long.
DELTAS = 18


class _Handler(web.RequestHandler):
    @property
    def core(self) -> Core:
        core: Core = self.settings[CORE]
        return core


class RawHandler(_Handler):
    """A stream without a journal, a position or back-pressure."""

    streams: ClassVar[set[RawHandler]] = set()

    def initialize(self) -> None:
        self._gone = asyncio.Event()
        self.socket: IOStream = self.request.connection.stream  # type: ignore[union-attr]

    def on_connection_close(self) -> None:
        self._gone.set()

    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.write(b"retry: 2000\n\n")
        await self.flush()
        self.streams.add(self)
        await self._gone.wait()
        self.streams.discard(self)


class PlainHandler(_Handler):
    """A request without anything."""

    def get(self) -> None:
        self.finish(b"{}")


class BytesHandler(_Handler):
    """``?size=``: so many bytes at once, which look like frames."""

    def get(self) -> None:
        frame = b"x" * 220 + b"\n\n"
        self.set_header("Etag", "none")  # else one is computed
        self.finish(frame * (int(self.get_argument("size")) // len(frame)) + b"the end\n\n")


class PublishHandler(_Handler):
    """``?count=&gap=&size=&to=journal|raw``; answers before it begins."""

    tasks: ClassVar[set[asyncio.Task[None]]] = set()

    def get(self) -> None:
        count, size = int(self.get_argument("count")), int(self.get_argument("size"))
        send = self._raw if self.get_argument("to") == "raw" else self._publish
        task = asyncio.create_task(_repeat(send, count, float(self.get_argument("gap")), size))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        self.finish(b"{}")

    def _publish(self, data: dict[str, Any]) -> None:
        self.core.journal.publish(PROBE, data, EVERYWHERE)

    def _raw(self, data: dict[str, Any]) -> None:
        frame = encode_frame(self.core.journal.cursor, PROBE, data)
        chunk = b"%x\r\n%b\r\n" % (len(frame), frame)
        for handler in tuple(RawHandler.streams):
            handler.socket.write(chunk)


async def _repeat(send: Any, count: int, gap: float, size: int) -> None:
    for number in range(count):
        await asyncio.sleep(gap)
        send({"number": number, "t": time.time(), "filling": "x" * size})


class SpeakHandler(_Handler):
    """``?session_id=&events=``: lets the agent say so many things in its turn in hand."""

    async def get(self) -> None:
        conversation = await self.core.conversations.find(self.get_argument("session_id"))
        end, number = self.core.journal.seq + int(self.get_argument("events")), 0
        while self.core.journal.seq < end:
            self._speak(conversation, f"{end}-{number}")
            number += 1
        self.finish(json.dumps({"cursor": self.core.journal.cursor}))

    def _speak(self, conversation: Conversation, tool: str) -> None:
        session_id = conversation.id
        for _ in range(DELTAS):
            self.core.hear(TextDelta(session_id, "about as much as comes in 50 ms "))
            # Time is what coalesces deltas; here none passes.
            conversation.settle()
        arguments = {"command": "ls"}
        self.core.hear(ToolBegan(session_id, tool, "terminal", arguments))
        result = {"output": "a.txt\nb.txt\n", "exit_code": 0}
        self.core.hear(ToolDone(session_id, tool, "terminal", arguments, result, 0.1, None))


class StateHandler(_Handler):
    """The open streams, the bytes that they hold for their sockets, and the newest position."""

    def get(self) -> None:
        streams = self.settings[STREAMS]
        held = [len(one.request.connection.stream._write_buffer) for one in streams._open]
        state = {"streams": len(streams), "held": sum(held), "cursor": self.core.journal.cursor}
        self.finish(json.dumps(state))


routes = [
    (r"/bench/raw", RawHandler),
    (r"/bench/plain", PlainHandler),
    (r"/bench/bytes", BytesHandler),
    (r"/bench/publish", PublishHandler),
    (r"/bench/speak", SpeakHandler),
    (r"/bench/state", StateHandler),
]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: Any) -> None:
    server.web_app.add_handlers(".*$", routes)
