"""One event to many pages.

An event carries the time at which it was published; what counts is the time at which a page has
read it, on the same machine's clock. The yardstick gets events of the same size, on a server of its
own: a prebuilt chunk that is written to each socket, without back-pressure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tests.servers import Server

from .caller import Caller
from .measure import Row, memory, middle, percentile, processor_time
from .pages import Pages
from .stage import serve

#: Bytes that an event carries besides its numbers.
SIZE = 200

EVENTS = 20
GAP = 0.15

PATHS = {"journal": "hermes/api/events", "raw": "bench/raw"}


@dataclass(frozen=True)
class Cost:
    """What an event to so many pages costs; latencies in ms, memory in KiB, processor in µs."""

    memory: float
    processor: float
    middle: float
    last_percent: float
    slowest: float


def fan_out() -> Iterator[Row]:
    """One event to 500 and to 1,000 pages."""
    measured = zip((500, 1000), costs("journal"), costs("raw"), strict=True)
    for count, ours, raw in measured:
        yield from _rows(f"{count:,} pages: ", ours, raw, slowest=50 if count == 500 else None)


def _rows(name: str, ours: Cost, raw: Cost, *, slowest: float | None) -> Iterator[Row]:
    numbers = (
        ("slowest page, p50", "ms", "slowest", slowest, 2.5),
        ("every page, p50", "ms", "middle", 30, 2.5),
        ("every page, p99", "ms", "last_percent", None, None),
        ("processor for a frame", "µs", "processor", 50, 2.2),
        ("memory for a page", "KiB", "memory", 20, 1.5),
    )
    for what, unit, of, budget, limit in numbers:
        yield Row(
            what=name + what,
            value=getattr(ours, of),
            unit=unit,
            budget=budget,
            yardstick=getattr(raw, of),
            beside="a prebuilt chunk to each socket",
            limit=limit,
        )


def costs(to: str) -> Iterator[Cost]:
    """With 500 pages, and with 500 more."""
    with serve() as server, Caller(server) as caller:
        pages = Pages(server, b"event: probe")
        # What is loaded for the first page does not count for each one.
        pages.open(PATHS[to], 5)
        before = memory(server.process.pid)
        for more in (495, 500):
            pages.open(PATHS[to], more)
            opened = len(pages.sockets)
            grown = memory(server.process.pid) - before
            # The first event after a silence is slower, whoever writes it.
            publish(caller, pages, to, 3, GAP)
            yield _cost(server, caller, pages, to, grown / 1024 / (opened - 5))
        pages.close()


def _cost(server: Server, caller: Caller, pages: Pages, to: str, memory: float) -> Cost:
    used = processor_time(server.process.pid)
    publish(caller, pages, to, EVENTS, GAP)
    used = processor_time(server.process.pid) - used
    late = [arrival.at - arrival.data["t"] for arrival in pages.arrivals]
    slowest: dict[int, float] = defaultdict(float)
    for arrival, seconds in zip(pages.arrivals, late, strict=True):
        number = arrival.data["number"]
        slowest[number] = max(slowest[number], seconds)
    return Cost(
        memory=memory,
        processor=used / len(late) * 1e6,
        middle=middle(late) * 1e3,
        last_percent=percentile(late, 0.99) * 1e3,
        slowest=middle(slowest.values()) * 1e3,
    )


def publish(
    caller: Caller, pages: Pages, to: str, events: int, gap: float, size: int = SIZE
) -> None:
    """Publish events and read until they are the ``arrivals`` of all pages."""
    pages.arrivals.clear()
    caller.get(f"bench/publish?to={to}&count={events}&gap={gap}&size={size}")
    pages.read_arrivals(events * len(pages.sockets), within=events * (gap + 1) + 10)
