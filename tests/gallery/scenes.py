"""The states that the real agent shows, in the real panel."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import expect

from hermes_jupyter.offline.tour import CLEAN_UP_COMMAND
from tests.browser.conftest import Lab

from .camera import Camera

ANSWER = """\
# A heading

Some **words**, *others*, `code`, a [link](https://jupyter.org) and a file, `tour.ipynb`.

## A second one

1. One thing
2. And another, which takes more than a line where there is little room
   - with a part
   - and Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen

> It was said by somebody else.

| column | what is in it      |  rows |
| ------ | ------------------ | ----: |
| depth  | metres below zero  | 1,204 |
| taken  | the time, in UTC   |   998 |

$$\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}$$

```python
# Nine letters
def word(many: int) -> str:
    return "Zuversicht"[: many + 99]  # a line that is longer than the panel is wide
```

```mermaid
graph LR
  read --> clean --> plot
```

זה נכתב מימין לשמאל

---

### A third

That is all.
"""


def call(name: str, **arguments: Any) -> list[dict[str, Any]]:
    return [{"name": name, "arguments": arguments}]


#: One turn, through a question and an approval, to an answer.
TURN = [
    {"reasoning": "Let me see what there is.", "tool_calls": call("terminal", command="echo hi")},
    {"tool_calls": call("read_file", path="/nowhere")},
    {"tool_calls": call("clarify", question="Which?", choices=["The first", "The second"])},
    {"tool_calls": call("terminal", command=CLEAN_UP_COMMAND)},
    {"text": ANSWER},
]


def play(lab: Lab, camera: Camera, beginnings: tuple[str, ...]) -> None:
    """Lead the panel through them."""
    scenes = {
        "lab-turn": turn,
        "lab-story": story,
        "lab-cell": cell,
        "lab-widget": widget,
        "lab-doctor": doctor,
        "lab-tab": tab,
    }
    for name, scene in scenes.items():
        if name.startswith(beginnings):
            lab.new_chat()
            expect(lab.composer).to_be_visible()
            scene(lab, camera)
    if "notebook-7".startswith(beginnings):
        notebook_7(lab, camera)


def turn(lab: Lab, camera: Camera) -> None:
    lab.say(f"SCRIPT: {json.dumps(TURN)}")
    question = lab.panel.get_by_role("region", name="Question from Hermes")
    question.get_by_role("button", name="The first").click(timeout=60_000)
    approval = lab.panel.get_by_role("region", name="Approval")
    expect(approval).to_be_visible()
    camera.take_all("lab-approval", lab.panel)
    approval.get_by_role("button", name="Allow once").click()
    lab.until_idle()
    expect(lab.log.locator(".MathJax, mjx-container").first).to_be_visible()
    expect(lab.log.locator("img, svg").last).to_be_visible()
    lab.page.set_viewport_size({"width": 1280, "height": 1600})
    camera.take_all("lab-answer", lab.panel)
    lab.page.set_viewport_size({"width": 1280, "height": 720})


def story(lab: Lab, camera: Camera) -> None:
    lab.say("tell me a long story")
    expect(lab.log).to_contain_text("long corridor", timeout=30_000)
    camera.take_all("lab-streaming", lab.panel)
    lab.panel.get_by_role("button", name="Stop").click()
    lab.until_idle()


def cell(lab: Lab, camera: Camera) -> None:
    failed = lab.add_cell("1 / 0")
    bar = failed.locator(".hj-error-bar")
    expect(bar).to_be_visible()
    camera.take_once("lab-error-bar", bar, failed)
    lab.command("hermes:ask-cell")
    camera.take_all("lab-context", lab.panel)


def widget(lab: Lab, camera: Camera) -> None:
    lab.say("ask me something")
    expect(lab.panel.get_by_role("region", name="Question")).to_be_visible(timeout=60_000)
    with lab.server.client() as client:
        session_id = client.get("sessions").json()["sessions"][0]["id"]
    for view in ("chat", "gauge", "clarify", "sessions"):
        shown = lab.add_cell(
            f"import hermes_jupyter\nhermes_jupyter.Panel(session_id={session_id!r}, view={view!r})"
        )
        root = shown.locator(".hj-root").first
        expect(root).to_be_visible()
        camera.take_once(f"lab-widget-{view}", root, shown)
    lab.panel.get_by_role("button", name="Stop").click()
    lab.until_idle()


def doctor(lab: Lab, camera: Camera) -> None:
    lab.command("hermes:check")
    report = lab.page.get_by_role("dialog")
    expect(report).to_contain_text("frame by frame", timeout=60_000)
    camera.take_once("lab-doctor", report.locator(".hj-doctor"), report)
    lab.page.keyboard.press("Escape")


def tab(lab: Lab, camera: Camera) -> None:
    lab.command("hermes:open-tab")
    main = lab.page.locator("#jp-main-dock-panel .hj-tab:visible")
    expect(main).to_be_visible()
    camera.take_once("lab-tab", main)


def notebook_7(lab: Lab, camera: Camera) -> None:
    """In the theme that it begins with: it has no command to change it."""
    lab.page.goto(f"{lab.server.url}notebooks/tour.ipynb?token={lab.server.token}")
    lab.page.get_by_role("button", name="Open Hermes").click()
    expect(lab.composer).to_be_visible()
    lab.page.screenshot(path=camera.folder / "notebook-7.png")
    camera.count += 1
