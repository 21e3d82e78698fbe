"""Take a picture of each state of the panel, in three themes and two widths.

What axe finds in them, and what is wider than the panel, is printed.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import ARGUMENTS, PICTURES, Lab
from tests.servers import run_server

from .camera import THEMES, Camera
from .scenes import play
from .stage import Stage


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.gallery", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=PICTURES / "gallery")
    parser.add_argument(
        "--only",
        metavar="BEGINNING",
        action="append",
        help="the states whose names begin so; may be given several times",
    )
    parser.add_argument(
        "--part", choices=["stage", "lab"], help="only what is staged, or only what is real"
    )
    parser.add_argument(
        "--theme", choices=THEMES, action="append", help="only this one; may be given twice"
    )
    parser.add_argument("--wordy", action="store_true", help="in words 40 %% longer; staged only")
    parser.add_argument("--zoom", action="store_true", help="as a window of 1280 x 720 at 200 %%")
    arguments = parser.parse_args()
    beginnings = tuple(arguments.only or [""])
    zoom = 2 if arguments.zoom else 1
    arguments.folder.mkdir(parents=True, exist_ok=True)

    with (
        tempfile.TemporaryDirectory() as directory,
        run_server(
            Path(directory) / "tour", "--expose-app-in-browser", command="hermes tour"
        ) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=ARGUMENTS,
        )
        page = browser.new_page(
            viewport={"width": 1280 // zoom, "height": 720 // zoom}, device_scale_factor=zoom
        )
        lab = Lab(page, server)
        lab.open("lab/tree/tour.ipynb").notebook_ready()
        camera = Camera(lab, arguments.folder, arguments.theme or list(THEMES))
        if arguments.part != "lab":
            Stage(camera, is_wordy=arguments.wordy).play(beginnings)
        if arguments.part != "stage":
            play(lab, camera, beginnings)
        browser.close()
        print(f"{camera.count} pictures in {arguments.folder}")
        print("\n".join(camera.found))


if __name__ == "__main__":
    main()
