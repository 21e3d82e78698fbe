"""N3, N4, R25-R28: whatever dies whenever, a page ends up with what the agent said.

Each moment once here. Hundreds of rounds, with another seed each time: ``python -m tests.faults``.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from .round import MOMENTS, Plan, play
from .world import a_world

#: What happens in each world, in order. An agent that dies is started anew at once only by a server
#: that has not seen others die before, so their deaths and those of the server alternate.
WORLDS = {
    "deaths": [
        (moment, ("kill_agent", "kill_server", "kill_agent", "stop_server")[number % 4])
        for number, moment in enumerate(MOMENTS)
    ],
    "cuts": [*((moment, "cut_network") for moment in MOMENTS), ("text", "fill_disk")],
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", WORLDS)
async def test_every_moment_of_a_turn(name: str, tmp_path: Path) -> None:
    dice = random.Random(name)
    async with a_world(tmp_path) as world:
        for number, (moment, fault) in enumerate(WORLDS[name], 1):
            pause = dice.choice((0, 0.01, 0.05))
            await play(world, Plan(number, moment, fault, pause))
