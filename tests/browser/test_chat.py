"""The chat while the agent works and after: what only a browser shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from .conftest import Lab

SLOW = {"tool_calls": [{"name": "terminal", "arguments": {"command": "sleep 4; echo slept"}}]}


def script(*steps: Any) -> str:
    return "SCRIPT: " + json.dumps(steps)


def yours(lab: Lab, text: str) -> Locator:
    return lab.log.get_by_role("article", name="You").filter(has_text=text)


def answers(lab: Lab) -> Locator:
    return lab.log.get_by_role("article", name="Hermes")


def tools(lab: Lab) -> Locator:
    return lab.log.locator(".hj-tool")


def test_words_for_a_turn_that_runs(lab: Lab) -> None:
    """R35: what waits can be taken back; what is urgent ends the turn and nothing else."""
    lab.say(script(SLOW, {"text": "Never heard."}))
    expect(tools(lab)).to_have_attribute("data-state", "running", timeout=60_000)
    lab.composer.fill("for later")
    lab.composer.press("Enter")
    queue = lab.panel.get_by_role("list", name="Prompts that wait")
    expect(queue).to_contain_text("for later")
    lab.composer.fill(script({"text": "At once."}))
    lab.panel.get_by_role("button", name="Steer or interrupt").press("Enter")
    menu = lab.panel.get_by_role("menu", name="Steer or interrupt")
    expect(menu.get_by_role("menuitem", name="Queue")).to_be_focused()
    lab.picture("8-ways-to-send")
    lab.page.keyboard.press("ArrowUp")
    expect(menu.get_by_role("menuitem", name="Interrupt and send")).to_be_focused()
    lab.page.keyboard.press("Enter")
    expect(lab.composer).to_be_focused()
    queue.get_by_role("button", name="Take back: for later").click()
    expect(lab.composer).to_have_value("for later")
    expect(answers(lab)).to_contain_text(["At once."])
    lab.until_idle()
    expect(lab.log.get_by_role("article", name="You")).to_have_count(2)
    lab.reload()
    expect(lab.composer).to_have_value("for later")
    lab.composer.fill("")


def test_words_said_into_a_turn(lab: Lab) -> None:
    lab.say(script(SLOW, {"text": "Heard."}))
    expect(tools(lab)).to_have_attribute("data-state", "running", timeout=60_000)
    lab.composer.fill("only the names")
    lab.panel.get_by_role("button", name="Steer or interrupt").click()
    lab.panel.get_by_role("menuitem", name="Steer").click()
    expect(yours(lab, "only the names")).to_contain_text("Said into the turn")
    expect(answers(lab)).to_contain_text(["Heard."])
    lab.until_idle()
    expect(yours(lab, "only the names").get_by_role("button", name="Edit")).to_have_count(0)


def test_an_edit_an_undo_and_a_retry(lab: Lab) -> None:
    for number, line in enumerate(("One.", "Two.")):
        lab.say(script({"text": line}))
        expect(answers(lab).nth(number)).to_contain_text(line)
        lab.until_idle()

    yours(lab, "One.").get_by_role("button", name="Edit").press("Enter")
    editor = lab.log.get_by_role("textbox", name="Your message")
    expect(editor).to_be_focused()
    editor.fill(script({"text": "Better."}))
    lab.picture("8-edit")
    editor.press("Enter")
    expect(answers(lab)).to_have_count(1)
    expect(answers(lab)).to_contain_text("Better.")
    lab.until_idle()

    yours(lab, "Better.").get_by_role("button", name="Undo").press("Enter")
    lab.picture("8-undo")
    lab.log.get_by_role("button", name="Take back").click()
    expect(lab.log).to_have_count(0)
    expect(lab.composer).to_have_value(script({"text": "Better."}))

    lab.say(script({"text": "one two three", "wait": "never", "wait_after": 1}))
    expect(answers(lab)).to_contain_text("one")
    lab.panel.get_by_role("button", name="Stop").click()
    lab.until_idle()
    lab.log.get_by_role("button", name="Retry").click()
    expect(lab.panel.get_by_role("button", name="Stop")).to_be_visible()
    expect(yours(lab, "never")).to_have_count(1)
    lab.panel.get_by_role("button", name="Stop").click()
    lab.until_idle()


def test_the_gauge_compacts(lab: Lab) -> None:
    lab.say("hello")
    expect(lab.log).to_contain_text("see it emptied")
    lab.until_idle()
    about = lab.panel.get_by_role("button", name="About the context")
    about.press("Enter")
    details = lab.panel.get_by_role("group", name="Context of the model")
    expect(details).to_contain_text("of 131,072 tokens")
    lab.picture("8-gauge")
    details.get_by_role("button", name="Compact now").click()
    expect(details).to_have_count(0)
    expect(about).to_be_focused()
    lab.until_idle()
    # There is too little to compact, which the agent says.
    expect(lab.log.locator(".hj-notice")).to_have_count(1)


def test_code_goes_into_the_notebook(lab: Lab) -> None:
    lab.say(script({"text": "Try this:\n\n```python\nanswer = 6 * 7\n```"}))
    expect(lab.log.get_by_role("button", name="Copy the answer")).to_be_attached()
    lab.until_idle()
    before = lab.page.evaluate("jupyterapp.shell.currentWidget.model.cells.length")
    below = lab.log.get_by_role("button", name="Below")
    below.focus()
    lab.picture("8-code")
    lab.page.keyboard.press("Enter")
    expect(lab.notebook.locator(".jp-Cell.jp-mod-active")).to_contain_text("answer = 6 * 7")
    expect(below).to_be_focused()
    count = "jupyterapp.shell.currentWidget.model.cells.length"
    assert lab.page.evaluate(count) == before + 1
    lab.log.get_by_role("button", name="Replace").click()
    source = "jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getSource()"
    assert lab.page.evaluate(source).count("answer = 6 * 7") == 2
    lab.command("notebook:undo-cell-action")
    lab.command("notebook:undo-cell-action")
    assert lab.page.evaluate(count) == before


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_pictures_of_a_conversation(lab: Lab, theme: str) -> None:
    """R21: the banner is there for as long as nothing is asked."""
    lab.command("apputils:change-theme", theme=theme)
    name = theme.split()[-1].lower()
    patch = {
        "mode": "replace",
        "path": "hermes-tour-notes.txt",
        "old_string": "one",
        "new_string": "two",
    }
    lab.say(
        script(
            {
                "reasoning": "A file first, then a change of it, then a cleaning up.",
                "tool_calls": [
                    {
                        "name": "terminal",
                        "arguments": {"command": "printf 'a\\none\\nb\\n' > hermes-tour-notes.txt"},
                    }
                ],
            },
            {"tool_calls": [{"name": "patch", "arguments": patch}]},
            {
                "tool_calls": [
                    {
                        "name": "terminal",
                        "arguments": {"command": "mkdir -p scratch && rm -r scratch && false"},
                    }
                ]
            },
            {"text": "Done. Try:\n\n```python\nanswer = 6 * 7\nprint(answer)\n```\n\nor not."},
        )
    )
    card = lab.panel.get_by_role("region", name="Approval")
    card.get_by_role("button", name="Stop asking…").click()
    lab.picture(f"8-stop-asking-{name}")
    card.get_by_role("button", name="Allow everything in this conversation").click()
    banner = lab.panel.get_by_text("Hermes does everything here without asking.")
    expect(banner).to_be_visible()
    expect(card).to_have_count(0)
    expect(answers(lab).last).to_contain_text("or not.")
    lab.until_idle()
    # It grew all at once at its end, which is where the person is.
    expect(lab.panel.get_by_role("button", name="Jump to latest")).to_have_count(0)
    for summary in lab.log.locator("summary").all():
        summary.click()
    change = lab.log.get_by_label("diff")
    expect(change.locator("del")).to_have_text("-one\n")
    expect(change.locator("ins")).to_have_text("+two\n")
    lab.log.get_by_role("button", name="Below").focus()
    lab.picture(f"8-conversation-{name}")
    change.scroll_into_view_if_needed()
    lab.picture(f"8-tools-{name}")
    assert lab.panel.evaluate("node => node.scrollWidth - node.clientWidth") <= 0
    lab.panel.get_by_role("button", name="Ask again").click()
    expect(banner).to_have_count(0)
