"""The notebook beside the panel: what the agent does in it, and what is asked about its cells.

The server, the agent, the page and the kernel are real; only what the model says is written here.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect

from hermes_jupyter.server.notebooks.edits import hash_of
from tests.servers import Server

from .conftest import Lab

NAME = "analysis.ipynb"
TOUR = Path(__file__).parent.parent.parent / "examples" / "tour.ipynb"

#: The first cells of the notebook; more follow, so that it does not fit on the screen.
SOURCES = ["x = 1", "1 / 0", "y = x + 1\ny", "import time"]
MANY = 40


class Beside(Lab):
    """A page with a notebook, and what it tells the server."""

    def __init__(self, page: Page, server: Server) -> None:
        super().__init__(page, server)
        self.documents: list[dict[str, Any]] = []
        self.prompts: list[dict[str, Any]] = []
        page.on("requestfinished", self._heard)

    def _heard(self, request: Request) -> None:
        path = request.url.partition("?")[0]
        if path.endswith("notebook/documents"):
            self.documents = request.post_data_json["documents"]
        elif request.method == "POST" and path.endswith("/prompt"):
            self.prompts.append(request.post_data_json)

    def until_told(self, **wanted: Any) -> None:
        """Wait until the server was told so of a document, and of its kernel."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for document in self.documents:
                if document["kernel_id"] and wanted.items() <= document.items():
                    return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{wanted} in {self.documents}")

    def let(self, *steps: dict[str, Any]) -> None:
        """Have the model take these steps."""
        self.say("Please.\nSCRIPT: " + json.dumps([*steps, {"text": "Done."}]))

    def answer(self, command: str, choice: str) -> None:
        """Answer the approval of a command as from another page: the focus stays where it is."""
        expect(self.approval).to_contain_text(command, timeout=30_000)
        with self.server.client() as client:
            (question,) = client.get("questions").json()["questions"]
            answer = client.post(f"questions/{question['id']}/answer", json={"choice": choice})
            answer.raise_for_status()

    @property
    def approval(self) -> Locator:
        return self.panel.get_by_role("region", name="Approval")

    def ids(self) -> list[str]:
        """The ids of the open notebook's cells."""
        model = "jupyterapp.shell.currentWidget.content.model"
        return list(self.page.evaluate(f"[...{model}.cells].map(cell => cell.id)"))

    def cell(self, number: int) -> Locator:
        """The cell of a notebook, from 1."""
        return self.page.locator(
            f'.jp-NotebookPanel:not(.lm-mod-hidden) [data-windowed-list-index="{number - 1}"]'
        )


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """A step in which the model calls a tool for the notebook."""
    arguments = {"path": NAME, **arguments}
    return {"tool_calls": [{"name": f"notebook_{name}", "arguments": arguments}]}


def known(number: int) -> dict[str, str]:
    """How the agent names a cell of the notebook as it was made."""
    return {"id": f"c{number}", "hash": hash_of(sources()[number])}


def sources() -> list[str]:
    return [*SOURCES, *(f"cell_{i} = {i}" for i in range(MANY))]


def make_notebook(server: Server) -> None:
    cells = [
        {
            "cell_type": "code",
            "id": f"c{i}",
            "source": source,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for i, source in enumerate(sources())
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    content = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    headers = {"Authorization": f"token {server.token}"}
    model = {"type": "notebook", "format": "json", "content": content}
    url = f"{server.url}api/contents/{NAME}"
    httpx.put(url, headers=headers, json=model).raise_for_status()


@pytest.fixture
def beside(page: Page, tour: Server) -> Iterator[Beside]:
    make_notebook(tour)
    opened = Beside(page, tour)
    # The kernel is the one of the page before, and so would be the conversation.
    with page.expect_response(lambda response: "/current?kernel_id=" in response.url):
        # A workspace of its own: nothing of another test's is restored.
        opened.open(f"lab/workspaces/{secrets.token_hex(4)}/tree/{NAME}")
    opened.notebook_ready()
    opened.new_chat()
    expect(opened.composer).to_be_visible()
    opened.until_told(path=NAME, focused=True)
    yield opened
    assert opened.faults == []


def test_the_agent_edits_and_runs_what_the_person_has_open(beside: Beside) -> None:
    """N5"""
    page, log = beside.page, beside.log
    edits = [
        {"op": "insert", "source": "print('new', x)", "before": "c1"},
        {"op": "replace", **known(2), "source": "y = x + 2\ny"},
        {"op": "move", **known(3), "before": "c0"},
        {"op": "replace", **known(30), "source": "cell_26 = 260"},
    ]
    beside.let(
        call("run", cells=["c0"]),
        call("edit", edits=edits),
        call("run", cells=["2", "c1", "c2"]),
    )
    # The person types in a cell in the middle, while cells come above it.
    page.evaluate("jupyterapp.shell.currentWidget.content.scrollToItem(20, 'center')")
    typed = beside.cell(21).locator(".cm-content")
    typed.click()
    page.keyboard.press("End")
    page.keyboard.type("  # hel")
    top = beside.cell(21).bounding_box()
    beside.answer("# cell 1\nx = 1", "once")
    expect(beside.approval).to_contain_text("print('new', x)", timeout=30_000)
    page.keyboard.type("lo")
    typed = beside.cell(22)
    expect(typed.locator(".cm-content")).to_have_text("cell_16 = 16  # hello")
    expect(typed.locator(".cm-content")).to_be_focused()
    expect(typed).to_have_class(re.compile("jp-mod-active"))
    now = typed.bounding_box()
    assert top
    assert now
    assert abs(now["y"] - top["y"]) < 4
    tab = page.get_by_role("tab", name=NAME)
    expect(tab).to_have_class(re.compile("jp-mod-dirty"))
    expect(page.locator(".jp-Dialog")).to_have_count(0)
    expect(beside.approval).to_contain_text("# cell 4\n1 / 0")
    beside.picture("30-approval")

    # In the background, the outputs come all the same; the first that fails is the last to run.
    beside.command("docmanager:open", path="tour.ipynb")
    beside.until_told(path=NAME, focused=False)
    beside.approval.get_by_role("button", name="Run", exact=True).click()
    beside.until_idle()
    beside.command("docmanager:open", path=NAME)
    page.evaluate("jupyterapp.shell.currentWidget.content.scrollToItem(0, 'start')")
    expect(beside.cell(3).locator(".jp-OutputArea")).to_have_text("new 1")
    expect(beside.cell(4).locator(".jp-OutputArea")).to_contain_text("ZeroDivisionError")
    expect(beside.cell(5).locator(".jp-InputPrompt")).to_have_text("[ ]:")
    tools = log.locator(".hj-tool")
    for tool in tools.all():
        tool.locator("summary").click()
    expect(tools.nth(1)).to_contain_text("+y = x + 2")
    expect(tools.nth(1)).not_to_contain_text("Arguments")
    expect(tools.nth(2)).to_contain_text("Cell 4 \N{EN DASH} failed")
    beside.picture("31-tools")

    # What the agent did is one step of the notebook's own history; a cell has one of its own.
    before, after = [f"c{i}" for i in range(len(sources()))], beside.ids()
    beside.command("notebook:undo-cell-action")
    assert beside.ids() == before
    expect(beside.cell(3).locator(".cm-content")).to_have_text("y = x + 1y")
    beside.command("notebook:redo-cell-action")
    assert beside.ids() == after

    # Of what it did, the person takes back what nobody touched since.
    line = log.get_by_text(f"Changed 4 cells in {NAME}")
    line.focus()
    page.keyboard.press("Enter")
    log.locator(".hj-changes").get_by_role("button", name="Show").last.click()
    expect(beside.cell(32)).to_be_in_viewport()
    expect(beside.cell(32)).to_have_class(re.compile("jp-mod-active"))
    beside.cell(32).locator(".cm-content").click()
    page.keyboard.press("End")
    page.keyboard.type("  # mine")
    log.get_by_role("button", name="Undo this turn").click()
    expect(log.locator(".hj-changes").get_by_role("status")).to_have_text(
        "3 undone. 1 was changed since: left as it is."
    )
    expect(line).to_be_focused()
    assert beside.ids() == before
    expect(beside.cell(31).locator(".cm-content")).to_have_text("cell_26 = 260  # mine")
    beside.picture("33-undone")


def test_a_cell_is_asked_about_with_what_it_says(beside: Beside) -> None:
    page, panel = beside.page, beside.panel
    chips = panel.get_by_role("list", name="Context for this prompt")
    expect(chips).to_have_text([NAME])

    page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
    beside.command("notebook:run-cell")
    bar = beside.cell(2).get_by_role("group", name="Hermes")
    bar.get_by_role("button", name="Explain").click()
    said = beside.log.get_by_role("article", name="You")
    expect(said).to_contain_text("Explain the error")
    sent = said.get_by_role("list", name="Context").get_by_role("listitem")
    expect(sent).to_have_text([NAME, f"{NAME} · cell 2"])
    expect(beside.log.get_by_role("article", name="Hermes")).to_be_visible(timeout=30_000)
    beside.until_idle()
    beside.picture("34-error-bar")
    assert "ZeroDivisionError: division by zero" in beside.prompts[0]["context"][1]["output"]
    expect(bar.get_by_role("button", name="Fix")).to_be_visible()

    beside.composer.fill("before ")
    beside.cell(3).locator(".cm-content").click()
    page.keyboard.press("Escape")
    beside.command("hermes:ask-cell")
    expect(beside.composer).to_be_focused()
    label = f"{NAME} · cell 3"
    expect(chips.get_by_text(label)).to_be_visible()
    page.keyboard.type("see @cell 2")
    beside.panel.get_by_role("option", name=f"@{NAME} · cell 2", exact=False).first.wait_for()
    page.keyboard.press("Enter")
    expect(beside.composer).to_have_value(re.compile(f"^before see {NAME} · cell 2 $"))
    chips.get_by_text(f"{NAME} · cell 2").click()
    expect(chips.get_by_label(f"{NAME} · cell 2", exact=True)).to_contain_text("ZeroDivisionError")
    beside.picture("35-context")

    beside.reload()
    beside.notebook_ready()
    expect(chips.get_by_text(label)).to_be_visible()
    chips.get_by_role("button", name=f"Remove {NAME} · cell 2").focus()
    page.keyboard.press("Enter")
    expect(beside.composer).to_be_focused()
    chips.get_by_role("button", name=f"Do not tell of {NAME}").click()
    expect(chips.get_by_text(f"+ {NAME}")).to_be_visible()

    beside.cell(5).locator(".jp-InputPrompt").hover()
    page.mouse.down()
    # Nothing can be hovered below what is dragged.
    box = beside.composer.bounding_box()
    assert box
    page.mouse.move(600, 400, steps=5)
    page.mouse.move(box["x"] + 20, box["y"] + 5, steps=5)
    page.mouse.up()
    expect(chips.get_by_text(f"{NAME} · cell 5")).to_be_visible()
    panel.get_by_role("button", name="Send", exact=True).click()
    expect(sent).to_have_text([NAME, f"{NAME} · cell 2", label, f"{NAME} · cell 5"])
    beside.until_idle()

    # What is said anew goes without its cells.
    said.last.hover()
    said.last.get_by_role("button", name="Edit").click()
    said.last.get_by_role("textbox").fill("Please.")
    said.last.get_by_role("button", name="Replace and send").click()
    expect(said.last).to_contain_text("Please.")
    beside.until_idle()
    expect(said.last).not_to_contain_text("cell 5")


def test_what_was_typed_meanwhile_stays_and_an_answer_becomes_cells(beside: Beside) -> None:
    page, log = beside.page, beside.log
    before = beside.ids()
    beside.cell(1).locator(".cm-content").click()
    page.keyboard.press("End")
    page.keyboard.type("  # mine")
    # What the agent has read is not what the person has typed: nothing is done.
    beside.let(call("edit", edits=[{"op": "delete", **known(n)} for n in (1, 0)]))
    failed = log.locator('.hj-tool[data-state="error"]')
    failed.locator("summary").click(timeout=30_000)
    expect(failed).to_contain_text("changed these cells since you read them")
    beside.until_idle()
    assert beside.ids() == before

    answer = "First **this**:\n\n```python\na = 1\n```\n\nthen\n\n```bash\nls\n```\n"
    beside.say("Please answer.\nSCRIPT: " + json.dumps({"text": answer}))
    expect(log.get_by_role("article", name="Hermes").last).to_contain_text("First this:")
    beside.until_idle()
    page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    log.get_by_role("button", name="Insert as cells").last.click()
    expect(beside.cell(2)).to_contain_text("First this:")
    expect(beside.cell(3).locator(".cm-content")).to_have_text("a = 1")
    expect(beside.cell(4)).to_contain_text("ls")


def test_the_tour_mends_its_notebook_in_notebook_7(chromium: Browser, tour: Server) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    beside = Beside(context.new_page(), tour)
    page = beside.page
    page.goto(f"{tour.url}notebooks/tour.ipynb?token={tour.token}")
    beside.until_told(path="tour.ipynb", focused=True)
    last = beside.cell(len(json.loads(TOUR.read_text())["cells"]))
    page.locator(".jp-WindowedPanel-outer").hover()
    page.mouse.wheel(0, 10_000)
    page.locator(".jp-CodeCell", has_text="days =").locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Control+Enter")
    last.get_by_role("group", name="Hermes").get_by_role("button", name="Fix").click()
    expect(beside.approval).to_contain_text("with {odd:.1f}", timeout=30_000)
    beside.picture("36-notebook-7")
    beside.approval.get_by_role("button", name="Run", exact=True).click()
    expect(beside.log).to_contain_text("It works: Thu is odd, with 7.9", timeout=30_000)
    expect(last.locator(".jp-OutputArea")).to_have_text("Thu is odd, with 7.9")
    expect(last.get_by_role("group", name="Hermes")).to_have_count(0)
    beside.until_idle()
    beside.log.get_by_role("button", name="Undo this turn").last.click()
    expect(last.locator(".cm-content")).to_contain_text("with {od:.1f}")
    context.close()
