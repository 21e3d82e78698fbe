"""Both people at work: wave after wave, all is compared, and what is held is measured."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import asdict

from tests.hub.running import Hub

from .crowd import Crowd
from .measure import Held, growing, look

NAMES = ("ada", "bob")


async def run(
    hub: Hub, *, pages: int, turns: int, warm: int, waves: int, minutes: float, seed: int
) -> list[str]:
    """Let both work for so long; what of theirs has grown, in words.

    Args:
        pages: of each person.
        turns: of each person in a wave.
        warm: waves until the server, the agent and their libraries have made what they keep.
        waves: after those, at least.
    """
    dice = random.Random(seed)
    looks: dict[str, list[Held]] = {name: [] for name in NAMES}
    async with (
        Crowd(hub, "ada", pages, dice) as ada,
        Crowd(hub, "bob", pages, dice) as bob,
    ):
        end, wave = time.monotonic() + 60 * minutes, 0
        while time.monotonic() < end or wave < warm + waves:
            wave += 1
            await asyncio.gather(ada.wave(turns), bob.wave(turns))
            for crowd in (ada, bob):
                name = crowd.person.name
                held = await asyncio.to_thread(look, hub, name)
                if wave > warm:
                    looks[name].append(held)
                print(f"{wave} {crowd}: {_told(held)}", flush=True)
    return [f"{name}'s {what}" for name in NAMES for what in growing(looks[name])]


def _told(held: Held) -> str:
    return " ".join(
        f"{what}={number / 2**20:.1f}M" if number > 10_000 else f"{what}={number}"
        for what, number in asdict(held).items()
    )
