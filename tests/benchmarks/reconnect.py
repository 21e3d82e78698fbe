"""A page that comes back into a turn of 20,000 events.

The turn is a real one, whose model never ends; deltas and tools are put into it through the door
that the agent's own words come in. The page comes back with the cursor of its last frame: from a
moment ago, as after a broken connection, and from before the first event, as never happens but
bounds the rest. The yardstick is a bare handler that answers with as many bytes at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from tests.servers import Server

from .caller import Caller
from .measure import Row, middle
from .pages import Pages
from .stage import serve_agent

EVENTS = 20_000

#: Events that a page has missed which was away for a moment: five seconds at 20 a second.
MISSED = 100

REPEATS = 7


def reconnect() -> Iterator[Row]:
    """With a cursor, without one, and by a plain request."""
    with serve_agent() as (server, _), Caller(server) as caller:
        session_id = caller.post("hermes/api/sessions")["id"]
        script = json.dumps([{"text": "Never ending.", "wait": "never", "wait_after": 1}])
        caller.post(f"hermes/api/sessions/{session_id}/prompt", text=f"SCRIPT: {script}")
        _until_it_speaks(caller, session_id)
        beginning = caller.get("bench/state")["cursor"]
        speak = f"bench/speak?session_id={session_id}&events="
        recently = caller.get(f"{speak}{EVENTS - MISSED}")["cursor"]
        end = caller.get(f"{speak}{MISSED}")["cursor"]
        path = f"hermes/api/events?session_id={session_id}"
        idle = _times(server, f"{path}&cursor={end}", b"retry: 2000")
        for name, cursor, budget in (
            (f"the last {MISSED}", recently, 20),
            ("all of them", beginning, 20),
        ):
            first, last, size = _times(server, f"{path}&cursor={cursor}", f"id: {end}\n".encode())
            yield Row(
                what=f"a turn of 20,000 events, {name}: first byte",
                value=first,
                unit="ms",
                budget=budget,
                yardstick=idle[0],
                beside="a cursor of now",
            )
            yield Row(
                what=f"a turn of 20,000 events, {name}: last byte",
                value=last,
                unit="ms",
                budget=budget,
                yardstick=_bytes(server, size),
                beside=f"{size / 1e6:.2f} MB of prebuilt bytes",
                limit=5 if cursor == beginning else None,
            )
        first, last, size = _times(server, path, b"event: snapshot")
        yield Row(
            what="a turn of 20,000 events, snapshot: last byte",
            value=last,
            unit="ms",
            yardstick=_bytes(server, size),
            beside=f"{size / 1e6:.2f} MB of prebuilt bytes",
        )
        request = [caller.time(f"hermes/api/sessions/{session_id}") for _ in range(REPEATS)]
        yield Row(
            what="a turn of 20,000 events: GET sessions/{id}",
            value=middle(request) * 1e3,
            unit="ms",
        )


def _until_it_speaks(caller: Caller, session_id: str) -> None:
    while caller.get(f"hermes/api/sessions/{session_id}")["messages"][-1]["role"] != "assistant":
        time.sleep(0.02)


def _times(server: Server, path: str, last: bytes) -> tuple[float, float, int]:
    """Medians in ms until the first byte and until the frame with ``last``; bytes in between."""
    results = []
    for _ in range(REPEATS):
        pages = Pages(server, last)
        start = time.time()
        pages.connect(path)
        pages.read_arrivals(1, within=30)
        results.append((pages.first_at - start, pages.arrivals[0].at - start, pages.received))
        pages.close()
    first, end, size = (middle(values) for values in zip(*results, strict=True))
    return first * 1e3, end * 1e3, int(size)


def _bytes(server: Server, size: int) -> float:
    """Milliseconds until so many bytes have come from the cheapest handler."""
    with_frame = f"bench/bytes?size={size}"
    return _times(server, with_frame, b"the end")[1]
