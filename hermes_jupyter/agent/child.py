"""The agent's own process: Hermes' stdio gateway and the little that it lacks for a notebook.

Runs in the interpreter that has hermes-agent, as a script, and imports nothing of
``hermes_jupyter``. stdin and stdout carry newline-delimited JSON-RPC 2.0; stderr is free text.

What it adds to the gateway of hermes-agent 0.19, all by names that are checked at the start:

* ``jupyter.ready`` with the version and the names that are missing, before ``gateway.ready``;
* questions that say when they end: ``deadline`` in each request, ``jupyter.question.closed`` with
  the outcome and what the agent was told; a password or a secret waits as long as an approval;
* approvals with an id, resolved by their own entry (``jupyter.approval.respond``);
* ``jupyter.tool.start`` and ``jupyter.tool.complete`` with arguments and results, whatever the
  person's display settings are;
* ``jupyter.gauge`` after each model call;
* prompts that are refused, not queued, while a turn runs (who waits is decided in the parent), and
  whose images and context go with this turn and no other;
* what became of words said into a turn (``jupyter.steer.undelivered``), a prompt taken back in the
  database too (``jupyter.session.rewind``), a session read anew (``jupyter.session.reload``);
* titles and the archive of sessions that are not open, and the stored name of a branch;
* models without their providers' addresses, and a switch of one session's that tells its window;
* commands with their arguments and aliases;
* tools that the parent runs, and what a model is told of them: see ``child_tools.py``;
* what the administrator has decided: toolsets left out, approvals asked, models refused;
* slash workers that start at their first use, and a death that follows the parent's.

These two are the only files that touch private names of Hermes.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import re
import signal
import sys
import threading
import time
import uuid
from fnmatch import fnmatchcase
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

#: Names of the environment that the parent sets.
APPROVAL_TIMEOUT = "HERMES_JUPYTER_APPROVAL_TIMEOUT"
PARENT = "HERMES_JUPYTER_PARENT"
POLICY = "HERMES_JUPYTER_POLICY"

#: Error codes of Hermes' gateway: a value is none of those it may be; a turn runs; what is meant is
#: not there any more; a title is not to be had. Our own: the administrator does not want this.
INVALID = 4002
BUSY = 4009
GONE = 4018
TITLE = 4022
FORBIDDEN = 4903

#: What must be there for the agent to be of use at all.
NEEDED = {
    "tui_gateway.server": (
        "_block",
        "_emit",
        "_err",
        "_find_live_session_by_key",
        "_get_db",
        "_handle_busy_submit",
        "_load_enabled_toolsets",
        "_LONG_HANDLERS",
        "_methods",
        "_ok",
        "_on_tool_complete",
        "_on_tool_start",
        "_respond",
        "_run_prompt_submit",
        "_session_info",
        "_sess",
        "_sessions",
        "_SlashWorker",
        "method",
        "sanitize_replay_history",
    ),
    "tools.approval": (
        "_await_gateway_decision",
        "_gateway_queues",
        "_get_approval_mode",
        "_get_approval_timeout",
        "_lock",
        "_YOLO_MODE_FROZEN",
    ),
    "model_tools": ("_compute_tool_definitions",),
    "gateway.session_context": ("get_session_env",),
    "hermes_cli.config": ("load_config", "read_raw_config"),
    "hermes_cli.plugins": ("PluginContext", "PluginManifest", "get_plugin_manager"),
    "agent.model_metadata": ("DEFAULT_FALLBACK_CONTEXT",),
    "agent.conversation_loop": ("compose_user_api_content",),
    "agent.prompt_builder": ("PLATFORM_HINTS", "STEER_MARKER_OPEN"),
    "agent.skill_commands": ("scan_skill_commands",),
    "agent.tool_dispatch_helpers": ("_multimodal_text_summary",),
    "hermes_cli.commands": ("COMMAND_REGISTRY",),
    "hermes_constants": ("VALID_REASONING_EFFORTS",),
    "hermes_state": ("SessionDB",),
    "tools.hook_output_spill": ("spill_if_oversized",),
    "tools.registry": ("registry",),
    "tools.tool_search": ("_core_tool_names",),
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
    beside("child_tools").install(server)
    _tell_ends_of_questions(server)
    _identify_approvals(server, approval)
    _tell_when_ready(server)
    _tell_tools(server)
    _tell_gauge(server)
    _start_slash_workers_late(server)
    _refuse_prompts_while_busy(server)
    _take_prompts(server)
    _find_undelivered(server)
    _take_back(server)
    _change_records(server)
    _switch_models(server)
    _list_commands(server)
    _keep_policy(server, approval, json.loads(os.environ.get(POLICY) or "{}"))


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


def _tell_when_ready(server: Any) -> None:
    def ready(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Wait until the session's agent is built: from then on a prompt begins at once."""
        _, error = server._sess(params, rid)
        return dict(error or server._ok(rid, {"status": "ok"}))

    server.method("jupyter.session.ready")(ready)
    # In the pool of threads: on the reading thread all other sessions would wait with it.
    server._LONG_HANDLERS = server._LONG_HANDLERS | {"jupyter.session.ready"}


def _tell_tools(server: Any) -> None:
    from agent.tool_dispatch_helpers import _multimodal_text_summary as as_text

    stock_start, stock_complete = server._on_tool_start, server._on_tool_complete

    def started(sid: str, tool_call_id: str, name: str, args: dict[str, Any]) -> None:
        payload = {"tool_id": tool_call_id, "name": name, "args": args}
        server._emit("jupyter.tool.start", sid, payload)
        stock_start(sid, tool_call_id, name, args)

    def completed(
        sid: str, tool_call_id: str, name: str, args: dict[str, Any], result: Any
    ) -> None:
        # Images are for the model; the text beside them says what a transcript shows.
        result = as_text(result)
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


def _refuse_prompts_while_busy(server: Any) -> None:
    def refuse(rid: Any, sid: str, session: dict[str, Any], *_: Any) -> dict[str, Any] | None:
        """Hermes would queue the prompt itself; None makes it try again, for it is idle now."""
        return dict(server._err(rid, BUSY, "busy")) if session.get("running") else None

    server._handle_busy_submit = refuse


def _take_prompts(server: Any) -> None:
    stock_submit, stock_run = server._methods["prompt.submit"], server._run_prompt_submit
    waiting: dict[Any, tuple[list[str], str]] = {}

    def submit(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Begin a turn with ``text``, ``images`` (their paths), and ``context`` for the model."""
        waiting[rid] = params["images"], params["context"]
        reply = dict(stock_submit(rid, params))
        if "error" in reply:
            del waiting[rid]
        return reply

    def run(rid: Any, sid: str, session: dict[str, Any], text: Any) -> None:
        # What Hermes keeps for the next turn, whichever it is, belongs to this one alone.
        session["attached_images"], session["jupyter_context"] = waiting.pop(rid, ([], ""))
        stock_run(rid, sid, session, text)

    server._run_prompt_submit = run
    server.method("jupyter.prompt.submit")(submit)


def _find_undelivered(server: Any) -> None:
    from agent.prompt_builder import STEER_MARKER_OPEN

    def undelivered(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Which of ``texts`` no tool's result of the last turn carried to the model."""
        session, error = server._sess(params, rid)
        if error:
            return dict(error)
        # What still waits would come up in a later turn, out of its place.
        session["agent"]._drain_pending_steer()
        heard = ""
        for message in reversed(session.get("history", [])):
            if message.get("role") == "user":
                break
            content = message.get("content")
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            heard += text.partition(STEER_MARKER_OPEN)[2]
        left = [text for text in params["texts"] if text.strip() not in heard]
        return dict(server._ok(rid, {"texts": left}))

    server.method("jupyter.steer.undelivered")(undelivered)


def _take_back(server: Any) -> None:
    def reload(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Read a session's messages anew, as Hermes does when it resumes one."""
        session, error = server._sess(params, rid)
        if error:
            return dict(error)
        with session["history_lock"]:
            if session.get("running"):
                return dict(server._err(rid, BUSY, "busy"))
            _read_anew(session)
        return dict(server._ok(rid, {"status": "ok"}))

    def rewind(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Take back the prompt ``text``, before ``later`` others of the same, and what followed."""
        session, error = server._sess(params, rid)
        if error:
            return dict(error)
        with session["history_lock"]:
            if session.get("running"):
                return dict(server._err(rid, BUSY, "busy"))
            key, db = session["session_key"], server._get_db()
            wanted = str(params["text"]).strip()
            said = [
                row["id"]
                for row in db.get_messages(key)
                if row["role"] == "user" and as_prompted(row["content"]).endswith(wanted)
            ]
            later = int(params["later"])
            if later >= len(said):
                return dict(server._err(rid, GONE, "This prompt is not in the context any more."))
            db.rewind_to_message(key, said[-1 - later])
            _read_anew(session)
        return dict(server._ok(rid, {"status": "ok"}))

    def _read_anew(session: dict[str, Any]) -> None:
        stored, _ = server._get_db().get_resume_conversations(session["session_key"])
        session["history"] = server.sanitize_replay_history(stored)
        session["history_version"] = int(session.get("history_version", 0)) + 1

    server.method("jupyter.session.reload")(reload)
    server.method("jupyter.session.rewind")(rewind)
    # They read a database: not on the thread that reads the pipe.
    added = {"jupyter.session.reload", "jupyter.session.rewind"}
    server._LONG_HANDLERS = server._LONG_HANDLERS | added


def _change_records(server: Any) -> None:
    stock_branch = server._methods["session.branch"]

    def rename(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Give a stored session another title."""
        try:
            server._get_db().set_session_title(params["session_id"], params["title"])
        except ValueError as error:
            return dict(server._err(rid, TITLE, str(error)))
        return dict(server._ok(rid, {"status": "ok"}))

    def archive(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Put stored sessions away, or take them back."""
        for session_id in params["session_ids"]:
            server._get_db().set_session_archived(session_id, params["archived"])
        return dict(server._ok(rid, {"status": "ok"}))

    def branch(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Branch a session, and say under which name the branch is stored."""
        reply = dict(stock_branch(rid, params))
        if "result" in reply:
            session = server._sessions[reply["result"]["session_id"]]
            reply["result"]["stored_session_id"] = session["session_key"]
        return reply

    for name, method in (("rename", rename), ("archive", archive), ("branch", branch)):
        server.method(f"jupyter.session.{name}")(method)
        # They write a database: not on the thread that reads the pipe.
        server._LONG_HANDLERS = server._LONG_HANDLERS | {f"jupyter.session.{name}"}


def _switch_models(server: Any) -> None:
    from hermes_constants import VALID_REASONING_EFFORTS

    efforts = ["none", *VALID_REASONING_EFFORTS]
    stock_options, stock_set = server._methods["model.options"], server._methods["config.set"]

    def options(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """What there is to choose from, and how hard a model may be told to think."""
        reply = dict(stock_options(rid, params))
        if "result" in reply:
            reply["result"]["efforts"] = efforts
            reply["result"] |= chosen(server._sessions.get(params.get("session_id", "")))
        return reply

    def switch(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Change the model of a session, how hard it thinks, or both; for this session alone."""
        session, error = server._sess(params, rid)
        reply: dict[str, Any] = {}
        if not error and params["model"]:
            value = f"{params['model']} --session"
            if params["provider"]:
                value += f" --provider {params['provider']}"
            expensive = {"confirm_expensive_model": params["confirmed"]}
            reply = stock_set(rid, {**params, "key": "model", "value": value, **expensive})
            error = reply if "error" in reply else None
        asked = reply.get("result", {}).get("confirm_required")
        if not error and not asked and params["reasoning"]:
            if session.get("running"):
                error = server._err(rid, BUSY, "busy")
            elif params["reasoning"] not in efforts:
                # Hermes takes words here that change the person's configuration.
                error = server._err(rid, INVALID, f"{params['reasoning']} is no effort")
            else:
                thinks = stock_set(
                    rid, {**params, "key": "reasoning", "value": params["reasoning"]}
                )
                error = thinks if "error" in thinks else None
        if error:
            return dict(error)
        told = {"gauge": _gauge(session["agent"]), **chosen(session)}
        return dict(server._ok(rid, {**reply.get("result", {}), **told}))

    def chosen(session: dict[str, Any] | None) -> dict[str, Any]:
        agent = (session or {}).get("agent")
        if agent is None:
            return {}
        info = server._session_info(agent, session)
        names = {"model": "model", "provider": "provider", "reasoning": "reasoning_effort"}
        return {name: info[entry] for name, entry in names.items()}

    for name, method in (("models", options), ("session.switch", switch)):
        server.method(f"jupyter.{name}")(method)
        # They ask a provider: not on the thread that reads the pipe.
        server._LONG_HANDLERS = server._LONG_HANDLERS | {f"jupyter.{name}"}


def _list_commands(server: Any) -> None:
    from agent.skill_commands import scan_skill_commands
    from hermes_cli.commands import COMMAND_REGISTRY
    from hermes_cli.config import load_config

    def commands(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """The slash commands there are: Hermes' own, the person's, and those of skills."""
        builtin = [
            {
                "name": one.name,
                "description": one.description,
                "args": one.args_hint,
                "aliases": list(one.aliases),
                "choices": list(one.subcommands),
            }
            for one in COMMAND_REGISTRY
        ]
        quick = load_config().get("quick_commands") or {}
        own = {f"/{name}": entry for name, entry in quick.items() if isinstance(entry, dict)}
        added = [
            {"name": name.lstrip("/"), "description": str(entry.get("description") or "")}
            for name, entry in sorted({**scan_skill_commands(), **own}.items())
        ]
        return dict(server._ok(rid, {"builtin": builtin, "added": added}))

    server.method("jupyter.commands")(commands)
    # They look through folders and run programs: not on the thread that reads the pipe.
    added = {"jupyter.commands", "command.dispatch"}
    server._LONG_HANDLERS = server._LONG_HANDLERS | added


def _keep_policy(server: Any, approval: Any, policy: dict[str, Any]) -> None:
    import model_tools

    forbidden = policy.get("forbidden_toolsets", [])
    stock_tools, stock_submit = (
        model_tools._compute_tool_definitions,
        server._methods["jupyter.prompt.submit"],
    )

    def tools(enabled: Any = None, disabled: Any = None, *args: Any, **options: Any) -> Any:
        return stock_tools(enabled, [*(disabled or ()), *forbidden], *args, **options)

    def submit(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Begin a turn, unless its model may not be used."""
        session, error = server._sess(params, rid)
        agent = (session or {}).get("agent")
        if error or agent is None:
            return dict(stock_submit(rid, params))
        info = server._session_info(agent, session)
        providers = policy.get("allowed_providers")
        if not fits(info["model"], policy.get("allowed_models")) or not any(
            fits(name, providers) for name in names_of_provider(agent, info["provider"])
        ):
            words = f"{info['model']} of {info['provider']}"
            return dict(server._err(rid, FORBIDDEN, words))
        return dict(stock_submit(rid, params))

    if forbidden:
        model_tools._compute_tool_definitions = tools
    if policy.get("approval_mode") == "manual":
        approval._get_approval_mode = lambda: "manual"
        approval._YOLO_MODE_FROZEN = False
    server.method("jupyter.prompt.submit")(submit)


def names_of_provider(agent: Any, name: str) -> list[str]:
    """A provider's name; of one that a person has configured, their own for its address as well."""
    from hermes_cli.config import load_config

    configured = load_config().get("providers") or {}
    address = str(getattr(agent, "base_url", None) or "").rstrip("/")
    return [name] + [
        own
        for own, entry in configured.items()
        if address and isinstance(entry, dict) and str(entry.get("base_url")).rstrip("/") == address
    ]


def fits(name: Any, patterns: list[str] | None) -> bool:
    """Whether a name is one of those that are allowed; without any, all are."""
    return not patterns or any(fnmatchcase(str(name), pattern) for pattern in patterns)


def plain(content: Any) -> str:
    """The text of a message's content, of whatever parts it is made."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")


def as_prompted(content: Any) -> str:
    """What a prompt ended with, without what Hermes adds for the images that it has shown."""
    return re.sub(
        r"(\s*\[(Image attached at: [^\n]*|screenshot)\])+\s*\Z", "", plain(content)
    ).strip()


def beside(name: str) -> Any:
    """The script of this name in this folder, which is on no path: Hermes has names like ours."""
    spec = spec_from_file_location(f"hermes_jupyter_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def serve() -> None:
    """Run the gateway until stdin ends."""
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


def main() -> None:
    """Run the gateway, and end quickly: a server that ends waits for this process."""
    die_with_parent()
    # Registered first, it runs after all that Hermes has to put in order. What Python itself would
    # do then, freeing every module, takes a second.
    atexit.register(os._exit, 0)
    try:
        serve()
    except BaseException as end:
        if not isinstance(end, SystemExit) or end.code:
            atexit.unregister(os._exit)
        raise


if __name__ == "__main__":
    main()
