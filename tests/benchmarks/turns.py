"""From a prompt to the answer: the first word, and the bytes of all of it.

The time of the first word counts from the request's first byte to the arrival of the first delta in
a page. Of that, the model's own part is measured without an agent, by a request to it from here.
*Cold* is a server whose agent was never started: what is looked at is not how long that takes, but
how long a page has no word of what is going on.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from urllib.parse import urlsplit

from hermes_jupyter.offline.config import KEY_VARIABLE, URL_VARIABLE

from .caller import Caller
from .measure import Row, middle
from .pages import Pages
from .stage import serve_agent

ANSWER = 8192
REPEATS = 7


def turns() -> Iterator[Row]:
    """Cold, warm, and an answer of 8 KB."""
    with serve_agent() as (server, model), Caller(server) as caller:
        pages = Pages(server, b"event: ")
        pages.open("hermes/api/events")
        yield from _cold(caller, pages)
        session_id = caller.post("hermes/api/sessions")["id"]
        page = Pages(server, b"event: ")
        page.open(f"hermes/api/events?session_id={session_id}")
        _turn(caller, page, session_id, "Hello.")
        first = [_turn(caller, page, session_id, "Hello.")[0] for _ in range(REPEATS)]
        alone = middle([_model_alone(model) for _ in range(REPEATS)])
        yield Row(
            what="warm: prompt → first delta, over the model's own",
            value=middle(first) - alone,
            unit="s",
            budget=0.3,
        )
        yield Row(what="the model's own", value=alone, unit="s")
        sizes = [_turn(caller, page, session_id, f"STREAM {ANSWER}")[1] for _ in range(REPEATS)]
        yield Row(
            what="an answer of 8 KB: bytes to a page",
            # A machine that is busy elsewhere streams more slowly, which is more events.
            value=min(sizes) / 1024,
            unit="KiB",
            budget=3 * ANSWER / 1024,
            yardstick=ANSWER / 1024,
            beside="the answer",
            limit=3,
        )


def _cold(caller: Caller, pages: Pages) -> Iterator[Row]:
    """Until the first answer of an agent that was not running, as the person sees it."""
    pages.arrivals.clear()
    start = time.time()
    ids: list[str] = []

    def speak() -> None:
        ids.append(caller.post("hermes/api/sessions")["id"])
        caller.post(f"hermes/api/sessions/{ids[0]}/prompt", text="Hello.")

    speaker = threading.Thread(target=speak)
    speaker.start()
    # The list is told of a conversation that has an answer; the page here follows none.
    pages.read(lambda: bool(pages.arrivals) and _idle(pages.arrivals[-1].frame), 60)
    speaker.join()
    words = [start] + [arrival.at for arrival in pages.arrivals if not _ping(arrival.frame)]
    named = next(arrival for arrival in pages.arrivals if b'"step":"' in arrival.frame)
    ready = next(arrival for arrival in pages.arrivals if b'"state":"ready"' in arrival.frame)
    yield Row(
        what="cold: until the first step is named", value=named.at - start, unit="s", budget=1
    )
    yield Row(
        what="cold: longest time without a word",
        value=max(after - before for before, after in pairwise(words)),
        unit="s",
    )
    yield Row(what="cold: until the agent is ready", value=ready.at - start, unit="s")
    yield Row(what="cold: until the turn is over", value=words[-1] - start, unit="s")


def _idle(frame: bytes) -> bool:
    return b"event: sessions" in frame and b'"state":"idle"' in frame


def _ping(frame: bytes) -> bool:
    return b"event: ping" in frame


def _turn(caller: Caller, page: Pages, session_id: str, text: str) -> tuple[float, int]:
    """Seconds until the first delta, and bytes until the turn is over."""
    page.read_for(0.1)
    page.arrivals.clear()
    page.received = 0
    caller.post(f"hermes/api/sessions/{session_id}/prompt", text=text)
    sent_at = caller.sent_at
    page.read(lambda: bool(page.arrivals) and _idle(page.arrivals[-1].frame), 60)
    delta = next(arrival for arrival in page.arrivals if b"event: message.delta" in arrival.frame)
    return delta.at - sent_at, page.received


def _model_alone(model: Mapping[str, str]) -> float:
    """Seconds until the model says its first word when it is asked directly."""
    url = urlsplit(model[URL_VARIABLE])
    connection = http.client.HTTPConnection(str(url.hostname), url.port)
    body = {"model": "offline", "stream": True, "messages": [{"role": "user", "content": "Hello."}]}
    headers = {"Authorization": f"Bearer {model[KEY_VARIABLE]}"}
    start = time.perf_counter()
    connection.request("POST", f"{url.path}/chat/completions", json.dumps(body), headers)
    response = connection.getresponse()
    while b'"content": "Y' not in response.readline():
        pass
    took = time.perf_counter() - start
    connection.close()
    return took
