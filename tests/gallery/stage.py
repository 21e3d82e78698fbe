"""The states that are staged: the real components on a server that says what is wanted."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .camera import WIDTHS, Camera

LABEXTENSION = Path(__file__).parents[2] / "labextension"


class Stage:
    """Shows states over a page of JupyterLab, whose themes they wear."""

    def __init__(self, camera: Camera, *, is_wordy: bool) -> None:
        self.camera = camera
        self.is_wordy = is_wordy
        self.page = camera.page
        self.page.add_script_tag(content=self._bundle())
        self.page.evaluate(
            """() => {
              const node = document.createElement('div');
              node.id = 'stage';
              node.className = 'hj-panel';
              node.style.cssText = 'position: fixed; inset: 0 0 0 auto; z-index: 20000;' +
                ' background: var(--jp-layout-color1)';
              document.body.append(node);
            }"""
        )
        self.node = self.page.locator("#stage")

    @staticmethod
    def _bundle() -> str:
        command = [
            *("node_modules/.bin/esbuild", "tests/gallery.tsx", "--bundle", "--format=iife"),
            *("--jsx=automatic", "--jsx-import-source=preact", "--log-level=warning"),
        ]
        return subprocess.run(
            command, cwd=LABEXTENSION, check=True, capture_output=True, text=True
        ).stdout

    def play(self, beginnings: tuple[str, ...]) -> None:
        names: list[str] = self.page.evaluate("() => gallery.names")
        for theme in self.camera.themes:
            self.camera.paint(theme)
            for width in WIDTHS:
                self.node.evaluate("(node, width) => { node.style.width = `${width}px` }", width)
                for name in (name for name in names if name.startswith(beginnings)):
                    self.page.evaluate(
                        "([name, isWordy]) =>"
                        " gallery.show(name, document.getElementById('stage'), isWordy)",
                        [name, self.is_wordy],
                    )
                    self.camera.take(name, theme, width, self.node)
        self.node.evaluate("node => node.remove()")
