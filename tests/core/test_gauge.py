from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_jupyter.core.gauge import Gauge

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
