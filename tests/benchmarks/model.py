"""The offline model as a process of its own, as a real model is.

Within the server, as the tour runs it, its own work would count as the server's. It prints the
environment that the agent needs, and ends with its input. Besides scripts it knows
``STREAM <characters>``: so much text at full speed, without a prompt of that size.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys

from hermes_jupyter.offline import OfflineModel, Step
from hermes_jupyter.offline.script import Request, Turn, in_band

#: Tokens of the window: no benchmark is about compaction.
WINDOW = 100_000_000

#: Characters in a delta, a token and a half of English.
CHUNK = 6

_STREAM = re.compile(r"^STREAM (\d+)", re.MULTILINE)

_WORDS = "Every few characters of this text arrive in a delta of their own, as a model sends it. "


def answer(request: Request) -> Step:
    """Answer a chat request."""
    turn = Turn.of(request)
    wanted = _STREAM.search(turn.prompt)
    if wanted is not None:
        size = int(wanted[1])
        return Step(text=(_WORDS * (size // len(_WORDS) + 1))[:size], chunk=CHUNK)
    return in_band(turn) or Step(text="Yes.")


async def main() -> None:
    """Serve until the input ends."""
    async with OfflineModel(answer, instant=True, context_length=WINDOW) as model:
        print(json.dumps(dict(model.environ)), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
