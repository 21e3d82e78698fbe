"""The journal: every event of this server under one rising number, and who reads along.

* One counter numbers all events; a *topic* (a conversation, or ``EVERYWHERE``) holds the
  subsequence that belongs to it. So one cursor fits every stream.
* A viewer is a position in the journal. Nothing is queued per viewer: a viewer that cannot take
  an event now reads on from its position later, and one that has fallen out gets a snapshot.
* Publishing and waking the viewers is one synchronous step on the event loop.
"""

from __future__ import annotations

import json
import time
from bisect import bisect_right
from collections.abc import Collection, Iterator
from itertools import chain
from operator import attrgetter
from typing import Any, Protocol

#: Bytes of frames that a topic keeps, give or take a half.
MAX_BYTES = 16 * 1024 * 1024

#: Bytes of frames that a topic keeps at rest: enough for a page that was away for a moment.
RESTING_BYTES = 256 * 1024

_BY_SEQ = attrgetter("seq")

#: The topic of what concerns every page: lists, questions, the agent's state.
EVERYWHERE = ""


def _epoch(after: str) -> str:
    """When a run began, in milliseconds, as text of one width; above that of the run before.

    The clock may have been set back since.
    """
    now = time.time_ns() // 1_000_000
    return f"{max(now, int(after or '0', 16) + 1):012x}"


class Event:
    """One numbered event and its bytes on the wire, which are encoded once for all viewers."""

    __slots__ = ("data", "frame", "seq", "type")

    def __init__(self, epoch: str, seq: int, type_: str, data: dict[str, Any]) -> None:
        self.seq = seq
        self.type = type_
        self.data = data
        self.frame = encode_frame(f"{epoch}.{seq}", type_, data)


def encode_frame(cursor: str, type_: str, data: dict[str, Any]) -> bytes:
    """A Server-Sent Events frame: id, event and one line of JSON."""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"id: {cursor}\nevent: {type_}\ndata: {body}\n\n".encode("utf-8", "replace")


class Viewer(Protocol):
    """Somebody who reads along."""

    def wake(self, event: Event) -> None:
        """Told of each new event of its topics; must not block."""


class _Topic:
    """The newest events of one topic; ``floor`` is the number of the last one let go."""

    __slots__ = ("events", "floor", "size", "viewers")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.floor = 0
        self.size = 0
        self.viewers: dict[Viewer, None] = {}

    def add(self, event: Event, capacity: int) -> None:
        self.events.append(event)
        self.size += len(event.frame)
        # Half at once, so that the cost of letting go does not come with every event.
        if len(self.events) > 2 * capacity or self.size > 2 * MAX_BYTES:
            self._let_go(max(1, len(self.events) // 2))

    def rest(self) -> None:
        count, left = 0, self.size
        while left > RESTING_BYTES:
            left -= len(self.events[count].frame)
            count += 1
        if count:
            self._let_go(count)

    def _let_go(self, count: int) -> None:
        self.floor = self.events[count - 1].seq
        self.size -= sum(len(event.frame) for event in self.events[:count])
        del self.events[:count]

    def after(self, seq: int) -> list[Event]:
        return self.events[bisect_right(self.events, seq, key=_BY_SEQ) :]


class Journal:
    """All events of one run of the server (an *epoch*), bounded per topic.

    Epochs sort as text, in the order of the runs: so a page knows what comes late from an old one.

    Args:
        capacity: events kept per topic at least. 20,000 is a long running turn.
        after: the epoch of the run before; empty: it is not known.
    """

    def __init__(self, capacity: int = 20_000, *, after: str = "") -> None:
        self.epoch = _epoch(after)
        self.seq = 0
        self._capacity = capacity
        self._topics: dict[str, _Topic] = {}

    @property
    def cursor(self) -> str:
        """The position after the newest event: ``{epoch}.{seq}``."""
        return f"{self.epoch}.{self.seq}"

    def publish(
        self, type_: str, data: dict[str, Any], *topics: str, everywhere: bool = False
    ) -> Event:
        """Number an event, keep it under its topics, and wake each of its viewers once."""
        self.seq += 1
        event = Event(self.epoch, self.seq, type_, data)
        names = (*topics, EVERYWHERE) if everywhere else topics
        woken: dict[Viewer, None] = {}
        for name in names:
            topic = self._topic(name)
            topic.add(event, self._capacity)
            woken.update(topic.viewers)
        for viewer in woken:
            viewer.wake(event)
        return event

    def watched(self, name: str) -> bool:
        """Whether anybody reads along in a topic."""
        topic = self._topics.get(name)
        return topic is not None and bool(topic.viewers)

    def rest(self, name: str) -> None:
        """Keep less of a topic in which nothing goes on: a snapshot tells the rest as well."""
        topic = self._topics.get(name)
        if topic is not None:
            topic.rest()

    def attach(self, viewer: Viewer, topics: Collection[str]) -> None:
        """Let ``viewer`` be woken for the events of ``topics`` from now on."""
        for name in topics:
            self._topic(name).viewers[viewer] = None

    def detach(self, viewer: Viewer, topics: Collection[str]) -> None:
        """Stop waking ``viewer``; a topic nobody needs any more is let go."""
        for name in topics:
            topic = self._topics.get(name)
            if topic is not None:
                topic.viewers.pop(viewer, None)
                if not topic.viewers and not topic.events:
                    del self._topics[name]

    def position(self, cursor: str | None, topics: Collection[str]) -> int | None:
        """The number to read on from, or None where only a snapshot tells the truth.

        That is so without a cursor, and with one of another epoch, of the future, older than what
        is kept, or of another shape.
        """
        epoch, _, number = (cursor or "").partition(".")
        # Nobody has counted further than 20 digits; Python refuses to read thousands of them.
        if epoch != self.epoch or not (number.isascii() and number.isdigit() and len(number) <= 20):
            return None
        seq = int(number)
        return seq if seq <= self.seq and self.holds(seq, topics) else None

    def holds(self, seq: int, topics: Collection[str]) -> bool:
        """Whether nothing after ``seq`` has been let go in ``topics``."""
        return all(self._topics[name].floor <= seq for name in topics if name in self._topics)

    def after(self, seq: int, topics: Collection[str]) -> Iterator[Event]:
        """The events of ``topics`` after ``seq``, each once, in order."""
        last = seq
        tails = [self._topics[name].after(seq) for name in topics if name in self._topics]
        # Each is in order already: a sort merges them, ten times faster than `heapq.merge`.
        for event in sorted(chain.from_iterable(tails), key=_BY_SEQ):
            if event.seq > last:
                last = event.seq
                yield event

    def ping(self) -> bytes:
        """A sign of life, as a frame that a page can see; it takes no number."""
        return encode_frame(self.cursor, "ping", {"t": time.time()})

    def _topic(self, name: str) -> _Topic:
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[name] = _Topic()
        return topic
