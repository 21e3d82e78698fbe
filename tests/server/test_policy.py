"""What an administrator has decided holds: in lists, switches, commands, turns and tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from hermes_jupyter.offline.config import KEY_VARIABLE, URL_VARIABLE
from hermes_jupyter.offline.script import Step

from .conftest import Api
from .frames import ends
from .test_questions import asked, remove
from .test_when_busy import script

POLICY: dict[str, Any] = {
    "allowed_models": ["off*"],
    "allowed_providers": ["lab"],
    "forbidden_toolsets": ["memory", "code_execution"],
    "approval_mode": "manual",
    "allow_install": False,
}


@pytest.fixture
def hermes_settings() -> dict[str, Any]:
    return POLICY


@pytest.fixture
def home_settings() -> dict[str, Any]:
    """A second provider, and a person who does not want to be asked."""
    lab = {
        "base_url": f"${{{URL_VARIABLE}}}",
        "api_key": f"${{{KEY_VARIABLE}}}",
        "models": {"small": {"context_length": 99_000}},
    }
    fallbacks = [{"provider": "lab", "model": "small"}, {"provider": "lab", "model": "offline-2"}]
    return {
        "providers": {"lab": lab},
        "approvals": {"mode": "off"},
        "fallback_providers": fallbacks,
    }


async def refused(api: Api, verb: str, *path: str, **body: Any) -> None:
    code, error = await api.refused(verb, *path, body=json.dumps(body))
    assert (code, error["code"]) == (403, "policy")
    assert error["message"].endswith("Set by your administrator.")
    assert error["hint"]["text"]


async def test_it_is_told_and_kept(api: Api, extension: Any, jp_root_dir: Path) -> None:
    assert (await api.get("status"))["policy"] == POLICY
    models = await api.get("models")
    assert [one["models"] for one in models["providers"]] == [["offline"]]

    session_id = await api.conversation()
    here = ("sessions", session_id)
    await refused(api, "POST", "sessions", model="small")
    await refused(api, "POST", *here, "model", model="small", provider="lab")
    await refused(api, "POST", *here, "model", model="offline", provider="moa")
    await refused(api, "POST", *here, "model", model="offline-2")
    await refused(api, "POST", *here, "command", text="/model small")
    await refused(api, "PUT", *here, "skip-approvals", on=True)
    await refused(api, "POST", *here, "command", text="/yolo")
    # What is allowed goes on.
    assert (await api.post(*here, "model", model="offline"))["model"] == "offline"

    offered: list[str] = []
    answer = extension.offline_model.script

    def heard(request: Any) -> Any:
        offered.extend(tool["function"]["name"] for tool in request.get("tools", []))
        return answer(request)

    extension.offline_model.script = heard
    # It is asked, though the person's own configuration says not to.
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, script({"tool_calls": [remove("x")]}, {"text": "."}))
        question = await asked(frames)
        await api.post("questions", question["id"], "answer", choice="deny")
        await frames.until(ends(turn_id))
    # The next one that may be used is asked when the provider fails, and no other.
    used: list[str] = []

    def failing(request: Any) -> Any:
        used.append(request["model"])
        return Step(status=401, error="no") if request["model"] == "offline" else answer(request)

    extension.offline_model.script = failing
    frames_of_turn = await api.turn(await api.conversation(), script({"text": "In its place."}))
    assert frames_of_turn[-1].data["state"] == "complete"
    assert {*used} == {"offline", "offline-2"}
    assert "terminal" in offered
    assert not {"memory", "execute_code"} & set(offered)


class TestAnotherProvider:
    """The person's own configuration names one that may not be used."""

    @pytest.fixture
    def hermes_settings(self) -> dict[str, Any]:
        return {"allowed_models": ["off*"], "allowed_providers": ["openrouter"]}

    async def test_a_turn_with_it_is_refused_in_words(self, api: Api, requests: list[Any]) -> None:
        frames = await api.turn(await api.conversation(), "hello")
        error = frames[-1].data["error"]
        assert (frames[-1].data["state"], error["code"]) == ("error", "policy")
        assert "offline of custom" in error["message"]
        assert "Set by your administrator" in error["message"]
        assert requests == []
        assert (await api.get("models"))["providers"] == []


class TestTurnedOff:
    pytestmark = pytest.mark.own_server

    @pytest.fixture
    def hermes_settings(self) -> dict[str, Any]:
        return {"enabled": False}

    @pytest.fixture
    def home_settings(self) -> dict[str, Any]:
        return {}

    async def test_pages_are_told_and_nothing_else_is_there(
        self, jp_serverapp: Any, jp_fetch: Any
    ) -> None:
        assert jp_serverapp.web_app.settings["page_config_data"]["hermesDisabled"] == "true"
        with pytest.raises(HTTPClientError) as caught:
            await jp_fetch("hermes", "api", "status")
        assert caught.value.code == 404
