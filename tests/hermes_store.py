"""Databases as Hermes writes them, by its own library, in a process of its own.

``python -m tests.hermes_store HOME`` reads lines of JSON, each a call ``[method, arguments,
keywords]`` of Hermes' ``SessionDB``. The times of what is written follow from a clock that moves by
a second with each call.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

Call = list[Any]

START = 1_760_000_000.0


def write(home: Path, *calls: Call) -> None:
    """Make the calls, in order, on the database of a Hermes home."""
    home.mkdir(parents=True, exist_ok=True)
    lines = "\n".join(json.dumps(call) for call in calls)
    line = [sys.executable, "-m", "tests.hermes_store", str(home)]
    subprocess.run(line, input=lines, text=True, check=True, timeout=120)


def session(id: str, source: str = "jupyter", **more: Any) -> Call:
    return ["create_session", [id, source], {"model": "scripted", **more}]


def said(id: str, role: str, content: Any, **more: Any) -> Call:
    return ["append_message", [id, role, content], more]


def turn(id: str, question: str, answer: str) -> list[Call]:
    return [said(id, "user", question), said(id, "assistant", answer)]


def ended(id: str, reason: str) -> Call:
    return ["end_session", [id, reason], {}]


def titled(id: str, title: str) -> Call:
    return ["set_session_title", [id, title], {}]


def main(home: str) -> None:
    import os
    import time
    import types

    os.environ["HERMES_HOME"] = home
    import hermes_state

    now = START

    def tick() -> float:
        nonlocal now
        now += 0.001
        return now

    hermes_state.time = types.SimpleNamespace(
        **{name: getattr(time, name) for name in dir(time) if not name.startswith("_")}
        | {"time": tick}
    )
    path = Path(home) / "state.db"
    db = hermes_state.SessionDB(db_path=path)
    found = db._conn.execute("SELECT MAX(timestamp) FROM messages").fetchone()[0]
    now = max(now, found or 0.0)
    for line in sys.stdin:
        now += 1
        method, arguments, keywords = json.loads(line)
        getattr(db, method)(*arguments, **keywords)
    db.close()


if __name__ == "__main__":
    main(sys.argv[1])
