"""Plain requests and events while four turns stream at full speed.

The turns are real ones: a model that knows no pause, four sessions of the agent, and a page that
follows all of them. A request for the status is timed in turn with the yardstick, a bare handler of
the same server, which waits for the same event loop and does nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from .caller import PLAIN, STATUS, Caller
from .measure import Row, percentile, processor_time
from .pages import Pages
from .stage import serve_agent

TURNS = 4

#: Seconds of full speed, and characters that no turn comes to the end of in them.
SECONDS = 6.0
CHARACTERS = 300_000

#: Seconds between two requests: a person's page asks less often.
PAUSE = 0.005


def busy() -> Iterator[Row]:
    """The status, and the rate of events."""
    with serve_agent() as (server, _), Caller(server) as caller:
        ids = [caller.post("hermes/api/sessions")["id"] for _ in range(TURNS)]
        pages = Pages(server, b"event: message.delta")
        pages.open("hermes/api/events?" + "&".join(f"session_id={id_}" for id_ in ids))
        turns = {}
        for id_ in ids:
            body = caller.post(f"hermes/api/sessions/{id_}/prompt", text=f"STREAM {CHARACTERS}")
            turns[id_] = body["turn_id"]
        spoken: set[str] = set()
        while len(spoken) < TURNS:
            pages.step(1)
            spoken = {arrival.data["session_id"] for arrival in pages.arrivals}
        pages.arrivals.clear()
        pages.received = 0
        used = processor_time(server.process.pid)
        times: dict[str, list[float]] = {STATUS: [], PLAIN: []}
        start = time.monotonic()
        while time.monotonic() < start + SECONDS:
            for path, taken in times.items():
                taken.append(caller.time(path))
                pages.read_for(PAUSE)
        took = time.monotonic() - start
        used = processor_time(server.process.pid) - used
        pages.read_for(0.1)
        for id_, turn_id in turns.items():
            caller.post(f"hermes/api/sessions/{id_}/interrupt", turn_id=turn_id)
        pages.close()
    for name, share, budget, limit in (("p50", 0.5, 5, 4), ("p99", 0.99, 25, 4)):
        yield Row(
            what=f"four turns stream: status, {name}",
            value=percentile(times[STATUS], share) * 1e3,
            unit="ms",
            budget=budget,
            yardstick=percentile(times[PLAIN], share) * 1e3,
            beside="a bare handler",
            limit=limit,
        )
    said = [(arrival.data["session_id"], len(arrival.data["text"])) for arrival in pages.arrivals]
    most = Counter(id_ for id_, _ in said).most_common(1)[0][1]
    characters = sum(size for _, size in said)
    yield Row(
        what="four turns stream: events a second, of the busiest turn",
        value=most / took,
        unit="/s",
        budget=20,
        yardstick=20,
        beside="one in 50 ms",
        limit=1.05,
    )
    yield Row(
        what="four turns stream: bytes to the page",
        value=pages.received / 1e6,
        unit="MB",
        yardstick=characters / 1e6,
        beside="the text alone",
    )
    yield Row(what="four turns stream: characters a second", value=characters / took, unit="/s")
    yield Row(what="four turns stream: processor of the server", value=used / took * 100, unit="%")
