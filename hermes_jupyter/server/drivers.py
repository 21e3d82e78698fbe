"""Who may drive the agent: on a hub, the owner of the server, unless configured otherwise.

A person whom JupyterHub lets in to somebody else's server passes jupyter-server's own authorizer
with all rights, and would type to an agent that acts as the owner. So to write, to drive and to
answer, one has to be a driver; who may read is for the server's authorizer alone to say.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.auth.identity import IdentityProvider, PasswordIdentityProvider, User

from ..core.errors import CoreError

#: Instead of a name: everybody whom the server lets in.
EVERYBODY = "*"


class NotADriver(CoreError):
    """The caller may read here and do no more."""

    code = "not_a_driver"


class Drivers(Authorizer):
    """Asks whether the caller drives the agent here, and then the server's own authorizer.

    Args:
        owner: of the server, by the hub's name; empty where there is no hub.
        others: names of those who drive it too; ``*`` stands for everybody.
    """

    def __init__(self, owner: str, others: Collection[str], **options: Any) -> None:
        super().__init__(**options)
        named = {owner, *others} - {""}
        #: By name, sorted; empty where nobody is left out.
        self.names = [] if EVERYBODY in named else sorted(named)

    async def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        """Whether the user may do this.

        Raises:
            NotADriver: they would have to be one.
        """
        if action != "read" and not self._include(handler, user):
            raise NotADriver(
                f"You can read here, but only {' and '.join(self.names)} can drive Hermes.",
                hint={"text": "Use Hermes on your own server, or ask for the right to drive it."},
            )
        authorizer: Authorizer = handler.settings["authorizer"]
        return await ensure_async(authorizer.is_authorized(handler, user, action, resource))

    async def rights(self, handler: Any, user: User, resource: str) -> list[str]:
        """What the user may do: of ``read``, ``write`` and ``execute``."""
        rights = []
        for action in ("read", "write", "execute"):
            with suppress(NotADriver):
                if await self.is_authorized(handler, user, action, resource):
                    rights.append(action)
        return rights

    def _include(self, handler: Any, user: User) -> bool:
        return not self.names or person(handler, user) in (None, *self.names)


def person(handler: Any, user: User) -> str | None:
    """The user's name, if it is one: on a plain server, everybody is the one owner."""
    # It invents a name for each browser, and another one for each call with a token.
    if type(handler.identity_provider) in (IdentityProvider, PasswordIdentityProvider):
        return None
    return user.username
