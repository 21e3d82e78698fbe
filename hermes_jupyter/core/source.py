"""Where a conversation came from: classified here, once, for every page.

A source is a free text in the agent's database. One that is unknown here is shown under its own
name and counts as ``other``: nothing is hidden for being new.
"""

from __future__ import annotations

from typing import Any

#: The names of those whose own spelling differs from the text in the database.
_LABELS = {
    "acp": "Editor",
    "api_server": "API",
    "bluebubbles": "iMessage",
    "cli": "CLI",
    "cron": "Scheduled",
    "desktop": "Desktop",
    "dingtalk": "DingTalk",
    "homeassistant": "Home Assistant",
    "msgraph_webhook": "Microsoft Graph",
    "qqbot": "QQ",
    "sms": "SMS",
    "tui": "TUI",
    "webui": "Web UI",
    "wecom": "WeCom",
    "wecom_callback": "WeCom",
    "whatsapp": "WhatsApp",
    "whatsapp_cloud": "WhatsApp",
}

#: What kind of place each of Hermes' sources is.
_KINDS = {
    "jupyter": ["jupyter"],
    "cli": ["cli", "tui", "acp"],
    "webui": ["webui", "desktop"],
    "api": ["api_server", "webhook", "msgraph_webhook"],
    "cron": ["cron"],
    "subagent": ["subagent"],
    "messaging": [
        *("bluebubbles", "dingtalk", "discord", "email", "feishu", "homeassistant", "matrix"),
        *("mattermost", "qqbot", "relay", "signal", "slack", "sms", "telegram", "wecom"),
        *("wecom_callback", "weixin", "whatsapp", "whatsapp_cloud", "yuanbao"),
    ],
}
_KIND = {source: kind for kind, sources in _KINDS.items() for source in sources}


def label_of(source: str) -> str:
    """The name of a source, as people read it."""
    return _LABELS.get(source) or source.replace("_", " ").strip().capitalize() or "Unknown"


def source_fields(source: str) -> dict[str, Any]:
    """What a row says of its source.

    ``source`` and ``source_tag`` are the agent's own word, ``session_source`` is the kind of place:
    jupyter, cli, webui, api, cron, subagent, messaging or other.
    """
    kind = _KIND.get(source, "other")
    return {
        "source": source,
        "source_label": label_of(source),
        "source_tag": source,
        "session_source": kind,
        "is_cli_session": kind == "cli",
    }
