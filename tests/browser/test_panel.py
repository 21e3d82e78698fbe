"""The states of the panel, each read by axe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from hermes_jupyter.offline.tour import CLEAN_UP_COMMAND

from .conftest import Lab

AXE = Path(__file__).parents[2] / "labextension/node_modules/axe-core/axe.min.js"

LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"

#: The least width of the panel in pixels.
WIDTH = 260

ANSWER = """\
Some **words**, `code`, a [link](https://jupyter.org), and a file, `tour.ipynb`.

```python
# Nine letters
@once
def word(many: dict[str, int] = {}) -> str:
    return "Zuversicht"[: many + 99] or None
```

| first | second |
| ----- | ------ |
| one   | two    |
"""


def call(name: str, **arguments: Any) -> list[dict[str, Any]]:
    return [{"name": name, "arguments": arguments}]


#: One turn through most of what the panel shows.
TURN = [
    {"reasoning": "Let me see.", "text": ANSWER, "tool_calls": call("terminal", command="echo hi")},
    {"tool_calls": call("read_file", path="/nowhere")},
    {"tool_calls": call("clarify", question="Which?", choices=["The first", "The second"])},
    {"tool_calls": call("terminal", command=CLEAN_UP_COMMAND)},
    {"tool_calls": call("terminal", command="sleep 300")},
]


class Eye:
    """Looks at the panel as it is."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.found: list[str] = []
        lab.page.evaluate(AXE.read_text())
        # JupyterLab's body has no height, and axe takes what is in it for hidden.
        lab.page.add_style_tag(content="body { height: 100vh }")
        lab.command("application:toggle-left-area")
        lab.page.evaluate(
            """width => {
              const split = jupyterapp.shell._hsplitPanel;
              const [left, middle, right] = split.relativeSizes();
              const share = (width + 1) / split.node.clientWidth * (left + middle + right);
              split.setRelativeSizes([left, left + middle + right - left - share, share]);
            }""",
            WIDTH,
        )

    def look(self, state: str, *themes: str) -> None:
        for theme in themes or (LIGHT,):
            self.paint(theme)
            violations, texts = self.lab.page.evaluate(
                """async () => {
                  const { violations, passes } = await axe.run('#hermes-jupyter-sidebar', {
                    runOnly: ['wcag2a', 'wcag2aa', 'wcag22aa'],
                    rules: { 'target-size': { enabled: true } },
                    resultTypes: ['violations', 'passes'],
                    preload: false
                  });
                  const read = passes.filter(({ id }) => id === 'color-contrast');
                  return [violations, read.flatMap(({ nodes }) => nodes).length];
                }"""
            )
            assert texts > 5, f"axe did not see the texts of: {state}"
            self.found += [
                f"{state}, {theme}: {one['id']}: {node['html']}\n{node['failureSummary']}"
                for one in violations
                for node in one["nodes"]
            ]
        sideways = self.lab.panel.evaluate("node => node.scrollWidth - node.clientWidth")
        assert sideways <= 0, f"{state}: wider than the panel"

    def paint(self, theme: str) -> None:
        body = self.lab.page.locator("body")
        if body.get_attribute("data-jp-theme-name") != theme:
            self.lab.command("apputils:change-theme", theme=theme)
            expect(body).to_have_attribute("data-jp-theme-name", theme)
            expect(body.locator("#jupyterlab-splash")).to_have_count(0)


def test_axe_finds_nothing_in_the_states_of_the_panel(lab: Lab) -> None:
    panel, press = lab.panel, lab.page.keyboard.press
    eye = Eye(lab)
    eye.look("empty")

    lab.say(f"SCRIPT: {json.dumps(TURN)}")
    question = panel.get_by_role("region", name="Question from Hermes")
    expect(question).to_be_visible(timeout=60_000)
    eye.look("question")
    question.get_by_role("button", name="The first").click()
    approval = panel.get_by_role("region", name="Approval")
    expect(approval).to_be_visible()
    eye.look("approval", LIGHT, DARK)
    approval.get_by_role("button", name="Allow once").click()

    expect(lab.log.locator('.hj-tool[data-state="running"]')).to_be_visible()
    lab.composer.fill("for later")
    lab.composer.press("Enter")
    lab.composer.fill("and this")
    panel.get_by_role("button", name="Steer or interrupt").click()
    expect(panel.get_by_role("menu")).to_be_visible()
    eye.look("ways to send")
    press("Escape")
    panel.get_by_role("button", name="Stop").click()
    lab.until_idle()

    lab.log.locator("summary", has_text="read_file").click()
    lab.log.locator("table").scroll_into_view_if_needed()
    eye.look("answer", LIGHT, DARK)

    lab.command("hermes:ask-cell")
    panel.get_by_role("list", name="Context for this prompt").locator("summary").click()
    panel.get_by_role("button", name="About the context").click()
    expect(panel.get_by_role("group", name="Context of the model")).to_be_visible()
    eye.look("gauge and chips")
    press("Escape")
    panel.get_by_role("button", name="Model: ").click()
    expect(panel.get_by_role("searchbox", name="Search models")).to_be_visible()
    eye.look("models")
    press("Escape")

    panel.get_by_role("button", name="Conversations").click()
    rows = panel.get_by_role("tree").get_by_role("treeitem")
    expect(rows.first).to_be_visible()
    eye.look("list")
    rows.first.get_by_role("button", name="Actions").click()
    expect(panel.get_by_role("menu")).to_be_visible()
    eye.look("menu of a row", LIGHT, DARK)
    assert not eye.found, "\n".join(eye.found)
