"""How full the context of a session is, told after each model call."""

from __future__ import annotations

from typing import Any


def install(server: Any) -> None:
    from hermes_cli.plugins import PluginContext, PluginManifest, get_plugin_manager

    def after_call(**call: Any) -> None:
        live = server._find_live_session_by_key(call.get("session_id", ""))
        if live is not None:
            server._emit("jupyter.gauge", live[0], gauge(live[1].get("agent")))

    manifest = PluginManifest(name="hermes_jupyter", source="entrypoint", key="hermes_jupyter")
    PluginContext(manifest, get_plugin_manager()).register_hook("post_api_request", after_call)


def gauge(agent: Any) -> dict[str, Any]:
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
