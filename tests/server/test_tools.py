"""Tools that the agent has from us: called by the model, run here, bound to their turn."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from hermes_jupyter.core.core import Core
from hermes_jupyter.server import app

from .conftest import Api
from .frames import Frame, Frames, ends
from .test_own_turns import is_own, script
from .test_questions import asked, results
from .tool_host import CHOICES, PIXEL, Logbook


@pytest.fixture
def host() -> Logbook:
    return Logbook()


@pytest.fixture(autouse=True)
def with_host(monkeypatch: pytest.MonkeyPatch, host: Logbook) -> None:
    """Let the server have this host and no other."""

    def core(*args: Any, **options: Any) -> Core:
        return Core(*args, **{**options, "tools": host})

    monkeypatch.setattr(app, "Core", core)


def call(name: str, **args: Any) -> dict[str, Any]:
    """A step of a script that calls a tool."""
    return {"tool_calls": [{"name": name, "arguments": args}]}


def tool_message(messages: list[Any]) -> Any:
    """The content of the newest result that the model got."""
    return [message["content"] for message in messages if message["role"] == "tool"][-1]


class TestAModelThatSees:
    @pytest.fixture
    def home_settings(self) -> dict[str, dict[str, Any]]:
        return {"model": {"supports_vision": True}}

    async def test_a_call_is_run_here_and_its_result_reaches_the_model(
        self,
        api: Api,
        host: Logbook,
        extension: Any,
        requests: list[Any],
        offered: list[set[str]],
    ) -> None:
        session_id = await api.conversation()
        steps = [call("log_show", number="3"), call("log_show"), {"text": "Done."}]
        frames = await api.turn(session_id, steps)
        shown, failed = results(frames)
        assert shown == {"page": 3}
        assert "The tool failed: KeyError" in failed["error"]
        first = host.calls[0]
        assert (first.session_id, first.name, first.args) == (session_id, "log_show", {"number": 3})
        assert first.turn_id == frames[-1].data["turn_id"]

        # They are not put behind a search, however long they are, and the model knows where it is.
        assert {spec.name for spec in host.specs} <= offered[0]
        assert "tool_search" not in offered[0]
        assert "by path" in requests[0][0]["content"]
        text, image = tool_message(requests[1])
        assert json.loads(text["text"]) == {"page": 3}
        assert image["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"
        assert PIXEL not in json.dumps([frame.data for frame in frames])

        # From the agent's database it is told as before.
        extension.core.conversations._live.clear()
        messages = (await api.get("sessions", session_id))["messages"]
        stored = [message["tool"] for message in messages if message["role"] == "tool"]
        assert [tool["result"] for tool in stored] == [shown, failed]

        # A subagent has no turn of a person's: it is told so, and nothing is run.
        sent_away = script(call("log_show", number=1), {"text": script({"text": "It came back."})})
        steps = [call("delegate_task", goal=sent_away), {"text": "Sent away."}]
        async with api.stream("events", params={"session_id": session_id}) as page:
            await api.say(session_id, steps)
            began = await page.until(is_own)
            await page.until(ends(str(began[-1].data["turn_id"])))
        assert "not within reach" in str(requests)
        assert len(host.calls) == 2


async def test_a_call_ends_with_its_turn(api: Api, host: Logbook, extension: Any) -> None:
    """However that ends: a person stops it, or the agent dies."""
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, [call("log_wait"), {"text": "Never."}])
        await host.waiting.wait()
        await api.post("sessions", session_id, "interrupt", turn_id=turn_id)
        seen = await frames.until(ends(turn_id), within=5)
        assert seen[-1].data["state"] == "interrupted"
        assert host.cancelled == 1
        assert "stopped" in results(seen)[0]["error"]

        # What was done all the same can be taken back.
        host.waiting.clear()
        turn_id = await api.say(session_id, [call("log_wait", number=7), {"text": "Never."}])
        await host.waiting.wait()
        os.kill(extension.agent.pid, signal.SIGKILL)
        seen = await frames.until(lambda frame: frame.event == "changes")
        assert seen[-1].data["turn_id"] == turn_id
        assert [change["cell_id"] for change in seen[-1].data["changes"]] == ["page-7"]
        assert host.cancelled == 2
        assert any(frame.ends(turn_id) for frame in seen)

        # The next process has the tools as well.
        turn_id = await api.say(session_id, [call("log_show", number=1), {"text": "Done."}])
        seen = await frames.until(ends(turn_id))
        assert results(seen) == [{"page": 1}]


async def sign(api: Api, frames: Frames, session_id: str) -> tuple[str, dict[str, Any]]:
    """The turn and the question of a call that asks."""
    turn_id = await api.say(session_id, [call("log_sign"), {"text": "Done."}])
    return turn_id, await asked(frames)


def last_state(frames: list[Frame]) -> str:
    return str([f.data["question"] for f in frames if f.event == "question"][-1]["state"])


async def test_a_tool_asks_a_person(api: Api, host: Logbook, extension: Any) -> None:
    """N8: as the agent does, and the answer goes to the tool."""
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        for choice in ("once", "deny"):
            turn_id, question = await sign(api, frames, session_id)
            assert (question["kind"], question["command"]) == ("approval", "sign(1)")
            assert question["description"] == "Sign page 1 of the log"
            assert [one["label"] for one in question["choices"]] == [one.label for one in CHOICES]
            assert question["deadline"] > question["asked_at"] + 1700
            row = (await api.get("sessions"))["sessions"][0]
            assert (row["state"], row["attention"]) == ("waiting", {"clarify": 0, "approval": 1})
            assert (await api.get("approval", "pending"))["pending"]["id"] == question["id"]
            path = ("questions", question["id"], "answer")
            status, error = await api.refused("POST", *path, body='{"choice": "session"}')
            assert (status, error["code"]) == (400, "bad_choice")
            await api.post(*path, choice=choice)
            status, error = await api.refused("POST", *path, body='{"choice": "once"}')
            assert (status, error["code"]) == (409, "question_answered")
            seen = await frames.until(ends(turn_id))
            assert results(seen) == [{"choice": choice}]
            assert last_state(seen) == "answered"

        turn_id, question = await sign(api, frames, session_id)
        await api.post("sessions", session_id, "interrupt", turn_id=turn_id)
        seen = await frames.until(ends(turn_id), within=5)
        assert last_state(seen) == "cancelled"

        # Who allows all that is done here is not asked for this either.
        await api.put("sessions", session_id, "skip-approvals", on=True)
        turn_id = await api.say(session_id, [call("log_sign"), {"text": "Done."}])
        seen = await frames.until(ends(turn_id))
        assert results(seen) == [{"choice": "once"}]
        assert not [frame for frame in seen if frame.event == "question"]
        await api.put("sessions", session_id, "skip-approvals", on=False)

        turn_id, question = await sign(api, frames, session_id)
        os.kill(extension.agent.pid, signal.SIGKILL)
        seen = await frames.until(ends(turn_id))
        assert last_state(seen) == "interrupted"
    path = ("questions", question["id"])
    status, error = await api.refused("POST", *path, "answer", body='{"choice": "once"}')
    assert (status, error["code"]) == (409, "question_interrupted")
    assert (await api.post(*path, "dismiss"))["state"] == "dismissed"


async def test_what_a_turn_changed_is_taken_back(api: Api, host: Logbook) -> None:
    """N5: what somebody has touched since stays, until it is as the agent left it."""
    session_id = await api.conversation()
    assert await api.get("sessions", session_id, "changes") == {"turns": []}
    steps = [call("log_change", number=1), call("log_change", number=2), {"text": "Done."}]
    frames = await api.turn(session_id, steps)
    first = str(frames[-1].data["turn_id"])
    told = [frame.data["changes"] for frame in frames if frame.event == "changes"]
    assert [len(changes) for changes in told] == [1, 2]
    second = (await api.turn(session_id, [call("log_change", number=3), {"text": "."}]))[-1]
    turns = (await api.get("sessions", session_id, "changes"))["turns"]
    assert [turn["turn_id"] for turn in turns] == [second.data["turn_id"], first]
    assert turns[1]["changes"] == told[-1]
    assert turns[1]["changes"][1] == {
        "path": "a/log.ipynb",
        "cell_id": "page-2",
        "op": "replace",
        "cell_type": "code",
        "before": "old",
        "after": "new 2",
        "state": "done",
    }

    undo = ("sessions", session_id, "changes", "undo")
    host.touched = {"page-1"}
    async with api.stream("events", params={"session_id": session_id}) as page:
        answer = await api.post(*undo, turn_id=first)
        seen = await page.until(lambda frame: frame.event == "changes")
    states = [[change["state"] for change in turn["changes"]] for turn in answer["turns"]]
    assert states == [["done"], ["changed since", "undone"]]
    assert seen[-1].data["changes"] == answer["turns"][1]["changes"]
    assert [change.index_after for change in host.undone] == [0, 0]
    host.touched = set()
    answer = await api.post(*undo, turn_id=first)
    assert [change.cell_id for change in host.undone] == ["page-1"]
    assert [change["state"] for change in answer["turns"][1]["changes"]] == ["undone", "undone"]

    status, error = await api.refused("POST", *undo, body='{"turn_id": "nothing"}')
    assert (status, error["code"]) == (404, "nothing_to_undo")
    steps = [call("log_change", number=4), call("log_wait"), {"text": "Done."}]
    running = await api.say(session_id, steps)
    await host.waiting.wait()
    status, error = await api.refused("POST", *undo, body=json.dumps({"turn_id": running}))
    assert (status, error["code"]) == (409, "busy")
    assert error["turn"]["turn_id"] == running


@pytest.mark.own_server
@pytest.mark.parametrize("hermes_settings", [{"max_notebook_policy": "edit"}])
async def test_the_policy_is_chosen_up_to_what_is_allowed(api: Api) -> None:
    policy = ("notebook", "policy")
    assert await api.get(*policy) == {"policy": "edit", "max_policy": "edit"}
    chosen = {"policy": "read", "max_policy": "edit"}
    assert await api.put(*policy, policy="read") == chosen
    status, error = await api.refused("PUT", *policy, body='{"policy": "run"}')
    assert (status, error["code"]) == (409, "policy_forbidden")
    status, error = await api.refused("PUT", *policy, body='{"policy": "all"}')
    assert (status, error["code"]) == (400, "bad_policy")
    assert await api.get(*policy) == chosen
