"""Runs Hermes' stdio gateway with what it lacks for a notebook."""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import signal
import sys
from importlib.metadata import version
from typing import Any

from . import (
    commands,
    context,
    gauge,
    models,
    needed,
    policy,
    questions,
    records,
    tool_calls,
    turns,
)

#: Names of the environment that the parent sets.
PARENT = "HERMES_JUPYTER_PARENT"
POLICY = "HERMES_JUPYTER_POLICY"


def main() -> None:
    """Run the gateway, and end quickly: a server that ends waits for this process."""
    die_with_parent()
    # Registered first, it runs after all that Hermes has to put in order. What Python itself would
    # do then, freeing every module, takes a second.
    atexit.register(os._exit, 0)
    try:
        serve()
    except BaseException as end:
        if not isinstance(end, SystemExit) or end.code:
            atexit.unregister(os._exit)
        raise


def serve() -> None:
    """Run the gateway until stdin ends."""
    # The first import of Hermes: it moves stdout out of the way of stray prints.
    from tui_gateway import entry, server

    atexit.register(end_descendants)
    end_descendants_at(signal.SIGTERM)
    import model_tools  # noqa: F401  built-in tools and plugins come before ours
    from tools import approval

    missing = needed.missing_names()
    if not missing:
        install(server, approval)
    ready = {"version": version("hermes-agent"), "missing": missing}
    server._emit("jupyter.ready", "", ready)
    if missing:
        sys.exit(f"This hermes-agent lacks what the panel needs: {json.dumps(missing)}")
    entry.main()


def install(server: Any, approval: Any) -> None:
    """Add what the gateway lacks."""
    tool_calls.install(server)
    context.install(server)
    questions.install(server, approval)
    turns.install(server)
    gauge.install(server)
    records.install(server)
    models.install(server)
    commands.install(server)
    # It wraps what the others have added.
    policy.install(server, approval, json.loads(os.environ.get(POLICY) or "{}"))


def die_with_parent() -> None:
    """Ask Linux for a SIGTERM when the parent is gone, however it went."""
    if sys.platform != "linux":
        return  # End of stdin has to do; it comes with every end of the parent.
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.environ.get(PARENT) not in (None, str(os.getppid())):
        sys.exit("The parent was gone before this process began.")


def end_descendants_at(number: signal.Signals) -> None:
    """End them first: Hermes gives itself a second then, and ends without what is registered."""
    stock = signal.getsignal(number)

    def received(number: int, frame: Any) -> None:
        end_descendants()
        if callable(stock):
            stock(number, frame)

    signal.signal(number, received)


def end_descendants() -> None:
    """End what the agent's tools have started: their shells have sessions of their own."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
