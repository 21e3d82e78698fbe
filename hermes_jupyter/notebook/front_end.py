"""What a person sees of a turn, by where they are: a notebook, a terminal, or nowhere."""

from __future__ import annotations

import os
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any, Literal, TextIO

#: Seconds between two updates of an answer that streams into a cell.
REDRAW = 0.1

#: Characters a second of all updates together: one of a long answer carries all of it again.
DRAWN = 200_000


def place() -> Literal["notebook", "terminal", "program"]:
    """Where the code runs: under a front end that shows Markdown, in a terminal, or in a script."""
    if "IPython" not in sys.modules:
        return "program"
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        return "program"
    return "notebook" if hasattr(shell, "kernel") and not _of_console() else "terminal"


@cache
def _of_console() -> bool:
    """Whether ``jupyter console`` has started this kernel: it prints text, and updates nothing."""
    import psutil

    try:
        parent = psutil.Process(int(os.environ["JPY_PARENT_PID"])).cmdline()
    except (KeyError, ValueError, psutil.Error):
        return False
    return any(Path(word).name in ("jupyter-console", "jupyter_console") for word in parent[:3])


def show(markdown: str, plain: str | None = None) -> None:
    """Show a text as Markdown, or as it is where there is none."""
    if place() == "notebook":
        _display(markdown, plain)
    else:
        print(markdown if plain is None else plain)


def _display(markdown: str, plain: str | None = None, **options: Any) -> Any:
    from IPython.display import display

    # An object of IPython's own would say nothing where Markdown is not shown.
    bundle = {"text/markdown": markdown, "text/plain": markdown if plain is None else plain}
    return display(bundle, raw=True, **options)


class Output:
    """What a turn shows while it runs; of itself nothing, for a program has the reply."""

    def delta(self, message_id: str, text: str) -> None:
        """Hermes says so much more of a message."""

    def complete(self, message_id: str, text: str) -> None:
        """That is all of a message."""

    def tool(self, message_id: str, name: str, outcome: str | None = None) -> None:
        """A tool runs, or has run."""

    def note(self, text: str) -> None:
        """Something that a person should know."""


class CellOutput(Output):
    """The answer as Markdown in the output of the cell, redrawn at most ten times a second."""

    def __init__(self) -> None:
        self._blocks: dict[str, str] = {}
        self._length = 0
        self._drawn = 0.0
        self._handle = _display("", display_id=True)

    def delta(self, message_id: str, text: str) -> None:
        self._blocks[message_id] = self._blocks.get(message_id, "") + text
        self._length += len(text)
        if time.monotonic() - self._drawn > max(REDRAW, self._length / DRAWN):
            self._draw()

    def complete(self, message_id: str, text: str) -> None:
        self._blocks[message_id] = text
        self._draw()

    def tool(self, message_id: str, name: str, outcome: str | None = None) -> None:
        self._blocks[message_id] = f"*{name}: {outcome}*" if outcome else f"*{name}…*"
        self._draw()

    def note(self, text: str) -> None:
        self._blocks[f"note {len(self._blocks)}"] = f"*{text}*"
        self._draw()

    def _draw(self) -> None:
        text = "\n\n".join(self._blocks.values())
        bundle = {"text/markdown": text, "text/plain": text}
        self._handle.update(bundle, raw=True)
        self._drawn = time.monotonic()


class TextOutput(Output):
    """The answer as it comes, in a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._open = ""
        self._said: dict[str, int] = {}

    def delta(self, message_id: str, text: str) -> None:
        if self._open and self._open != message_id:
            self._write("\n")
        self._open = message_id
        self._said[message_id] = self._said.get(message_id, 0) + len(text)
        self._write(text)

    def complete(self, message_id: str, text: str) -> None:
        rest = text[self._said.get(message_id, 0) :]
        if rest:
            self.delta(message_id, rest)
        self._line()

    def tool(self, message_id: str, name: str, outcome: str | None = None) -> None:
        self.note(f"[{name}: {outcome}]" if outcome else f"[{name}…]")

    def note(self, text: str) -> None:
        self._line()
        self._write(text + "\n")

    def _line(self) -> None:
        if self._open:
            self._open = ""
            self._write("\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
