"""Turns and questions as events of Jupyter: who did what and when, never what was said.

A site hands them on with its own handlers: `c.EventLogger.handlers`.
"""

from __future__ import annotations

import time
from pathlib import Path

from jupyter_events import EventLogger

from ..core.question import Question
from ..core.turn import Turn

SCHEMAS = Path(__file__).with_name("event_schemas")

TURN = "https://events.jupyter.org/hermes_jupyter/turn/v1"
QUESTION = "https://events.jupyter.org/hermes_jupyter/question/v1"


class Audit:
    """Emits what is to be known later.

    Args:
        events: the server's logger of events.
    """

    def __init__(self, events: EventLogger) -> None:
        self._events = events
        #: When each turn in hand began.
        self._began: dict[str, float] = {}
        for schema in (TURN, QUESTION):
            if schema not in events.schemas.schema_ids:
                name = schema.split("/")[-2]
                events.register_event_schema(SCHEMAS / f"{name}.yaml")

    def turn(self, session_id: str, turn: Turn) -> None:
        """A turn is as it is now; only its begin and its end are emitted."""
        if turn.active and turn.id not in self._began:
            self._began[turn.id] = time.monotonic()
            self._emit_turn("started", session_id, turn, None)
        elif not turn.active and turn.state != "queued" and turn.id in self._began:
            duration = time.monotonic() - self._began.pop(turn.id)
            self._emit_turn("ended", session_id, turn, duration)

    def _emit_turn(self, action: str, session_id: str, turn: Turn, duration: float | None) -> None:
        data = {
            "action": action,
            "session_id": session_id,
            "turn_id": turn.id,
            "origin": turn.origin,
            "kind": turn.action,
            "state": turn.state,
            "duration": duration,
            "user": turn.user or None,
        }
        self._events.emit(schema_id=TURN, data=data)

    def question(self, question: Question) -> None:
        """A question was asked, or has changed its state."""
        by = question.answered_by
        approval = question.kind == "approval" and question.state == "answered"
        data = {
            "action": "asked" if question.state == "open" else "closed",
            "question_id": question.id,
            "session_id": question.session_id,
            "turn_id": question.turn_id,
            "kind": question.kind,
            "state": question.state,
            "choice": question.answer if approval else None,
            "user": (by and by.user) or None,
            "client": by.client if by else None,
        }
        self._events.emit(schema_id=QUESTION, data=data)
