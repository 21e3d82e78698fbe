"""``python -m tests.faults [rounds] [seed] [--hub]``: faults by chance, until something is lost."""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.hub.running import run_hub

from . import hub_world
from .disk import Disk
from .hub_world import HubWorld
from .round import FAULTS, Plan, play
from .world import World, a_world, lived_in

#: Turns in one conversation, before another world begins.
TURNS = 25


@asynccontextmanager
async def _on_a_hub(directory: Path) -> AsyncIterator[World]:
    disk = Disk(directory / "hub" / HubWorld.name)
    context = run_hub(directory / "hub")
    try:
        hub = await asyncio.to_thread(context.__enter__)
        async with lived_in(HubWorld(directory, hub, disk)) as world:
            yield world
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
        disk.close()


async def main(rounds: int, seed: int, *, on_hub: bool) -> None:
    """Play so many turns; the first that goes wrong ends it with its plan."""
    dice = random.Random(seed)
    begin = _on_a_hub if on_hub else a_world
    faults: Sequence[str] = hub_world.FAULTS if on_hub else FAULTS
    print(f"seed {seed}")
    for first in range(0, rounds, TURNS):
        with tempfile.TemporaryDirectory() as directory:
            async with begin(Path(directory)) as world:
                for number in range(first + 1, min(first + TURNS, rounds) + 1):
                    plan = Plan.random(number, dice, faults)
                    began = time.monotonic()
                    await play(world, plan)
                    print(f"{plan} {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", default=300)
    parser.add_argument("seed", type=int, nargs="?", default=int(time.time()))
    parser.add_argument("--hub", action="store_true", help="with a hub and its proxy")
    given = parser.parse_args()
    asyncio.run(main(given.rounds, given.seed, on_hub=given.hub))
