"""What a new user does, in the order of the README."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .conftest import Lab

PANEL = "from hermes_jupyter import Panel\nPanel()"


def test_the_tour_opens_on_its_notebook_with_the_sidebar(lab: Lab) -> None:
    expect(lab.page.get_by_role("tab", name="tour.ipynb")).to_be_visible()
    expect(lab.notebook.get_by_role("heading", name="A tour of Hermes")).to_be_visible()
    expect(lab.panel.get_by_role("button", name="hello")).to_be_visible()
    lab.picture("1-open")


def test_hello_streams_and_the_gauge_moves(lab: Lab) -> None:
    expect(lab.panel.get_by_role("img", name="Context: not known yet")).to_be_visible()
    lab.say("hello")
    expect(lab.log).to_contain_text("I am the offline model")
    lab.composer.focus()
    lab.until_idle()
    expect(lab.log).to_contain_text("fill the context window and see it emptied")
    expect(lab.panel.get_by_role("meter", name="Context")).to_contain_text("12%")
    expect(lab.composer).to_be_focused()
    lab.picture("2-hello")
    lab.page.keyboard.type("one line")
    lab.page.keyboard.press("Shift+Enter")
    lab.page.keyboard.type("and another")
    expect(lab.composer).to_have_value("one line\nand another")
    lab.page.keyboard.press("Enter")
    expect(lab.log).to_contain_text("and another")
    expect(lab.composer).to_have_value("")
    lab.until_idle()


def test_a_question_is_asked_in_both_places_and_answered_in_either(lab: Lab) -> None:
    """N2"""
    cell = lab.add_cell(PANEL)
    in_cell = cell.locator(".jp-OutputArea")
    expect(in_cell.get_by_role("textbox", name="Message to Hermes")).to_be_visible()
    for place, choice in ((in_cell, "Building the model"), (lab.panel, "Telling the story")):
        lab.say("ask me something")
        for other in (in_cell, lab.panel):
            card = other.get_by_role("region", name="Question from Hermes")
            expect(card).to_be_visible()
            expect(card.get_by_text("Which part of a project do you enjoy most?")).to_be_visible()
            expect(card.get_by_role("button", name="Other…")).to_be_visible()
        expect(lab.page.locator("#jp-main-statusbar")).to_contain_text("1 needs you")
        lab.picture(f"3-question-{'cell' if place is in_cell else 'sidebar'}")
        place.get_by_role("button", name=choice).click()
        for other in (in_cell, lab.panel):
            expect(other.get_by_role("region", name="Question from Hermes")).to_have_count(0)
            expect(other.get_by_role("log")).to_contain_text(f"This reached me: {choice}")
        lab.until_idle()
    expect(lab.log).to_contain_text("Answered in a cell: Building the model")
    expect(lab.log).to_contain_text("Answered in the sidebar: Telling the story")


def test_an_own_answer(lab: Lab) -> None:
    lab.say("ask me something")
    lab.panel.get_by_role("button", name="Other…").click()
    field = lab.panel.get_by_role("region", name="Question from Hermes").get_by_role("textbox")
    field.fill('Lunch, "obviously" {}')
    field.press("Enter")
    expect(lab.log).to_contain_text('This reached me: Lunch, "obviously" {}')


def test_an_approval_shows_the_whole_command_and_deny_works(lab: Lab) -> None:
    lab.say("clean up")
    card = lab.panel.get_by_role("region", name="Approval")
    expect(card).to_contain_text("mkdir hermes-tour-scratch && rm -r hermes-tour-scratch")
    lab.picture("4-approval")
    card.get_by_role("button", name="Deny").click()
    expect(lab.log).to_contain_text("nothing was deleted")
    expect(lab.log).to_contain_text("Answered in the sidebar: Deny")
    lab.until_idle()


def test_no_key_outside_a_button_approves(lab: Lab) -> None:
    """R23"""
    lab.say("clean up")
    card = lab.panel.get_by_role("region", name="Approval")
    expect(card).to_be_visible()
    lab.composer.focus()
    for key in ("Enter", "Space", "y", "Escape"):
        lab.page.keyboard.press(key)
    card.locator("pre").focus()
    lab.page.keyboard.press("Enter")
    lab.page.keyboard.press("Space")
    expect(card).to_be_visible()
    card.get_by_role("button", name="Deny").click()
    lab.until_idle()


def test_a_reload_in_the_middle_loses_nothing(lab: Lab) -> None:
    """R27"""
    lab.say("tell me a long story")
    expect(lab.log).to_contain_text("long corridor", timeout=30_000)
    lab.reload()
    expect(lab.log).to_contain_text("tell me a long story")
    expect(lab.panel.get_by_role("button", name="Stop")).to_be_visible()
    lab.picture("5-reloaded")
    lab.until_idle()
    whole = lab.log.inner_text()
    for line in STORY_HEADINGS:
        assert whole.count(line) == 1, line


STORY_HEADINGS = ["1. The corridor", "4. The folder that was in the way", "8. The last cell"]


def test_stop_ends_the_answer(lab: Lab) -> None:
    lab.say("tell me a long story")
    lab.panel.get_by_role("button", name="Stop").click(timeout=30_000)
    lab.until_idle()
    expect(lab.composer).to_be_visible()


def test_a_cell_asks_in_the_same_conversation(lab: Lab) -> None:
    lab.add_cell("%load_ext hermes_jupyter")
    cell = lab.add_cell("%%hermes\nhello")
    expect(cell.locator(".jp-OutputArea")).to_contain_text("see it emptied", timeout=60_000)
    expect(lab.log).to_contain_text("see it emptied")
    lab.picture("6-cell")


def test_a_card_is_answered_while_its_cell_runs(lab: Lab) -> None:
    """N1"""
    lab.add_cell("%load_ext hermes_jupyter")
    cell = lab.add_cell("%%hermes\nask me something")
    output = cell.locator(".jp-OutputArea")
    output.get_by_role("button", name="Exploring the data").click(timeout=60_000)
    expect(output).to_contain_text("This reached me: Exploring the data", timeout=30_000)
    expect(output.get_by_role("region", name="Question from Hermes")).to_have_count(0)


def test_interrupting_the_cell_stops_its_turn(lab: Lab) -> None:
    lab.add_cell("%load_ext hermes_jupyter")
    cell = lab.add_cell("%%hermes\ntell me a long story")
    expect(cell.locator(".jp-OutputArea")).to_contain_text("long corridor", timeout=60_000)
    lab.command("notebook:interrupt-kernel")
    expect(cell.locator(".jp-OutputArea")).to_contain_text("Stopped.", timeout=30_000)
    lab.until_idle()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_pictures_at_260_px(lab: Lab, theme: str) -> None:
    lab.command("apputils:change-theme", theme=theme)
    name = theme.split()[-1].lower()
    lab.picture(f"7-empty-{name}")
    lab.say("clean up")
    expect(lab.panel.get_by_role("region", name="Approval")).to_be_visible()
    width = lab.panel.bounding_box()
    assert width is not None
    assert width["width"] < 270
    lab.picture(f"7-approval-{name}")
    lab.panel.get_by_role("button", name="Deny").click()
    lab.until_idle()
    overflow = lab.panel.evaluate("node => node.scrollWidth - node.clientWidth")
    assert overflow <= 0
    lab.picture(f"7-denied-{name}")
