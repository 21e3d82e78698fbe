"""The private names of Hermes that this program needs, checked before it is used."""

from __future__ import annotations

import importlib

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
    "hermes_cli.fallback_config": ("get_fallback_chain",),
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


def missing_names() -> list[str]:
    """The private names of Hermes that this file needs and that are not there."""

    missing = []
    for module_name, names in NEEDED.items():
        module = importlib.import_module(module_name)
        missing += [f"{module_name}.{name}" for name in names if not hasattr(module, name)]
    return missing
