"""A real JupyterLab in a real Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.servers import Server, run_server

#: Pictures of each state, for a person to look at.
PICTURES = Path(__file__).parent.parent.parent / "test-results"

#: As root, without a screen, and without Chromium's own calls home.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

expect.set_options(timeout=20_000)


@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """No loop of pytest-jupyter's here: Playwright runs its own in this thread."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """The servers here are processes of their own, so there is nothing to clean up."""


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser; its loop runs in this thread, so it ends with the browser's tests."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "The browser tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Lab:
    """One page of JupyterLab with the Hermes sidebar."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.panel = page.locator("#hermes-jupyter-sidebar")
        self.notebook = page.locator(".jp-Notebook")

    def open(self, path: str = "lab") -> Lab:
        self.page.goto(f"{self.server.url}{path}?token={self.server.token}")
        self.ready()
        return self

    def ready(self) -> None:
        self.page.wait_for_selector('[data-id="hermes-jupyter-sidebar"]', timeout=60_000)
        self.page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=60_000)

    def notebook_ready(self) -> None:
        """Wait for its kernel; until then, JupyterLab gives the focus to the notebook."""
        expect(self.page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute(
            "data-status", "idle"
        )

    def reload(self) -> None:
        self.page.reload()
        self.ready()

    def show_panel(self) -> None:
        self.command("hermes:open")
        expect(self.composer).to_be_visible()

    def command(self, name: str, **arguments: Any) -> None:
        self.page.evaluate(
            "([name, args]) => jupyterapp.commands.execute(name, args).then(() => null)",
            [name, arguments],
        )

    @property
    def composer(self) -> Locator:
        return self.panel.get_by_role("textbox", name="Message to Hermes")

    @property
    def log(self) -> Locator:
        return self.panel.get_by_role("log")

    def new_chat(self) -> None:
        self.command("hermes:new-chat")

    def say(self, text: str) -> None:
        """Send a prompt by the button: while JupyterLab opens, it moves the focus as it likes."""
        self.composer.fill(text)
        self.panel.get_by_role("button", name="Send", exact=True).click()

    def until_idle(self) -> None:
        expect(self.panel.get_by_role("button", name="Stop")).to_have_count(0, timeout=60_000)

    def add_cell(self, source: str) -> Locator:
        """Append a code cell, run it, and return it."""
        index = self.page.evaluate(
            """async source => {
              const panel = jupyterapp.shell.currentWidget;
              await panel.sessionContext.ready;
              const index = panel.model.sharedModel.cells.length;
              panel.model.sharedModel.insertCell(index, { cell_type: 'code', source });
              panel.content.activeCellIndex = index;
              await panel.content.scrollToItem(index, 'start');
              void jupyterapp.commands.execute('notebook:run-cell');
              return index;
            }""",
            source,
        )
        return self.notebook.locator(f'.jp-Cell[data-windowed-list-index="{index}"]')

    def picture(self, name: str) -> None:
        PICTURES.mkdir(exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png")


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``jupyter hermes tour``, as a person starts it."""
    directory = tmp_path_factory.mktemp("tour")
    with run_server(directory, "--expose-app-in-browser", command="hermes tour") as server:
        yield server


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


@pytest.fixture
def lab(page: Page, tour: Server) -> Iterator[Lab]:
    """A page on the tour's notebook, whose sidebar shows a new chat."""
    # The kernel is the one of the page before, and so would be the conversation.
    with page.expect_response(lambda response: "/current?kernel_id=" in response.url):
        opened = Lab(page, tour).open("lab/tree/tour.ipynb")
    opened.notebook_ready()
    opened.new_chat()
    expect(opened.composer).to_be_visible()
    yield opened
    assert opened.faults == []
