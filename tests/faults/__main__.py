"""``python -m tests.faults [rounds] [seed]``: faults by chance, until something is lost."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from .round import Plan, play
from .world import a_world

#: Turns in one conversation, before another world begins.
TURNS = 25


async def main(rounds: int, seed: int) -> None:
    """Play so many turns; the first that goes wrong ends it with its plan."""
    dice = random.Random(seed)
    print(f"seed {seed}")
    for first in range(0, rounds, TURNS):
        with tempfile.TemporaryDirectory() as directory:
            async with a_world(Path(directory)) as world:
                for number in range(first + 1, min(first + TURNS, rounds) + 1):
                    plan = Plan.random(number, dice)
                    began = time.monotonic()
                    await play(world, plan)
                    print(f"{plan} {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(main(given[0] if given else 300, given[1] if len(given) > 1 else int(time.time())))
