from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_jupyter.core.gauge import Gauge, Meter

SOURCES = ["configured", "probed", "catalogue", "generic", None]
gauges = st.builds(
    Gauge,
    used=st.none() | st.integers(0, 10**6),
    max=st.none() | st.integers(1, 10**6),
    max_source=st.sampled_from(SOURCES),
    threshold=st.none() | st.integers(1, 10**6),
    cost_usd=st.none() | st.floats(0, 10),
)


@given(gauges, gauges)
def test_nothing_known_is_forgotten(old: Gauge, new: Gauge) -> None:
    """R47: null never overwrites a number."""
    after = old.updated(new)
    for name in ("used", "max", "threshold", "cost_usd"):
        expected = {getattr(old, name), getattr(new, name)} - {None}
        assert (getattr(after, name) in expected) if expected else getattr(after, name) is None


@pytest.mark.parametrize(("weak", "strong"), [(SOURCES[i + 1], SOURCES[i]) for i in range(3)])
def test_a_weaker_source_never_replaces_a_stronger_one(weak: str, strong: str) -> None:
    """R46"""
    known = Gauge(max=1000, max_source=strong)  # type: ignore[arg-type]
    guess = Gauge(max=2000, max_source=weak)  # type: ignore[arg-type]
    assert known.updated(guess).max == 1000
    assert guess.updated(known).max == 1000


readings = st.lists(
    st.tuples(
        st.booleans(),
        st.integers(0, 3),
        st.none() | st.floats(0, 1),
        st.none() | st.integers(0, 10**6),
    ),
    max_size=20,
)


@given(readings)
def test_what_the_agent_counts_is_the_conversations(steps: list[tuple[Any, ...]]) -> None:
    """Each process counts from 0; nothing is counted twice or lost, and cost is never a guess."""
    meter = Meter()
    compactions, cost, spent, used = 0, 0.0, None, None
    total = 0
    for anew, more, dearer, prompt in steps:
        if anew:
            meter.reopened()
            compactions, cost = 0, 0.0
        compactions += more
        total += more
        if dearer is not None:
            cost += dearer
            spent = (spent or 0.0) + dearer
        used = used if prompt is None else prompt
        reading = None if dearer is None else cost
        meter.read(Gauge(used=prompt, compactions=compactions, cost_usd=reading))
        assert meter.gauge.compactions == total
        assert meter.gauge.used == used
        assert meter.gauge.cost_usd == (None if spent is None else pytest.approx(spent))


@given(gauges, st.integers(0, 9), st.none() | st.floats(0, 9))
def test_what_was_kept_is_filled_up_by_the_database(
    kept: Gauge, compactions: int, cost: float | None
) -> None:
    told = kept.of_stored(compactions=compactions, cost_usd=cost)
    assert (told.used, told.max, told.threshold) == (kept.used, kept.max, kept.threshold)
    assert told.compactions == max(kept.compactions, compactions)
    assert told.cost_usd == (kept.cost_usd if cost is None else cost)
