"""The child's other half: tools that the parent runs, and what a model is told beside a prompt.

A part of ``child.py``, which loads it; what it needs of Hermes is checked there.

* ``jupyter.tools.offer`` registers tools before there is an agent, as the toolset ``jupyter``;
* a call of one is ``jupyter.tool.request``, and waits for ``jupyter.tool.respond``. A turn that is
  stopped waits no longer, which is told by ``jupyter.tool.cancel``;
* the context of a prompt goes to the model with this prompt, and into no record.
"""

from __future__ import annotations

import threading
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
    """Add the methods, and the way of a context to the model."""
    _run_in_parent(server)
    _tell_context(server)


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


def _tell_context(server: Any) -> None:
    from agent import conversation_loop
    from hermes_cli.plugins import PluginContext, PluginManifest, get_plugin_manager
    from tools import hook_output_spill

    stock_compose = conversation_loop.compose_user_api_content
    stock_spill = hook_output_spill.spill_if_oversized
    told: dict[str, str] = {}

    def before_turn(session_id: str = "", **_: Any) -> dict[str, str] | None:
        """Called by every agent of this process: only the turn of the prompt is meant."""
        live = server._find_live_session_by_key(session_id)
        if live is None or live[1].get("_run_thread") is not threading.current_thread():
            return None
        context = told[live[0]] = live[1].pop("jupyter_context", "")
        return {"context": context} if context else None

    def spill(text: str, **options: Any) -> Any:
        # What a person has attached is bounded already, and is not to be found in a file.
        return text if text in told.values() else stock_spill(text, **options)

    def compose(content: Any, prefetched: str, context: str) -> Any:
        if isinstance(content, list) and context:
            # Beside images Hermes would leave it out.
            return [*content, {"type": "text", "text": context}]
        return stock_compose(content, prefetched, context)

    hook_output_spill.spill_if_oversized = spill
    conversation_loop.compose_user_api_content = compose
    manifest = PluginManifest(name="hermes_jupyter", source="entrypoint", key="hermes_jupyter")
    PluginContext(manifest, get_plugin_manager()).register_hook("pre_llm_call", before_turn)
