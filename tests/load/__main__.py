"""``python -m tests.load [--pages 100] [--minutes 10]``: for longer than a test may take.

On a hub: only there are persons told apart, with limits of their own, and asked for again and
again while their pages are open; and its proxy is on the way, as with most people who share one.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.hub.running import run_hub

from .run import run


def main() -> int:
    """Print what each wave leaves; fail if anything is lost or grows."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--pages", type=int, default=100, help="of each person")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    print(f"seed {given.seed}")
    with tempfile.TemporaryDirectory() as directory, run_hub(Path(directory)) as hub:
        work = run(
            hub,
            pages=given.pages,
            turns=20,
            warm=3,
            waves=4,
            minutes=given.minutes,
            seed=given.seed,
        )
        found = asyncio.run(work)
    print("\n".join(found) or "Nothing is lost, and nothing grows.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
