"""Which slash commands of Hermes make sense without a terminal, and what comes of them."""

from __future__ import annotations

from typing import Any

from ..core.agent import Command, CommandDone
from .translate import without_colours

#: Commands of Hermes that write a text and end. The others draw on a screen, wait for a key, speak
#: of Hermes' own process, quit, or are done here in another way.
BY_WORKER = frozenset(
    (
        *("bundles", "fast", "insights", "memory", "personality", "profile", "reload-skills"),
        *("status", "usage", "version"),
    )
)

#: Commands that become a prompt, or say something at once.
BY_GATEWAY = frozenset(("goal", "learn", "subgoal"))

#: Characters of what a command says; a page has no use for more.
MAX_TEXT = 20_000


def commands_of(reply: dict[str, Any]) -> list[Command]:
    """The commands that run here, of all there are: chosen ones of Hermes', all that were added."""
    known = [
        Command(
            one["name"],
            one["description"],
            one["args"],
            tuple(one["aliases"]),
            tuple(choice for choice in one["choices"] if not choice.startswith("-")),
        )
        for one in reply["builtin"]
        if one["name"] in BY_WORKER | BY_GATEWAY
    ]
    return known + [Command(one["name"], one["description"]) for one in reply["added"]]


def done_of(reply: dict[str, Any]) -> CommandDone:
    """What came of a command, of whatever kind the answer is."""
    if reply.get("type") in ("send", "skill"):
        return CommandDone(_text(reply.get("notice")), prompt=str(reply["message"]))
    if reply.get("type") == "alias":
        return CommandDone(command=str(reply["target"]))
    said = "\n".join(filter(None, (_text(reply.get("output")), _text(reply.get("warning")))))
    return CommandDone(said or "Done.")


def _text(value: Any) -> str | None:
    return without_colours(str(value)).strip()[:MAX_TEXT] if value else None
