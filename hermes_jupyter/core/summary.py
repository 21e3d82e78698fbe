"""A conversation's row in the list, as the HTTP contract writes it."""

from __future__ import annotations

from typing import Any

from .lineage import Chain
from .source import source_fields

#: What a person may do with a conversation, for the page to offer; it is refused otherwise.
CAPABILITIES = [
    *("prompt", "interrupt", "steer", "undo", "compress", "answer"),
    *("rename", "archive", "delete", "branch", "export"),
]

#: What is left of that where the conversation is a subagent's: its parent speaks for it.
READ_ONLY = ["export"]

#: And where that parent is gone.
ORPHANED = ["archive", "delete", "export"]

#: The row of a conversation that the agent has not stored yet.
NEW: dict[str, Any] = {
    "title": None,
    "preview": "",
    **source_fields("jupyter"),
    "relation": "root",
    "parent_id": None,
    "segment_count": 1,
    "subagent_count": 0,
    "message_count": 0,
    "created_at": 0.0,
    "last_active": 0.0,
    "model": None,
    "cwd": None,
    "cost_usd": None,
    "pinned": False,
    "unread": False,
    "archived": False,
    "skip_approvals": False,
    "capabilities": CAPABILITIES,
}


def summary_of(chain: Chain, subagents: int = 0) -> dict[str, Any]:
    """The row of a conversation that nobody works in.

    Args:
        subagents: how many conversations of subagents stand under it.
    """
    fresh = chain.freshest
    return {
        **NEW,
        **source_fields(chain.root.source),
        "id": chain.root.id,
        "tip_id": chain.tip.id,
        "title": chain.tip.title or chain.root.title,
        "preview": fresh.preview,
        "relation": chain.relation,
        "parent_id": chain.parent_id,
        "segment_count": len(chain.segments),
        "subagent_count": subagents,
        "message_count": sum(row.message_count for row in chain.segments),
        "created_at": chain.root.started_at,
        "last_active": fresh.last_active,
        "model": chain.tip.model,
        "cwd": chain.tip.cwd,
        "cost_usd": chain.cost_usd,
        "archived": chain.tip.archived,
        "capabilities": capabilities_of(chain),
        "state": "idle",
        "attention": {"clarify": 0, "approval": 0},
    }


def capabilities_of(chain: Chain) -> list[str]:
    """What a person may do with a stored conversation."""
    if chain.relation != "subagent":
        return CAPABILITIES
    return ORPHANED if chain.parent_id is None else READ_ONLY
