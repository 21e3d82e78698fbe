"""Pages that do not read.

Fifty pages come with a cursor from long ago, take nothing, and the events go on: each may cost one
bounded buffer. The yardstick is that buffer as the design has it: a chunk of the replay, and the
frame that went over. When their sockets are closed, their streams must be gone.

What is measured is what the streams hold, for a process does not give back memory that it has used
once; that the process grows no more than that is seen once, from a fresh heap.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from hermes_jupyter.server.stream import CHUNK

from .caller import STATUS, Caller
from .fanout import publish
from .measure import Row, memory, middle
from .pages import Pages, open_pages
from .stage import serve

PAGES = 50

#: Bytes of an event, and so many that a page's buffers in the kernel are full many times over. The
#: journal keeps all of them, so that it does not let go of any memory meanwhile.
SIZE = 16_000
MISSED = 1_100
MORE = 800


def silent() -> Iterator[Row]:
    """Fifty silent pages, and one that reads."""
    with serve() as server, Caller(server) as caller:
        idle = middle([caller.time(STATUS) for _ in range(100)])
        cursor = caller.get("bench/state")["cursor"]
        with open_pages(server, "hermes/api/events", mark=b"event: probe") as reader:
            publish(caller, reader, "journal", MISSED, 0, SIZE)
            before = memory(server.process.pid)
            pages = Pages(server)
            for _ in range(PAGES):
                pages.connect(f"hermes/api/events?cursor={cursor}", receive_buffer=4096)
            held = _held(caller, PAGES + 1)
            grown = memory(server.process.pid) - before
            publish(caller, reader, "journal", MORE, 0, SIZE)
            later = _held(caller, PAGES + 1)
            status = middle([caller.time(STATUS) for _ in range(100)])
            pages.close()
            closed = time.perf_counter()
            left = _held(caller, 1)
            gone = time.perf_counter() - closed
    for what, value in (
        ("held", held),
        ("held after 13 MB more events", later),
        ("growth of the process", grown),
    ):
        yield Row(
            what=f"a silent page: {what}",
            value=value / 1024 / PAGES,
            unit="KiB",
            yardstick=(CHUNK + SIZE) / 1024,
            beside="one chunk of the replay",
            limit=1.5,
        )
    yield Row(
        what="50 silent pages: status, p50",
        value=status * 1e3,
        unit="ms",
        yardstick=idle * 1e3,
        beside="the same with no page",
        limit=3,
    )
    yield Row(what="closed: until the streams are gone", value=gone, unit="s", budget=4.5)
    yield Row(what="closed: what is held still", value=left / 1024, unit="KiB", budget=0)


def _held(caller: Caller, count: int) -> int:
    """Bytes that the streams hold, as soon as there are so many of them."""
    end = time.monotonic() + 20
    while (state := caller.get("bench/state"))["streams"] != count:
        assert time.monotonic() < end, "the streams did not come, or did not go"
        time.sleep(0.01)
    return int(state["held"])
