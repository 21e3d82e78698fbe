"""The conversations of a server: found by the id of any of their sessions, listed, told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from .agent import History, HistoryMessage, Opened
from .conversation import Conversation
from .errors import NotFound
from .journal import EVERYWHERE, Journal
from .lineage import Chain, chains
from .questions import Questions
from .store import Kept, Store
from .summary import NEW, summary_of
from .turn import Turn

#: Messages that a snapshot carries, besides the whole running turn.
SNAPSHOT_MESSAGES = 50

#: What is said where a conversation has grown by another program's hand.
_GREW = "Another program has gone on with this conversation. What it said is shown above."


class Conversations:
    """The conversations that are in memory, and the way to those in the agent's database."""

    def __init__(
        self, history: History, store: Store, journal: Journal, questions: Questions
    ) -> None:
        self._history = history
        self._store = store
        self._journal = journal
        self._questions = questions
        self._live: dict[str, Conversation] = {}
        self._canonical: dict[str, str] = {}

    def __iter__(self) -> Iterator[Conversation]:
        return iter(tuple(self._live.values()))

    def canonical(self, session_id: str) -> str:
        """The canonical id of the conversation that a session belongs to, as far as is known."""
        return self._canonical.get(session_id, session_id)

    def live(self, session_id: str) -> Conversation | None:
        """The conversation of a session, if it is in memory."""
        return self._live.get(self.canonical(session_id))

    async def find(self, session_id: str) -> Conversation:
        """The conversation that ``session_id`` (any of its segments) belongs to, ready to tell.

        Raises:
            NotFound: the agent has no such session.
        """
        live = self.live(session_id)
        if live is not None and (live.messages or live.opened):
            await self._notice_others(live)
            return live
        by_id = {
            row.id: chain
            for chain in chains(await self._history.sessions())
            for row in chain.segments
        }
        chain = by_id.get(session_id)
        if chain is None:
            if live is not None:
                return live
            raise NotFound("There is no such conversation.", code="session_not_found")
        ids = [row.id for row in chain.segments]
        last_row = await self._history.last_row(ids)
        history = await self._history.messages(ids, before=None, limit=SNAPSHOT_MESSAGES)
        kept = await self._store.kept(chain.root.id)
        conversation = self.adopt(chain.root.id)
        # A turn may have begun meanwhile: its rows are told from memory, never twice.
        if not conversation.messages:
            conversation.history = history
            conversation.last_row, conversation.settled = last_row, True
            self._follow(conversation, chain)
            self._remember(conversation, kept)
        return conversation

    async def listing(self, *, limit: int) -> dict[str, Any]:
        """The conversations, newest activity first, and how many there are."""
        found = {chain.root.id: chain for chain in chains(await self._history.sessions())}
        rows = []
        for root, chain in found.items():
            conversation = self.live(root)
            if conversation is not None:
                conversation.chain = chain
            elif chain.freshest.message_count and chain.relation != "subagent":
                rows.append(summary_of(chain) | self._attention(root))
        rows += [self.summary(live) for live in self._live.values() if _spoken(live)]
        rows.sort(key=lambda row: row["last_active"], reverse=True)
        return {"sessions": rows[:limit], "next_cursor": None, "total": len(rows)}

    def snapshot(self, conversation: Conversation) -> dict[str, Any]:
        """All a page needs to show a conversation and to read on from ``cursor``."""
        # Waiting deltas are in the messages already; announced first, they lie before the cursor.
        conversation.settle()
        questions = self._questions.of(conversation.id)
        return {
            **self.summary(conversation),
            "context": conversation.gauge.to_json(),
            "questions": [question.to_json() for question in questions],
            "turn": conversation.turn.to_json() if conversation.turn else None,
            "queued": [turn.to_json() for turn in conversation.queued],
            "messages": conversation.recent(SNAPSHOT_MESSAGES),
            "segments": [
                {"id": id_, "started_at": at} for id_, at in conversation.segments.items()
            ],
            "cursor": self._journal.cursor,
        }

    def summary(self, conversation: Conversation) -> dict[str, Any]:
        """The row of a conversation in the list."""
        chain = conversation.chain
        row = summary_of(chain) if chain is not None else {**NEW, "id": conversation.id}
        first = next((message for message in conversation.messages if message.role == "user"), None)
        waiting = self._attention(conversation.id)
        row.update(
            waiting,
            tip_id=conversation.tip_id,
            segment_count=len(conversation.segments),
            title=conversation.title or row["title"],
            preview=row["preview"] or ("".join(first.text)[:60] if first else ""),
            model=conversation.model or row["model"],
            cwd=conversation.cwd or row["cwd"],
            created_at=row["created_at"] or conversation.created_at,
            last_active=max(row["last_active"], conversation.last_active),
            skip_approvals=conversation.skip_approvals,
        )
        if not any(waiting["attention"].values()):
            row["state"] = _state_of(conversation)
        return row

    # -- changing ------------------------------------------------------------------------------

    def adopt(self, canonical: str) -> Conversation:
        """The conversation of this id, made if it is not in memory."""
        conversation = self._live.get(canonical)
        if conversation is None:

            def publish(type_: str, data: dict[str, Any], everywhere: bool) -> None:
                named = {"session_id": canonical, **data}
                self._journal.publish(type_, named, canonical, everywhere=everywhere)

            conversation = Conversation(canonical, publish, self._store.keep_unfinished)
            self._live[canonical] = conversation
            self._canonical[canonical] = canonical
        return conversation

    def opened(self, conversation: Conversation, opened: Opened) -> None:
        """The agent has a conversation open."""
        conversation.opened = True
        conversation.cwd = opened.cwd or conversation.cwd
        conversation.model = opened.model or conversation.model
        self.move(conversation, opened.session_id)

    def move(self, conversation: Conversation, tip_id: str) -> None:
        """A conversation goes on in this session from now on."""
        conversation.tip_id = tip_id
        conversation.segments.setdefault(tip_id, time.time())
        self._canonical[tip_id] = conversation.id

    def changed(self, conversation: Conversation) -> None:
        """Tell every page's list of a conversation that has changed."""
        if not _spoken(conversation):
            return
        row = self.summary(conversation)
        if row != conversation.told_row:
            conversation.told_row = row
            self._journal.publish("sessions", {"sessions": [row]}, EVERYWHERE)

    def told_anew(self, conversation: Conversation) -> None:
        """Tell the pages a conversation that is not a continuation of what they show."""
        data = self.snapshot(conversation)
        conversation.publish("snapshot", data)
        self.changed(conversation)

    async def settle(self, conversation: Conversation) -> None:
        """Compare with the agent's database, once the agent is idle.

        A prompt among its new rows that nobody sent from here is another program's, in the same
        session at the same time.
        """
        known = conversation.last_row
        last_row = await self._history.last_row([*conversation.segments])
        rows = await self._rows(conversation)
        if conversation.busy:
            return
        conversation.last_row, conversation.settled = last_row, True
        self._journal.rest(conversation.id)
        said = [text for _, text in conversation.prompts_here()]
        others = [
            row
            for row in rows
            if row.row > known and row.role == "user" and not _is_known(row.text, said)
        ]
        if others:
            self._take_over(conversation, rows)

    # -- within --------------------------------------------------------------------------------

    async def _notice_others(self, conversation: Conversation) -> None:
        """Take over what another program has added while the agent was idle here."""
        if not conversation.settled:
            return
        known = conversation.last_row
        last_row = await self._history.last_row([*conversation.segments])
        if last_row == known:
            return
        rows = await self._rows(conversation)
        if not conversation.settled or conversation.last_row != known:
            return
        conversation.last_row = last_row
        if any(row.row > known and row.role == "user" for row in rows):
            self._take_over(conversation, rows)

    async def _rows(self, conversation: Conversation) -> list[HistoryMessage]:
        limit = len(conversation.history) + len(conversation.messages) + SNAPSHOT_MESSAGES
        return await self._history.messages([*conversation.segments], before=None, limit=limit)

    def _take_over(self, conversation: Conversation, rows: list[HistoryMessage]) -> None:
        conversation.history = rows
        conversation.messages.clear()
        # What the agent has in mind is older than this: it reads it anew before it goes on.
        conversation.outdated = True
        conversation.notice(_GREW, "info")
        self.told_anew(conversation)

    def _attention(self, session_id: str) -> dict[str, Any]:
        """What of a conversation's row follows from the questions that wait for a person."""
        attention = self._questions.attention(session_id)
        state = "waiting" if any(attention.values()) else "idle"
        return {"attention": attention, "state": state}

    def _follow(self, conversation: Conversation, chain: Chain) -> None:
        """Take over what the agent's database says of a conversation nobody works in."""
        conversation.chain = chain
        conversation.tip_id = chain.tip.id
        conversation.title = chain.tip.title or chain.root.title
        conversation.model = chain.tip.model
        conversation.cwd = chain.tip.cwd
        conversation.created_at = chain.root.started_at
        conversation.last_active = chain.freshest.last_active
        conversation.segments = {row.id: row.started_at for row in chain.segments}
        for row in chain.segments:
            self._canonical[row.id] = conversation.id

    def _remember(self, conversation: Conversation, kept: Kept) -> None:
        """Take over what was kept of a conversation when its server ended."""
        self._questions.remember(kept.questions)
        for client_id, turn_id in kept.prompts.items():
            past = Turn("", client_id=client_id, state="interrupted", id=turn_id)
            conversation.prompts.setdefault(client_id, past)
        if kept.gauge is not None:
            conversation.gauge = kept.gauge
        if kept.unfinished is not None:
            conversation.interrupted_by_restart(kept.unfinished)


def _is_known(text: str, said: list[str]) -> bool:
    """Whether a stored prompt is one of ``said``, or what the agent says to itself in brackets."""
    return text.startswith("[") or any(one.strip() in text for one in said)


def _state_of(conversation: Conversation) -> str:
    if conversation.busy:
        return "running"
    failed = conversation.turn is not None and conversation.turn.state == "error"
    return "error" if failed else "idle"


def _spoken(conversation: Conversation) -> bool:
    """Whether anything was said: a draft that was never used is in no list."""
    stored = conversation.chain is not None and conversation.chain.freshest.message_count > 0
    return stored or bool(conversation.messages)
