"""The Panel where its page has no labextension: the kernel hands on what it asks."""

from __future__ import annotations

from collections.abc import Iterator

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page, expect

from tests.servers import Server, run_server

from .conftest import PICTURES

CELL = "from hermes_jupyter import Panel\nPanel()"


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("classic")
    notebook = new_notebook(cells=[new_code_cell(CELL)])
    nbformat.write(notebook, directory / "panel.ipynb")
    arguments = (
        f"--ServerApp.root_dir={directory}",
        "--HermesExtension.offline=True",
        f"--HermesExtension.hermes_home={directory / 'home'}",
    )
    with run_server(directory, *arguments, command="nbclassic") as server:
        yield server


def test_the_classic_notebook_has_the_whole_panel(page: Page, classic: Server) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{classic.url}nbclassic/notebooks/panel.ipynb?token={classic.token}")
    expect(page.locator("#kernel_indicator_icon")).to_have_class("kernel_idle_icon")
    page.evaluate("Jupyter.notebook.execute_all_cells()")
    panel = page.locator(".hj-chat")
    composer = panel.get_by_role("textbox", name="Message to Hermes")
    composer.fill("hello")
    panel.get_by_role("button", name="Send", exact=True).click()
    log = panel.get_by_role("log")
    expect(log).to_contain_text("I am the offline model", timeout=60_000)
    # Its Markdown is made without JupyterLab.
    expect(log.locator(".hj-assistant p").first).to_be_visible()
    # A file goes through the kernel, and with the prompt.
    expect(panel.locator("input[type=file]")).to_be_hidden()
    file = {"name": "tea.txt", "mimeType": "text/plain", "buffer": b"green\n" * 300_000}
    panel.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    expect(panel.get_by_role("list", name="Files for this prompt")).to_contain_text("tea.txt")
    composer.fill("ask me something")
    panel.get_by_role("button", name="Send", exact=True).click()
    expect(log.get_by_role("list", name="Attached files")).to_contain_text("tea.txt")
    card = panel.get_by_role("region", name="Question from Hermes")
    card.get_by_role("button", name="Telling the story").click()
    expect(card).to_have_count(0)
    expect(panel.get_by_role("button", name="Stop")).to_have_count(0, timeout=60_000)
    page.screenshot(path=PICTURES / "10-classic.png")
    # Another version's panel, or the sidebar, keeps a look of its own.
    elsewhere = page.evaluate(
        "document.body.appendChild(document.createElement('p')).className = 'hj-root',"
        "getComputedStyle(document.body.lastChild).getPropertyValue('--hj-radius')"
    )
    within = panel.evaluate("node => getComputedStyle(node).getPropertyValue('--hj-radius')")
    assert (elsewhere, bool(within)) == ("", True)
    with classic.client() as client:
        (row,) = client.get("sessions").json()["sessions"]
    assert row["cwd"] == str(classic.log.parent)
    # The widget library's own, when it shows the output of a cell a second time in one moment.
    assert {*faults} <= {"Host is not attached."}
