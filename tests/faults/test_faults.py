"""N3, N4, R25-R28: whatever dies whenever, a page ends up with what the agent said.

Hundreds of rounds, with another seed each time: ``python -m tests.faults 300``.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from .round import FAULTS, MOMENTS, Plan, play
from .world import a_world

#: The moments of each fault. The two ends of a server share them: what differs is how it ends.
WHEN = {
    **dict.fromkeys(FAULTS, MOMENTS),
    "kill_server": MOMENTS[::2],
    "stop_server": MOMENTS[1::2],
}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("fault", FAULTS)
async def test_every_moment_of_a_turn(fault: str, tmp_path: Path) -> None:
    dice = random.Random(fault)
    async with a_world(tmp_path) as world:
        for number, moment in enumerate(WHEN[fault], 1):
            pause = dice.choice((0, 0.01, 0.05))
            await play(world, Plan(number, moment, fault, pause))
