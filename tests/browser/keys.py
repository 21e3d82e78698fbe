"""A person who has a keyboard and no mouse."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

#: What is to be seen of what has the focus, as the browser has painted it.
SEEN = """() => {
  const element = document.activeElement;
  const frame = () => new Promise(requestAnimationFrame);
  return frame().then(frame).then(() => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    const x = (Math.max(left, 0) + Math.min(right, innerWidth)) / 2;
    const y = (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2;
    const painted = document.elementFromPoint(x, y);
    const isRung = node => {
      const { outlineStyle, outlineWidth } = getComputedStyle(node);
      return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1;
    };
    return {
      visible: element.contains(painted) && element.checkVisibility({ opacityProperty: true }),
      // The text of the composer has the box around it for its own.
      ring: isRung(element) || isRung(element.parentElement),
      panel: element.closest('.hj-panel') !== null,
      cell: element.closest('.jp-Cell') !== null
    };
  });
}"""


@dataclass(frozen=True)
class Stop:
    """What has the focus, as it is told and as it is seen."""

    role: str
    name: str
    panel: bool
    cell: bool
    visible: bool
    ring: bool

    def __str__(self) -> str:
        return f"{self.role} {self.name!r}"


class Keys:
    """Goes through a page with its keys alone; each stop must say what it is and be seen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.press = page.keyboard.press
        self.browser = page.context.new_cdp_session(page)

    def type(self, text: str) -> None:
        self.page.keyboard.insert_text(text)

    def say(self, *steps: dict[str, Any]) -> None:
        self.type(f"SCRIPT: {json.dumps(steps)}")
        self.press("Enter")

    def here(self) -> Stop:
        """What has the focus: its role and its name are those that a screen reader gets."""
        seen = self.page.evaluate(SEEN)
        found = self.browser.send("Runtime.evaluate", {"expression": "document.activeElement"})
        node = self.browser.send(
            "Accessibility.getPartialAXTree",
            {"objectId": found["result"]["objectId"], "fetchRelatives": False},
        )["nodes"][0]
        role, name = (node.get(key, {}).get("value", "") for key in ("role", "name"))
        stop = Stop(role, name, **seen)
        assert stop.role != "RootWebArea", "Nothing has the focus."
        if stop.panel:
            assert stop.name, f"Without a name: {stop}"
            assert stop.visible, f"Not to be seen: {stop}"
            assert stop.ring, f"Not seen to have the focus: {stop}"
        return stop

    def to(self, role: str, name: str, key: str = "Tab", most: int = 40) -> Stop:
        """Press a key until something has the focus, by its role and the begin of its name."""
        passed = [self.here()]
        for _ in range(most):
            self.press(key)
            stop = self.here()
            if stop.role == role and stop.name.startswith(name):
                return stop
            passed.append(stop)
        raise AssertionError(f"No {role} {name!r} among: {', '.join(map(str, passed))}")

    def back_to(self, role: str, name: str) -> Stop:
        return self.to(role, name, "Shift+Tab")

    def at(self, role: str, name: str) -> None:
        """Wait until something has the focus that is called so, without a key."""
        end = self.page.evaluate("() => performance.now() + 10000")
        while True:
            now = self.page.evaluate("() => performance.now()")
            try:
                stop = self.here()
                if stop.role == role and stop.name.startswith(name):
                    return
                error = f"{stop} has the focus, and not {role} {name!r}"
            except AssertionError as wrong:
                error = str(wrong)
            assert now < end, error
