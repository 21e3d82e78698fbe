"""Run the benchmarks: ``python -m tests.benchmarks [name …] [--check]``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable

from . import (
    busy,
    fanout,
    questions,
    reconnect,
    restart,
    sessions,
    silent,
    start,
    transcript,
    turns,
)
from .measure import Row, table

BENCHMARKS: dict[str, Callable[[], Iterable[Row]]] = {
    "questions": questions.questions,
    "fan-out": fanout.fan_out,
    "silent": silent.silent,
    "reconnect": reconnect.reconnect,
    "busy": busy.busy,
    "turns": turns.turns,
    "start": start.start,
    "restart": restart.restart,
    "sessions": sessions.sessions,
    "transcripts": sessions.transcripts,
    "transcript": transcript.transcript,
}


def main() -> int:
    """Print a table for each benchmark that is named, or for all."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], metavar="name")
    parser.add_argument("--check", action="store_true", help="fail if a ratio is over its limit")
    arguments = parser.parse_args()
    exceeded = []
    for name in arguments.names or BENCHMARKS:
        start, load = time.monotonic(), os.getloadavg()[0]
        rows = list(BENCHMARKS[name]())
        took = time.monotonic() - start
        print(f"{name}: {took:.0f} s, load {load:.1f} to {os.getloadavg()[0]:.1f}")
        print(table(rows), end="\n\n", flush=True)
        exceeded += [row for row in rows if row.exceeded]
    for row in exceeded:
        print(f"over its limit: {row.what}")
    return 1 if exceeded and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
