"""The panel without a mouse: each stop has a name, is seen, and leads on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from hermes_jupyter.offline.tour import CLEAN_UP_COMMAND
from tests.servers import Server

from .conftest import Lab
from .keys import Keys

ANSWER = """\
A [link](https://jupyter.org), and a wide table:

| first | second | third | fourth | fifth | sixth | seventh | eighth | ninth | tenth | eleventh |
| ----- | ------ | ----- | ------ | ----- | ----- | ------- | ------ | ----- | ----- | -------- |
| one   | two    | three | four   | five  | six   | seven   | eight  | nine  | ten   | eleven   |

```python
print("as wide as a line of code may be before somebody who reads it asks to have it broken")
```

```python
six = 6
```
"""


def call(name: str, **arguments: Any) -> list[dict[str, Any]]:
    return [{"name": name, "arguments": arguments}]


ASKING = [
    {"reasoning": "Let me see.", "text": ANSWER, "tool_calls": call("terminal", command="echo hi")},
    {"tool_calls": call("clarify", question="Which?", choices=["The first", "The second"])},
    {"tool_calls": call("clarify", question="And why?", choices=["So", "Or so"])},
    {"tool_calls": call("terminal", command=CLEAN_UP_COMMAND)},
    {"tool_calls": call("terminal", command=CLEAN_UP_COMMAND)},
    {"tool_calls": call("terminal", command="sleep 300")},
]

COMPOSER = ("textbox", "Message to Hermes")


@pytest.fixture(scope="module")
def lab(chromium: Browser, tour: Server) -> Iterator[Lab]:
    """One page for all tests, on the tour's notebook."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    opened = Lab(context.new_page(), tour).open("lab/tree/tour.ipynb")
    opened.notebook_ready()
    yield opened
    context.close()
    assert opened.faults == []


@pytest.fixture
def keys(lab: Lab) -> Keys:
    """The keys of that page, in the composer of a new chat."""
    keys = Keys(lab.page)
    # From the panel, the same keys lead out of it.
    if keys.here().panel:
        keys.press("Control+Alt+h")
    keys.press("Control+Alt+h")
    keys.at(*COMPOSER)
    keys.back_to("button", "New chat")
    keys.press("Enter")
    keys.to(*COMPOSER)
    return keys


def test_the_panel_is_left_to_where_one_was(lab: Lab, keys: Keys) -> None:
    keys.press("Control+Alt+h")
    assert not keys.here().panel
    keys.press("Enter")
    cell = keys.here()
    assert cell.cell
    keys.press("Control+Alt+h")
    keys.at(*COMPOSER)
    keys.press("Control+Alt+h")
    assert keys.here() == cell


def test_questions_and_what_follows(lab: Lab, keys: Keys) -> None:
    """Who is asked keeps the focus; who answers goes on where the next prompt is written."""
    press, to, back_to, at = keys.press, keys.to, keys.back_to, keys.at
    panel, log = lab.panel, lab.log

    keys.say(*ASKING)
    question = panel.get_by_role("region", name="Question from Hermes")
    expect(question).to_be_visible(timeout=60_000)
    at(*COMPOSER)
    press("Control+Alt+Shift+h")
    at("group", "Question")
    to("button", "The first")
    to("button", "Other…")
    back_to("button", "The second")
    lab.page.route("**/answer*", lambda route: route.fulfill(status=500), times=1)
    press("Enter")
    expect(question.get_by_role("alert")).to_be_visible()
    at("button", "The second")
    press("Enter")
    expect(question).to_contain_text("And why?")
    at(*COMPOSER)
    back_to("button", "Other…")
    press("Enter")
    at("textbox", "And why?")
    keys.type("Because.")
    to("button", "Answer")
    press("Enter")
    approval = panel.get_by_role("region", name="Approval")
    expect(approval).to_be_visible()
    at(*COMPOSER)
    press("Control+Alt+Shift+h")
    to("group", "Command")
    for choice in approval.locator(".hj-choice").all_inner_texts():
        to("button", choice)
    to("button", "Stop asking…")
    back_to("button", "Deny")
    press("Enter")
    expect(approval).to_have_count(0)
    expect(approval).to_be_visible()
    at(*COMPOSER)
    back_to("button", "Allow once")
    press("Enter")
    running = log.locator('.hj-tool[data-state="running"]')
    expect(running).to_contain_text("sleep 300")
    at(*COMPOSER)

    # Words for a turn that runs.
    queue = panel.get_by_role("list", name="Prompts that wait").get_by_role("listitem")
    keys.type("for later")
    press("Enter")
    keys.type("and this")
    to("button", "Steer or interrupt")
    press("Enter")
    at("menuitem", "Queue")
    press("ArrowDown")
    press("Escape")
    at("button", "Steer or interrupt")
    press("Enter")
    at("menuitem", "Queue")
    press("Enter")
    at(*COMPOSER)
    expect(queue).to_have_count(2)
    for left in (1, 0):
        back_to("button", "Take back: ")
        press("Enter")
        expect(queue).to_have_count(left)
        at(*COMPOSER)
        press("Control+a")
        press("Delete")
    to("button", "Stop")
    press("Enter")
    at(*COMPOSER)
    lab.until_idle()
    at(*COMPOSER)

    # What was said.
    back_to("DisclosureTriangle", "done terminal")
    press("Enter")
    to("group", "output")
    back_to("button", "Below")
    press("Enter")
    at("button", "Below")
    expect(lab.notebook).to_contain_text("six = 6")
    back_to("group", "Code")
    back_to("group", "Table")
    # What is not wide is no stop.
    expect(log.locator(".hj-markdown pre").last).not_to_have_attribute("tabindex", "0")
    table = log.locator(".hj-wide")
    press("ArrowRight")
    lab.page.wait_for_function("node => node.scrollLeft > 0", arg=table.element_handle())


def test_words_are_changed_and_taken_back(lab: Lab, keys: Keys) -> None:
    press, to, back_to, at = keys.press, keys.to, keys.back_to, keys.at
    answer = lab.log.get_by_role("article", name="Hermes")

    keys.say({"text": "one two three", "wait": "never", "wait_after": 1})
    expect(answer).to_contain_text("one", timeout=60_000)
    to("button", "Stop")
    press("Enter")
    lab.until_idle()
    back_to("button", "Retry")
    press("Enter")
    expect(lab.panel.get_by_role("button", name="Stop")).to_be_visible()
    at("group", "Messages")
    to("button", "Stop")
    press("Enter")
    lab.until_idle()

    back_to("button", "Edit")
    press("Enter")
    at("textbox", "Your message")
    press("Escape")
    at("button", "Edit")
    press("Enter")
    at("textbox", "Your message")
    press("Control+a")
    keys.say({"text": "A line.\n\n" * 60})
    lab.until_idle()
    expect(answer).to_have_count(1)
    at("group", "Messages")

    press("Home")
    to("button", "Jump to latest")
    press("Enter")
    at("group", "Messages")
    to("button", "Copy the answer as Markdown")

    back_to("button", "Undo")
    press("Enter")
    at("button", "Cancel")
    press("Enter")
    at("button", "Undo")
    press("Enter")
    back_to("button", "Take back")
    press("Enter")
    expect(lab.log).to_have_count(0)
    at(*COMPOSER)


def test_what_stands_around_the_composer(lab: Lab, keys: Keys) -> None:
    press, to, back_to, at = keys.press, keys.to, keys.back_to, keys.at
    panel = lab.panel

    completions = panel.get_by_role("listbox", name="Completions")
    for begin in ("/", "@"):
        lab.page.keyboard.type(begin)
        expect(completions).to_be_visible(timeout=60_000)
        press("ArrowDown")
        press("Escape")
        expect(completions).to_have_count(0)
        at(*COMPOSER)
        expect(lab.composer).to_have_value(begin)
        press("Backspace")

    to("button", "Attach files")
    with lab.page.expect_file_chooser() as chooser:
        press("Enter")
    chooser.value.set_files([{"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"}])
    back_to("button", "Remove a.txt")
    press("Enter")
    at(*COMPOSER)

    to("button", "About the context")
    press("Enter")
    expect(panel.get_by_role("group", name="Context of the model")).to_be_visible()
    press("Escape")
    at("button", "About the context")
    to("button", "Model: ")
    press("Enter")
    at("searchbox", "Search models")
    press("Escape")
    at("button", "Model: ")


def test_colours_of_the_system_and_no_motion(lab: Lab, keys: Keys) -> None:
    """What has the focus is seen, nothing moves, and what colours tell is said in words."""
    lab.page.emulate_media(forced_colors="active", reduced_motion="reduce")
    moving = "node => node.getAnimations({ subtree: true }).length"
    keys.say(
        {"tool_calls": call("terminal", command="false")},
        {"tool_calls": call("terminal", command=CLEAN_UP_COMMAND)},
    )
    approval = lab.panel.get_by_role("region", name="Approval")
    expect(approval).to_be_visible(timeout=60_000)
    expect(lab.log).to_contain_text("exit 1")
    assert lab.panel.evaluate(moving) == 0
    lab.picture("9-forced-colours-approval")
    keys.back_to("button", "Deny")
    keys.press("Enter")
    lab.until_idle()
    keys.to("button", "About the context")
    keys.back_to("button", "Conversations")
    keys.press("Enter")
    keys.at("searchbox", "Search conversations")
    keys.to("treeitem", "")
    lab.picture("9-forced-colours-list")
    keys.back_to("button", "Back to the conversation")
    keys.press("Enter")
    keys.at(*COMPOSER)
    lab.picture("9-forced-colours-composer")
    lab.page.emulate_media(forced_colors="none", reduced_motion="no-preference")
