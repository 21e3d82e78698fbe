"""N9: behind a real hub and its proxy, with two people, everything holds."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Lab
from tests.faults.hub_world import HubWorld
from tests.faults.round import Plan, play
from tests.faults.world import lived_in
from tests.load.run import run as load

from .running import PASSWORD, Events, Hub, Person, StreamEnded, eventually

T = TypeVar("T")

# The first test waits for a hub and two servers to start.
pytestmark = pytest.mark.timeout(300)

CLARIFY = {"name": "clarify", "arguments": {"question": "Which one?", "choices": ["red", "blue"]}}
ASKS = ({"tool_calls": [CLARIFY]}, {"text": "Thank you."})
SLOW = {"tool_calls": [{"name": "terminal", "arguments": {"command": "sleep 4; echo slept"}}]}
NEVER = {"text": "Nobody hears this.", "wait": "never"}


@pytest.fixture(scope="module")
def idle(bob: Person) -> Iterator[Events]:
    """Bob's page: it is open, and nobody does anything there."""
    with bob.stream("events", within=300) as events:
        yield events


@pytest.fixture(scope="module")
def session_id(ada: Person) -> str:
    """A conversation of ada's, in which something was said."""
    session_id = str(ada.post("sessions")["id"])
    with ada.stream(f"events?session_id={session_id}") as events:
        turn_id = ada.say(session_id, {"text": "Only for ada."})
        events.until("turn", turn_id=turn_id, state="complete")
    return session_id


def is_refused(response: httpx.Response, code: str = "not_a_driver") -> bool:
    return response.status_code == 403 and response.json()["error"]["code"] == code


def agents(hub: Hub, name: str) -> list[psutil.Process]:
    """The processes of a person's agent."""
    return [
        process
        for server in hub.servers(name)
        for process in server.children(recursive=True)
        if "HERMES_JUPYTER_PROCESS" in process.environ()
    ]


def test_a_question_a_file_and_a_place_in_the_stream(ada: Person, session_id: str) -> None:
    """Through the proxy, with a browser's cookies and headers."""
    path = f"sessions/{session_id}/attachments?name=note.txt"
    uploaded = ada.call("POST", path, content=b"a note")
    assert uploaded.status_code == 201
    name = uploaded.json()["name"]
    assert ada.call("GET", f"sessions/{session_id}/attachments/{name}").content == b"a note"

    with ada.stream(f"events?session_id={session_id}") as events:
        turn_id = ada.say(session_id, *ASKS)
        # It arrives while the agent waits: nothing on the way holds it back.
        asked = events.until("question")["question"]
        ada.post(f"questions/{asked['id']}/answer", answer="red")
        place = events.last
        events.until("turn", turn_id=turn_id, state="complete")
        end = events.last
    with ada.stream(f"events?session_id={session_id}", last=place) as events:
        events.until("turn", turn_id=turn_id, state="complete")
        assert events.last == end


def test_a_page_of_another_origin_cannot_use_the_cookie(ada: Person, session_id: str) -> None:
    """The hub wants the token of its own page, from scripts for reading too."""
    base = f"{ada.base}hermes/api/"
    for method, path in (("GET", "sessions"), ("GET", "events"), ("POST", "sessions")):
        response = ada.client.request(method, base + path, headers={"Sec-Fetch-Mode": "cors"})
        assert response.status_code == 403, (method, path)
        assert "error" in response.json()


def test_two_people_know_nothing_of_each_other(
    hub: Hub, ada: Person, bob: Person, session_id: str, idle: Events
) -> None:
    """R51: ids, streams, homes and processes."""
    idle.until("agent")
    assert bob.get("sessions")["total"] == 0
    assert bob.get("questions") == {"questions": []}
    for path in (f"sessions/{session_id}", f"sessions/{session_id}/stream"):
        assert bob.call("GET", path).status_code == 404
    assert bob.call("POST", f"sessions/{session_id}/prompt", json={"text": "Hi"}).status_code == 404
    # Ada was never let in to bob's server.
    stranger = ada.client.get(f"{bob.base}hermes/api/sessions", headers={"Sec-Fetch-Mode": "cors"})
    assert stranger.status_code == 403

    assert agents(hub, "bob") == []
    for agent in agents(hub, "ada"):
        environ = agent.environ()
        assert environ["HERMES_HOME"].startswith(str(hub.directory / "ada"))
        assert not [name for name in environ if "JUPYTERHUB" in name and "TOKEN" in name]
    home = hub.directory / "bob" / ".local/share/jupyter/hermes-jupyter/tour/home"
    assert not list(home.glob("state.db"))


def test_a_visitor_reads_and_does_nothing_else(
    ada: Person, visitor: Person, session_id: str
) -> None:
    """Bob at ada's server, by a share of the hub's."""
    assert visitor.get("status")["can"] == ["read"]
    with visitor.stream(f"events?session_id={session_id}") as events:
        shown = events.until("snapshot")
        assert "Only for ada." in json.dumps(shown["messages"])
        turn_id = ada.say(session_id, *ASKS)
        asked = events.until("question")["question"]
        session = f"sessions/{session_id}"
        for method, path, body in (
            ("POST", f"questions/{asked['id']}/answer", {"answer": "blue"}),
            ("POST", "clarify/respond", {"request_id": asked["id"], "answer": "blue"}),
            ("POST", f"questions/{asked['id']}/dismiss", {}),
            ("POST", f"{session}/prompt", {"text": "Do this"}),
            ("POST", f"{session}/steer", {"text": "Do this"}),
            ("POST", f"{session}/interrupt", {"turn_id": turn_id}),
            ("POST", f"{session}/attachments?name=a.txt", {}),
            ("PUT", f"{session}/skip-approvals", {"on": True}),
            ("DELETE", session, None),
            ("POST", "sessions", {}),
            ("POST", "agent/restart", {}),
        ):
            assert is_refused(visitor.call(method, path, json=body)), (method, path)
        assert visitor.get("questions")["questions"][0]["state"] == "open"
        ada.post(f"questions/{asked['id']}/answer", answer="red")
        closed = events.until("question")["question"]
        assert (closed["answer"], closed["answered_by"]["user"]) == ("red", "ada")
        events.until("turn", turn_id=turn_id, state="complete")


def apart(work: Coroutine[Any, Any, T]) -> T:
    """What comes of it on a loop of its own: Playwright's runs in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def test_many_pages_of_both(hub: Hub) -> None:
    """Each is told the journal of its person, once.

    Whether what the servers hold comes to rest shows in minutes: ``python -m tests.load``.
    """
    apart(load(hub, pages=20, turns=5, warm=0, waves=2, minutes=0, seed=1))


def log_in(page: Page, name: str) -> None:
    """By the hub's form, which has come up by itself."""
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_in_a_browser(
    hub: Hub, ada: Person, visitor: Person, page: Page, chromium: Browser
) -> None:
    """A turn goes on, and its question is answered, though the proxy dies in the middle."""
    lab = Lab(page, hub)
    page.goto(f"{ada.base}lab")
    log_in(page, "ada")
    lab.ready()
    lab.show_panel()
    lab.say("SCRIPT: " + json.dumps([SLOW, *ASKS]))
    expect(lab.log.locator(".hj-tool")).to_have_attribute("data-state", "running", timeout=30_000)
    proxy = hub.proxy()
    assert proxy is not None
    proxy.kill()
    eventually(lambda: hub.proxy() not in (None, proxy))
    card = lab.panel.get_by_role("group", name="Which one?")
    card.get_by_role("button", name="red").click(timeout=30_000)
    expect(lab.log).to_contain_text("Thank you.", timeout=30_000)
    lab.until_idle()

    assert lab.faults == []

    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    guest = Lab(context.new_page(), hub)
    guest.page.goto(f"{ada.base}lab")
    log_in(guest.page, "bob")
    guest.ready()
    guest.command("hermes:open")
    expect(guest.panel).to_contain_text("Only ada can write to Hermes and answer it.")
    expect(guest.composer).to_have_count(0)
    guest.picture("hub-visitor")
    assert guest.faults == []
    context.close()


def test_a_named_server_has_an_agent_of_its_own(hub: Hub, session_id: str) -> None:
    """It shares ada's conversations, and takes nothing over."""
    hub.spawn("ada", "second")
    second = Person(hub, "ada", "ada/second").log_in()
    assert second.get("status")["agent"]["state"] == "stopped"
    rows = second.get("sessions")["sessions"]
    assert session_id in [row["id"] for row in rows]
    with second.stream("clarify/stream") as events:
        assert events.until("initial")["pending_count"] == 0
    hub.api("DELETE", "users/ada/servers/second")


def test_a_logout_ends_the_stream(hub: Hub) -> None:
    """R51: the hub is asked again, and knows this login no more."""
    browser = Person(hub, "ada", "ada").log_in()
    with browser.stream("events") as events:
        events.until("agent")
        browser.client.get(f"{hub.url}hub/logout")
        with pytest.raises(StreamEnded):
            events.until("never")
    assert browser.client.get(f"{browser.base}hermes/api/status").status_code == 403


def test_a_turn_outlives_the_hub(hub: Hub, ada: Person, session_id: str) -> None:
    """The hub and its proxy are restarted; who comes back misses nothing."""
    path = f"events?session_id={session_id}"
    with ada.stream(path) as events:
        turn_id = ada.say(session_id, *ASKS)
        asked = events.until("question")["question"]
        place = events.last
        hub.stop()
        with pytest.raises((httpx.TransportError, StreamEnded)):
            events.until("never")
    hub.start()
    eventually(lambda: ada.call("GET", "status").status_code == 200)
    ada.post(f"questions/{asked['id']}/answer", answer="red")
    with ada.stream(path, last=place) as events:
        events.until("turn", turn_id=turn_id, state="complete")


def test_the_culler_knows_work_from_an_open_page(
    hub: Hub, ada: Person, session_id: str, idle: Events
) -> None:
    """Bob's page has been open all the time; ada's agent works, and no page is open there."""
    turn_id = ada.say(session_id, NEVER)
    # Work is reported every ten seconds, and what is reported told to the hub every other one.
    timeout = 30

    def age(name: str) -> float:
        last = datetime.fromisoformat(hub.server(name)["last_activity"])
        return time.time() - last.timestamp()

    eventually(lambda: age("bob") > timeout > age("ada") + 15)
    culler = subprocess.Popen(
        [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={timeout}"],
        env={
            **os.environ,
            "JUPYTERHUB_API_URL": f"{hub.url}hub/api",
            "JUPYTERHUB_API_TOKEN": hub.token,
        },
    )
    try:
        eventually(lambda: not hub.server("bob"))
    finally:
        culler.terminate()
        culler.wait()
    assert hub.server("ada")["ready"]
    ada.post(f"sessions/{session_id}/interrupt", turn_id=turn_id)


def test_a_page_ends_up_with_what_was_said(hub: Hub, tmp_path: Path) -> None:
    """Her server dies while a question is open; more, by chance: ``python -m tests.faults --hub``.

    Ada's server is another one then: whoever was logged in there is not any more.
    """

    async def work() -> None:
        async with lived_in(HubWorld(tmp_path, hub)) as world:
            await play(world, Plan(1, "asked", "kill_server", 0))

    apart(work())
