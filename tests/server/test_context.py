"""What a page shows the model of the notebooks: with one prompt, and in no record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Api
from .frames import Frame, ends
from .test_attachments import DOT, attach

NOTEBOOK = {"kind": "notebook", "path": "work/a.ipynb"}
#: More than Hermes puts into a prompt of what a plugin has to say.
SOURCE = "print('{x} %s')  # ü\n" * 800
CELL = {
    "kind": "cell",
    "path": "work/a.ipynb",
    "cell_id": "c1",
    "cell_type": "code",
    "label": "a.ipynb · cell 5",
    "source": SOURCE,
}
#: N7: not a byte of it may be changed.
TEXT = 'a {brace} %s %(x)s "quoted" \\n \\u0041 🙂 `tick`\n' + "x" * 200_000


def prompts(messages: list[Any]) -> list[Any]:
    """What the model got as the words of the person, oldest first."""
    return [message["content"] for message in messages if message["role"] == "user"]


class TestAModelThatSees:
    @pytest.fixture
    def home_settings(self) -> dict[str, dict[str, Any]]:
        return {"model": {"supports_vision": True}}

    async def test_it_goes_with_one_prompt_and_into_no_record(
        self, api: Api, extension: Any, requests: list[Any], offered: list[set[str]]
    ) -> None:
        async def send(session_id: str, text: str, **more: Any) -> tuple[Any, list[Frame]]:
            """What the model got as the words of the person, and the frames of the turn."""
            async with api.stream("events", params={"session_id": session_id}) as frames:
                await frames.until(lambda frame: frame.event == "snapshot")
                before = len(requests)
                turn = await api.post("sessions", session_id, "prompt", text=text, **more)
                seen = await frames.until(ends(turn["turn_id"]))
            # The agent asks for a title as well, without its tools.
            asked = next(i for i in range(before, len(requests)) if offered[i])
            return prompts(requests[asked])[-1], seen

        session_id = await api.conversation()
        said, seen = await send(session_id, TEXT, context=[NOTEBOOK, CELL])
        assert said.startswith(f"{TEXT}\n\n[Jupyter: ")
        assert "in the notebook work/a.ipynb." in said
        assert said.count(SOURCE) == 1
        began = next(frame.data for frame in seen if frame.event == "message.start")
        assert (began["text"], began["context"]) == (
            TEXT,
            [
                {"kind": "notebook", "path": "work/a.ipynb", "cell_id": None, "label": "a.ipynb"},
                {
                    "kind": "cell",
                    "path": "work/a.ipynb",
                    "cell_id": "c1",
                    "label": "a.ipynb · cell 5",
                },
            ],
        )

        session_id = await api.conversation()
        said, _ = await send(session_id, "One.", context=[NOTEBOOK])
        assert "in the notebook work/a.ipynb." in said
        # Another turn: the notebook is known, and a cell is told each time.
        said, _ = await send(session_id, "Two.", context=[NOTEBOOK])
        assert said == "Two."
        said, _ = await send(session_id, "Three.", context=[NOTEBOOK, {**CELL, "source": "1 + 1"}])
        assert said.count("1 + 1") == 1
        assert "in the notebook" not in said
        # Beside an image it is not left out.
        name = await attach(api, session_id, "dot.png", DOT)
        other = {**NOTEBOOK, "path": "b.ipynb"}
        said, _ = await send(session_id, "Four.", attachments=[name], context=[other])
        *_, image, context = said
        assert image["type"] == "image_url"
        assert "in the notebook b.ipynb." in context["text"]

        for expected in ([1, 1, 2, 1], [0, 0, 0, 0]):
            detail = await api.get("sessions", session_id)
            here = [one for one in detail["messages"] if one["role"] == "user"]
            assert [one["text"] for one in here] == ["One.", "Two.", "Three.", "Four."]
            assert [len(one["context"]) for one in here] == expected
            # Then from the agent's database, which has no word of it.
            extension.core.conversations._live.clear()
        assert "[Jupyter: " not in json.dumps(detail)
        aside = [asked for asked, tools in zip(requests, offered, strict=True) if not tools]
        assert len(aside) == 2
        assert "[Jupyter: " not in json.dumps(aside)


async def test_a_prompt_that_waits_keeps_it(api: Api, extension: Any, requests: list[Any]) -> None:
    session_id = await api.conversation()
    async with api.stream("events", params={"session_id": session_id}) as frames:
        first = await api.say(session_id, [{"text": "One.", "wait": "gate"}])
        await frames.until(lambda frame: frame.event == "turn" and frame.data["state"] == "running")
        cell = {**CELL, "source": "2 + 2"}
        path = ("sessions", session_id, "prompt")
        # What it brings cannot go into a turn that runs.
        queued = await api.post(*path, text="Two.", context=[cell], when_busy="steer")
        assert queued["state"] == "queued"
        (waiting,) = (await api.get("sessions", session_id))["queued"]
        assert [one["label"] for one in waiting["context"]] == ["a.ipynb · cell 5"]
        for bad, code in (
            ([{**CELL, "source": "x" * 20_001}], (413, "context_too_large")),
            ([{"kind": "cell"}], (400, "bad_context")),
        ):
            body = json.dumps({"text": "Three.", "context": bad})
            status, error = await api.refused("POST", *path, body=body)
            assert (status, error["code"]) == code
        extension.offline_model.release("gate")
        await frames.until(ends(first))
        await frames.until(ends(queued["turn_id"]))
    assert "2 + 2" in prompts(requests[-1])[-1]
    assert "2 + 2" not in json.dumps(requests[0])
