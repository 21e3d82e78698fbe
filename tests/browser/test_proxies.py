"""R54: JupyterLab behind nginx, which is changed while a page is open."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.nginx import DOCUMENTED, PREFIX, plain, run_nginx
from tests.servers import run_server

from .conftest import Lab

CLARIFY = {"name": "clarify", "arguments": {"question": "Which one?", "choices": ["red", "blue"]}}

HOLDS = plain("proxy_ignore_headers X-Accel-Buffering;", "proxy_set_header Host $http_host;")


def test_a_turn_behind_nginx(page: Page, tmp_path: Path) -> None:
    """Its question comes through one that streams, its end through one that holds streams back."""
    folder = tmp_path / "jupyter"
    expose = "--expose-app-in-browser"
    with run_server(folder, expose, command="hermes tour", base_url=PREFIX) as server:
        upstream = urlsplit(server.url).port
        assert upstream
        with run_nginx(tmp_path / "nginx", DOCUMENTED, upstream) as nginx:
            url = f"http://127.0.0.1:{nginx.port}{PREFIX}"
            lab = Lab(page, replace(server, url=url)).open()
            lab.show_panel()
            lab.say("SCRIPT: " + json.dumps([{"tool_calls": [CLARIFY]}, {"text": "Thank you."}]))
            red = lab.panel.get_by_role("group", name="Which one?").get_by_role(
                "button", name="red"
            )
            expect(red).to_be_visible()
            nginx.stop()
            nginx.start(HOLDS)
            lab.reload()
            polling = lab.panel.get_by_text("asking for news every few seconds")
            expect(polling).to_be_visible()
            red.click()
            expect(lab.log).to_contain_text("Thank you.")
            nginx.stop()
            nginx.start(DOCUMENTED)
            expect(polling).to_have_count(0)
            lab.until_idle()
            lab.say("SCRIPT: " + json.dumps([{"text": "Live again."}]))
            expect(lab.log).to_contain_text("Live again.")
            assert lab.faults == []
