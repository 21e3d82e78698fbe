"""The text of a prompt, which is sent as it stands.

There is one exception, in magics alone: `` $`name` `` stands for the value of that variable, and
`` \\$`name` `` for these characters themselves.
"""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import UnknownVariable

#: Characters of one variable that are put into a prompt; what is beyond is cut off, and told.
LONGEST = 20_000

_VARIABLE = re.compile(r"(\\?)\$`([^\W\d]\w*)`")


@dataclass(frozen=True, slots=True)
class Inserted:
    """What was put into a prompt for one variable; ``length`` is that of all of it."""

    name: str
    type: str
    text: str
    length: int

    @property
    def title(self) -> str:
        """What it is, in a line."""
        cut = f", cut to {LONGEST:,}" if self.length > LONGEST else ""
        return f"{self.name} ({self.type}, {self.length:,} characters{cut})"

    def to_html(self) -> str:
        """It, folded."""
        return (
            f"<details><summary>In the prompt: {html.escape(self.title)}</summary>"
            f"<pre>{html.escape(self.text)}</pre></details>"
        )


def fill(
    text: str, variables: Mapping[str, Any], show: Callable[[Any], str]
) -> tuple[str, list[Inserted]]:
    """Put variables into a prompt; return it, and what was put in.

    Args:
        text: with `` $`name` `` for a variable.
        variables: by their names.
        show: a value as text; a string stands for itself.

    Raises:
        UnknownVariable: there is no such variable.
    """
    inserted: dict[str, Inserted] = {}

    def value(match: re.Match[str]) -> str:
        escaped, name = match.groups()
        if escaped:
            return match[0][1:]
        if name not in variables:
            raise UnknownVariable(_unknown(name, variables))
        if name not in inserted:
            value = variables[name]
            shown = value if isinstance(value, str) else show(value)
            cut = shown[:LONGEST]
            if len(shown) > LONGEST:
                cut += f"\n[cut here: {LONGEST:,} of {len(shown):,} characters]"
            inserted[name] = Inserted(name, type(value).__name__, cut, len(shown))
        return inserted[name].text

    return _VARIABLE.sub(value, text), [*inserted.values()]


def _unknown(name: str, variables: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, variables, 1)
    meant = f" Did you mean `{close[0]}`?" if close else ""
    return (
        f"There is no variable `{name}`, so nothing was sent.{meant} "
        f"To write $`{name}` as it stands, put a backslash before it."
    )
