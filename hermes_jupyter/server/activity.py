"""What a working agent means to those who end idle servers.

jupyter-server takes the newest of ``last_activity_times`` for its own end and tells it to
JupyterHub, whose culler looks at nothing else. A page that is merely open is no activity.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tornado.ioloop import PeriodicCallback

from ..core.core import Core

#: Seconds between two looks; cullers think in minutes.
INTERVAL = 10.0


class Activity:
    """Reports a working agent as activity of the server.

    Args:
        patience: seconds for which a turn that waits for a person counts.
        settings: of the web application.
    """

    def __init__(self, core: Core, patience: float, settings: dict[str, Any]) -> None:
        self._core = core
        self._patience = patience
        self._times = settings.setdefault("last_activity_times", {})
        self._pulse = PeriodicCallback(self.report, INTERVAL * 1000)

    @property
    def working(self) -> bool:
        """Whether an agent works, and does not wait for a person who is not there."""
        return self._core.working(self._patience)

    def report(self) -> None:
        """Tell the server, if there is something to tell."""
        if self.working:
            self._times["hermes"] = datetime.now(UTC)

    def start(self) -> None:
        """Look from time to time."""
        self._pulse.start()

    def stop(self) -> None:
        """Look no more."""
        self._pulse.stop()
