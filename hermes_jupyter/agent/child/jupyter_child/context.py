"""What a model is told beside a prompt: with this prompt alone, and into no record."""

from __future__ import annotations

import threading
from typing import Any


def install(server: Any) -> None:
    """Give the context of a prompt to its turn."""
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
