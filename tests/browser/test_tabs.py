"""Seven tabs of JupyterLab in one browser: one stream, and all of them usable."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from tests.servers import Server

from .conftest import Lab

#: Two cores take a while to start so many JupyterLabs.
pytestmark = pytest.mark.timeout(300)

#: One more than the connections that a browser opens to a server over HTTP/1.1.
TABS = 7

LAST_WORDS = "8. The last cell"


class Streams:
    """The event streams that the tabs of a browser have open."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self._open: list[Request] = []
        context.on("request", self._begins)
        context.on("requestfinished", self._ends)
        context.on("requestfailed", self._ends)

    @property
    def holders(self) -> list[Page]:
        pages = [request.frame.page for request in self._open]
        return [page for page in pages if not page.is_closed()]

    def until_one(self) -> Page:
        """Wait until one is open, and return the tab that has it."""
        end = time.monotonic() + 20
        while len(self.holders) != 1:
            assert time.monotonic() < end, self.holders
            self._context.pages[0].wait_for_timeout(50)
        return self.holders[0]

    def _begins(self, request: Request) -> None:
        if "/hermes/api/events" in request.url:
            self._open.append(request)

    def _ends(self, request: Request) -> None:
        if request in self._open:
            self._open.remove(request)


class Tabs:
    """Tabs that show the same conversation, each by its own choice."""

    def __init__(self, context: BrowserContext, server: Server) -> None:
        self.streams = Streams(context)
        self.labs: list[Lab] = []
        for number in range(TABS):
            lab = Lab(context.new_page(), server)
            # A workspace each: else JupyterLab loads some of them again.
            address = f"{server.url}lab/workspaces/tab-{number}?token={server.token}"
            lab.page.goto(address, wait_until="commit")
            self.labs.append(lab)
        for lab in self.labs:
            lab.ready()
            lab.show_panel()
        first, *others = self.labs
        first.say("hello")
        expect(first.log).to_contain_text(
            "fill the context window and see it emptied", timeout=60_000
        )
        first.until_idle()
        for lab in others:
            lab.panel.get_by_role("button", name="Conversations").click()
            rows = lab.panel.get_by_role("tree", name="Conversations")
            rows.get_by_role("treeitem").first.click()
            expect(lab.log).to_contain_text("fill the context window and see it emptied")

    @property
    def leader(self) -> Lab:
        page = self.streams.until_one()
        return next(lab for lab in self.labs if lab.page == page)


@pytest.fixture(scope="module")
def tabs(chromium: Browser, tour: Server) -> Iterator[Tabs]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    opened = Tabs(context, tour)
    yield opened
    context.close()
    faults = {fault for lab in opened.labs for fault in lab.faults}
    # JupyterLab's own, when two of its tabs start in the same moment.
    assert faults <= {'Window name candidate "null" already exists'}


def test_seven_tabs_have_one_stream_and_all_are_usable(tabs: Tabs) -> None:
    """N13"""
    tabs.streams.until_one()
    first, *_, last = tabs.labs
    for asking, reading in ((first, last), (last, first)):
        asking.say("hello")
        expect(reading.panel.get_by_role("button", name="Stop")).to_be_visible()
        reading.until_idle()
    for lab in tabs.labs:
        expect(lab.log.get_by_text("I am the offline model")).to_have_count(3)
    tabs.streams.until_one()


def test_a_question_shows_in_all_tabs_and_one_answer_closes_all(tabs: Tabs) -> None:
    """N2, N13"""
    asking, answering = tabs.labs[0], tabs.labs[-1]
    asking.say("ask me something")
    for lab in tabs.labs:
        expect(lab.panel.get_by_role("region", name="Question from Hermes")).to_be_visible()
        expect(lab.page.locator("#jp-main-statusbar")).to_contain_text("1 needs you")
    answering.panel.get_by_role("button", name="Building the model").click()
    for lab in tabs.labs:
        expect(lab.panel.get_by_role("region", name="Question from Hermes")).to_have_count(0)
        expect(lab.page.locator("#jp-main-statusbar")).not_to_contain_text("needs you")
        expect(lab.log).to_contain_text("This reached me: Building the model")
    tabs.streams.until_one()


def test_the_tab_with_the_stream_is_closed_in_the_middle_of_a_turn(tabs: Tabs) -> None:
    """N13, R24, R25"""
    leader = tabs.leader
    tabs.labs.remove(leader)
    first, second = tabs.labs[0], tabs.labs[-1]
    first.say("tell me a long story")
    expect(second.log).to_contain_text("long corridor", timeout=30_000)
    leader.page.close()
    assert tabs.leader is not leader
    expect(second.panel.get_by_role("button", name="Stop")).to_be_visible()
    for lab in tabs.labs:
        expect(lab.log).to_contain_text(LAST_WORDS, timeout=60_000)
        lab.until_idle()
    told = {lab.log.inner_text() for lab in tabs.labs}
    second.reload()
    expect(second.log).to_contain_text(LAST_WORDS)
    assert told == {second.log.inner_text()}
