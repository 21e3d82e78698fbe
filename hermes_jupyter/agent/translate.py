"""Frames of Hermes' gateway as events of the core. Pure: a frame in, events out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Literal

from ..core.agent import (
    Asked,
    CallBegan,
    CallDropped,
    Closed,
    CompactionBegan,
    GaugeRead,
    Idle,
    Noticed,
    ReasoningDelta,
    SessionChanged,
    SessionEvent,
    TextDelta,
    TextDone,
    ToolBegan,
    ToolDone,
    TurnBegan,
    TurnEnded,
)
from ..core.gauge import Gauge
from ..core.question import Prompt, approval_choices

Payload = dict[str, Any]

#: The kind of status that tells of a compaction's begin.
_COMPACTING = "compacting"

#: The kinds of status that a person should read; the others are spinner texts.
_NOTICED: dict[str, Literal["info", "warning"]] = {"warn": "warning"}

#: What is stored in place of the images that a tool has shown to the model.
_IMAGES = re.compile(r"(\n\[screenshot\])+\Z")

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def translate(type_: str, session_id: str, payload: Payload) -> list[SessionEvent]:
    """The events that a frame of the open session ``session_id`` stands for.

    What a page has no use for (spinner texts, terminal renderings) stands for none.
    """
    rule = _RULES.get(type_)
    return rule(session_id, payload) if rule is not None else []


def without_colours(text: str) -> str:
    """A text for a terminal as a text for people."""
    return _ANSI.sub("", text)


def _text(payload: Payload, name: str = "text") -> str:
    return without_colours(str(payload.get(name) or ""))


def _clarify(session_id: str, payload: Payload) -> list[SessionEvent]:
    asked = Prompt(_text(payload, "question"), payload.get("choices") or None)
    return [
        Asked(
            session_id,
            key=payload["request_id"],
            kind="clarify",
            questions=[asked],
            deadline=payload.get("deadline"),
        )
    ]


def _approval(session_id: str, payload: Payload) -> list[SessionEvent]:
    return [
        Asked(
            session_id,
            key=payload["request_id"],
            kind="approval",
            command=str(payload.get("command") or ""),
            description=payload.get("description"),
            choices=approval_choices(payload.get("choices") or ["once"]),
            deadline=payload.get("deadline"),
        )
    ]


def _sudo(session_id: str, payload: Payload) -> list[SessionEvent]:
    asked = [Prompt("The agent needs your sudo password to run a command.")]
    return [
        Asked(session_id, payload["request_id"], "sudo", asked, deadline=payload.get("deadline"))
    ]


def _secret(session_id: str, payload: Payload) -> list[SessionEvent]:
    asked = [Prompt(_text(payload, "prompt") or f"A value for {payload.get('env_var')}")]
    return [
        Asked(
            session_id,
            payload["request_id"],
            "secret",
            asked,
            description=payload.get("env_var"),
            deadline=payload.get("deadline"),
        )
    ]


def _closed(session_id: str, payload: Payload) -> list[SessionEvent]:
    return [Closed(session_id, payload["request_id"], payload["outcome"], payload["told_agent"])]


def _tool_done(session_id: str, payload: Payload) -> list[SessionEvent]:
    result = _parsed(payload.get("result"))
    return [
        ToolDone(
            session_id,
            payload["tool_id"],
            payload["name"],
            payload.get("args") or {},
            result,
            payload.get("duration"),
            _tool_error(result),
        )
    ]


def _parsed(result: Any) -> Any:
    if not isinstance(result, str):
        return result
    try:
        return json.loads(result)
    except ValueError:
        return result


def _tool_error(result: Any) -> str | None:
    error = result.get("error") if isinstance(result, dict) else None
    if isinstance(error, dict):
        error = error.get("message") or error
    return str(error) if error else None


def tool_result(content: str) -> tuple[Any, str | None]:
    """The result and the error of a tool, from what is stored of it."""
    result = _parsed(_IMAGES.sub("", content))
    return result, _tool_error(result)


def _gauge(session_id: str, payload: Payload) -> list[SessionEvent]:
    return [GaugeRead(session_id, Gauge(**payload))]


def _info(session_id: str, payload: Payload) -> list[SessionEvent]:
    changed = SessionChanged(
        session_id, payload.get("title"), payload.get("model"), payload.get("cwd")
    )
    return [changed] if payload.get("running") else [changed, Idle(session_id)]


def _ended(session_id: str, payload: Payload) -> list[SessionEvent]:
    return [TurnEnded(session_id, _text(payload), payload.get("status") or "complete")]


def _failed(session_id: str, payload: Payload) -> list[SessionEvent]:
    return [TurnEnded(session_id, _text(payload, "message"), "error")]


def _status(session_id: str, payload: Payload) -> list[SessionEvent]:
    if payload.get("kind") == _COMPACTING:
        return [CompactionBegan(session_id, _text(payload))]
    level = _NOTICED.get(payload.get("kind") or "")
    return [Noticed(session_id, _text(payload), level)] if level is not None else []


_RULES: dict[str, Callable[[str, Payload], list[SessionEvent]]] = {
    "message.start": lambda session_id, _: [TurnBegan(session_id)],
    "message.delta": lambda session_id, p: [TextDelta(session_id, _text(p))],
    "message.interim": lambda session_id, p: [TextDone(session_id, _text(p))],
    "message.complete": _ended,
    "reasoning.delta": lambda session_id, p: [ReasoningDelta(session_id, _text(p))],
    "jupyter.tool.start": lambda session_id, p: [
        ToolBegan(session_id, p["tool_id"], p["name"], p.get("args") or {})
    ],
    "jupyter.tool.complete": _tool_done,
    "jupyter.tool.request": lambda session_id, p: [
        CallBegan(session_id, p["request_id"], p["name"], p["args"])
    ],
    "jupyter.tool.cancel": lambda session_id, p: [CallDropped(session_id, p["request_id"])],
    "jupyter.gauge": _gauge,
    "jupyter.question.closed": _closed,
    "clarify.request": _clarify,
    "approval.request": _approval,
    "sudo.request": _sudo,
    "secret.request": _secret,
    "session.info": _info,
    "status.update": _status,
    "error": _failed,
}
