"""Calls of the tools that the agent has from us: each a task, bound to the turn that made it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence

from .agent import Agent, CallBegan
from .changes import Changes
from .conversation import Conversation
from .errors import CoreError
from .question import Choice
from .questions import Questions
from .tools import ToolCall, ToolHost, ToolResult
from .turn import Turn

log = logging.getLogger(__name__)

#: Seconds that calls may take to put things in order when the server ends.
GRACE = 1.0


class Calls:
    """The calls that are under way. A call has a turn, and ends with it at the latest.

    Args:
        host: runs the tools; None: there are none.
        patience: seconds that a tool waits for a person's approval.
    """

    def __init__(
        self,
        agent: Agent,
        host: ToolHost | None,
        questions: Questions,
        changes: Changes,
        patience: float,
    ) -> None:
        self._agent = agent
        self._host = host
        self._questions = questions
        self._changes = changes
        self._patience = patience
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns: dict[str, str] = {}

    def begin(self, conversation: Conversation | None, event: CallBegan) -> None:
        """The agent waits for the result of a tool; outside of a turn it is refused."""
        turn = conversation.turn if conversation is not None else None
        if self._host is None or conversation is None or turn is None or not _runs(turn):
            work = self._finish(event.key, refused("No turn is running: nothing was done."))
        else:
            work = self._run(self._host, conversation, turn, event)
            self._turns[event.key] = turn.id
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[event.key] = task
        task.add_done_callback(lambda _: self._ended(event.key))

    def drop(self, key: str) -> None:
        """The agent waits no longer for a call."""
        if key in self._tasks:
            self._tasks[key].cancel()

    def cancel(self, turn_id: str) -> None:
        """A turn is over, and with it what it has called."""
        for key, of_turn in self._turns.items():
            if of_turn == turn_id:
                self._tasks[key].cancel()

    async def close(self) -> None:
        """End every call."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE)

    async def _run(
        self, host: ToolHost, conversation: Conversation, turn: Turn, event: CallBegan
    ) -> None:
        async def ask(command: str, description: str, choices: Sequence[Choice]) -> str | None:
            if conversation.skip_approvals:
                once = (one.id for one in choices if (one.kind, one.scope) == ("allow", "once"))
                if (choice := next(once, None)) is not None:
                    return choice
            return await self._questions.ask_here(
                conversation.id, turn.id, command, description, choices, self._patience
            )

        try:
            call = ToolCall(conversation.id, turn.id, event.name, event.args)
            result = await host.call(call, ask)
        except asyncio.CancelledError:
            result = refused("The turn ended before this did.")
        except Exception as error:
            log.exception("The tool %s failed", event.name)
            result = refused(f"The tool failed: {error!r}. Jupyter's log has the details.")
        # What a cancelled call has changed all the same is kept, too.
        if result.changes:
            await self._keep(conversation, turn, result)
        await self._finish(event.key, result)

    async def _keep(self, conversation: Conversation, turn: Turn, result: ToolResult) -> None:
        try:
            await self._changes.keep(conversation, turn.id, result.changes)
        except Exception:
            log.exception("What a tool has changed could not be kept")
            conversation.notice("What was changed now cannot be taken back with its turn.", "error")

    async def _finish(self, key: str, result: ToolResult) -> None:
        try:
            await self._agent.finish_call(key, result)
        except CoreError as error:
            log.info("The agent did not take the result of a tool: %s", error)

    def _ended(self, key: str) -> None:
        del self._tasks[key]
        self._turns.pop(key, None)


def _runs(turn: Turn) -> bool:
    return turn.active and not turn.stopped


def refused(why: str) -> ToolResult:
    """The result of a call that did nothing, or not what it was to do."""
    return ToolResult(json.dumps({"error": why}, ensure_ascii=False))
