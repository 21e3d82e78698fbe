"""Which model a conversation speaks with: shown, changed for it alone, kept, never misread."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hermes_jupyter.core.gauge import Gauge
from hermes_jupyter.offline.config import KEY_VARIABLE, URL_VARIABLE

from .conftest import Api
from .test_turn import completed


@pytest.fixture
def home_settings() -> dict[str, dict[str, Any]]:
    """Another provider, which is the same model under other names, with other windows."""
    lab = {
        "base_url": f"${{{URL_VARIABLE}}}",
        "api_key": f"${{{KEY_VARIABLE}}}",
        "models": {"small": {"context_length": 99_000}, "large": {"context_length": 500_000}},
    }
    return {"providers": {"lab": lab}}


def listen(extension: Any) -> list[str]:
    """The names under which the model is asked from now on."""
    model, asked = extension.offline_model, []
    answer = model.script

    def heard(request: Any) -> Any:
        asked.append(request["model"])
        return answer(request)

    model.script = heard
    return asked


async def switch(api: Api, session_id: str, **body: Any) -> Any:
    return await api.post("sessions", session_id, "model", **body)


async def test_what_there_is_to_choose_from(api: Api, extension: Any) -> None:
    models = await api.get("models")
    assert models["model"] == "offline"
    assert "high" in models["efforts"]
    named = {one["id"]: one["models"] for one in models["providers"]}
    # As its endpoint tells them.
    assert next(names for id_, names in named.items() if "lab" in id_) == ["offline"]
    # Neither a key nor an address.
    for secret in (extension.offline_model.key, extension.offline_model.base_url):
        assert secret not in json.dumps(models)


async def test_a_model_is_changed_for_one_conversation(
    api: Api, extension: Any, home: Path
) -> None:
    """R46, R47: its window is never the one before; and it survives the agent."""
    config = home / "config.yaml"
    before = config.read_text()
    session_id, other_id = await api.conversation(), await api.conversation()
    await api.turn(session_id, [{"text": "One."}])
    gauge = (await api.get("sessions", session_id, "context"))["context"]
    assert (gauge["max"], gauge["max_source"]) == (131_072, "configured")

    async with api.stream("events", params={"session_id": session_id}) as frames:
        await frames.until(lambda frame: frame.event == "snapshot")
        answer = await switch(api, session_id, model="small", provider="lab", reasoning="high")
        seen = await frames.until(lambda frame: frame.event == "notice")
    assert (answer["model"], answer["reasoning"]) == ("small", "high")
    assert answer["context"]["max"] == 99_000
    assert answer["context"]["used"] == gauge["used"]
    assert answer["context"]["estimate"] is True
    windows = [frame.data["context"]["max"] for frame in seen if frame.event == "context"]
    assert windows == [None, 99_000]
    assert "The model is now small." in seen[-1].data["text"]

    asked = listen(extension)
    await api.turn(session_id, [{"text": "Two."}])
    await api.turn(other_id, [{"text": "Other."}])
    # Titles are asked for as well.
    assert [*dict.fromkeys(asked)] == ["small", "offline"]
    assert config.read_text() == before

    await api.post("agent", "restart")
    extension.core.conversations._live.clear()
    asked = listen(extension)
    detail = await api.get("sessions", session_id)
    assert (detail["model"], detail["context"]["max"]) == ("small", 99_000)
    said = [(message["role"], message["text"]) for message in detail["messages"]]
    assert ("notice", "The model is now small.") in said
    assert [text for role, text in said if role == "assistant"] == ["One.", "Two."]
    assert len([role for role, _ in said if role == "user"]) == 2
    await api.turn(session_id, [{"text": "Three."}])
    assert asked == ["small"]
    models = await api.get("models", session_id=session_id)
    assert (models["model"], models["reasoning"]) == ("small", "high")
    assert (await api.get("models"))["model"] == "offline"


async def test_switches_that_are_refused(api: Api, extension: Any, home: Path) -> None:
    config = (home / "config.yaml").read_text()
    session_id = await api.conversation()
    for body, code in (
        ({}, "missing_field"),
        ({"model": ""}, "missing_field"),
        ({"provider": "lab"}, "missing_field"),
        ({"model": 1}, "bad_type"),
        ({"model": "x" * 10_000}, "too_long"),
        ({"model": "small --global"}, "bad_model"),
        ({"model": "--global"}, "bad_model"),
        ({"model": "\u2014global"}, "bad_model"),
        ({"model": "a\nb"}, "bad_model"),
        ({"model": "small", "provider": "lab --global"}, "bad_model"),
        ({"model": "small", "provider": "nobody"}, "bad_model"),
        ({"reasoning": "a lot"}, "bad_model"),
        ({"reasoning": "enormous"}, "bad_model"),
        ({"reasoning": "show"}, "bad_model"),
        ({"model": "small", "confirmed": 1}, "bad_type"),
    ):
        status, error = await api.refused(
            "POST", "sessions", session_id, "model", body=json.dumps(body)
        )
        assert (status, error["code"]) == (400, code), body
    async with api.stream("events", params={"session_id": session_id}) as frames:
        turn_id = await api.say(session_id, [{"text": "One.", "wait": "gate"}])
        await frames.until(lambda frame: frame.data.get("state") == "running")
        body = json.dumps({"model": "small", "provider": "lab"})
        status, error = await api.refused("POST", "sessions", session_id, "model", body=body)
        assert (status, error["code"], error["turn"]["turn_id"]) == (409, "busy", turn_id)
        extension.offline_model.release("gate")
        seen = await frames.until(lambda frame: frame.ends(turn_id))
    assert completed(seen)[-1] == "One."
    detail = await api.get("sessions", session_id)
    assert (detail["model"], detail["context"]["max"]) == ("offline", 131_072)
    assert (home / "config.yaml").read_text() == config


def test_the_window_of_another_model_is_unknown_until_it_is_told() -> None:
    """R46"""
    before = Gauge(used=9_000, max=131_072, max_source="configured", threshold=98_304)
    after = before.of_another_model()
    assert (after.used, after.max, after.max_source, after.threshold) == (9_000, None, None, None)
    assert after.estimate is True
    generic = Gauge(max=256_000, max_source="generic")
    assert after.updated(generic).max == 256_000
    assert before.updated(generic).max == 131_072
