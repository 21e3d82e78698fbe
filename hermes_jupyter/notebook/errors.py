"""What can go wrong when a kernel or a program asks Hermes.

::

    HermesError          the message says why and what to do next; code is the server's
    ├── NoServer         the Jupyter server is there but cannot be reached
    ├── UnknownVariable  a prompt names a variable that there is not
    └── TurnError        the turn has no good end; ``reply`` is what there is of it
        ├── TurnFailed   the agent or its model has failed
        ├── Stopped      somebody has stopped it
        ├── TimedOut     it took longer than it was given, and was stopped
        └── Unanswered   it asked something, nobody was there, and it was stopped
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .reply import Reply


class HermesError(Exception):
    """Hermes could not be asked, or refused; ``code`` is what the server calls it."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class NoServer(HermesError):
    """The Jupyter server that this kernel belongs to cannot be reached."""


class UnknownVariable(HermesError):
    """A prompt names a variable that there is not; nothing was sent."""


class TurnError(HermesError):
    """A turn that has no good end; ``reply`` is what Hermes said and did until then."""

    def __init__(self, message: str, reply: Reply, code: str = "") -> None:
        super().__init__(message, code)
        self.reply = reply


class TurnFailed(TurnError):
    """The agent or its model has failed."""


class Stopped(TurnError):
    """Somebody has stopped the turn."""


class TimedOut(TurnError):
    """The turn took longer than it was given, and was stopped."""


class Unanswered(TurnError):
    """The turn asked something, nobody was there to answer, and it was stopped."""
