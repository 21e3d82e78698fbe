"""What is to be known later is told to a handler of the server's events: never what was said."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from typing import Any

from jupyter_server.auth.identity import IdentityProvider, User

from .conftest import Api
from .frames import ends
from .test_questions import asked, remove
from .test_when_busy import script


class Hub(IdentityProvider):
    """A provider that knows persons by name, as a hub's does."""

    async def get_user(self, handler: Any) -> User | None:  # type: ignore[override]
        known = await super().get_user(handler)  # type: ignore[misc]
        return known and User("ada", display_name="Ada")


async def test_turns_and_questions_are_told(api: Api, jp_serverapp: Any, jp_root_dir: Path) -> None:
    """By whom, in which conversation, for how long, and what was chosen."""
    written = io.StringIO()
    jp_serverapp.event_logger.register_handler(logging.StreamHandler(written))
    hub = Hub(parent=jp_serverapp, token=jp_serverapp.identity_provider.token)
    jp_serverapp.web_app.settings["identity_provider"] = hub
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        steps = script({"tool_calls": [remove("hidden")]}, {"text": "Unheard."})
        turn_id = await api.say(session_id, steps)
        question = await asked(frames)
        body = {"choice": "deny", "client": "cell"}
        await api.post("questions", question["id"], "answer", **body)
        await frames.until(ends(turn_id))
    await jp_serverapp.event_logger.gather_listeners()

    told = [json.loads(line) for line in written.getvalue().splitlines()]
    ours = [one for one in told if "hermes_jupyter" in one["__schema__"]]
    assert [(one["__schema__"].split("/")[-2], one["action"]) for one in ours] == [
        ("turn", "started"),
        ("question", "asked"),
        ("question", "closed"),
        ("turn", "ended"),
    ]
    assert {(one["session_id"], one["turn_id"]) for one in ours} == {(session_id, turn_id)}
    began, _, answered, ended = ours
    assert (began["user"], began["duration"], began["origin"]) == ("Ada", None, "user")
    assert (answered["choice"], answered["state"]) == ("deny", "answered")
    assert (answered["user"], answered["client"]) == ("Ada", "cell")
    assert (ended["state"], ended["duration"] > 0) == ("complete", True)
    for word in ("hidden", "Unheard", "rm "):
        assert word not in written.getvalue()
