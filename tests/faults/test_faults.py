"""N3, N4, R25-R28: whatever dies whenever, a page ends up with what the agent said.

Hundreds of rounds, with another seed each time: ``python -m tests.faults 300``.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from .round import MOMENTS, Plan, play
from .world import a_world

#: What happens in each world, in order. The two ways in which a server ends share the moments: what
#: differs is how it ends. One that comes back has not heard of the agents that died before, and
#: starts the next one at once.
WORLDS = {
    "deaths": [
        (moment, fault)
        for number, moment in enumerate(MOMENTS)
        for fault in ("kill_agent", ("kill_server", "stop_server")[number % 2])
    ],
    "cuts": [(moment, "cut_network") for moment in MOMENTS],
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", WORLDS)
async def test_every_moment_of_a_turn(name: str, tmp_path: Path) -> None:
    dice = random.Random(name)
    async with a_world(tmp_path) as world:
        for number, (moment, fault) in enumerate(WORLDS[name], 1):
            pause = dice.choice((0, 0.01, 0.05))
            await play(world, Plan(number, moment, fault, pause))
