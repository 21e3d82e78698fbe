"""Questions that say when they end, and approvals that have an id.

* each request has a ``deadline``; ``jupyter.question.closed`` tells the outcome and what the agent
  was told; a password or a secret waits as long as an approval;
* an approval is resolved by its own entry (``jupyter.approval.respond``).
"""

from __future__ import annotations

import os
import time
import uuid
from typing import Any

#: Name of the environment that the parent sets.
APPROVAL_TIMEOUT = "HERMES_JUPYTER_APPROVAL_TIMEOUT"


def install(server: Any, approval: Any) -> None:
    """Say when questions end, and give approvals an id."""
    _tell_ends_of_questions(server)
    _identify_approvals(server, approval)


def _tell_ends_of_questions(server: Any) -> None:
    from gateway.session_context import get_session_env

    stock = server._block

    def block(event: str, sid: str, payload: dict[str, Any], timeout: float | None = 300) -> str:
        seconds = timeout
        if event == "clarify.request":
            seconds = clarify_timeout()
        elif event in ("sudo.request", "secret.request"):
            seconds = approval_timeout()
        if event == "secret.request":
            # Hermes asks in the session whose turn began last; this is the one that needs it.
            sid = get_session_env("HERMES_UI_SESSION_ID") or sid
        deadline = time.time() + seconds if seconds is not None else None
        payload["deadline"] = deadline
        answer: str = stock(event, sid, payload, timeout=seconds)
        # The server accepts no empty answer: an empty one is Hermes' own for a wait that ended.
        outcome, told = ("answered", answer) if answer else ("cancelled", "")
        if not answer and deadline is not None and time.time() >= deadline:
            outcome = "expired"
            if event == "clarify.request" and seconds is not None:
                told = (
                    f"The person did not answer within {in_words(seconds)}. "
                    "Go on with your best judgement, or say what you need to know."
                )
        closed = {
            "request_id": payload.get("request_id", ""),
            "outcome": outcome,
            # A password or a secret is not told to anybody else.
            "told_agent": told if event == "clarify.request" else "",
        }
        server._emit("jupyter.question.closed", sid, closed)
        return told

    server._block = block


def _identify_approvals(server: Any, approval: Any) -> None:
    stock = approval._await_gateway_decision

    def await_decision(
        session_key: str, notify: Any, data: dict[str, Any], **options: Any
    ) -> dict[str, Any]:
        request_id = uuid.uuid4().hex[:12]
        seconds = approval_timeout()
        data = {**data, "request_id": request_id, "deadline": time.time() + seconds}
        decision: dict[str, Any] = stock(session_key, notify, data, **options)
        if data.get("answered"):
            outcome, told = "answered", decision["choice"]
        elif decision["resolved"]:
            # Hermes resolves what waits with "deny" when its turn is stopped.
            outcome, told = "cancelled", "The turn ended before an answer: not run."
        else:
            outcome, told = "expired", "Nobody answered in time. Silence is not consent: not run."
        closed = {"request_id": request_id, "outcome": outcome, "told_agent": told}
        server._emit("jupyter.question.closed", live_session(server, session_key), closed)
        return decision

    def respond(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        wanted = params.get("request_id")
        with approval._lock:
            for key, queue in list(approval._gateway_queues.items()):
                for entry in list(queue):
                    if entry.data.get("request_id") == wanted:
                        queue.remove(entry)
                        if not queue:
                            approval._gateway_queues.pop(key, None)
                        entry.data["answered"] = True
                        entry.result = params.get("choice", "deny")
                        entry.event.set()
                        return dict(server._ok(rid, {"status": "ok"}))
        return dict(server._ok(rid, {"status": "expired"}))

    approval._await_gateway_decision = await_decision
    approval._get_approval_timeout = approval_timeout
    server.method("jupyter.approval.respond")(respond)


def live_session(server: Any, session_key: str) -> str:
    """The live id of the session that approvals know by ``session_key``.

    After a compaction the agent has a new key, while its approvals keep the one of their turn.
    """
    for sid, session in list(server._sessions.items()):
        if session.get("session_key") == session_key:
            return str(sid)
    found = server._find_live_session_by_key(session_key)
    return str(found[0]) if found else ""


def clarify_timeout() -> float | None:
    """Seconds that a clarify waits by the person's configuration; None waits for ever."""
    from hermes_cli.config import load_config

    configured = (load_config().get("agent") or {}).get("clarify_timeout")
    seconds = as_number(configured, 3600)
    return seconds if seconds > 0 else None


def approval_timeout() -> int:
    """Seconds that an approval waits: as the person configured it, else as the server says."""
    from hermes_cli.config import read_raw_config

    configured = (read_raw_config().get("approvals") or {}).get("timeout")
    return int(as_number(configured, as_number(os.environ.get(APPROVAL_TIMEOUT), 1800)))


def as_number(value: Any, default: float) -> float:
    """A number from a configuration that may hold anything; Hermes is as lenient."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def in_words(seconds: float) -> str:
    """A duration as a person says it."""
    count, unit = (seconds, "second") if seconds < 120 else (seconds / 60, "minute")
    return f"{count:.0f} {unit}{'' if round(count) == 1 else 's'}"
