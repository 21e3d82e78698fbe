"""The variables of a kernel, by an inspector that runs in it."""

from __future__ import annotations

import ast
import inspect
import json
from functools import cache
from typing import Any

from . import inspector
from .kernels import Died, Kernels, TimedOut
from .refused import Refused

#: Seconds that looking at the variables may take, and variables of one answer.
MAX_LOOK = 10.0
MAX_VARIABLES = 100

#: Characters of one answer.
MAX_ANSWER = 20_000


async def variables(
    kernels: Kernels, kernel_id: str, names: list[str] | None, pattern: str
) -> dict[str, Any]:
    """What the kernel's names hold: ``{variables, total, missing}``.

    Raises:
        Refused: it is no Python, busy or dead, or looking took too long.
    """
    await kernels.ready(kernel_id)
    language = await kernels.language(kernel_id)
    if language != "python":
        raise Refused(
            "foreign_language",
            f"The kernel speaks {language or 'an unknown language'}; this looks into Python only.",
            "Run a cell that prints what you need.",
        )
    wanted = f"{names!r}, {pattern!r}, {MAX_VARIABLES}"
    # In a namespace of its own: the person's stays as it is, whatever names it has.
    expression = (
        "(lambda builtins, scope: (builtins.exec(builtins.compile("
        f"{_inspector()!r}, '<hermes>', 'exec'), scope), "
        f"scope['tell'](builtins.globals(), {wanted}))[1])"
        "(__import__('builtins'), {'__name__': 'hermes_inspector'})"
    )
    try:
        value = await kernels.ask(kernel_id, expression, MAX_LOOK)
    except TimedOut as error:
        raise Refused(
            "too_slow",
            f"Looking at the variables took more than {MAX_LOOK:.0f} seconds and was given up.",
            "Ask for single names.",
        ) from error
    except Died as error:
        raise Refused("kernel_dead", "The kernel died.", "Ask the person to restart it.") from error
    if value.get("status") != "ok":
        raise Refused(
            "not_inspected",
            f"The kernel could not tell: {value.get('ename')}: {value.get('evalue')}",
            "Run a cell that prints what you need.",
        )
    told: dict[str, Any] = json.loads(ast.literal_eval(value["data"]["text/plain"]))
    return _fitting(told)


@cache
def _inspector() -> str:
    return inspect.getsource(inspector)


def _fitting(told: dict[str, Any]) -> dict[str, Any]:
    """As many of the variables as one answer holds; ``total`` says how many there are."""
    room = MAX_ANSWER
    kept = []
    for variable in told["variables"]:
        room -= len(json.dumps(variable))
        if room < 0:
            break
        kept.append(variable)
    if not told["missing"]:
        del told["missing"]
    more = {"more": "Use `filter` or `names`."} if len(kept) < told["total"] else {}
    return {**told, "variables": kept, **more}
