"""Measured numbers, their budgets and their yardsticks, as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import psutil


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One number.

    Args:
        what: is measured.
        value: how much it is.
        unit: of all three numbers.
        budget: what the design allows, on an idle machine.
        yardstick: the same thing done in the cheapest way there is, in the same run.
        beside: what the yardstick is.
        limit: the largest ratio of value to yardstick that ``--check`` lets pass.
    """

    what: str
    value: float
    unit: str
    budget: float | None = None
    yardstick: float | None = None
    beside: str = ""
    limit: float | None = None

    @property
    def ratio(self) -> float | None:
        """Value to yardstick."""
        return self.value / self.yardstick if self.yardstick else None

    @property
    def over_budget(self) -> bool:
        """Whether it is more than the design allows; the machine may be to blame."""
        return self.budget is not None and self.value > self.budget

    @property
    def exceeded(self) -> bool:
        """Whether the ratio is over its limit; the machine is not to blame."""
        return self.limit is not None and (self.ratio or 0) > self.limit


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest of ``values`` that ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def middle(values: Iterable[float]) -> float:
    """The median: what a neighbour on the machine does to a few of them does not count."""
    return median(values)


def memory(pid: int) -> int:
    """Bytes of a process that are in memory."""
    return int(psutil.Process(pid).memory_info().rss)


def processor_time(pid: int) -> float:
    """Seconds of processor time that a process has used itself, without its children."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def table(rows: Sequence[Row]) -> str:
    """The rows as text; ``!`` marks a number over its budget, ``!!`` a ratio over its limit."""
    heads = ("", "measured", "budget", "", "yardstick", "ratio", "limit", "yardstick is")
    cells = [
        (
            row.what,
            f"{_number(row.value)} {row.unit}",
            f"≤ {_number(row.budget)}" if row.budget is not None else "",
            "!" if row.over_budget else "",
            _number(row.yardstick) if row.yardstick is not None else "",
            f"{row.ratio:.2f}" if row.ratio is not None else "",
            f"≤ {_number(row.limit)}{' !!' if row.exceeded else ''}" if row.limit else "",
            row.beside,
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in (heads, *cells)) for column in range(len(heads))]
    return "\n".join(_line(line, widths) for line in (heads, *cells))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers, last = cells
    aligned = [cell.rjust(width) for cell, width in zip(numbers, widths[1:-1], strict=True)]
    return "  ".join([first.ljust(widths[0]), *aligned, last]).rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
