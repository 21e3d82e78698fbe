"""What a person does with whole conversations: rename, put away, delete, branch."""

from __future__ import annotations

from .agent import Agent, Opened
from .attachments import Attachments
from .conversation import Conversation
from .conversations import Conversations
from .errors import BadRequest, Conflict
from .store import Store
from .turns import Turns

#: Characters of the longest title that Hermes stores.
MAX_TITLE = 100


class Records:
    """Changes of conversations as a whole; the agent's own process writes them."""

    def __init__(
        self,
        agent: Agent,
        store: Store,
        attachments: Attachments,
        conversations: Conversations,
        turns: Turns,
    ) -> None:
        self._agent = agent
        self._store = store
        self._attachments = attachments
        self._conversations = conversations
        self._turns = turns

    async def change(
        self,
        session_id: str,
        *,
        title: str | None = None,
        archived: bool | None = None,
        pinned: bool | None = None,
        read: bool | None = None,
    ) -> Conversation:
        """Change what is given; a pin and a read mark are kept here, the rest by the agent.

        Raises:
            BadRequest: the title is too long, or another conversation has it.
            Forbidden: the conversation is read only.
        """
        conversation = await self._conversations.find(session_id)
        if title is not None:
            self._conversations.must_allow(conversation, "rename")
            if len(title) > MAX_TITLE:
                raise BadRequest(
                    f"A title has at most {MAX_TITLE} characters.", code="title_too_long"
                )
            await self._agent.rename(conversation.tip_id, title)
            conversation.title = title or None
            conversation.publish("session", {"title": title})
        if archived is not None:
            self._conversations.must_allow(conversation, "archive")
            await self._agent.archive([*conversation.segments], archived)
        if pinned is not None or read is not None:
            await self._conversations.mark(conversation, pinned=pinned, read=read)
        await self._conversations.refresh(conversation)
        return conversation

    async def delete(self, session_id: str) -> None:
        """Delete a conversation for good: all of its sessions, and all that is kept of it here.

        Raises:
            Conflict: a turn is in hand.
            Forbidden: the conversation is read only.
        """
        conversation = await self._conversations.find(session_id)
        self._conversations.must_allow(conversation, "delete")
        if conversation.busy:
            assert conversation.turn is not None
            raise Conflict(
                "A turn is running in this conversation.",
                code="busy",
                turn=conversation.turn.to_json(),
                hint={"text": "Stop the turn, then delete it."},
            )
        # The newest first: a continuation whose beginning is gone would be one of its own.
        await self._agent.delete([*conversation.segments][::-1])
        await self._attachments.forget(conversation.id)
        self._store.forget(conversation.id)
        self._conversations.forget(conversation)

    async def branch(self, session_id: str, title: str | None = None) -> Conversation:
        """A new conversation that begins with all that was said in this one.

        Raises:
            Conflict: a turn is in hand.
            Forbidden: the conversation is read only.
            Unavailable: the agent cannot be had, or has nothing to branch from.
        """
        conversation = await self._conversations.find(session_id)
        self._conversations.must_allow(conversation, "branch")
        await self._turns.open_idle(conversation, "a branch begins")
        branched = await self._agent.branch(conversation.tip_id, title)
        await self._attachments.copy(conversation.id, branched)
        found = await self._conversations.find(branched)
        self._conversations.opened(
            found, Opened(branched, conversation.cwd or "", conversation.model)
        )
        self._conversations.changed(found)
        return found
