"""The notebook beside the panel: what the agent does in it, and what is asked about its cells."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.servers import Server

from .conftest import Lab

NAME = "analysis.ipynb"

#: The first cells of the notebook; more follow, so that it does not fit on the screen.
SOURCES = ["x = 1", "1 / 0", "y = x + 1\ny", "import time\ntime.sleep(30)"]
MANY = 40

#: Puts events into the page's stream, as the server would: after the last one that came.
STREAM = """
const real = window.fetch;
let last = 'none.0', count = 0, tell = () => undefined;
window.tell = (event, data) => {
  const dot = last.lastIndexOf('.');
  const seq = `${Number(last.slice(dot + 1)) * 1000 + ++count}e-3`;
  const id = `${last.slice(0, dot)}.${seq}`;
  tell(`id: ${id}\\nevent: ${event}\\ndata: ${JSON.stringify(data)}\\n\\n`);
};
window.fetch = async (input, init) => {
  const response = await real(input, init);
  if (!(input.url ?? String(input)).includes('hermes/api/events') || !response.ok) {
    return response;
  }
  const decoder = new TextDecoder(), encoder = new TextEncoder();
  let rest = '';
  const passing = new TransformStream({
    start: controller => {
      tell = text => controller.enqueue(encoder.encode(text));
    },
    transform: (chunk, controller) => {
      rest += decoder.decode(chunk, { stream: true });
      const end = rest.lastIndexOf('\\n\\n') + 2;
      const whole = rest.slice(0, end);
      last = [...whole.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? last;
      if (end > 1) {
        controller.enqueue(encoder.encode(whole));
        rest = rest.slice(end);
      }
    }
  });
  return new Response(response.body.pipeThrough(passing), response);
};
"""


class Beside(Lab):
    """A page with a notebook, whose part of the HTTP contract is answered here."""

    def __init__(self, page: Page, server: Server) -> None:
        super().__init__(page, server)
        self.documents: list[dict[str, Any]] = []
        self.page_id = ""
        self.answers: dict[str, dict[str, Any]] = {}
        self.prompts: list[dict[str, Any]] = []
        self.contexts: list[list[dict[str, Any]]] = []
        self.turns: list[dict[str, Any]] = []
        page.add_init_script(STREAM)
        page.route("**/hermes/api/notebook/**", self._answer)
        page.route("**/hermes/api/sessions/*/changes**", self._changes)
        page.route("**/hermes/api/sessions/*/prompt**", self._prompt)

    def _answer(self, route: Route) -> None:
        body = route.request.post_data_json
        if "notebook/documents" in route.request.url:
            self.page_id = body["page_id"]
            self.documents = body["documents"]
        elif "notebook/respond" in route.request.url:
            self.answers[body["request_id"]] = body
        route.fulfill(json={"policy": "edit", "max_policy": "run"})

    def _changes(self, route: Route) -> None:
        if route.request.method == "POST":
            first, second = self.turns[0]["changes"]
            first["state"], second["state"] = "undone", "changed since"
        route.fulfill(json={"turns": self.turns})

    def _prompt(self, route: Route) -> None:
        body = route.request.post_data_json
        self.prompts.append(body)
        # The server here has not heard of it yet.
        self.contexts.append(body.pop("context", []))
        route.continue_(post_data=json.dumps(body))

    def until_told(self, **wanted: Any) -> dict[str, Any]:
        """Wait until the server was told so of a document, and of its kernel."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for document in self.documents:
                if document["kernel_id"] and wanted.items() <= document.items():
                    return document
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{wanted} in {self.documents}")

    def ask(self, op: str, seconds: float = 20, **args: Any) -> dict[str, Any]:
        """Ask the page as the server asks it, and return its answer."""
        request_id = f"r{len(self.answers)}"
        request = {
            "request_id": request_id,
            "page_id": self.page_id,
            "path": NAME,
            "op": op,
            "args": args,
        }
        self.page.evaluate(
            "([event, data]) => window.tell(event, data)", ["notebook.request", request]
        )
        end = time.monotonic() + seconds
        while request_id not in self.answers:
            assert time.monotonic() < end, f"no answer to {op}"
            self.page.wait_for_timeout(50)
        return self.answers[request_id]

    def cell(self, number: int) -> Locator:
        """The cell of a notebook, from 1."""
        return self.page.locator(
            f'.jp-NotebookPanel:not(.lm-mod-hidden) [data-windowed-list-index="{number - 1}"]'
        )


def make_notebook(server: Server) -> None:
    sources = [*SOURCES, *(f"cell_{i} = {i}" for i in range(MANY))]
    cells = [
        {
            "cell_type": "code",
            "id": f"c{i}",
            "source": source,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for i, source in enumerate(sources)
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
    # A workspace of its own: nothing of another test's is restored.
    opened.open(f"lab/workspaces/{secrets.token_hex(4)}/tree/{NAME}")
    opened.notebook_ready()
    opened.new_chat()
    expect(opened.composer).to_be_visible()
    yield opened
    assert opened.faults == []


def test_the_agent_edits_and_runs_what_the_person_has_open(beside: Beside) -> None:
    """N5"""
    page = beside.page
    document = beside.until_told(path=NAME, focused=True)

    read = beside.ask("cells", outputs=False, ids=["c1"])["result"]
    assert read["cells"] == [
        {
            "id": "c1",
            "index": 1,
            "cell_type": "code",
            "source": "1 / 0",
            "execution_count": None,
            "output_count": 0,
        }
    ]
    assert read["kernel"]["id"] == document["kernel_id"]

    # A person types in a cell in the middle, while cells come above it and the one changes.
    page.evaluate("jupyterapp.shell.currentWidget.content.scrollToItem(20, 'center')")
    beside.cell(21).locator(".cm-content").click()
    page.keyboard.press("End")
    page.keyboard.type("  # hel")
    top = beside.cell(21).bounding_box()
    new = {"id": "new", "cell_type": "code", "source": "print('new')\nx"}
    done = beside.ask(
        "edit",
        edits=[
            {"op": "insert", "cell": new, "before_id": "c1"},
            {"op": "replace", "cell_id": "c2", "expected": SOURCES[2], "source": "y = x + 2\ny"},
            {"op": "move", "cell_id": "c3", "expected": SOURCES[3], "before_id": "c0"},
        ],
    )["result"]
    assert [(cell["id"], cell["index"]) for cell in done["cells"]] == [
        ("c3", 0),
        ("new", 2),
        ("c2", 4),
    ]
    page.keyboard.type("lo")
    typed = beside.cell(22)
    expect(typed.locator(".cm-content")).to_have_text("cell_16 = 16  # hello")
    expect(typed.locator(".cm-content")).to_be_focused()
    expect(typed).to_have_class(re.compile("jp-mod-active"))
    assert top
    assert abs(typed.bounding_box()["y"] - top["y"]) < 4  # type: ignore[index]
    expect(page.locator(".jp-Dialog")).to_have_count(0)

    # What the agent has read is not what the person has typed: nothing is done.
    stale = {"op": "delete", "cell_id": "c20", "expected": "cell_16 = 16"}
    refused = beside.ask(
        "edit", edits=[{"op": "delete", "cell_id": "c0", "expected": "x = 1"}, stale]
    )
    assert refused["error"]["code"] == "changed"
    assert [cell["source"] for cell in refused["error"]["cells"]] == ["cell_16 = 16  # hello"]

    # In the background, the outputs come all the same; the first that fails is the last to run.
    beside.command("docmanager:open", path="tour.ipynb")
    beside.until_told(path=NAME, focused=False)
    ran = beside.ask("run", cell_ids=["c0", "new", "c1", "c2"], timeout=20)["result"]["cells"]
    assert [(cell["id"], cell["status"]) for cell in ran] == [
        ("c0", "ok"),
        ("new", "ok"),
        ("c1", "error"),
    ]
    assert ran[1]["outputs"][0]["text"] == "new\n"
    assert ran[2]["outputs"][0]["ename"] == "ZeroDivisionError"
    late = beside.ask("run", cell_ids=["c3", "c2"], timeout=0.5)["result"]["cells"]
    assert [cell["status"] for cell in late] == ["timeout"]
    read = beside.ask("cells", outputs=True, ids=["new"])["result"]
    assert read["cells"][0]["execution_count"] == 2
    assert read["cells"][0]["outputs"][1]["data"]["text/plain"] == "1"

    beside.command("docmanager:open", path=NAME)
    expect(beside.cell(4).locator(".jp-OutputArea")).to_contain_text("ZeroDivisionError")
    undo = "jupyterapp.shell.currentWidget.content.model.sharedModel.undo()"
    page.evaluate(undo)
    beside.picture("30-undone")
    ids = beside.ask("cells", outputs=False)["result"]["cells"]
    assert [cell["id"] for cell in ids[:4]] == ["c0", "c1", "c2", "c3"]
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")


def test_a_cell_is_asked_about_with_what_it_says(beside: Beside) -> None:
    page, panel = beside.page, beside.panel
    beside.until_told(path=NAME, focused=True)
    chips = panel.get_by_role("list", name="Context for this prompt")
    expect(chips).to_have_text([NAME])

    page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
    beside.command("notebook:run-cell")
    bar = beside.cell(2).get_by_role("group", name="Hermes")
    bar.get_by_role("button", name="Explain").click()
    expect(beside.log.get_by_role("article", name="You")).to_contain_text("Explain the error")
    answer = beside.log.get_by_role("article", name="Hermes")
    expect(answer).to_be_visible(timeout=30_000)
    beside.until_idle()
    beside.picture("31-error-bar")
    assert beside.prompts[0]["text"] == "Explain the error of this cell."
    notebook, cell = beside.contexts[0]
    assert notebook == {"kind": "notebook", "path": NAME}
    assert cell["cell_id"] == "c1"
    assert "ZeroDivisionError: division by zero" in cell["output"]
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
    beside.picture("32-context")

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
    beside.picture("36-dropped")


def test_an_answer_becomes_cells_and_its_changes_can_be_undone(beside: Beside) -> None:
    page = beside.page
    beside.until_told(path=NAME, focused=True)
    now = time.time() + 3600
    change = {"path": NAME, "op": "replace", "cell_type": "code", "state": "done"}
    beside.turns = [
        {
            "turn_id": "t",
            "at": now,
            "changes": [
                {**change, "cell_id": "c0", "before": "x = 0", "after": "x = 1"},
                {**change, "cell_id": "c30", "before": "old", "after": "cell_26 = 26"},
            ],
        }
    ]
    answer = "First **this**:\n\n```python\na = 1\n```\n\nthen\n\n```bash\nls\n```\n"
    beside.say("Please answer.\nSCRIPT: " + json.dumps({"text": answer}))
    line = beside.log.get_by_text(f"Changed 2 cells in {NAME}")
    expect(line).to_be_visible(timeout=30_000)
    beside.until_idle()

    page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    beside.log.get_by_role("button", name="Insert as cells").click()
    expect(beside.cell(2)).to_contain_text("First this:")
    expect(beside.cell(3).locator(".cm-content")).to_have_text("a = 1")
    expect(beside.cell(4)).to_contain_text("ls")

    line.focus()
    page.keyboard.press("Enter")
    show = beside.log.get_by_role("button", name="Show")
    expect(beside.log.locator("ins")).to_have_text(["+x = 1", "+cell_26 = 26"])
    show.nth(1).click()
    expect(beside.cell(34)).to_be_in_viewport()
    expect(beside.cell(34)).to_have_class(re.compile("jp-mod-active"))
    beside.picture("33-changes")
    beside.log.get_by_role("button", name="Undo this turn").click()
    expect(beside.log.get_by_role("status")).to_have_text(
        "1 undone. 1 was changed since: left as it is."
    )
    expect(line).to_be_focused()
    beside.picture("34-undone")


def test_it_works_in_notebook_7(chromium: Browser, tour: Server) -> None:
    make_notebook(tour)
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    beside = Beside(context.new_page(), tour)
    beside.page.goto(f"{tour.url}notebooks/{NAME}?token={tour.token}")
    beside.until_told(path=NAME, focused=True)
    done = beside.ask(
        "edit",
        edits=[{"op": "replace", "cell_id": "c0", "expected": "x = 1", "source": "1 / 0"}],
    )
    assert "result" in done
    ran = beside.ask("run", cell_ids=["c0"], timeout=20)
    assert ran["result"]["cells"][0]["status"] == "error"
    bar = beside.cell(1).get_by_role("group", name="Hermes")
    bar.get_by_role("button", name="Fix").click()
    expect(beside.log).to_contain_text("Fix the error of this cell.", timeout=30_000)
    beside.picture("35-notebook-7")
    context.close()
