"""How far the agent may go in notebooks without asking."""

from __future__ import annotations

import logging
from typing import Any, Literal, get_args

from .errors import BadRequest, Conflict, Unavailable
from .store import Store

log = logging.getLogger(__name__)

#: Read only; edits and runs are asked; runs are asked; nothing is asked.
Policy = Literal["read", "ask", "edit", "run"]

#: All of them; each allows what the one before does, and more.
POLICIES: tuple[Policy, ...] = get_args(Policy)

#: The name of the setting in the store.
_SETTING = "notebook_policy"


class NotebookPolicy:
    """The policy that a person has chosen; it is kept on disk, and read from there once.

    Args:
        default: holds as long as nothing was chosen.
        most: the most that may be chosen; what was chosen above it counts as this.
    """

    def __init__(self, store: Store, default: Policy = "edit", most: Policy = "run") -> None:
        self._store = store
        self.most = most
        try:
            kept = store.setting(_SETTING)
        except Unavailable as error:
            log.error("What the agent may do in notebooks is not known: it asks. %s", error)
            kept = min(default, "ask", key=POLICIES.index)
        self._chosen = next((policy for policy in POLICIES if policy == kept), default)

    @property
    def now(self) -> Policy:
        """The policy that holds now."""
        return min(self._chosen, self.most, key=POLICIES.index)

    async def choose(self, wanted: str) -> None:
        """Choose another one.

        Raises:
            BadRequest: there is no such policy.
            Conflict: it allows more than may be chosen.
        """
        policy = next((known for known in POLICIES if known == wanted), None)
        if policy is None:
            raise BadRequest(f"`policy` must be one of {', '.join(POLICIES)}.", code="bad_policy")
        if POLICIES.index(policy) > POLICIES.index(self.most):
            raise Conflict(
                f"The administrator of this server allows no more than {self.most!r}.",
                code="policy_forbidden",
                hint={"text": "Ask the administrator for more, if you need it."},
            )
        await self._store.set_setting(_SETTING, policy)
        self._chosen = policy

    def to_json(self) -> dict[str, Any]:
        """What holds and what may be chosen, as the HTTP contract writes them."""
        return {"policy": self.now, "max_policy": self.most}
