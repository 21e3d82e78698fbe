"""A conversation's row in the list, as the HTTP contract writes it."""

from __future__ import annotations

from typing import Any

from .lineage import Chain

#: What a person may do with a conversation, for the page to offer; it is refused otherwise.
CAPABILITIES = [
    *("prompt", "interrupt", "steer", "undo", "compress", "answer"),
    *("rename", "archive", "delete", "branch", "export"),
]

#: What is left of that where the conversation is a subagent's: its parent speaks for it.
READ_ONLY = ["export"]

#: The row of a conversation that the agent has not stored yet.
NEW: dict[str, Any] = {
    "title": None,
    "preview": "",
    "source": "jupyter",
    "source_label": "Jupyter",
    "source_tag": "jupyter",
    "session_source": "jupyter",
    "is_cli_session": False,
    "relation": "root",
    "parent_id": None,
    "segment_count": 1,
    "message_count": 0,
    "created_at": 0.0,
    "last_active": 0.0,
    "model": None,
    "cwd": None,
    "pinned": False,
    "unread": False,
    "archived": False,
    "skip_approvals": False,
    "capabilities": CAPABILITIES,
}


def summary_of(chain: Chain) -> dict[str, Any]:
    """The row of a conversation that nobody works in."""
    fresh = chain.freshest
    return {
        **NEW,
        "id": chain.root.id,
        "tip_id": chain.tip.id,
        "title": chain.tip.title or chain.root.title,
        "preview": fresh.preview,
        "source": chain.root.source,
        "source_label": chain.root.source.replace("_", " ").capitalize(),
        "source_tag": chain.root.source,
        "session_source": chain.root.source,
        "is_cli_session": chain.root.source == "cli",
        "relation": chain.relation,
        "parent_id": chain.parent_id,
        "segment_count": len(chain.segments),
        "message_count": sum(row.message_count for row in chain.segments),
        "created_at": chain.root.started_at,
        "last_active": fresh.last_active,
        "model": chain.tip.model,
        "cwd": chain.tip.cwd,
        "archived": chain.tip.archived,
        "capabilities": READ_ONLY if chain.relation == "subagent" else CAPABILITIES,
        "state": "idle",
        "attention": {"clarify": 0, "approval": 0},
    }
