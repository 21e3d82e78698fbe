"""The Panel in marimo, which has no Jupyter server: Hermes runs in the notebook's own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.servers import NO_TRUST, free_port, wait_until_open

from .conftest import PICTURES

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo
    from hermes_jupyter import Panel

    marimo.ui.anywidget(Panel())
    return
"""


def test_marimo_has_the_whole_panel(page: Page, tmp_path: Path) -> None:
    (tmp_path / "panel.py").write_text(NOTEBOOK)
    port = free_port()
    line = (sys.executable, "-m", "marimo", "run", "--headless", "--no-token", "-p", str(port))
    environment = {
        **os.environ,
        **NO_TRUST,
        "HERMES_JUPYTER_OFFLINE": "1",
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    log = tmp_path / "marimo.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            (*line, "panel.py"), cwd=tmp_path, env=environment, stdout=output, stderr=output
        ) as marimo,
    ):
        try:
            wait_until_open(port)
            page.goto(f"http://127.0.0.1:{port}/")
            composer = page.get_by_role("textbox", name="Message to Hermes")
            composer.fill("ask me something", timeout=60_000)
            page.get_by_role("button", name="Send", exact=True).click()
            card = page.get_by_role("region", name="Question from Hermes")
            card.get_by_role("button", name="Telling the story").click(timeout=60_000)
            expect(page.get_by_role("log")).to_contain_text("This reached me")
            page.screenshot(path=PICTURES / "10-marimo.png")
        finally:
            marimo.terminate()
    assert "Traceback" not in log.read_text()
