"""Another program of the same Hermes home works in the same session."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from .conftest import Api
from .test_taking_back import answers, spoken
from .test_turn import completed
from .test_when_busy import script, told

#: What a terminal does at the end of a turn of its own, by Hermes' own class.
WRITE = """
import sys
from pathlib import Path
from hermes_state import SessionDB
db = SessionDB(Path(sys.argv[1]))
db.append_message(sys.argv[2], "user", content=sys.argv[3])
db.append_message(sys.argv[2], "assistant", content=sys.argv[4])
"""


def terminal_says(home: Path, session_id: str, question: str, answer: str) -> None:
    line = [sys.executable, "-c", WRITE, str(home / "state.db"), session_id, question, answer]
    subprocess.run(line, check=True, timeout=60)


async def test_what_another_program_adds_is_shown_said_and_gone_on_from(
    api: Api, extension: Any, requests: list[Any]
) -> None:
    """R53: two writers of one transcript; nothing is lost, and the agent knows of it."""
    session_id = await spoken(api, "Ours.")
    async with api.stream("events", params={"session_id": session_id}) as frames:
        await frames.until(lambda frame: frame.event == "snapshot")
        terminal_says(extension.agent.home, session_id, "In a terminal", "Theirs.")
        detail = await api.get("sessions", session_id)
        assert answers(detail) == ["Ours.", "Theirs."]
        assert "Another program" in told(detail)[-1][1]
        seen = await frames.until(lambda frame: frame.event == "snapshot")
        assert answers(seen[-1].data) == ["Ours.", "Theirs."]
    assert completed(await api.turn(session_id, script({"text": "Next."}))) == ["Next."]
    assert "Theirs." in str(requests[-1])
    assert answers(await api.get("sessions", session_id)) == ["Ours.", "Theirs.", "Next."]


async def test_what_another_program_adds_to_a_turn_of_ours_is_said_at_its_end(
    api: Api, extension: Any, requests: list[Any]
) -> None:
    session_id = await spoken(api, "Ours.")
    slow = script({"text": "Slow.", "wait": "middle", "wait_after": 0})
    async with api.stream("events", params={"session_id": session_id}) as frames:
        await frames.until(lambda frame: frame.event == "snapshot")
        await api.say(session_id, slow)
        await frames.until(lambda frame: frame.event == "turn" and frame.data["state"] == "running")
        terminal_says(extension.agent.home, session_id, "In a terminal", "Theirs.")
        extension.offline_model.release("middle")
        seen = await frames.until(lambda frame: frame.event == "snapshot")
    assert set(answers(seen[-1].data)) == {"Ours.", "Theirs.", "Slow."}
    await api.turn(session_id, script({"text": "Next."}))
    assert "Theirs." in str(requests[-1])
