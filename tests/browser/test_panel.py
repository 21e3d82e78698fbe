"""The states of the panel: seen in light and dark, read by axe, and gone through by Tab."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from .conftest import PICTURES, Lab

AXE = Path(__file__).parents[2] / "labextension/node_modules/axe-core/axe.min.js"

#: What axe looks for: what breaks WCAG 2.2 at the levels A and AA.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

#: The themes, and the widths of the panel in pixels that are looked at in each.
THEMES = {"JupyterLab Light": (260, 600), "JupyterLab Dark": (260,)}

SLOW = {"tool_calls": [{"name": "terminal", "arguments": {"command": "sleep 300"}}]}


def script(*steps: Any) -> str:
    return "SCRIPT: " + json.dumps(steps)


class Eye:
    """Looks at the panel as it is, in every theme and width."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.found: list[str] = []
        lab.page.evaluate(AXE.read_text())

    def look(self, state: str) -> None:
        for theme, widths in THEMES.items():
            self.lab.command("apputils:change-theme", theme=theme)
            expect(self.lab.page.locator(f'body[data-jp-theme-name="{theme}"]')).to_be_attached()
            for width in reversed(widths):
                self.widen(width)
                self.picture(f"panel-{state}-{theme.split()[1].lower()}-{width}")
            self.found += [f"{state}, {theme}: {fault}" for fault in self.faults()]

    def faults(self) -> list[str]:
        violations = self.lab.page.evaluate(
            """async values => {
              const options = { runOnly: { type: 'tag', values }, resultTypes: ['violations'] };
              return (await axe.run('#hermes-jupyter-sidebar', options)).violations;
            }""",
            RULES,
        )
        return [
            f"{one['id']} at {node['target'][0]}: {node['failureSummary']}"
            for one in violations
            for node in one["nodes"]
        ]

    def widen(self, width: int) -> None:
        self.lab.page.evaluate(
            """async width => {
              const split = jupyterapp.shell._hsplitPanel;
              const [left, middle, right] = split.relativeSizes();
              const share = (width + 1) / split.node.clientWidth * (left + middle + right);
              split.setRelativeSizes([left, left + middle + right - left - share, share]);
              await new Promise(requestAnimationFrame);
              await new Promise(requestAnimationFrame);
            }""",
            width,
        )
        sideways = "node => node.scrollWidth - node.clientWidth"
        assert self.lab.panel.evaluate(sideways) <= 0

    def picture(self, name: str) -> None:
        PICTURES.mkdir(exist_ok=True)
        self.lab.panel.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


@pytest.fixture
def eye(lab: Lab) -> Eye:
    lab.command("application:toggle-left-area")
    return Eye(lab)


def test_states_of_the_panel(eye: Eye, tmp_path: Path) -> None:
    lab, panel = eye.lab, eye.lab.panel
    eye.look("empty")

    lab.say("ask me something")
    card = panel.get_by_role("region", name="Question from Hermes")
    expect(card).to_be_visible(timeout=60_000)
    eye.look("clarify")
    card.get_by_role("button", name="Telling the story").click()
    lab.until_idle()

    lab.say("clean up")
    approval = panel.get_by_role("region", name="Approval")
    expect(approval).to_be_visible()
    eye.look("approval")
    approval.get_by_role("button", name="Deny").first.click()
    lab.until_idle()
    for summary in lab.log.locator("summary").all():
        summary.click()
    eye.look("transcript")

    lab.say(script({"text": "Some **words** first. ", "tool_calls": SLOW["tool_calls"]}))
    expect(lab.log.locator('.hj-tool[data-state="running"]')).to_be_visible()
    lab.composer.fill("for later")
    lab.composer.press("Enter")
    lab.composer.fill("and this")
    eye.look("running")
    panel.get_by_role("button", name="Steer or interrupt").click()
    eye.look("send-menu")
    lab.page.keyboard.press("Escape")
    panel.get_by_role("button", name="Stop").click()
    eye.look("stopped")

    panel.get_by_role("button", name="About the context").click()
    eye.look("gauge")
    lab.page.keyboard.press("Escape")
    panel.get_by_role("button", name="Model: ").click()
    expect(panel.get_by_role("searchbox", name="Search models")).to_be_visible()
    eye.look("model")
    lab.page.keyboard.press("Escape")

    (tmp_path / "sales of last year, by region and month.csv").write_text("a,b\n1,2\n")
    with lab.page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Attach files").press("Enter")
    chooser.value.set_files(list(tmp_path.glob("*.csv")))
    expect(panel.get_by_role("list", name="Files for this prompt")).to_contain_text("8 bytes")
    eye.look("attachment")

    panel.get_by_role("button", name="Conversations").click()
    rows = panel.get_by_role("tree").get_by_role("treeitem")
    expect(rows.first).to_be_visible()
    eye.look("list")
    rows.first.get_by_role("button", name="Actions").click()
    expect(panel.get_by_role("menu")).to_be_visible()
    eye.look("menu")
    lab.page.keyboard.press("Escape")
    panel.get_by_role("searchbox").fill("something")
    expect(panel.get_by_role("region", name="In messages")).to_be_visible()
    eye.look("search")
    panel.get_by_role("button", name="Back to the conversation").click()
    assert eye.found == []


#: What has the focus in the panel, as it is called; nothing if it is elsewhere.
FOCUSED = """() => {
  const node = document.activeElement;
  const panel = document.querySelector('#hermes-jupyter-sidebar');
  return panel.contains(node) ? (node.ariaLabel ?? node.textContent.trim()) : '';
}"""


def walk(lab: Lab, key: str) -> list[str]:
    """The names of what a key leads to, until it leaves the panel."""
    names = []
    while name := lab.page.evaluate(FOCUSED):
        assert len(names) < 50, f"no way out: {names}"
        names.append(name)
        lab.page.keyboard.press(key)
    return names


def test_the_panel_by_keyboard_alone(lab: Lab) -> None:
    """R13, R23: everything is reached and left by Tab, and the focus is never taken or lost."""
    panel, keyboard = lab.panel, lab.page.keyboard
    # While JupyterLab opens, it moves the focus as it likes.
    lab.say("hello")
    expect(lab.log).to_contain_text("see it emptied", timeout=60_000)
    lab.until_idle()
    lab.composer.fill("ask me something")
    lab.composer.press("Enter")
    card = panel.get_by_role("region", name="Question from Hermes")
    expect(card).to_be_visible(timeout=60_000)
    expect(lab.composer).to_be_focused()
    keyboard.press("Shift+Tab")
    expect(card.get_by_role("button", name="Other…")).to_be_focused()
    keyboard.press("Shift+Tab")
    expect(card.get_by_role("button", name="Telling the story")).to_be_focused()
    keyboard.press("Enter")
    expect(card).to_have_count(0)
    lab.until_idle()
    assert lab.page.evaluate(FOCUSED), "the focus went with the card"

    lab.composer.fill("more")
    for name in ("About the context", "Model: offline"):
        button = panel.get_by_role("button", name=name)
        button.press("Enter")
        expect(button).to_have_attribute("aria-expanded", "true")
        keyboard.press("Tab")
        expect(panel.locator(".hj-popover :focus")).to_have_count(1)
        keyboard.press("Escape")
        expect(button).to_be_focused()
        expect(panel.locator(".hj-popover")).to_have_count(0)

    panel.get_by_role("button", name="Conversations").focus()
    forth = walk(lab, "Tab")
    keyboard.press("Shift+Tab")
    back = walk(lab, "Shift+Tab")
    assert back == forth[::-1]
    tools = [name for name in forth if name.startswith("done")]
    assert forth == [
        *("Conversations", "New chat", "Messages"),
        *("Edit", "Copy the answer as Markdown"),
        *("Edit", "Undo", "Copy the answer as Markdown"),
        *tools,
        "Copy the answer as Markdown",
        *("Message to Hermes", "Attach files", "About the context", "Model: offline", "Send"),
    ]
