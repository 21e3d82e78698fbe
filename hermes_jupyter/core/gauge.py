"""The context gauge: how full the window of the model is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeVar

MaxSource = Literal["configured", "probed", "catalogue", "generic"]

#: How far a source of ``max`` is trusted; a weaker one never replaces a stronger one.
_TRUST: dict[MaxSource | None, int] = {
    None: 0,
    "generic": 1,
    "catalogue": 2,
    "probed": 3,
    "configured": 4,
}


@dataclass(frozen=True, slots=True)
class Gauge:
    """Tokens in use of the window, in tokens; ``None`` is unknown and never means zero.

    ``used`` is the prompt of the last model call, not a cumulative counter. ``threshold`` is
    where the agent compacts by itself. ``estimate`` marks a number that no model call has
    confirmed yet.
    """

    used: int | None = None
    max: int | None = None
    max_source: MaxSource | None = None
    threshold: int | None = None
    estimate: bool = False
    compactions: int = 0
    cost_usd: float | None = None
    cost_status: str = "unknown"

    def updated(self, newer: Gauge) -> Gauge:
        """This gauge after a newer reading, in which ``None`` overwrites nothing."""
        trusted = _TRUST[newer.max_source] >= _TRUST[self.max_source]
        known_max = newer.max is not None and (trusted or self.max is None)
        return replace(
            newer,
            used=self.used if newer.used is None else newer.used,
            estimate=self.estimate if newer.used is None else newer.estimate,
            max=newer.max if known_max else self.max,
            max_source=newer.max_source if known_max else self.max_source,
            threshold=self.threshold if newer.threshold is None else newer.threshold,
            cost_usd=self.cost_usd if newer.cost_usd is None else newer.cost_usd,
            cost_status=self.cost_status if newer.cost_usd is None else newer.cost_status,
        )

    def of_stored(self, *, compactions: int, cost_usd: float | None) -> Gauge:
        """This gauge, kept of a conversation, with what the agent's database knows of it now."""
        counted = replace(self, compactions=max(self.compactions, compactions))
        if cost_usd is None:
            return counted
        status = "estimated" if self.cost_status == "unknown" else self.cost_status
        return replace(counted, cost_usd=cost_usd, cost_status=status)

    def of_another_model(self) -> Gauge:
        """This gauge after a change of the model, whose window nobody has told yet."""
        known = self.used is not None
        return replace(self, max=None, max_source=None, threshold=None, estimate=known)

    def to_json(self) -> dict[str, Any]:
        """The gauge as the HTTP contract writes it."""
        return asdict(self)


class Meter:
    """The gauge of one conversation, brought up to date by what its agent reads.

    An agent counts compactions and cost from 0 each time it opens a session; in ``gauge`` they are
    those of the whole conversation.
    """

    def __init__(self) -> None:
        self.gauge = Gauge()
        self._counted = Gauge()

    def reopened(self) -> None:
        """The agent has opened the session anew: it counts from 0 again."""
        self._counted = Gauge()

    def model_changed(self) -> None:
        """The window is another one, which nobody has told yet."""
        self.gauge = self.gauge.of_another_model()

    def read(self, reading: Gauge) -> None:
        """Take over what the agent reads now."""
        before, self._counted = self._counted, self._counted.updated(reading)
        compactions = _more(reading.compactions, before.compactions)
        cost = reading.cost_usd
        if cost is not None:
            cost = (self.gauge.cost_usd or 0.0) + _more(cost, before.cost_usd or 0.0)
        total = replace(reading, compactions=self.gauge.compactions + compactions, cost_usd=cost)
        self.gauge = self.gauge.updated(total)


Count = TypeVar("Count", int, float)


def _more(now: Count, before: Count) -> Count:
    """What a counter has counted since, which may have begun anew."""
    return now - before if now >= before else now
