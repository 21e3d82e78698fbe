"""The list of conversations, and reading one back, on a database that Hermes has written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.hermes_store import Call, ended, said, session, titled, turn, write
from tests.servers import Server, run_server

from .conftest import Lab
from .keys import Keys

#: More than a page of the list.
OTHERS = 56

#: Prompts before the compaction and after it; the transcript begins with the last 50 messages.
BEFORE, AFTER = 40, 40


def others() -> list[Call]:
    """Short conversations, from elsewhere."""
    return [
        call
        for n in range(OTHERS)
        for call in (
            session(f"other-{n:02}", ("cli", "telegram")[n % 2]),
            *turn(f"other-{n:02}", f"Question {n:02} about the weather", "It will rain."),
            titled(f"other-{n:02}", f"Weather {n:02}"),
        )
    ]


def long_one() -> list[Call]:
    """One with a compaction, a needle at its beginning, a branch, and a subagent."""
    first = [turn("long", f"Prompt {n}", f"Answer {n}. " * 12) for n in range(BEFORE)]
    second = [turn("long-2", f"Prompt {n}", f"Answer {n}.") for n in range(BEFORE, BEFORE + AFTER)]
    return [
        session("long"),
        said("long", "user", "Where is the zanzibar needle?"),
        said("long", "assistant", "In the **haystack**."),
        *(call for calls in first for call in calls),
        ended("long", "compression"),
        session("long-2", parent_session_id="long"),
        *(call for calls in second for call in calls),
        titled("long-2", "A long walk through the sales of last year"),
        session("fork", parent_session_id="long", model_config={"_branched_from": "long"}),
        *turn("fork", "And if we had sold more?", "Then there would be more."),
        titled("fork", "If we had sold more"),
        session(
            "child", "subagent", parent_session_id="long", model_config={"_delegate_from": "long"}
        ),
        *turn("child", "Count the rows", "There are 12."),
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("sessions")
    home = directory / "hermes-home"
    write(home, *others(), *long_one())
    arguments = ("--expose-app-in-browser", "--HermesExtension.offline=True")
    place = f"--HermesExtension.hermes_home={home}"
    with run_server(directory, *arguments, place, command="lab") as running:
        yield running


class Conversations:
    """The panel with its list open."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.panel = lab.panel
        self.tree = lab.panel.get_by_role("tree", name="Conversations")
        self.rows = self.tree.get_by_role("treeitem")
        self.search = lab.panel.get_by_role("searchbox", name="Search conversations")

    def open(self) -> Conversations:
        self.panel.get_by_role("button", name="Conversations").click()
        expect(self.search).to_be_focused()
        self.search.fill("")
        expect(self.rows.first).to_be_visible()
        return self

    def row(self, name: str) -> Locator:
        return self.tree.get_by_role("treeitem", name=name)

    def choose(self, name: str, action: str) -> None:
        self.row(name).get_by_role("button", name="Actions").click()
        self.panel.get_by_role("menuitem", name=action, exact=True).click()


@pytest.fixture(scope="module")
def lab(chromium: Browser, server: Server) -> Iterator[Lab]:
    """One page for all tests: each begins with the list, unfiltered."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    opened = Lab(context.new_page(), server).open()
    opened.show_panel()
    yield opened
    context.close()
    assert opened.faults == []


@pytest.fixture
def conversations(lab: Lab) -> Conversations:
    lab.new_chat()
    return Conversations(lab).open()


def api(server: Server) -> httpx.Client:
    return server.client()


def test_all_conversations_are_there_page_by_page(conversations: Conversations) -> None:
    """R36, R40"""
    rows, keyboard = conversations.rows, conversations.lab.page.keyboard
    # A page of conversations, and the line of the first one's subagents.
    expect(rows).to_have_count(50 + 1)
    expect(rows.nth(0)).to_contain_text("A long walk")
    expect(rows.nth(0)).to_contain_text("continued once")
    expect(rows.nth(1)).to_contain_text("1 subagent")
    expect(rows.nth(2)).to_contain_text("If we had sold more")
    expect(rows.nth(2)).to_have_attribute("aria-level", "2")
    expect(rows.nth(3)).to_contain_text("Telegram")
    conversations.panel.get_by_role("button", name="Show more").click()
    expect(rows).to_have_count(OTHERS + 2 + 1)
    expect(conversations.panel.get_by_role("button", name="Show more")).to_have_count(0)
    conversations.search.press("ArrowDown")
    expect(rows.nth(0)).to_be_focused()
    keyboard.press("End")
    expect(rows.last).to_be_focused()
    keyboard.press("ArrowUp")
    keyboard.press("Enter")
    expect(conversations.lab.log).to_contain_text("Question 01 about the weather")
    expect(conversations.lab.composer).to_be_focused()


def test_a_search_leads_to_the_message(conversations: Conversations) -> None:
    """R37, R38"""
    conversations.search.press_sequentially("zanzibar")
    found = conversations.panel.get_by_role("region", name="In messages")
    expect(found.locator("mark")).to_have_text("zanzibar")
    expect(conversations.rows).to_have_count(1 + 1)
    conversations.lab.picture("8-search")
    found.get_by_role("button").click()
    message = conversations.lab.log.get_by_text("Where is the zanzibar needle?")
    expect(message).to_be_in_viewport()
    expect(conversations.panel.locator('[data-lit="true"]')).to_have_count(0)
    expect(message).to_be_in_viewport()
    expect(conversations.panel).to_contain_text("The beginning of this conversation")


def prompts(lab: Lab) -> list[str]:
    """Those that can be read in the transcript."""
    return re.findall(r"Prompt \d+", lab.log.text_content() or "")


def test_a_conversation_is_read_back_to_its_beginning(conversations: Conversations) -> None:
    """R38"""
    conversations.rows.first.click()
    lab = conversations.lab
    expect(lab.log).to_contain_text(f"Prompt {BEFORE + AFTER - 1}")
    assert len(prompts(lab)) == 50 / 2
    place = lab.panel.locator(".hj-scroll")
    place.hover()
    while len(prompts(lab)) == 50 / 2:
        lab.page.mouse.wheel(0, -400)
        lab.page.wait_for_timeout(30)
    # The entry at the top of the view stays there while others are painted above it.
    top = "node => Math.round(node.getBoundingClientRect().top)"
    anchor = lab.log.get_by_text("Prompt 55", exact=True)
    anchor.evaluate("node => node.scrollIntoView()")
    lab.page.wait_for_timeout(200)
    before = anchor.evaluate(top)
    count = len(prompts(lab))
    lab.panel.get_by_role("button", name="Earlier messages").evaluate("node => node.click()")
    lab.page.wait_for_timeout(500)
    assert len(prompts(lab)) > count
    assert abs(anchor.evaluate(top) - before) <= 1
    beginning = lab.panel.get_by_text("The beginning of this conversation")
    while beginning.count() == 0:
        lab.page.mouse.wheel(0, -2000)
        lab.page.wait_for_timeout(30)
    # What was passed by is its bare text, which can be searched and read aloud.
    expect(lab.log).to_contain_text("Where is the zanzibar needle?")
    assert prompts(lab) == [f"Prompt {n}" for n in range(BEFORE + AFTER)]


def test_a_title_is_changed_with_the_keyboard(conversations: Conversations) -> None:
    row, keyboard = conversations.row("Weather 54"), conversations.lab.page.keyboard
    row.focus()
    keyboard.press("F2")
    field = row.get_by_role("textbox", name="Title")
    expect(field).to_be_focused()
    field.fill("Sun " * 40)
    keyboard.press("Enter")
    expect(row.get_by_role("alert")).to_contain_text("at most 100 characters")
    expect(field).to_have_value("Sun " * 40)
    field.fill("Sunshine")
    keyboard.press("Enter")
    expect(conversations.row("Sunshine")).to_be_focused()
    keyboard.press("F2")
    keyboard.type("something else")
    keyboard.press("Escape")
    expect(conversations.row("Sunshine")).to_be_focused()


def test_a_conversation_is_put_away_and_taken_back(conversations: Conversations) -> None:
    name, keyboard = "Weather 53", conversations.lab.page.keyboard
    conversations.row(name).focus()
    keyboard.press("Shift+F10")
    menu = conversations.panel.get_by_role("menu", name="Actions")
    expect(menu.get_by_role("menuitem").first).to_be_focused()
    keyboard.press("Escape")
    expect(conversations.row(name)).to_be_focused()
    conversations.choose(name, "Archive")
    expect(conversations.row(name)).to_have_count(0)
    expect(conversations.row("Weather 52")).to_be_focused()
    conversations.panel.get_by_role("button", name="Archived").click()
    expect(conversations.rows).to_have_count(1)
    conversations.choose(name, "Unarchive")
    expect(conversations.panel.get_by_text("Nothing is archived.")).to_be_visible()
    conversations.panel.get_by_role("button", name="Archived").click()
    expect(conversations.row(name)).to_be_visible()


def test_a_conversation_is_deleted_after_a_question(conversations: Conversations) -> None:
    name, keyboard = "Weather 51", conversations.lab.page.keyboard
    row = conversations.row(name)
    row.focus()
    keyboard.press("Delete")
    expect(row.get_by_role("group", name="Delete for good?")).to_be_visible()
    keyboard.press("Enter")
    expect(row).to_be_focused()
    keyboard.press("Delete")
    row.get_by_role("button", name="Delete", exact=True).click()
    expect(row).to_have_count(0)
    with api(conversations.lab.server) as client:
        assert client.get("sessions/other-51").status_code == 404


def test_the_list_by_keyboard(conversations: Conversations) -> None:
    """R36: found, filtered, unfolded, saved, put away, deleted, and left."""
    lab, panel, rows = conversations.lab, conversations.panel, conversations.rows
    keys = Keys(lab.page)
    press, to, back_to, at = keys.press, keys.to, keys.back_to, keys.at
    keys.type("Weather 46")
    expect(rows).to_have_count(1)
    press("ArrowDown")
    at("treeitem", "Weather 46")
    to("button", "Actions for Weather 46")
    press("Enter")
    at("menuitem", "Pin")
    to("menuitem", "Export as Markdown", "ArrowDown")
    with lab.page.expect_download():
        press("Enter")
    at("button", "Actions for Weather 46")
    press("Enter")
    at("menuitem", "Pin")
    to("menuitem", "Delete", "ArrowUp")
    press("Enter")
    at("button", "Cancel")
    back_to("button", "Delete")
    press("Enter")
    expect(rows).to_have_count(0)
    at("searchbox", "Search conversations")
    press("Escape")
    expect(rows).to_have_count(50 + 1)

    to("combobox", "Source")
    keys.page.keyboard.type("Tel")
    expect(rows.first).to_contain_text("Telegram")
    keys.page.keyboard.type("All")
    to("button", "Archived")
    press("Enter")
    expect(panel.get_by_text("Nothing is archived.")).to_be_visible()
    at("button", "Archived")
    press("Enter")
    to("treeitem", "")
    to("treeitem", "1 subagent", "ArrowDown")
    press("ArrowRight")
    expect(rows.nth(2)).to_contain_text("Count the rows")
    press("ArrowRight")
    expect(rows.nth(2)).to_be_focused()
    press("ArrowLeft")
    press("ArrowLeft")
    at("treeitem", "1 subagent")
    back_to("button", "Back to the conversation")
    press("Enter")
    at("textbox", "Message to Hermes")


def test_what_is_shown_is_deleted_elsewhere(conversations: Conversations) -> None:
    conversations.row("Weather 50").click()
    lab = conversations.lab
    lab.composer.fill("half a thought")
    with api(lab.server) as client:
        assert client.request("DELETE", "sessions/other-50", json={}).status_code == 200
    expect(lab.panel.get_by_role("alert")).to_contain_text("This conversation was deleted.")
    expect(lab.log).to_contain_text("Question 50")
    lab.panel.get_by_role("button", name="New chat").last.click()
    expect(lab.composer).to_have_value("half a thought")


def test_a_branch_opens_and_leads_back(conversations: Conversations) -> None:
    conversations.choose("Weather 55", "Branch")
    lab = conversations.lab
    expect(lab.panel.get_by_text("Branch of")).to_be_visible(timeout=30_000)
    expect(lab.log).to_contain_text("Question 55")
    lab.picture("8-branch")
    lab.panel.get_by_role("button", name="Weather 55", exact=True).click()
    expect(lab.panel.get_by_text("Branch of")).to_have_count(0)
    expect(lab.log).to_contain_text("Question 55")


def test_a_conversation_is_saved_as_a_notebook(conversations: Conversations) -> None:
    with conversations.lab.page.expect_download() as download:
        conversations.choose("Weather 49", "Export as notebook")
    file = download.value
    assert file.suggested_filename == "Weather 49.ipynb"
    assert "Question 49" in json.dumps(json.loads(Path(file.path()).read_text()))


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_pictures_at_260_px(conversations: Conversations, theme: str) -> None:
    lab = conversations.lab
    lab.command("apputils:change-theme", theme=theme)
    name = theme.split()[-1].lower()
    # It covers the page while a theme is loaded.
    expect(lab.page.locator("#jupyterlab-splash")).to_have_count(0)
    lab.picture(f"8-list-{name}")
    row = conversations.row("Weather 48")
    row.get_by_role("button", name="Actions").click()
    expect(conversations.panel.get_by_role("menu")).to_be_visible()
    lab.picture(f"8-menu-{name}")
    lab.page.keyboard.press("Escape")
    row.focus()
    lab.page.keyboard.press("Delete")
    conversations.row("Weather 47").focus()
    lab.picture(f"8-delete-{name}")
    width = lab.panel.bounding_box()
    assert width is not None
    assert width["width"] < 270
    overflow = lab.panel.evaluate("node => node.scrollWidth - node.clientWidth")
    assert overflow <= 0
