"""``%hermes`` and ``%%hermes``."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.display import DisplayHandle, Markdown, display

from .client import HermesClient, HermesError, current_conversation, find_server, kernel_id
from .panel import Panel

#: Seconds between two updates of an answer that streams into a cell.
REDRAW = 0.1


@magics_class
class HermesMagics(Magics):
    """Talk to Hermes from a cell."""

    @line_cell_magic
    def hermes(self, line: str, cell: str | None = None) -> None:
        """Ask Hermes: ``%hermes question`` in a line, ``%%hermes`` over a cell of text.

        The answer streams into the output of the cell. What Hermes asks meanwhile is a card
        there, in the sidebar and in the Panel; interrupting the cell stops Hermes' turn. The text
        is sent as it stands.
        """
        text = line if cell is None else cell
        if not text.strip():
            raise UsageError("Write a question: `%hermes why is the sky blue?`")
        try:
            client = find_server()
        except HermesError as error:
            raise UsageError(str(error)) from error
        try:
            _ask(client, _conversation(client), text)
        except HermesError as error:
            raise UsageError(str(error)) from error
        finally:
            client.close()


def _conversation(client: HermesClient) -> str:
    """The conversation of this kernel and the page beside it; a new one if there is none."""
    session_id = current_conversation(client)
    if session_id is None:
        session_id = str(client.call("POST", "sessions", json={"cwd": str(Path.cwd())})["id"])
        body = {"kernel_ids": [kernel_id()], "session_id": session_id}
        client.call("PUT", "current", json=body)
    return session_id


def _ask(client: HermesClient, session_id: str, text: str) -> None:
    events = client.events(session_id)
    next(events)  # The snapshot: from here on nothing is missed.
    body = {"text": text, "client_id": f"cell-{os.urandom(8).hex()}"}

    def send() -> str:
        return str(client.call("POST", f"sessions/{session_id}/prompt", json=body)["turn_id"])

    output = _Output(session_id)
    try:
        output.turn_id = send()
        for type_, data in events:
            output.hear(type_, data)
            if output.over:
                break
    except KeyboardInterrupt:
        # Sent again under the same client_id, it names the turn that it has begun.
        client.stop(session_id, output.turn_id or send())
        output.stopped()
    if output.error is not None:
        raise HermesError(output.error)


class _Output:
    """What one turn shows in the cell: its texts, its tools and its cards."""

    def __init__(self, session_id: str) -> None:
        self.turn_id = ""
        self._session_id = session_id
        self._handle: DisplayHandle | None = display(Markdown(""), display_id=True)
        self._blocks: dict[str, str] = {}
        self._drawn = 0.0
        self._card: Any = None
        self._asked: dict[str, dict[str, Any]] = {}
        self.over = False
        self.error: str | None = None

    def hear(self, type_: str, data: dict[str, Any]) -> None:
        if type_ == "snapshot":
            self._resume(data)
        elif type_ == "question" and data["question"]["turn_id"] == self.turn_id:
            self._ask(data["question"])
        elif data.get("turn_id") == self.turn_id:
            self._hear_turn(type_, data)

    def _hear_turn(self, type_: str, data: dict[str, Any]) -> None:
        if type_ == "message.start" and data["role"] == "assistant":
            self._blocks[data["message_id"]] = ""
        elif type_ == "message.delta":
            self._blocks[data["message_id"]] += data["text"]
            if time.monotonic() - self._drawn > REDRAW:
                self._draw()
        elif type_ == "message.complete" and data["message_id"] in self._blocks:
            self._blocks[data["message_id"]] = data["text"]
            self._draw()
        elif type_ == "tool.start":
            self._blocks[data["message_id"]] = f"*{data['name']}…*"
            self._draw()
        elif type_ == "tool.complete":
            mark = "failed" if data["error"] else "done"
            self._blocks[data["message_id"]] = f"*{data['name']}: {mark}*"
            self._draw()
        elif type_ == "turn":
            self._turn(data)

    def _resume(self, detail: dict[str, Any]) -> None:
        """The stream was lost for long: go on from how things are now."""
        turns = [detail["turn"], *detail["queued"]]
        turn = next((one for one in turns if one and one["turn_id"] == self.turn_id), None)
        if turn is None:
            self.over = True
            self.error = "The Jupyter server was restarted; the conversation is in the sidebar."
            return
        for message in detail["messages"]:
            if message["turn_id"] == self.turn_id and message["role"] == "assistant":
                self._blocks[message["id"]] = message["text"]
        self._draw()
        self._turn(turn)

    def stopped(self) -> None:
        self._blocks["stopped"] = "*Stopped.*"
        self._draw()
        self._put_card_away()

    def _ask(self, question: dict[str, Any]) -> None:
        self._asked[question["id"]] = question
        if self._card is None:
            panel = Panel(session_id=self._session_id, view="clarify")
            self._card = display(panel, display_id=True)
        if all(asked["state"] != "open" for asked in self._asked.values()):
            self._put_card_away()

    def _put_card_away(self) -> None:
        """What became of the questions takes the card's place: no dead widget is saved."""
        if self._card is not None:
            self._card.update(Markdown("\n\n".join(map(_outcome, self._asked.values()))))
            self._card = None
            self._asked.clear()

    def _turn(self, turn: dict[str, Any]) -> None:
        self.over = turn["state"] in ("complete", "interrupted", "error")
        if turn["state"] == "interrupted":
            self.stopped()
        if "error" in turn:
            hint = turn["error"].get("hint") or {}
            steps = [turn["error"]["message"], hint.get("text"), hint.get("command")]
            self.error = " ".join(step for step in steps if step)

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        if self._handle is not None:
            self._handle.update(Markdown("\n\n".join(self._blocks.values())))


def _outcome(question: dict[str, Any]) -> str:
    asked = question["command"] or " ".join(one["text"] for one in question["questions"])
    if question["state"] == "answered":
        return f"*{asked}* → {question['answer'] or 'answered'}"
    return f"*{asked}* → {question['state']}"
