"""The doctor's checks of the way to a server, made from where a person is: by its address."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from httpx_sse import aconnect_sse

from ..agent.check import Check, State
from ..agent.stderr import shown
from ..core.errors import Hint
from .stream import PING

#: What is sent to see whether it arrives.
TRIAL_ID = "trial.0"

#: Seconds by which two clocks may differ.
CLOCKS = 5.0

#: How the server of Jupyter calls itself; who calls itself otherwise stands before it.
_OURS = "TornadoServer"

NO_BUFFER: Hint = {
    "text": "Let the proxy hand on at once what it gets (nginx: `proxy_buffering off;`). Until "
    "then the panel asks every few seconds instead."
}

KEEP_OPEN: Hint = {
    "text": "Let the proxy wait for what is silent for a while (nginx: `proxy_read_timeout 60s;`). "
    "Until then pages whose stream is cut come back by themselves and miss nothing."
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame of the trial: seconds of the server's clock and of ours, from any beginning."""

    sent: float
    came: float


@dataclass(slots=True)
class Trial:
    """How a stream came through; its last frame is sent after a silence.

    Attributes:
        of: how many frames there should be.
        began: when it was asked for, and `ended` when it was over, by our clock.
        last_event_id: the header of a reconnect, as it has arrived.
        proxy: the name of who stands before the server, as far as it tells; else empty.
    """

    began: float
    ended: float = 0.0
    arrivals: list[Arrival] = field(default_factory=list)
    of: int = 0
    last_event_id: str | None = None
    proxy: str = ""


async def ask(client: httpx.AsyncClient) -> tuple[Check, dict[str, Any]]:
    """Whether the server's doctor answers by this address, and what it says."""
    title, began = "Address", time.monotonic()
    address = shown(str(client.base_url))
    try:
        response = await client.get("doctor", params={"load": "true"}, timeout=90)
    except httpx.HTTPError as error:
        reason = f"{address} cannot be reached: {error or type(error).__name__}"
        return Check("url", title, "error", reason, {"text": "Check the address."}), {}
    seconds = time.monotonic() - began
    if response.status_code == httpx.codes.GATEWAY_TIMEOUT:
        reason = f"{address} answers 504 after {seconds:.1f} s: a proxy on the way waits no longer."
        # What can be told without loading the agent takes no time.
        quick = await client.get("doctor")
        nothing = {"version": "unknown", "at": time.time(), "checks": []}
        told = quick.json() if quick.is_success else nothing
        return Check("url", title, "error", reason, KEEP_OPEN), told
    if response.status_code in (401, 403):
        fix: Hint = {"text": "Give the address with its `?token=`, or set JUPYTER_TOKEN."}
        reason = f"{address} lets nobody in without a login."
        return Check("url", title, "error", reason, fix), {}
    try:
        report = response.json()
        report["checks"]
    except (ValueError, KeyError, TypeError):
        reason = f"{address} answers {response.status_code}, and not as Hermes does."
        fix = {
            "text": "Check the prefix, and that `hermes_jupyter` is among the server's extensions."
        }
        return Check("url", title, "error", reason, fix), {}
    reason = f"{address} answers, after {seconds:.1f} s of looking."
    return Check("url", title, "ok", reason), report


async def try_stream(client: httpx.AsyncClient) -> list[Check]:
    """How a stream of the server arrives by this address; takes some seconds."""
    trial = Trial(began=time.monotonic())
    headers = {"Last-Event-ID": TRIAL_ID}
    try:
        async with aconnect_sse(
            client, "GET", "doctor/trial", headers=headers, timeout=20
        ) as source:
            trial.proxy = proxy_of(source.response.headers)
            async for event in source.aiter_sse():
                data = event.json()
                trial.arrivals.append(Arrival(data["at"], time.monotonic()))
                trial.of, trial.last_event_id = data["of"], data["last_event_id"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        # A proxy's way to cut a stream; what came before tells more.
        if not trial.arrivals:
            reason = f"It broke off: {error or type(error).__name__}"
            return [Check("stream", "Stream", "error", reason, NO_BUFFER)]
    trial.ended = time.monotonic()
    return [stream_arrived(trial), cursor_arrived(trial.last_event_id)]


def proxy_of(headers: Mapping[str, str]) -> str:
    """The name of who stands before the server, as far as it tells; else empty."""
    server = headers.get("server", "")
    return headers.get("via", "") or ("" if server.startswith(_OURS) else server)


def stream_arrived(trial: Trial) -> Check:
    """Whether frames came one by one, as they were sent, and after a silence too."""
    title = "Stream"
    who = trial.proxy or "Something on the way"
    came = len(trial.arrivals)
    if came < 2:
        reason = f"{came} of {trial.of} frames came: {who} cuts streams off."
        return Check("stream", title, "error", reason, KEEP_OPEN)
    first = trial.arrivals[0]
    ms = round(1000 * (first.came - trial.began))
    before_silence = trial.arrivals[: trial.of - 1][-1]
    if before_silence.came - first.came < (before_silence.sent - first.sent) / 2:
        reason = f"{who} holds streams back: all came at once, after {ms} ms."
        return Check("stream", title, "error", reason, NO_BUFFER)
    if came < trial.of:
        silent = trial.ended - trial.arrivals[-1].came
        reason = (
            f"{who} cuts a stream that is silent for {silent:.0f} s; "
            f"a sign of life comes every {PING} s."
        )
        state: State = "error" if silent < PING else "warning"
        return Check("stream", title, state, reason, KEEP_OPEN)
    return Check("stream", title, "ok", f"It comes frame by frame, the first after {ms} ms.")


def cursor_arrived(echoed: str | None) -> Check:
    """Whether the header of a reconnect arrives."""
    title = "Last-Event-ID"
    if echoed != TRIAL_ID:
        reason = (
            "It is taken away on the way. The panel says it in the address too: nothing is lost."
        )
        fix: Hint = {"text": "For other programs, let the proxy hand the header on."}
        return Check("last_event_id", title, "warning", reason, fix)
    return Check("last_event_id", title, "ok", "It arrives.")


def clocks_agree(at: float, now: float) -> Check:
    """Whether the server's clock and ours agree.

    Args:
        at: the server's, in seconds.
        now: ours.
    """
    title, off = "Clocks", at - now
    if abs(off) > CLOCKS:
        side = "ahead of" if off > 0 else "behind"
        reason = f"The server's clock is {abs(off):.0f} s {side} yours: times are shown by its own."
        fix: Hint = {"text": "Let both machines set their clocks by the network."}
        return Check("clocks", title, "warning", reason, fix)
    return Check("clocks", title, "ok", "The server's clock and yours agree.")
