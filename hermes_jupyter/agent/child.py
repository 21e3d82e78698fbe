"""The agent's own process: Hermes' stdio gateway and the little that it lacks for a notebook.

Runs in the interpreter that has hermes-agent, as a script, and imports nothing of
``hermes_jupyter``. stdin and stdout carry newline-delimited JSON-RPC 2.0; stderr is free text.

What it adds to the gateway of hermes-agent 0.19, all by names that are checked at the start:

* ``jupyter.ready`` with the version and the names that are missing, before ``gateway.ready``;
* questions that say when they end: ``deadline`` in each request, ``jupyter.question.closed`` with
  the outcome and what the agent was told;
* approvals with an id, resolved by their own entry (``jupyter.approval.respond``);
* ``jupyter.tool.start`` and ``jupyter.tool.complete`` with arguments and results, whatever the
  person's display settings are;
* ``jupyter.gauge`` after each model call;
* slash workers that start at their first use, and a death that follows the parent's.

This is the only file that touches private names of Hermes.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import signal
import sys
import threading
import time
import uuid
from importlib.metadata import version
from typing import Any

#: Names of the environment that the parent sets.
APPROVAL_TIMEOUT = "HERMES_JUPYTER_APPROVAL_TIMEOUT"
PARENT = "HERMES_JUPYTER_PARENT"

#: What must be there for the agent to be of use at all.
NEEDED = {
    "tui_gateway.server": (
        "_block",
        "_emit",
        "_find_live_session_by_key",
        "_load_busy_input_mode",
        "_LONG_HANDLERS",
        "_ok",
        "_on_tool_complete",
        "_on_tool_start",
        "_sess",
        "_sessions",
        "_SlashWorker",
        "method",
    ),
    "tools.approval": (
        "_await_gateway_decision",
        "_gateway_queues",
        "_get_approval_timeout",
        "_lock",
    ),
    "hermes_cli.config": ("load_config", "read_raw_config"),
    "hermes_cli.plugins": ("PluginContext", "PluginManifest", "get_plugin_manager"),
    "agent.model_metadata": ("DEFAULT_FALLBACK_CONTEXT",),
}


def die_with_parent() -> None:
    """Ask Linux for a SIGTERM when the parent is gone, however it went."""
    if sys.platform != "linux":
        return  # End of stdin has to do; it comes with every end of the parent.
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.environ.get(PARENT) not in (None, str(os.getppid())):
        sys.exit("The parent was gone before this process began.")


def end_descendants() -> None:
    """End what the agent's tools have started: their shells have sessions of their own."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def missing_names() -> list[str]:
    """The private names of Hermes that this file needs and that are not there."""
    import importlib

    missing = []
    for module_name, names in NEEDED.items():
        module = importlib.import_module(module_name)
        missing += [f"{module_name}.{name}" for name in names if not hasattr(module, name)]
    return missing


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


def install(server: Any, approval: Any) -> None:
    """Add what the gateway lacks."""
    _tell_ends_of_questions(server)
    _identify_approvals(server, approval)
    _tell_when_ready(server)
    _tell_tools(server)
    _tell_gauge(server)
    _start_slash_workers_late(server)
    # Who waits, steers or interrupts is decided in the parent.
    server._load_busy_input_mode = lambda: "queue"


def _tell_ends_of_questions(server: Any) -> None:
    stock = server._block

    def block(event: str, sid: str, payload: dict[str, Any], timeout: float = 300) -> str:
        seconds = clarify_timeout() if event == "clarify.request" else timeout
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


def _tell_when_ready(server: Any) -> None:
    def ready(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Wait until the session's agent is built: from then on a prompt begins at once."""
        _, error = server._sess(params, rid)
        return dict(error or server._ok(rid, {"status": "ok"}))

    server.method("jupyter.session.ready")(ready)
    # In the pool of threads: on the reading thread all other sessions would wait with it.
    server._LONG_HANDLERS = server._LONG_HANDLERS | {"jupyter.session.ready"}


def _tell_tools(server: Any) -> None:
    stock_start, stock_complete = server._on_tool_start, server._on_tool_complete

    def started(sid: str, tool_call_id: str, name: str, args: dict[str, Any]) -> None:
        payload = {"tool_id": tool_call_id, "name": name, "args": args}
        server._emit("jupyter.tool.start", sid, payload)
        stock_start(sid, tool_call_id, name, args)

    def completed(
        sid: str, tool_call_id: str, name: str, args: dict[str, Any], result: str
    ) -> None:
        began = (server._sessions.get(sid) or {}).get("tool_started_at", {}).get(tool_call_id)
        payload = {
            "tool_id": tool_call_id,
            "name": name,
            "args": args,
            "result": result,
            "duration": time.time() - began if began else None,
        }
        server._emit("jupyter.tool.complete", sid, payload)
        stock_complete(sid, tool_call_id, name, args, result)

    server._on_tool_start, server._on_tool_complete = started, completed


def _gauge(agent: Any) -> dict[str, Any]:
    compressor = getattr(agent, "context_compressor", None)
    # Of the conversation's own last call; the call at hand may be a review in the background.
    last = getattr(compressor, "last_prompt_tokens", None)
    status = getattr(agent, "session_cost_status", None) or "unknown"
    window = getattr(compressor, "context_length", None)
    return {
        "used": last if last and last > 0 else None,
        "max": window,
        "max_source": _max_source(agent, window),
        "threshold": getattr(compressor, "threshold_tokens", None),
        "compactions": getattr(compressor, "compression_count", 0),
        # With an unknown price Hermes says 0.0, which is not the cost.
        "cost_usd": None if status == "unknown" else agent.session_estimated_cost_usd,
        "cost_status": status,
    }


def _max_source(agent: Any, window: int | None) -> str | None:
    from agent.model_metadata import DEFAULT_FALLBACK_CONTEXT

    if window is None:
        return None
    if getattr(agent, "_config_context_length", None):
        return "configured"
    if window == DEFAULT_FALLBACK_CONTEXT:
        return "generic"
    return "probed" if getattr(agent, "provider", "") == "custom" else "catalogue"


def _tell_gauge(server: Any) -> None:
    from hermes_cli.plugins import PluginContext, PluginManifest, get_plugin_manager

    def after_call(**call: Any) -> None:
        live = server._find_live_session_by_key(call.get("session_id", ""))
        if live is not None:
            server._emit("jupyter.gauge", live[0], _gauge(live[1].get("agent")))

    manifest = PluginManifest(name="hermes_jupyter", source="entrypoint", key="hermes_jupyter")
    PluginContext(manifest, get_plugin_manager()).register_hook("post_api_request", after_call)


def _start_slash_workers_late(server: Any) -> None:
    stock = server._SlashWorker

    class LateWorker:
        """A slash worker is a process of 51 MB: most conversations never need theirs."""

        def __init__(self, *args: Any, **options: Any) -> None:
            self._make = lambda: stock(*args, **options)
            self._made: Any = None
            self._lock = threading.Lock()

        def run(self, command: str) -> Any:
            with self._lock:
                if self._made is None:
                    self._made = self._make()
            return self._made.run(command)

        def close(self) -> None:
            if self._made is not None:
                self._made.close()

    server._SlashWorker = LateWorker


def main() -> None:
    """Run the gateway until stdin ends."""
    die_with_parent()
    # The first import of Hermes: it moves stdout out of the way of stray prints.
    from tui_gateway import entry, server

    atexit.register(end_descendants)
    import model_tools  # noqa: F401  built-in tools and plugins come before ours
    from tools import approval

    missing = missing_names()
    if not missing:
        install(server, approval)
    ready = {"version": version("hermes-agent"), "missing": missing}
    server._emit("jupyter.ready", "", ready)
    if missing:
        sys.exit(f"This hermes-agent lacks what the panel needs: {json.dumps(missing)}")
    entry.main()


if __name__ == "__main__":
    main()
