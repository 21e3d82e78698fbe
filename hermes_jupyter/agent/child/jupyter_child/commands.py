"""Slash commands with their arguments and aliases, and the processes that run them."""

from __future__ import annotations

import threading
from typing import Any

from .methods import add_slow, make_slow


def install(server: Any) -> None:
    """Add the list of commands, and start what runs them when it is needed."""
    _list_commands(server)
    _start_slash_workers_late(server)


def _list_commands(server: Any) -> None:
    from agent.skill_commands import scan_skill_commands
    from hermes_cli.commands import COMMAND_REGISTRY
    from hermes_cli.config import load_config

    def commands(rid: Any, params: dict[str, Any]) -> dict[str, Any]:
        """The slash commands there are: Hermes' own, the person's, and those of skills."""
        builtin = [
            {
                "name": one.name,
                "description": one.description,
                "args": one.args_hint,
                "aliases": list(one.aliases),
                "choices": list(one.subcommands),
            }
            for one in COMMAND_REGISTRY
        ]
        quick = load_config().get("quick_commands") or {}
        own = {f"/{name}": entry for name, entry in quick.items() if isinstance(entry, dict)}
        added = [
            {"name": name.lstrip("/"), "description": str(entry.get("description") or "")}
            for name, entry in sorted({**scan_skill_commands(), **own}.items())
        ]
        return dict(server._ok(rid, {"builtin": builtin, "added": added}))

    add_slow(server, "jupyter.commands", commands)
    # It runs programs.
    make_slow(server, "command.dispatch")


def _start_slash_workers_late(server: Any) -> None:
    stock = server._SlashWorker

    class LateWorker:
        """A slash worker is a process of 51 MB: most conversations never need theirs."""

        def __init__(self, *args: Any, **options: Any) -> None:
            self._make = lambda: stock(*args, **options)
            self._made: Any = None
            self._lock = threading.Lock()

        def run(self, command: str) -> Any:
            with self._lock:
                if self._made is None:
                    self._made = self._make()
            return self._made.run(command)

        def close(self) -> None:
            if self._made is not None:
                self._made.close()

    server._SlashWorker = LateWorker
