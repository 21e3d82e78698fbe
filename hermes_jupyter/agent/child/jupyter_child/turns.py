"""Turns: begun by one prompt with what belongs to it, and taken back in the database too.

* prompts that are refused, not queued, while a turn runs (who waits is decided in the parent), and
  whose images and context go with this turn and no other;
* what became of words said into a turn (``jupyter.steer.undelivered``);
* a prompt taken back (``jupyter.session.rewind``) and a session read anew
  (``jupyter.session.reload``).
"""

from __future__ import annotations

import json
import re
from typing import Any

from .methods import BUSY, GONE, add_slow


def install(server: Any) -> None:
    """Add the methods, and take prompts one at a time."""
    _tell_when_ready(server)
    _refuse_prompts_while_busy(server)
    _take_prompts(server)
    _find_undelivered(server)
    _take_back(server)


def _tell_when_ready(server: Any) -> None:
    def ready(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Wait until the session's agent is built: from then on a prompt begins at once."""
        _, error = server._sess(params, rid)
        return dict(error or server._ok(rid, {"status": "ok"}))

    add_slow(server, "jupyter.session.ready", ready)


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

    add_slow(server, "jupyter.session.reload", reload)
    add_slow(server, "jupyter.session.rewind", rewind)


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
