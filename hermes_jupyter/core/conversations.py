"""The conversations of a server: found by the id of any of their sessions, listed, told."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from .agent import History, HistoryMessage, Opened
from .conversation import Conversation
from .errors import BadRequest, CoreError, Forbidden, NotFound
from .gauge import Gauge
from .journal import EVERYWHERE, Journal
from .lineage import Chain
from .listing import Lineages, Wanted, entry_of, page
from .message import history_json, measured
from .questions import Questions
from .store import Kept, Marks, Store
from .summary import NEW, capabilities_of
from .turn import Turn

log = logging.getLogger(__name__)

#: Messages that a snapshot carries, besides the whole running turn.
SNAPSHOT_MESSAGES = 50

#: Seconds between two looks at the agent's database.
WATCH = 0.8

#: Rows that one event tells; a page that lacks more of them asks for the list.
MOST_TOLD = 50

#: What is said where a conversation has grown by another program's hand.
_GREW = "Another program has gone on with this conversation. What it said is shown above."

#: What is said where the agent's database has nothing of a turn that is over.
_NOT_STORED = (
    "The agent could not store this turn; most likely its disk is full. It will be missing after a "
    "restart. Make room, and export the conversation to keep what is shown here."
)


class Conversations:
    """The conversations that are in memory, and the way to those in the agent's database."""

    def __init__(
        self, history: History, store: Store, journal: Journal, questions: Questions
    ) -> None:
        self._history = history
        self._store = store
        self._journal = journal
        self._questions = questions
        self._lineages_known = Lineages(())
        self._marks = Marks()
        #: What the pages that are open know of; None: none is.
        self._lineages_told: Lineages | None = None
        self._live: dict[str, Conversation] = {}
        self._canonical: dict[str, str] = {}
        #: Is told each state of each turn, with its conversation.
        self.witness: Callable[[str, Turn], None] | None = None

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
        chain = (await self._lineages()).of(session_id)
        if chain is None:
            if live is not None:
                return live
            raise NotFound("There is no such conversation.", code="session_not_found")
        ids = [row.id for row in chain.segments]
        last_row = await self._history.last_row(ids)
        history = await self._history.messages(ids, before=None, limit=SNAPSHOT_MESSAGES)
        compactions = await self._history.compactions(ids)
        kept = await self._store.kept(chain.root.id)
        conversation = self.adopt(chain.root.id)
        # A turn may have begun meanwhile: its rows are told from memory, never twice.
        if not conversation.messages:
            conversation.compactions = kept.compactions
            conversation.history = measured(history, kept.compactions)
            conversation.meter.gauge = (kept.gauge or Gauge()).of_stored(
                compactions=compactions, cost_usd=chain.cost_usd
            )
            conversation.last_row, conversation.settled = last_row, True
            self._follow(conversation, chain)
            self._remember(conversation, kept)
        return conversation

    async def listing(self, wanted: Wanted) -> dict[str, Any]:
        """One page of the conversations, newest activity first, and how many there are.

        Raises:
            BadRequest: the cursor is not one of this list.
        """
        lineages = await self._lineages()
        self._marks = await self._store.marks()

        def row_of(session_id: str) -> dict[str, Any]:
            return rows.get(session_id) or self._stored_row(lineages, lineages.all[session_id])

        rows: dict[str, dict[str, Any]] = {}
        if wanted.parent_id is not None:
            parent = lineages.of(wanted.parent_id)
            entries = lineages.subagents(parent.root.id) if parent else ()
            return page(entries, row_of, self._marks.pinned, wanted)
        for live in self._live.values():
            live.chain = lineages.all.get(live.id, live.chain)
            if _spoken(live) and (live.chain is None or lineages.is_listed(live.chain)):
                rows[live.id] = self.summary(live)
        stored = [entry for entry in lineages.entries if entry.id not in rows]
        live_entries = []
        for id_, row in rows.items():
            chain = lineages.all.get(id_)
            origin = lineages.origin(chain) if chain is not None else None
            live_entries.append(entry_of(row, chain, origin))
        return page([*stored, *live_entries], row_of, self._marks.pinned, wanted)

    async def search(self, text: str, *, limit: int) -> list[dict[str, Any]]:
        """The newest messages in which all words of ``text`` are found, with their conversation."""
        lineages = await self._lineages()
        found = []
        for one in await self._history.search(text, limit=limit):
            chain = lineages.of(one.session_id)
            if chain is not None and chain.relation != "subagent":
                found.append(
                    {
                        "session_id": self.canonical(chain.root.id),
                        "title": chain.tip.title or chain.root.title,
                        "source": chain.root.source,
                        "message_id": str(one.row),
                        "role": one.role,
                        "at": one.at,
                        "snippet": [{"text": piece, "match": hit} for piece, hit in one.pieces],
                    }
                )
        return found

    async def transcript(self, conversation: Conversation) -> list[dict[str, Any]]:
        """All messages of a conversation, from its beginning."""
        pages: list[list[dict[str, Any]]] = []
        before: str | None = None
        while True:
            page = await self.earlier(conversation, before=before, limit=1000)
            pages.append(page["messages"])
            before = page["before"]
            if before is None:
                return [message for page in reversed(pages) for message in page]

    async def earlier(
        self, conversation: Conversation, *, before: str | None, limit: int
    ) -> dict[str, Any]:
        """Messages of the agent's database from before ``before``, and where they begin.

        Args:
            before: the id of a message, or what an earlier answer gave; None: the newest.

        Raises:
            BadRequest: ``before`` is neither.
        """
        known = conversation.earlier(before, limit)
        if known:
            return {"messages": known, "before": known[0]["id"]}
        if known is not None and not conversation.history:
            return {"messages": [], "before": None}
        row = conversation.history[0].row if known is not None else _row_number(before)
        rows = await self._messages(conversation, row, limit)
        more = len(rows) == limit
        return {
            "messages": [history_json(row) for row in rows],
            "before": str(rows[0].row) if more else None,
        }

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
        row = {**NEW, "id": conversation.id}
        if chain is not None:
            row = self._lineages_known.summary(chain)
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
            cost_usd=conversation.gauge.cost_usd,
            skip_approvals=conversation.skip_approvals,
        )
        row.update(self._marked(conversation.id, row["last_active"]))
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

            def witness(turn: Turn) -> None:
                if self.witness is not None:
                    self.witness(canonical, turn)

            conversation = Conversation(canonical, publish, self._store.keep_unfinished, witness)
            self._live[canonical] = conversation
            self._canonical[canonical] = canonical
        return conversation

    def must_allow(self, conversation: Conversation, what: str) -> None:
        """Refuse what the row of a conversation does not offer.

        Raises:
            Forbidden: ``what`` is not among its capabilities.
        """
        chain = conversation.chain
        if chain is not None and what not in capabilities_of(chain):
            raise Forbidden(
                "This conversation is a subagent's: it can be read, and nothing else.",
                hint={"text": "Go on in the conversation that it belongs to."},
            )

    async def mark(
        self, conversation: Conversation, *, pinned: bool | None, read: bool | None
    ) -> None:
        """Pin a conversation or take the pin away; mark it as read or as unread."""
        read_at = None if read is None else time.time() if read else 0.0
        self._marks = await self._store.mark(conversation.id, pinned=pinned, read_at=read_at)

    async def refresh(self, conversation: Conversation) -> None:
        """Take over a change that the agent has just made in its database."""
        chain = (await self._lineages()).all.get(conversation.id)
        conversation.chain = chain or conversation.chain
        self.changed(conversation)

    def forget(self, conversation: Conversation) -> None:
        """A conversation has been deleted."""
        self._live.pop(conversation.id, None)
        for segment in conversation.segments:
            self._canonical.pop(segment, None)
        self._canonical.pop(conversation.id, None)
        self._questions.forget(conversation.id)
        self._journal.publish(
            "sessions", {"sessions": [], "removed": [conversation.id]}, EVERYWHERE
        )
        self._journal.rest(conversation.id)

    def opened(self, conversation: Conversation, opened: Opened) -> None:
        """The agent has a conversation open."""
        if not conversation.opened:
            conversation.meter.reopened()
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

    async def watch(self) -> None:
        """Tell the pages what other programs change in the agent's database, until cancelled."""
        while True:
            began = time.monotonic()
            try:
                await self._tell_changes()
            except CoreError as error:
                log.warning("Changes of the agent's database are not told: %s", error)
            # Reading thousands of sessions takes a while: most of the time is for others.
            await asyncio.sleep(max(WATCH, 10 * (time.monotonic() - began)))

    async def _tell_changes(self) -> None:
        if not self._journal.watched(EVERYWHERE):
            self._lineages_told = None
            return
        before, self._lineages_told = self._lineages_told, await self._lineages()
        lineages = self._lineages_told
        if before is None or lineages is before:
            return
        rows = []
        for chain in lineages.changed_since(before):
            live = self.live(chain.root.id)
            if live is not None:
                live.chain = chain
                await self._notice_others(live)
            elif lineages.is_listed(chain):
                rows.append(self._stored_row(lineages, chain))
        gone = [id_ for id_ in lineages.gone_since(before) if self.live(id_) is None]
        if rows or gone:
            data = {"sessions": rows[:MOST_TOLD], "removed": gone}
            self._journal.publish("sessions", data, EVERYWHERE)

    async def settle(self, conversation: Conversation) -> None:
        """Compare with the agent's database, once the agent is idle.

        A prompt among its new rows that nobody sent from here is another program's, in the same
        session at the same time. An answer that is not among them is lost at the next restart.
        """
        known = conversation.last_row
        last_row = await self._history.last_row([*conversation.segments])
        rows = await self._rows(conversation)
        if conversation.busy:
            return
        conversation.last_row, conversation.settled = last_row, True
        self._journal.rest(conversation.id)
        self._journal.rest(EVERYWHERE)
        said = [one.text for _, one in conversation.prompts_here()]
        others = [
            row
            for row in rows
            if row.row > known and row.role == "user" and not _is_known(row.text, said)
        ]
        if others:
            self._take_over(conversation, rows)
        elif conversation.has_answer and not any(
            row.row > known and row.role == "assistant" for row in rows
        ):
            conversation.notice(_NOT_STORED, "warning")

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
        return await self._messages(conversation, None, limit)

    async def _messages(
        self, conversation: Conversation, before: int | None, limit: int
    ) -> list[HistoryMessage]:
        ids = [*conversation.segments]
        rows = await self._history.messages(ids, before=before, limit=limit)
        return measured(rows, conversation.compactions)

    def _take_over(self, conversation: Conversation, rows: list[HistoryMessage]) -> None:
        conversation.history = rows
        conversation.messages.clear()
        # What the agent has in mind is older than this: it reads it anew before it goes on.
        conversation.outdated = True
        gauge = conversation.gauge
        conversation.meter.gauge = replace(gauge, estimate=gauge.used is not None)
        conversation.notice(_GREW, "info")
        self.told_anew(conversation)

    async def _lineages(self) -> Lineages:
        """The conversations of the agent's database, worked out once for each version of it."""
        rows = await self._history.sessions()
        if rows is not self._lineages_known.rows:
            self._lineages_known = Lineages(rows)
        return self._lineages_known

    def _stored_row(self, lineages: Lineages, chain: Chain) -> dict[str, Any]:
        row = lineages.summary(chain)
        row.update(self._attention(row["id"]))
        row.update(self._marked(row["id"], row["last_active"]))
        return row

    def _marked(self, session_id: str, last_active: float) -> dict[str, Any]:
        """What of a conversation's row follows from what people have pinned and read."""
        return {
            "pinned": session_id in self._marks.pinned,
            "unread": self._marks.unread(session_id, last_active),
        }

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
        if kept.unfinished is not None:
            conversation.interrupted_by_restart(kept.unfinished)


def _row_number(before: str | None) -> int:
    if before is None or not (before.isascii() and before.isdigit() and len(before) < 19):
        raise BadRequest("`before` is no place of this transcript.", code="bad_before")
    return int(before)


def _is_known(text: str, said: list[str]) -> bool:
    """Whether a stored prompt is one of ``said``, or what the agent says to itself in brackets."""
    return text.startswith("[") or any(
        one.strip() in text if one.strip() else not text for one in said
    )


def _state_of(conversation: Conversation) -> str:
    if conversation.busy:
        return "running"
    failed = conversation.turn is not None and conversation.turn.state == "error"
    return "error" if failed else "idle"


def _spoken(conversation: Conversation) -> bool:
    """Whether anything was said: a draft that was never used is in no list."""
    stored = conversation.chain is not None and conversation.chain.freshest.message_count > 0
    return stored or bool(conversation.messages)
