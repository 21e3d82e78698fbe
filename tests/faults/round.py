"""One turn with a question in it, one fault in it, and what must be true at its end."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .world import World

#: The moments of a turn at which something may happen, in order.
MOMENTS = ("prompt", "text", "asked", "answer", "after", "end")

FAULTS = ("kill_agent", "kill_server", "stop_server", "cut_network", "fill_disk")

#: What a prompt gets that was given to a process in its last moment.
DYING = ("agent_died", "agent_gone")

#: Characters that a restart of the server may lose of a text: those of its last second.
A_SECOND = 400


@dataclass(frozen=True)
class Plan:
    """What happens, and when; ``pause`` in seconds after the moment."""

    number: int
    moment: str
    fault: str
    pause: float

    @classmethod
    def random(cls, number: int, dice: random.Random, faults: Sequence[str] = FAULTS) -> Plan:
        pause = dice.choice((0, 0, 0.01, 0.05, 0.2))
        return cls(number, dice.choice(MOMENTS), dice.choice(faults), pause)

    def script(self) -> str:
        """The agent speaks slowly, asks, and speaks again."""
        words = " ".join(f"{self.number}-{word}" for word in range(60))
        ask = {"name": "clarify", "arguments": {"question": "Which?", "choices": ["a", "b"]}}
        steps: list[dict[str, Any]] = [
            {"text": f"Begin {words} end.", "delay": 0.01, "tool_calls": [ask]},
            {"text": f"Then {words} done.", "delay": 0.01},
        ]
        return "SCRIPT: " + json.dumps(steps)


async def play(world: World, plan: Plan) -> None:
    """Play the turn with its fault, bring the conversation to rest, and compare.

    Raises:
        AssertionError: the page and the server tell different things, or something is lost.
    """
    seen: list[str] = []
    faulty = asyncio.ensure_future(_fault(world, plan, seen))
    await _prompt(world, plan.script(), f"prompt-{plan.number}")
    await faulty
    await _bring_to_rest(world, plan)
    await _compare(world, plan, seen)


async def _prompt(world: World, text: str, client_id: str) -> None:
    path = f"sessions/{world.session_id}/prompt"
    # As a page would that has not heard of its success: the same id, so it is said once.
    for _ in range(20):
        answer = await world.call("POST", path, text=text, client_id=client_id)
        if answer["status"] == 202:
            return
        assert answer["status"] == 503, answer
        await asyncio.sleep(0.2)
    raise AssertionError(answer)


async def _fault(world: World, plan: Plan, seen: list[str]) -> None:
    """Wait for the moment and let the fault happen; note what the page showed before."""
    number = f"{plan.number}-"
    reached: dict[str, Callable[[dict[str, Any]], bool]] = {
        "prompt": lambda page: True,
        "text": lambda page: any(f"Begin {number}" in m["text"] for m in page["messages"]),
        "asked": lambda page: any(state == "open" for _, state in page["questions"]),
        "answer": lambda page: any(state == "open" for _, state in page["questions"]),
        "after": lambda page: any(f"Then {number}" in m["text"] for m in page["messages"]),
        "end": lambda page: (
            any(f"Then {number}" in m["text"] for m in page["messages"])
            and page["turn"]["state"] == "complete"
        ),
    }
    await _until_page(world, reached[plan.moment], answering=plan.moment in ("after", "end"))
    await asyncio.sleep(plan.pause)
    shown = await world.page.shows()
    seen += [m["text"] for m in shown["messages"] if m["role"] == "assistant"]
    if plan.moment == "answer":
        question_id = next(id_ for id_, state in shown["questions"] if state == "open")
        answering = asyncio.ensure_future(
            world.call("POST", f"questions/{question_id}/answer", answer="a")
        )
        await asyncio.sleep(plan.pause)
        await getattr(world, plan.fault)()
        await answering
    else:
        await getattr(world, plan.fault)()


async def _until_page(
    world: World, found: Callable[[dict[str, Any]], bool], *, answering: bool = False
) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while not found(page := await world.page.shows()):
            if answering:
                await _answer_what_is_open(world, page)
            await asyncio.sleep(0.02)
    return page


async def _answer_what_is_open(world: World, page: dict[str, Any]) -> None:
    for question_id, state in page["questions"]:
        if state == "open":
            answer = await world.call("POST", f"questions/{question_id}/answer", answer="a")
            assert answer["status"] in (200, 409), answer


async def _bring_to_rest(world: World, plan: Plan) -> None:
    """Do what a person would: answer what is asked, and go on when the agent is gone."""
    async with asyncio.timeout(90):
        while True:
            detail = await world.detail()
            waiting = [q for q in detail["questions"] if q["state"] in ("open", "interrupted")]
            for question in waiting:
                path = f"questions/{question['id']}/answer"
                answer = await world.call("POST", path, answer="b")
                assert answer["status"] in (200, 409, 503), answer
            turn = detail["turn"]
            busy = turn is not None and turn["state"] in ("starting", "running", "stopping")
            if not waiting and not busy and not detail["queued"]:
                break
            await asyncio.sleep(0.1)
        await world.mend()
        last = "SCRIPT: " + json.dumps([{"text": f"At rest {plan.number}."}])
        for attempt in range(3):
            turn = await _turn(world, last, f"rest-{plan.number}-{attempt}")
            # One that reached the dying process says so; a person sends it again.
            if turn["state"] == "complete" or turn["error"]["code"] not in DYING:
                break
        assert turn["state"] == "complete", turn


async def _turn(world: World, text: str, client_id: str) -> dict[str, Any]:
    await _prompt(world, text, client_id)
    while True:
        turn: dict[str, Any] = (await world.detail())["turn"]
        if turn["client_id"] == client_id and turn["state"] in ("complete", "error"):
            return turn
        await asyncio.sleep(0.05)


async def _compare(world: World, plan: Plan, seen: list[str]) -> None:
    detail = await world.detail()
    server = [
        (m["id"], m["role"], m["text"], m["status"])
        for m in detail["messages"]
        if m["role"] in ("user", "assistant", "tool")
    ]

    def agrees(page: dict[str, Any]) -> bool:
        shown = [
            (m["id"], m["role"], m["text"], m["status"])
            for m in page["messages"]
            if m["role"] in ("user", "assistant", "tool")
        ]
        return shown[-len(server) :] == server and not page["questions"]

    try:
        await _until_page(world, agrees)
    except TimeoutError:
        page = await world.page.shows()
        raise AssertionError(f"{plan}:\nthe page: {page}\nthe server: {detail}") from None

    texts = [text for _, role, text, _ in server if role == "assistant"]
    assert len({m[0] for m in server}) == len(server), f"{plan}: an id twice"
    assert texts[-1] == f"At rest {plan.number}.", f"{plan}: {texts}"
    for text in seen[-1:]:
        kept = max((_common(text, other) for other in texts), default=0)
        lost = len(text) - kept
        most = A_SECOND if "server" in plan.fault else 0
        assert lost <= most, f"{plan}: {lost} characters of {text!r} are lost in {texts}"
    stored = world.stored()
    assert stored.count(f"At rest {plan.number}.") == 1, f"{plan}: {stored[-5:]} are stored"
    for begin in (f"Begin {plan.number}-", f"Then {plan.number}-"):
        missing = {one for one in stored if one.startswith(begin)} - {*texts}
        assert not missing, f"{plan}: {missing} are stored, and not told"
    if plan.fault == "fill_disk":
        kept = any(text.startswith(f"Then {plan.number}-") for text in stored)
        assert kept != _is_warned(detail, plan), f"{plan}: stored: {kept}, and {detail['messages']}"
    for begin in (
        (f"Begin {plan.number}-", f"Then {plan.number}-") if world.said is not None else ()
    ):
        told = sum(text.startswith(begin) for text in texts)
        said = sum(text.startswith(begin) for text in world.said)
        assert told <= said, f"{plan}: {begin} was said {said} times and is told {told} times"


def _is_warned(detail: dict[str, Any], plan: Plan) -> bool:
    """Whether the turn is said not to be stored, and to be lost with a restart."""
    texts = [message["text"] for message in detail["messages"]]
    first = next(index for index, text in enumerate(texts) if f"Then {plan.number}-" in text)
    return any("could not store this turn" in text for text in texts[first:])


def _common(one: str, other: str) -> int:
    """How long a beginning two texts share."""
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length
