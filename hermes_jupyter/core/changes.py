"""What the turns of a conversation changed in notebooks, and taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .conversation import Conversation
from .conversations import Conversations
from .errors import Conflict, NotFound
from .store import KeptChange, Store
from .tools import Change, ToolHost


class Changes:
    """The changes of all conversations; they are on disk, and outlive the server.

    Args:
        host: takes changes back; None: there are none.
    """

    def __init__(self, store: Store, conversations: Conversations, host: ToolHost | None) -> None:
        self._store = store
        self._conversations = conversations
        self._host = host
        self._undoing: set[str] = set()

    async def keep(
        self, conversation: Conversation, turn_id: str, changes: Sequence[Change]
    ) -> None:
        """Keep what a call of this turn has changed."""
        await self._store.add_changes(conversation.id, turn_id, changes)
        await self._tell(conversation, turn_id)

    async def of(self, session_id: str) -> dict[str, Any]:
        """``{turns: [{turn_id, at, changes}]}``: what each turn changed, the newest first.

        Raises:
            NotFound: there is no such conversation.
        """
        conversation = await self._conversations.find(session_id)
        turns: dict[str, dict[str, Any]] = {}
        for one in await self._store.changes(conversation.id):
            fresh = {"turn_id": one.turn_id, "at": one.at, "changes": []}
            turns.setdefault(one.turn_id, fresh)["changes"].append(as_json(one.change))
        return {"turns": [*turns.values()][::-1]}

    async def undo(self, session_id: str, turn_id: str) -> dict[str, Any]:
        """Take back what a turn has changed and nobody has touched since; all changes as they are.

        Raises:
            NotFound: there is no such conversation, or the turn has changed nothing.
            Conflict: the turn is still running, or is being taken back; or there are no tools here.
        """
        conversation = await self._conversations.find(session_id)
        kept = await self._store.changes(conversation.id, turn_id)
        if self._host is None:
            raise Conflict("This server has no notebook tools.", code="no_notebook_tools")
        if not kept:
            raise NotFound("This turn has changed no notebook.", code="nothing_to_undo")
        turn = conversation.turn
        if turn is not None and turn.id == turn_id and turn.active:
            raise Conflict(
                "This turn is running; what it changes is taken back after its end.",
                code="busy",
                turn=turn.to_json(),
                hint={"text": "Stop the turn, or wait for its end."},
            )
        if turn_id in self._undoing:
            raise Conflict("This turn is being taken back right now.", code="being_undone")
        self._undoing.add(turn_id)
        try:
            await self._take_back(self._host, kept)
        finally:
            self._undoing.remove(turn_id)
        await self._tell(conversation, turn_id)
        return await self.of(session_id)

    async def _take_back(self, host: ToolHost, kept: Sequence[KeptChange]) -> None:
        left = [one for one in kept if one.change.state != "undone"]
        became = await host.undo([one.change for one in left])
        pairs = zip(left, became, strict=True)
        await self._store.update_changes([(one.number, change) for one, change in pairs])

    async def _tell(self, conversation: Conversation, turn_id: str) -> None:
        kept = await self._store.changes(conversation.id, turn_id)
        changes = [as_json(one.change) for one in kept]
        conversation.publish("changes", {"turn_id": turn_id, "changes": changes})


def as_json(change: Change) -> dict[str, Any]:
    """A change as the HTTP contract writes it."""
    body = asdict(change)
    del body["index_before"], body["index_after"]
    return body
