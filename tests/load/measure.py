"""What a person's server and its agent hold, and whether that has come to rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tests.hub.running import Hub

#: How much more the second half of a run may hold than the first.
MEMORY = 1.1
DISK = 1.5

#: Handles and threads that come and go: connections that are kept for a while, a pool's workers.
SLACK = 4


@dataclass(frozen=True, slots=True)
class Held:
    """At one moment: memory and files in bytes, the others by number."""

    server_memory: int
    server_handles: int
    server_threads: int
    agent_memory: int
    agent_handles: int
    agent_threads: int
    processes: int
    chats: int
    store: int


def look(hub: Hub, name: str) -> Held:
    """What somebody's server and agent hold now."""
    (server,) = hub.servers(name)
    below = server.children(recursive=True)
    (agent,) = [one for one in below if any("agent/child" in word for word in one.cmdline())]
    home = hub.directory / name / ".local/share/jupyter/hermes-jupyter/tour/home"
    return Held(
        *(server.memory_info().rss, server.num_fds(), server.num_threads()),
        *(agent.memory_info().rss, agent.num_fds(), agent.num_threads()),
        len(below),
        _bytes(home, "state.db*"),
        _bytes(home / "jupyter", "conversations.db*"),
    )


def _bytes(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


def growing(looks: Sequence[Held]) -> list[str]:
    """What does not come to rest, in words; nothing, if all does.

    The chats themselves grow, turn by turn: of them, the second half must not add much more than
    the first did.
    """
    half = len(looks) // 2
    first, second = ([asdict(one) for one in part] for part in (looks[:half], looks[-half:]))
    found = []
    for name in asdict(looks[0]):
        before, after = ([one[name] for one in part] for part in (first, second))
        if name in ("chats", "store"):
            before, after = ([max(part) - min(part) + 4096] for part in (before, after))
            most = DISK * before[0] + 256 * 1024
        elif name.endswith("memory"):
            most = MEMORY * median(before)
        else:
            most = max(before) + SLACK
        if median(after) > most:
            found.append(f"{name}: {before} became {after}")
    return found
