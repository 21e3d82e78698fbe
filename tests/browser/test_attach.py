"""Files for the agent: what only a browser shows, which sends and shows them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from playwright.sync_api import expect

from .conftest import Lab

#: A picture of one dot.
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_files_go_with_a_prompt(lab: Lab, tmp_path: Path) -> None:
    """R50: chosen, uploaded, sent; and there after a reload, images to be seen."""
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    (tmp_path / "dot.png").write_bytes(DOT)
    clip = lab.panel.get_by_role("button", name="Attach files")
    with lab.page.expect_file_chooser() as chooser:
        clip.press("Enter")
    chooser.value.set_files([tmp_path / "a.csv", tmp_path / "dot.png"])
    chips = lab.panel.get_by_role("list", name="Files for this prompt")
    expect(chips.get_by_role("listitem")).to_contain_text(["a.csv 8 bytes", "dot.png 70 bytes"])
    lab.picture("9-files-for-a-prompt")

    lab.say("SCRIPT: " + json.dumps([{"text": "Seen."}]))
    yours = lab.log.get_by_role("article", name="You")
    expect(lab.log.get_by_role("article", name="Hermes")).to_contain_text("Seen.", timeout=60_000)
    expect(chips).to_have_count(0)
    lab.until_idle()
    lab.reload()
    expect(yours.get_by_role("button", name="Download a.csv")).to_be_visible()
    image = yours.locator("img")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1
    with lab.page.expect_download() as download:
        yours.get_by_role("button", name="Download a.csv").click()
    assert download.value.suggested_filename == "a.csv"
    assert download.value.path().read_text() == "a,b\n1,2\n"
    lab.picture("9-files-of-a-message")


def test_files_come_from_the_file_browser(lab: Lab) -> None:
    """By its context menu, which the keyboard opens too, and by dragging them onto the panel."""
    files = lab.page.locator(".jp-DirListing-item", has_text="tour.ipynb")
    files.click(button="right")
    lab.page.get_by_role("menuitem", name="Attach to Hermes").click()
    chips = lab.panel.get_by_role("list", name="Files for this prompt").get_by_role("listitem")
    expect(chips).to_contain_text(["tour.ipynb"])
    expect(lab.composer).to_be_focused()
    files.hover()
    lab.page.mouse.down()
    box = lab.panel.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    lab.page.mouse.move(x - 40, y, steps=4)
    lab.page.mouse.move(x, y, steps=2)
    expect(lab.page.locator(".hj-held")).to_be_visible()
    lab.page.mouse.up()
    expect(chips).to_have_count(2)
    expect(lab.page.locator(".hj-held")).to_have_count(0)
    for _ in range(2):
        chips.first.get_by_role("button", name="Remove").click()
    assert lab.faults == []
