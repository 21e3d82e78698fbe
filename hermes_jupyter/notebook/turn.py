"""One prompt, from its sending to its reply."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from .client import Event, HermesClient, Listener, with_hint
from .errors import HermesError, Stopped, TimedOut, TurnError, TurnFailed, Unanswered
from .front_end import Output
from .questions import LOOK, NobodyThere, Questions
from .reply import Reply, ToolUse

#: States in which a turn is over.
_OVER = ("complete", "interrupted", "error")


class Cancelled(Exception):
    """Whoever waited for the turn does not any more."""


class Turn:
    """A prompt and all that follows.

    Args:
        client: the way to Hermes.
        session_id: the conversation.
        text: the prompt, sent as it stands.
        output: is told what is said and done.
        questions: are asked.
        timeout: seconds that it may take; None: as long as it takes.
    """

    def __init__(
        self,
        client: HermesClient,
        session_id: str,
        text: str,
        *,
        output: Output,
        questions: Questions,
        timeout: float | None,
    ) -> None:
        self._client = client
        self._session_id = session_id
        self._prompt = {"text": text, "client_id": f"cell-{os.urandom(8).hex()}"}
        self._output = output
        self._questions = questions
        self._end = None if timeout is None else time.monotonic() + timeout
        self._turn_id = ""
        self._inbox: SimpleQueue[Event | Exception] | None = None
        self._texts: dict[str, str] = {}
        self._tools: dict[str, ToolUse] = {}
        self._cost: tuple[float | None, float | None] = (None, None)
        self._state = "queued"
        self._error: dict[str, Any] | None = None
        self._cancelled = False
        self._lost = False
        self._sending = False

    def run(self, listener: Listener) -> Reply:
        """Send it, and wait for its end.

        Raises:
            TurnError: it has no good end.
            HermesError: it could not be sent, or its stream was lost for good.
            KeyboardInterrupt: at a person's wish; the turn is stopped, and nothing else.
        """
        self._inbox = listener.inbox
        try:
            if self._cancelled:
                raise Cancelled
            self._begin()
            while self._state not in _OVER:
                self._step()
        except NobodyThere as error:
            self._stop()
            raise Unanswered(
                "Hermes asked something and nobody was there to answer, so the turn was stopped. "
                "Keep a page with Hermes open, answer with `on_question=`, or wait longer with "
                "`patience=`.",
                self._reply(),
            ) from error
        except _TimeIsUp as error:
            self._stop()
            raise TimedOut(
                "The time for this turn is over, so it was stopped. Give it more with `timeout=`, "
                "or go on from here with the next prompt.",
                self._reply(),
            ) from error
        except BaseException as error:
            self._abandon(error)
            raise
        finally:
            listener.close()
            self._questions.close()
        return self._outcome()

    def cancel(self) -> None:
        """Stop it, from another thread."""
        self._cancelled = True
        if self._inbox is not None:
            self._inbox.put(Cancelled())

    # -- its course ----------------------------------------------------------------------------

    def _begin(self) -> None:
        # From this snapshot on nothing is missed.
        _, snapshot = self._next(None)
        before = snapshot["context"]["cost_usd"]
        self._cost = (0.0 if before is None and not snapshot["messages"] else before, None)
        self._questions.begin()
        self._sending = True
        self._turn_id = self._send()

    def _send(self) -> str:
        # Sent again under the same client_id, it names the turn that it has begun.
        path = f"sessions/{self._session_id}/prompt"
        return str(self._client.call("POST", path, json=self._prompt)["turn_id"])

    def _step(self) -> None:
        left = None if self._end is None else self._end - time.monotonic()
        if left is not None and left <= 0:
            raise _TimeIsUp
        waits = [
            one for one in (left, LOOK if self._questions.waiting else None) if one is not None
        ]
        with suppress(Empty):
            self._hear(*self._next(min(waits, default=None)))
        if self._questions.waiting and self._state not in _OVER:
            self._questions.look()

    def _next(self, seconds: float | None) -> Event:
        assert self._inbox is not None
        item = self._inbox.get(timeout=seconds)
        if isinstance(item, Exception):
            self._lost = isinstance(item, HermesError)
            raise item
        return item

    def _hear(self, type_: str, data: dict[str, Any]) -> None:
        if type_ == "snapshot":
            self._resume(data)
        elif type_ == "context":
            self._cost = (self._cost[0], data["context"]["cost_usd"])
        elif type_ == "question" and data["question"]["turn_id"] == self._turn_id:
            self._questions.hear(data["question"])
        elif data.get("turn_id") == self._turn_id:
            self._hear_turn(type_, data)

    def _hear_turn(self, type_: str, data: dict[str, Any]) -> None:
        if type_ == "message.start" and data["role"] == "assistant":
            self._texts[data["message_id"]] = ""
        elif type_ == "message.delta":
            self._output.delta(data["message_id"], data["text"])
        elif type_ == "message.complete" and data["message_id"] in self._texts:
            self._texts[data["message_id"]] = data["text"]
            self._output.complete(data["message_id"], data["text"])
        elif type_ == "tool.start":
            self._output.tool(data["message_id"], data["name"])
        elif type_ == "tool.complete":
            tool = ToolUse(data["name"], bool(data["error"]), data["duration"])
            self._tools[data["message_id"]] = tool
            self._output.tool(data["message_id"], data["name"], "failed" if tool.failed else "done")
        elif type_ == "notice":
            self._output.note(data["text"])
        elif type_ == "turn":
            self._state, self._error = data["state"], data.get("error")

    def _resume(self, detail: dict[str, Any]) -> None:
        """The stream was lost for long: go on from how things are now."""
        turns = [detail["turn"], *detail["queued"]]
        turn = next((one for one in turns if one and one["turn_id"] == self._turn_id), None)
        if turn is None:
            raise TurnFailed(
                "The Jupyter server was restarted and this turn has ended; what there is of it is "
                "in the conversation.",
                self._reply(),
            )
        for message in detail["messages"]:
            if message["turn_id"] == self._turn_id and message["role"] == "assistant":
                self._texts[message["id"]] = message["text"]
                self._output.complete(message["id"], message["text"])
        for question in detail["questions"]:
            if question["turn_id"] == self._turn_id:
                self._questions.hear(question)
        self._state, self._error = turn["state"], turn.get("error")

    # -- its end -------------------------------------------------------------------------------

    def _stop(self) -> None:
        self._client.stop(self._session_id, self._turn_id or self._send())

    def _abandon(self, error: BaseException) -> None:
        """Whatever ends the waiting ends the turn: Ctrl-C, or an error in ``on_question``."""
        refused = isinstance(error, HermesError) and not self._turn_id
        over = self._lost or isinstance(error, TurnError)
        if self._sending and not refused and not over:
            self._stop()
        if isinstance(error, KeyboardInterrupt | Cancelled):
            self._output.note("Stopped.")

    def _outcome(self) -> Reply:
        reply = self._reply()
        if self._state == "complete":
            return reply
        if self._error is not None:
            raise TurnFailed(with_hint(self._error), reply, self._error["code"])
        self._output.note("Stopped.")
        raise Stopped("The turn was stopped. The next prompt goes on from here.", reply)

    def _reply(self) -> Reply:
        said = [text for text in self._texts.values() if text]
        before, after = self._cost
        return Reply(
            text=said[-1] if said else "",
            session_id=self._session_id,
            turn_id=self._turn_id,
            tools=tuple(self._tools.values()),
            cost_usd=None if before is None or after is None else after - before,
        )


class _TimeIsUp(Exception):
    """A turn has taken all the time it was given."""
