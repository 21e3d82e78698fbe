"""A question of the agent, until a page has it.

*Raised* is the moment in which the agent's own process begins to wait: a question's deadline less
the configured time, both by the clock that the page looks at too. On its way are the pipe, the
record in the core and on the disk, and the page's stream. Every question is a real one, of one turn
in which the model asks again and again; each is answered before the next.

The yardstick is a prebuilt chunk to as many raw sockets of the same server: no pipe, no record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .caller import STATUS, Caller
from .fanout import publish
from .measure import Row, memory, middle, percentile
from .pages import Arrival, Pages, open_pages
from .stage import CLARIFY_TIMEOUT, serve_agent

#: Questions for each number of pages; with one page, the p99 is the slowest of them.
QUESTIONS = {1: 40, 100: 20, 500: 10}

#: What only the frame of a question has that waits for an answer.
OPEN = b'"state":"open"'


def questions() -> Iterator[Row]:
    """One page, a hundred, five hundred."""
    with serve_agent() as (server, _), Caller(server) as caller:
        session_id = caller.post("hermes/api/sessions")["id"]
        idle = middle([caller.time(STATUS) for _ in range(200)]) * 1e3
        for count, number in QUESTIONS.items():
            before = memory(server.process.pid)
            with open_pages(server, "hermes/api/events", count, mark=OPEN) as pages:
                grown = memory(server.process.pid) - before
                arrivals = _ask(caller, pages, session_id, number)
                busy = middle([caller.time(STATUS) for _ in range(200)]) * 1e3
            with open_pages(server, "bench/raw", count, mark=b"event: probe") as raw:
                publish(caller, raw, "raw", 20, 0.03)
                yardstick = [arrival.at - arrival.data["t"] for arrival in raw.arrivals]
            yield from _rows(count, [_late(arrival) for arrival in arrivals], yardstick)
        yield Row(
            what="500 pages: status, p50",
            value=busy,
            unit="ms",
            budget=50,
            yardstick=idle,
            beside="the same with no page",
            limit=3,
        )
        yield Row(what="500 pages: memory", value=grown / 2**20, unit="MiB", budget=40)


def _rows(count: int, late: list[float], raw: list[float]) -> Iterator[Row]:
    for name, share, budget, limit in (("p50", 0.5, 5, 10), ("p99", 0.99, 25, None)):
        yield Row(
            what=f"{count} page{'s' if count > 1 else ''}: question raised → page, {name}",
            value=percentile(late, share) * 1e3,
            unit="ms",
            budget=budget if count <= 100 else None,
            yardstick=percentile(raw, share) * 1e3,
            beside="a prebuilt chunk to each socket",
            limit=limit,
        )


def _ask(caller: Caller, pages: Pages, session_id: str, number: int) -> list[Arrival]:
    """Let the agent ask so many questions; return the arrivals of the open ones."""
    steps: list[dict[str, Any]] = [
        {"tool_calls": [{"name": "clarify", "arguments": {"question": f"Number {index}?"}}]}
        for index in range(number)
    ]
    script = json.dumps([*steps, {"text": "Thank you."}])
    caller.post(f"hermes/api/sessions/{session_id}/prompt", text=f"SCRIPT: {script}")
    for index in range(number):
        pages.read_arrivals((index + 1) * len(pages.sockets), within=30)
        question_id = pages.arrivals[-1].data["question"]["id"]
        caller.post(f"hermes/api/questions/{question_id}/answer", answer="Yes.")
    return pages.arrivals


def _late(arrival: Arrival) -> float:
    raised: float = arrival.data["question"]["deadline"] - CLARIFY_TIMEOUT
    return arrival.at - raised
