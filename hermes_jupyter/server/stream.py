"""Server-Sent Events: the journal as streams.

A stream is a viewer of the journal and has no queue of its own. While its socket takes what it is
given, each event is written at once. When the socket is full, the stream stops and later reads on
from its position; if the journal has let go of that meanwhile, it gets a snapshot. A socket that
stays full for :data:`WRITE_DEADLINE` is closed.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.httputil import HTTPHeaders
from tornado.ioloop import PeriodicCallback

from ..core.core import Core
from ..core.journal import EVERYWHERE, Event, encode_frame
from .base import STREAMS, HermesHandler, Places
from .questions import pending

#: Seconds between two signs of life: half of the smallest idle timeout that is in use.
PING = 4.5

#: Seconds that a socket may stay full before its page counts as gone.
WRITE_DEADLINE = 20.0

#: Where jupyter-server and JupyterHub keep the user of a request that lasts no longer than one.
_CACHED_USERS = ("_jupyter_current_user", "_jupyterhub_user", "_cached_hub_user")

#: Bytes written at once while a stream catches up.
CHUNK = 256 * 1024

#: Seconds for which a browser that asks now and then counts as looking: its longest pause is 10.
POLLED = 15.0


class Streams(Places):
    """The open streams of a server: their signs of life, and their end with it.

    Args:
        most: that may be open at once.
        each: that one person may have open at once.
        reauthenticate: seconds after which one asks again whether its viewer is logged in.
    """

    def __init__(self, core: Core, most: int, each: int, reauthenticate: float) -> None:
        super().__init__(most, each, "streams")
        self._core = core
        self._reauthenticate = reauthenticate
        self._open: set[StreamHandler] = set()
        self._polled_at = -POLLED
        #: The seconds for which the last streams were open that somebody else has ended.
        self.lasted: deque[float] = deque(maxlen=20)
        self._pulse = PeriodicCallback(self._beat, PING * 1000)
        self._checking: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    @property
    def viewers(self) -> int:
        """Browsers that show questions to a person: each has one stream, or asks now and then."""
        polled = time.monotonic() - self._polled_at < POLLED
        return sum(stream.shows_questions for stream in self._open) + polled

    def polled(self) -> None:
        """A browser has asked what waits for a person."""
        self._polled_at = time.monotonic()

    def add(self, stream: StreamHandler) -> None:
        """A stream has been opened."""
        self._open.add(stream)
        if not self._pulse.is_running():
            self._pulse.start()

    def discard(self, stream: StreamHandler) -> None:
        """A stream is gone."""
        self._open.discard(stream)
        if not self._open:
            self._pulse.stop()

    def close(self) -> None:
        """End all streams, for the server ends."""
        if self._checking is not None:
            self._checking.cancel()
        for stream in tuple(self._open):
            stream.end()

    def _beat(self) -> None:
        ping = self._core.journal.ping()
        for stream in tuple(self._open):
            stream.ping(ping)
        # Beside the signs of life: an identity provider may take its time.
        if self._checking is None or self._checking.done():
            self._checking = asyncio.get_running_loop().create_task(self._check())

    async def _check(self) -> None:
        """Ask again who is logged in.

        One stream after the other: a hub's answer for the first page of a person is kept, and does
        for their others.
        """
        due = time.monotonic() - self._reauthenticate
        for stream in tuple(self._open):
            if stream.authenticated_at < due and stream in self._open:
                await stream.authenticate_again()


class StreamHandler(HermesHandler):
    """Base of the streams; a leaf says what it tells and what it begins with."""

    # An idle page must not keep a server alive.
    _track_activity = False

    places = STREAMS

    def initialize(self) -> None:
        """Set up a stream that is not open yet."""
        self.authenticated_at = self._opened_at = time.monotonic()
        # A future: an event costs every stream a queue of its own.
        self._over = asyncio.get_running_loop().create_future()
        self._position = 0
        self._topics: set[str] = set()
        self._full = False
        self._opening = False
        self._deadline: asyncio.TimerHandle | None = None

    # -- what a leaf says ----------------------------------------------------------------------

    @property
    def shows_questions(self) -> bool:
        """Whether a person behind it sees every question, and can answer."""
        return False

    def frame(self, event: Event) -> bytes | None:
        """The bytes for an event; None: it is not told here."""
        raise NotImplementedError

    def opening(self) -> list[bytes]:
        """The whole truth of now, for a stream without a position."""
        raise NotImplementedError

    # -- life ----------------------------------------------------------------------------------

    async def follow(self, topics: set[str], position: int | None) -> None:
        """Tell the events of ``topics`` until the page or the server is gone.

        Args:
            topics: of the journal.
            position: the number to read on from; None: begin with the opening.
        """
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache, no-transform")
        self.set_header("X-Accel-Buffering", "no")
        streams: Streams = self.settings[STREAMS]
        journal = self.core.journal
        try:
            # From here to the first write nothing else runs: no event is missed or told twice.
            self._topics = topics
            self._position = journal.seq if position is None else position
            journal.attach(self, topics)
            streams.add(self)
            first = [b"retry: 2000\n\n"]
            self._write(b"".join(first if position is not None else first + self._open()))
            self._forget_headers()
            self._catch_up()
            await self._over
        finally:
            streams.discard(self)
            journal.detach(self, topics)
            if self._deadline is not None:
                self._deadline.cancel()

    def _forget_headers(self) -> None:
        # They have gone out with the first write; thousands of streams would keep theirs for hours.
        self._headers = HTTPHeaders()
        self.__dict__.pop("_new_cookie", None)

    def _open(self) -> list[bytes]:
        # Deltas that a snapshot settles are in it, and are not told before it.
        self._opening = True
        frames = self.opening()
        self._opening = False
        self._position = self.core.journal.seq
        return frames

    def on_connection_close(self) -> None:
        """The page is gone."""
        super().on_connection_close()
        if not self._over.done():
            self.settings[STREAMS].lasted.append(time.monotonic() - self._opened_at)
        self.end()

    def end(self) -> None:
        """End the stream in order."""
        if not self._over.done():
            self._over.set_result(None)

    def abort(self) -> None:
        """Cut the connection of a page that does not read."""
        connection = self.request.connection
        if connection is not None:
            connection.stream.close()  # type: ignore[attr-defined]
        self.end()

    async def authenticate_again(self) -> None:
        """End the stream when its viewer is not logged in, may not read, or may be gone."""
        self.authenticated_at = time.monotonic()
        if self.request.headers.get("Connection", "").lower() == "close":
            # So ask proxies and no browser; and jupyter-server-proxy does not tell that its page
            # is gone, but reads on for two hours. A page that is there comes back at once.
            self.end()
            return
        for cached in _CACHED_USERS:
            self.__dict__.pop(cached, None)
        try:
            user = await ensure_async(self.identity_provider.get_user(self))
            allowed = user is not None and await ensure_async(
                self.authorizer.is_authorized(self, user, "read", self.auth_resource)
            )
        except Exception as error:
            self.log.warning("A stream is ended: its viewer cannot be checked: %s", error)
            allowed = False
        if not allowed:
            self.log.info("A stream was ended: its viewer is not let in any more")
            # In order, where it can be told: a hub's proxy tells its page nothing of a cut.
            if self._full:
                self.abort()
            else:
                self.end()

    # -- writing -------------------------------------------------------------------------------

    def wake(self, event: Event) -> None:
        """Tell a new event, unless the socket is full."""
        if not self._full and not self._opening:
            self._position = event.seq
            frame = self.frame(event)
            if frame is not None:
                self._write(frame)

    def ping(self, frame: bytes) -> None:
        """Give a sign of life, unless the socket is full."""
        if not self._full:
            self._write(frame)

    def _write(self, data: bytes) -> None:
        if self._over.done():
            return
        self.write(data)
        flushed = self.flush()
        socket = self.request.connection.stream  # type: ignore[union-attr]
        if socket.closed():
            # A page that went before its stream began is never told of as gone.
            self.end()
        elif socket.writing():
            self._full = True
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(WRITE_DEADLINE, self._too_slow)
            flushed.add_done_callback(self._drained)

    def _too_slow(self) -> None:
        self.log.info("A stream was closed: its page has not read for %.0f s", WRITE_DEADLINE)
        self.abort()

    def _drained(self, flushed: asyncio.Future[None]) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._full = False
        if not flushed.cancelled() and flushed.exception() is None and not self._over.done():
            self._catch_up()

    def _catch_up(self) -> None:
        """Tell what has happened since the position, in pieces that a socket takes."""
        journal = self.core.journal
        if not journal.holds(self._position, self._topics):
            self._write(b"".join(self._open()))
        # Nothing else runs until the socket is full, so one look into the journal will do.
        missed = journal.after(self._position, self._topics)
        while not self._full and not self._over.done():
            data = b"".join(self._next_chunk(missed))
            if not data:
                return
            self._write(data)

    def _next_chunk(self, missed: Iterator[Event]) -> Iterator[bytes]:
        size = 0
        for event in missed:
            self._position = event.seq
            frame = self.frame(event)
            if frame is not None:
                size += len(frame)
                yield frame
            if size > CHUNK:
                return


class EventsHandler(StreamHandler):
    """``events``: the multiplexed stream of a page, with the conversations it names."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Stream what concerns every page, and the conversations of ``?session_id=``."""
        await self.read(self.get_query_arguments("session_id"))

    async def read(self, session_ids: list[str], *, everywhere: bool = True) -> None:
        """Open the stream; an unknown conversation is refused before the first byte."""
        self._everywhere = everywhere
        self._conversations = [await self.core.conversations.find(name) for name in session_ids]
        topics = {conversation.id for conversation in self._conversations}
        topics |= {EVERYWHERE} if everywhere else set()
        await self.follow(topics, self.core.journal.position(_cursor(self), topics))

    @property
    def shows_questions(self) -> bool:
        """A page's stream does, unless a cell that runs stands between."""
        return self._everywhere and not self.from_kernel

    def frame(self, event: Event) -> bytes | None:
        """Every event of the topics, encoded once for all."""
        return event.frame

    def opening(self) -> list[bytes]:
        """The snapshot of each conversation, after what concerns every page."""
        snapshots = [
            self.core.conversations.snapshot(conversation) for conversation in self._conversations
        ]
        cursor = self.core.journal.cursor
        overview = self.core.overview() if self._everywhere else []
        return overview + [
            encode_frame(cursor, "snapshot", {"session_id": snapshot["id"], **snapshot})
            for snapshot in snapshots
        ]


class SessionStreamHandler(EventsHandler):
    """``sessions/{id}/stream``: the same stream, of one conversation alone."""

    @web.authenticated
    @authorized
    async def get(self, session_id: str) -> None:
        """Stream the events of one conversation."""
        await self.read([session_id], everywhere=False)


class _PendingStreamHandler(StreamHandler):
    """A stream that speaks in state: the head of a queue of questions, and its length."""

    kind: str

    async def read(self) -> None:
        """Open the stream; of a conversation that is named, else of all."""
        session_id = self.get_query_argument("session_id", None)
        self._session_id = None
        if session_id is not None:
            self._session_id = (await self.core.conversations.find(session_id)).id
        await self.follow({EVERYWHERE}, None)

    def frame(self, event: Event) -> bytes | None:
        """The state after each change of a question of this kind."""
        question = event.data.get("question") if event.type == "question" else None
        if question is None or question["kind"] != self.kind:
            return None
        if self._session_id not in (None, question["session_id"]):
            return None
        return self._state(self.kind)

    def opening(self) -> list[bytes]:
        """The state of now, also when nothing waits."""
        return [self._state("initial")]

    def _state(self, name: str) -> bytes:
        state = pending(self.core, self.kind, self._session_id)
        return encode_frame(self.core.journal.cursor, name, state)


class ClarifyStreamHandler(_PendingStreamHandler):
    """``clarify/stream``: ``initial``, then ``clarify`` after each change."""

    kind = "clarify"

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Stream ``{pending, pending_count}``."""
        await self.read()


class ApprovalStreamHandler(_PendingStreamHandler):
    """``approval/stream``: ``initial``, then ``approval`` after each change."""

    kind = "approval"

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Stream ``{pending, pending_count}``."""
        await self.read()


def _cursor(handler: HermesHandler) -> str | None:
    """Where the page was: the header wins, for it is the newer one after a reconnect."""
    header = handler.request.headers.get("Last-Event-ID")
    return header or handler.get_query_argument("cursor", None)


routes: list[tuple[str, Any]] = [
    (r"/hermes/api/events", EventsHandler),
    (r"/hermes/api/sessions/([^/]+)/stream", SessionStreamHandler),
    (r"/hermes/api/clarify/stream", ClarifyStreamHandler),
    (r"/hermes/api/approval/stream", ApprovalStreamHandler),
]
