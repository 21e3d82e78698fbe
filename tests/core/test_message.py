from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hermes_jupyter.core.agent import Compaction, HistoryMessage
from hermes_jupyter.core.message import MEASURED_WITHIN, compaction_text, measured


def summary(at: float, messages: int = 1) -> HistoryMessage:
    return HistoryMessage(int(at), "a", "notice", "", at, compaction=Compaction(messages))


def test_tokens_stand_at_the_compaction_that_they_were_measured_after() -> None:
    rows = [summary(100, 7), HistoryMessage(150, "a", "user", "hi", 150), summary(5000, 9)]
    kept = [(50.0, Compaction(None, 1, 1)), (130.0, Compaction(None, 900, 300))]
    first, said, second = measured(rows, kept)
    assert first.compaction == Compaction(7, 900, 300)
    assert said == rows[1]
    assert second.compaction == Compaction(9)


@given(st.lists(st.floats(0, 1e5)), st.lists(st.floats(0, 1e5)))
def test_each_measurement_is_told_once_and_none_of_another_time(
    compacted: list[float], times: list[float]
) -> None:
    rows = [summary(at) for at in sorted(compacted)]
    kept = [(at, Compaction(None, n, n)) for n, at in enumerate(sorted(times))]
    told = [(row.at, row.compaction.before) for row in measured(rows, kept) if row.compaction]
    used = [(at, number) for at, number in told if number is not None]
    assert len({number for _, number in used}) == len(used)
    for at, number in used:
        assert at <= kept[number][0] < at + MEASURED_WITHIN


def test_a_compaction_is_told_in_tokens_else_in_messages() -> None:
    assert "98,304 tokens became 31,000" in compaction_text(Compaction(5, 98304, 31000))
    assert "has 5 messages before this" in compaction_text(Compaction(5, 98304, None))
    assert "one message" in compaction_text(Compaction(1))
    assert compaction_text(Compaction()) == "The context was compacted here."
