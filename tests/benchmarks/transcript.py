"""A long transcript in JupyterLab: how soon it is there, and whether scrolling it stays smooth.

All of its messages are loaded first. What is counted is the time that the page's thread has worked,
which neighbours on the machine do not change. The yardstick is the same texts as bare paragraphs in
a box of the same size, in the same page.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, Lab
from tests.servers import run_server

from .measure import Row, middle
from .sessions import LONG, long_database

REPEATS = 5

#: A turn of the wheel, in pixels, and how many there are.
WHEEL, TURNS = 800, 120

#: Places to which the scroll bar is dragged.
PLACES = 40

#: Does something, and resolves when what it painted is seen.
UNTIL_PAINTED = """async act => {
  eval(act);
  await new Promise(requestAnimationFrame);
  const channel = new MessageChannel();
  await new Promise(done => { channel.port1.onmessage = done; channel.port2.postMessage(0); });
}"""

#: Not by locators, which would read all that is there each time.
LOAD_ALL = """async () => {
  const root = document.querySelector('#hermes-jupyter-sidebar');
  for (let button; (button = root.querySelector('.hj-earlier button')); ) {
    button.click();
    await new Promise(done => setTimeout(done, 20));
  }
}"""

BOX = "#hermes-jupyter-sidebar .hj-scroll"

DRAG = """([box, share]) => {
  const node = document.querySelector(box);
  node.scrollTop = share * node.scrollHeight;
}"""

BARE = """count => {
  const text = 'words '.repeat(40);
  const box = document.createElement('div');
  box.id = 'bare';
  box.style = 'position: fixed; inset: 60px 0 60px auto; width: 300px; z-index: 99;'
    + 'overflow: auto; background: white; font: 14px sans-serif';
  box.innerHTML = Array.from({length: count}, (_, n) => `<p>${n}: ${text}</p>`).join('');
  document.body.append(box);
  box.scrollTop = box.scrollHeight;
}"""


def transcript() -> Iterator[Row]:
    """First paint and scrolling of a conversation whose messages are all loaded."""
    with _lab() as lab:
        page = lab.page
        _load_all(lab)
        painted = []
        for _ in range(REPEATS):
            _work(page, _click("Conversations"))
            page.wait_for_timeout(500)
            painted.append(_work(page, _click("Back to the conversation")))
            page.wait_for_timeout(500)
        mine = _scroll(page, BOX)
        bare_painted = _work(page, f"({BARE})({LONG})")
        bare = _scroll(page, "#bare")
        yield Row(
            what=f"{LONG:,} messages: first paint",
            value=middle(painted),
            unit="ms",
            budget=200,
            yardstick=bare_painted,
            beside="bare paragraphs",
            limit=1,
        )
        for how, longest, beside in zip(("wheel", "scroll bar"), mine, bare, strict=True):
            yield Row(
                what=f"{LONG:,} messages: longest task of the {how}",
                value=longest,
                unit="ms",
                budget=50,
                yardstick=beside,
                beside="bare paragraphs",
            )
        assert lab.faults == []


@contextmanager
def _lab() -> Iterator[Lab]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = Path(temporary)
        long_database(folder)
        home = f"--HermesExtension.hermes_home={folder / 'home'}"
        with (
            run_server(folder / "lab", "--expose-app-in-browser", home, command="lab") as server,
            playwright.chromium.launch(executable_path=path, args=ARGUMENTS) as browser,
        ):
            yield Lab(browser.new_page(viewport={"width": 1280, "height": 900}), server).open()


def _load_all(lab: Lab) -> None:
    page = lab.page
    # Larger pages than a person gets, so that it does not take minutes.
    page.route(
        "**/messages?*",
        lambda route: route.continue_(url=route.request.url.replace("limit=50", "limit=200")),
    )
    lab.show_panel()
    page.evaluate(_click("Conversations"))
    lab.panel.get_by_role("treeitem").first.click()
    expect(lab.log).to_contain_text(f"{LONG - 1}: words")
    page.evaluate(LOAD_ALL)


def _click(name: str) -> str:
    return f"document.querySelector('#hermes-jupyter-sidebar [aria-label=\"{name}\"]').click()"


def _work(page: Page, act: str) -> float:
    """What the page's thread does until what ``act`` painted is seen, in ms."""
    with _trace(page) as tasks:
        page.evaluate(UNTIL_PAINTED, act)
    return sum(tasks)


def _scroll(page: Page, box: str) -> tuple[float, float]:
    """The longest tasks, of scrolling with the wheel and with the bar."""
    page.locator(box).hover(position={"x": 100, "y": 100})
    page.wait_for_timeout(1_000)
    with _trace(page) as wheel:
        for _ in range(TURNS):
            page.mouse.wheel(0, -WHEEL)
            page.wait_for_timeout(16)
    with _trace(page) as bar:
        for place in range(PLACES):
            share = (place * 7919 % PLACES) / PLACES
            page.evaluate(DRAG, [box, share])
            page.wait_for_timeout(100)
    return max(wheel), max(bar)


@contextmanager
def _trace(page: Page) -> Iterator[list[float]]:
    """The tasks of the page's thread until the block ends, in ms of its own time."""
    browser = page.context.browser
    assert browser
    tasks: list[float] = []
    browser.start_tracing(page=page, categories=["toplevel", "__metadata"])
    yield tasks
    events = json.loads(browser.stop_tracing())["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks += [
        event["tdur"] / 1e3
        for event in events
        if event["name"] == "ThreadControllerImpl::RunTask"
        and (event["pid"], event["tid"]) in mains
        and "tdur" in event
    ]
