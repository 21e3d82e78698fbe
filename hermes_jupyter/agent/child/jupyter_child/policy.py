"""What the administrator has decided: toolsets left out, approvals asked, models refused."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from .methods import FORBIDDEN


def install(server: Any, approval: Any, policy: dict[str, Any]) -> None:
    """Keep to a policy; see ``Policy`` of the parent for its entries."""
    import model_tools
    from hermes_cli import fallback_config

    forbidden = policy.get("forbidden_toolsets", [])
    stock_tools = model_tools._compute_tool_definitions
    stock_submit = server._methods["jupyter.prompt.submit"]
    stock_fallbacks = fallback_config.get_fallback_chain

    def allows(model: Any, provider: Any, address: Any) -> bool:
        providers = policy.get("allowed_providers")
        return fits(model, policy.get("allowed_models")) and any(
            fits(name, providers) for name in names_of_provider(provider, address)
        )

    def fallbacks(config: Any) -> list[dict[str, Any]]:
        """Whom the agent asks when a provider fails, in a turn and beside it."""
        return [
            one
            for one in stock_fallbacks(config)
            if allows(one.get("model"), one.get("provider"), one.get("base_url"))
        ]

    def tools(enabled: Any = None, disabled: Any = None, *args: Any, **options: Any) -> Any:
        return stock_tools(enabled, [*(disabled or ()), *forbidden], *args, **options)

    def submit(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Begin a turn, unless its model may not be used."""
        session, error = server._sess(params, rid)
        agent = (session or {}).get("agent")
        if error or agent is None:
            return dict(stock_submit(rid, params))
        info = server._session_info(agent, session)
        if not allows(info["model"], info["provider"], getattr(agent, "base_url", None)):
            words = f"{info['model']} of {info['provider']}"
            return dict(server._err(rid, FORBIDDEN, words))
        return dict(stock_submit(rid, params))

    if forbidden:
        model_tools._compute_tool_definitions = tools
    if policy.get("approval_mode") == "manual":
        approval._get_approval_mode = lambda: "manual"
        approval._YOLO_MODE_FROZEN = False
    fallback_config.get_fallback_chain = fallbacks
    server.method("jupyter.prompt.submit")(submit)


def names_of_provider(name: Any, address: Any) -> list[str]:
    """A provider's name; of one that a person has configured, their own for its address as well."""
    from hermes_cli.config import load_config

    configured = load_config().get("providers") or {}
    wanted = str(address or "").rstrip("/")
    return [str(name)] + [
        own
        for own, entry in configured.items()
        if wanted and isinstance(entry, dict) and str(entry.get("base_url")).rstrip("/") == wanted
    ]


def fits(name: Any, patterns: list[str] | None) -> bool:
    """Whether a name is one of those that are allowed; without any, all are."""
    return not patterns or any(fnmatchcase(str(name), pattern) for pattern in patterns)
