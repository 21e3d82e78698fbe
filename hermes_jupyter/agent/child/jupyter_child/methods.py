"""The methods that are added to the gateway, and the codes of their errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: Codes of Hermes' gateway: a value is none of those it may be; a turn runs; what is meant is not
#: there any more; a title is not to be had. Our own: the administrator does not want this.
INVALID = 4002
BUSY = 4009
GONE = 4018
TITLE = 4022
FORBIDDEN = 4903

#: Takes the id of a request and its parameters, and gives the reply.
Method = Callable[[Any, dict[str, Any]], dict[str, Any]]


def add_slow(server: Any, name: str, method: Method) -> None:
    """Add a method that waits, asks somebody, reads or writes."""
    server.method(name)(method)
    make_slow(server, name)


def make_slow(server: Any, name: str) -> None:
    """Run a method in the pool: on the thread that reads the pipe all sessions wait with it."""
    server._LONG_HANDLERS = server._LONG_HANDLERS | {name}
