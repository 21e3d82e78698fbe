"""A host of tools as small as one can be: what it does, it says."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import replace

from hermes_jupyter.core.question import Choice
from hermes_jupyter.core.tools import Ask, Change, Image, ToolCall, ToolResult, ToolSpec

from .test_attachments import DOT

#: One pixel.
PIXEL = base64.b64encode(DOT).decode()

CHOICES = (
    Choice("once", "Run", "allow", "once"),
    Choice("always", "Always in this notebook", "allow", "always"),
    Choice("deny", "Don't", "deny", "once"),
)

#: Longer than a tenth of the model's window, which makes Hermes hide tools that are not its own.
LONG = "Shows a page of the log. " * 3000


def _spec(name: str, description: str = "For a test.") -> ToolSpec:
    number = {"type": "object", "properties": {"number": {"type": "integer"}}}
    return ToolSpec(name, description, number)


class Logbook:
    """A book of numbered pages: one can be shown, waited for, signed or changed."""

    specs = (_spec("log_show", LONG), _spec("log_wait"), _spec("log_sign"), _spec("log_change"))

    def __init__(self) -> None:
        self.calls: list[ToolCall] = []
        self.waiting = asyncio.Event()
        self.cancelled = 0
        #: The pages that somebody has touched: what was changed there stays.
        self.touched: set[str] = set()
        self.undone: list[Change] = []

    async def call(self, call: ToolCall, ask: Ask) -> ToolResult:
        self.calls.append(call)
        if call.name == "log_wait":
            return await self._wait(call)
        if call.name == "log_sign":
            choice = await ask("sign(1)", "Sign page 1 of the log", CHOICES)
            return ToolResult(json.dumps({"choice": choice}))
        if call.name == "log_change":
            return self._change(int(call.args["number"]))
        if "number" not in call.args:
            raise KeyError("number")
        return ToolResult(json.dumps({"page": call.args["number"]}), (Image("image/png", PIXEL),))

    async def undo(self, changes: Sequence[Change]) -> list[Change]:
        self.undone = [*changes]
        return [
            replace(one, state="changed since" if one.cell_id in self.touched else "undone")
            for one in changes
        ]

    async def _wait(self, call: ToolCall) -> ToolResult:
        self.waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            if call.args.get("number") is None:
                raise
            # What has been done, has been done.
        return self._change(int(call.args["number"]))

    def _change(self, number: int) -> ToolResult:
        cell = f"page-{number}"
        changed = Change("a/log.ipynb", cell, "replace", "code", "old", f"new {number}", 0, 0)
        return ToolResult(json.dumps({"changed": cell}), changes=(changed,))
