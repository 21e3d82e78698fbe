"""The camera: one theme and one width after the other."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Lab

AXE = Path(__file__).parents[2] / "labextension/node_modules/axe-core/axe.min.js"

#: The themes of JupyterLab, by the names that the pictures have.
THEMES = {
    "light": "JupyterLab Light",
    "dark": "JupyterLab Dark",
    "contrast": "JupyterLab Dark High Contrast",
}

#: Widths of the panel in pixels: the least, and a comfortable one.
WIDTHS = (260, 600)


class Camera:
    """Takes pictures of a part of the page, and has axe look at it."""

    def __init__(self, lab: Lab, folder: Path, themes: list[str]) -> None:
        self.page = lab.page
        self.lab = lab
        self.folder = folder
        self.themes = themes
        self.count = 0
        self.found: list[str] = []
        self.page.evaluate(AXE.read_text())
        # JupyterLab's body has no height, and axe takes what is in it for hidden.
        self.page.add_style_tag(content="body { height: 100vh }")

    def paint(self, theme: str) -> None:
        name = THEMES[theme]
        body = self.page.locator("body")
        if body.get_attribute("data-jp-theme-name") != name:
            self.lab.command("apputils:change-theme", theme=name)
            expect(body).to_have_attribute("data-jp-theme-name", name)
            expect(body.locator("#jupyterlab-splash")).to_have_count(0)

    def narrow(self, width: int) -> None:
        """Give the sidebar a width."""
        self.page.evaluate(
            """width => {
              const split = jupyterapp.shell._hsplitPanel;
              const [left, middle, right] = split.relativeSizes();
              const share = (width + 1) / split.node.clientWidth * (left + middle + right);
              split.setRelativeSizes([left, left + middle + right - left - share, share]);
            }""",
            width,
        )

    def take_all(self, state: str, part: Locator, of: Locator | None = None) -> None:
        """Take a picture in each theme and width of a state that stays as it is.

        Args:
            of: what is on it; the part itself, which is ours, if it is not given.
        """
        for theme in self.themes:
            self.paint(theme)
            for width in WIDTHS:
                self.narrow(width)
                self.take(state, theme, width, part, of)

    def take_once(self, state: str, part: Locator, of: Locator | None = None) -> None:
        """Take a picture in each theme of what has a width of its own."""
        self.narrow(WIDTHS[0])
        for theme in self.themes:
            self.paint(theme)
            self.take(state, theme, WIDTHS[-1], part, of)

    def take(
        self, state: str, theme: str, width: int, part: Locator, of: Locator | None = None
    ) -> None:
        """Take the picture of a state that is shown already, and have axe look at the part."""
        path = self.folder / f"{state}-{width}-{theme}.png"
        (of or part).screenshot(path=path, animations="disabled")
        self.count += 1
        violations = part.evaluate(
            """async node => {
              const { violations } = await axe.run(node, {
                runOnly: ['wcag2a', 'wcag2aa', 'wcag22aa'],
                rules: { 'target-size': { enabled: true } },
                resultTypes: ['violations'],
                preload: false
              });
              return violations.flatMap(({ id, nodes }) => nodes.map(
                ({ html, failureSummary }) => `${id}: ${html.slice(0, 200)}\\n    ${failureSummary}`
              ));
            }"""
        )
        sideways = part.evaluate("node => node.scrollWidth - node.clientWidth")
        if sideways > 0:
            violations.append(f"{sideways} px too wide")
        self.found += [f"{state}, {width} px, {theme}: {one}" for one in violations]
