"""Tools: their calls as they were made, and those that the parent runs.

* ``jupyter.tool.start`` and ``jupyter.tool.complete`` carry arguments and results, whatever the
  person's display settings are;
* ``jupyter.tools.offer`` registers tools before there is an agent, as the toolset ``jupyter``;
* a call of one is ``jupyter.tool.request``, and waits for ``jupyter.tool.respond``. A turn that is
  stopped waits no longer, which is told by ``jupyter.tool.cancel``.
"""

from __future__ import annotations

import time
from typing import Any

TOOLSET = "jupyter"

#: What a model is told of where it works, unless the person's configuration says otherwise.
HINT = """\
You work inside Jupyter, beside a person who may have notebooks open. Use the notebook tools for \
them: by path (relative to the root of the Jupyter server) and by the ids of cells, of which you \
tell the latest that you have read. Never change a notebook that may be open by a file tool or in \
a terminal: what the person has not saved would be lost."""

#: What the model is told instead of a result.
STOPPED = '{"error": "The turn was stopped before this ended; a part of it may have been done."}'
NOT_HERE = (
    '{"error": "Notebooks are not within reach here. Say what you need in your answer instead."}'
)


def install(server: Any) -> None:
    """Tell of calls, and offer the tools that the parent runs."""
    _tell_tools(server)
    _run_in_parent(server)


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


def _run_in_parent(server: Any) -> None:
    from agent.prompt_builder import PLATFORM_HINTS
    from tools import tool_search
    from tools.registry import registry

    # Before a wait for a person is made of it, which ends by itself.
    wait_for_answer = server._block
    stock_toolsets, stock_core = server._load_enabled_toolsets, tool_search._core_tool_names
    offered: set[str] = set()

    def offer(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Register ``tools``: name, description and parameters of each."""
        for tool in params["tools"]:
            registry.register(tool["name"], TOOLSET, tool, _caller(tool["name"]))
            offered.add(tool["name"])
        PLATFORM_HINTS.setdefault("jupyter", HINT)
        return dict(server._ok(rid, {"status": "ok"}))

    def _caller(name: str) -> Any:
        def call(args: dict[str, Any], session_id: str = "", **_: Any) -> Any:
            # A subagent has a session that nobody looks at, and no turn that could be stopped.
            live = server._find_live_session_by_key(session_id)
            if live is None:
                return NOT_HERE
            request = {"name": name, "args": args}
            answer = wait_for_answer("jupyter.tool.request", live[0], request, timeout=None)
            if not answer:
                cancelled = {"request_id": request["request_id"]}
                server._emit("jupyter.tool.cancel", live[0], cancelled)
                return STOPPED
            return _result(**answer)

        return call

    def respond(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Give ``text`` and ``images`` as the result of the call ``request_id``."""
        result = {"text": params["text"], "images": params["images"]}
        answer = {"request_id": params["request_id"], "result": result}
        return dict(server._respond(rid, answer, "result", allow_expired=True))

    def toolsets() -> list[str] | None:
        enabled = stock_toolsets()
        # None stands for all there are.
        return enabled if enabled is None or not offered else sorted({*enabled, TOOLSET})

    server._load_enabled_toolsets = toolsets
    # Others are put behind a search where they would take a tenth of the model's window.
    tool_search._core_tool_names = lambda: stock_core() | offered
    server.method("jupyter.tools.offer")(offer)
    server.method("jupyter.tool.respond")(respond)


def _result(text: str, images: list[dict[str, str]]) -> Any:
    """The result as Hermes wants it; a model that sees no images gets the text alone."""
    if not images:
        return text
    shown = [
        {"type": "image_url", "image_url": {"url": f"data:{one['mime']};base64,{one['data']}"}}
        for one in images
    ]
    content = [{"type": "text", "text": text}, *shown]
    return {"_multimodal": True, "content": content, "text_summary": text}
