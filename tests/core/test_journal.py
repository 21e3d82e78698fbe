from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from hermes_jupyter.core.journal import EVERYWHERE, Event, Journal

TOPICS = ["a", "b", EVERYWHERE]
published = st.lists(st.sets(st.sampled_from(TOPICS), min_size=1), max_size=60)


class Reader:
    def __init__(self) -> None:
        self.seen: list[int] = []

    def wake(self, event: Event) -> None:
        self.seen.append(event.seq)


@given(published, st.sets(st.sampled_from(TOPICS), min_size=1), st.integers(0, 60))
def test_reading_on_gives_what_a_reader_along_saw(
    events: list[set[str]], topics: set[str], position: int
) -> None:
    """R24, R25: the same sequence for all, each event once, from any position."""
    journal, along = Journal(), Reader()
    journal.attach(along, topics)
    for number, names in enumerate(events):
        journal.publish("event", {"n": number}, *names)
    numbers = [event.seq for event in journal.after(position, topics)]
    assert numbers == [seq for seq in along.seen if seq > position]
    assert numbers == sorted(set(numbers))


def test_a_frame_is_one_line_of_json_whatever_the_text() -> None:
    text = "lines\n\r\n\u2028 and \ud800 half a character"
    frame = Journal().publish("message.delta", {"text": text}, "a").frame.decode()
    id_, event, data, *end = frame.split("\n")
    assert id_.startswith("id: ")
    assert event == "event: message.delta"
    assert json.loads(data.removeprefix("data: "))["text"] == text.replace("\ud800", "?")
    assert end == ["", ""]


def test_what_has_been_let_go_is_not_told_as_if_it_had_not_been() -> None:
    """R26: never a silent hole."""
    journal = Journal(capacity=10)
    quiet = journal.publish("event", {}, "quiet")
    for _ in range(30):
        journal.publish("event", {}, "busy")
    cursor = f"{journal.epoch}.{quiet.seq}"
    assert journal.position(cursor, {"quiet"}) == quiet.seq
    assert journal.position(cursor, {"quiet", "busy"}) is None
    assert journal.position(journal.cursor, {"quiet", "busy"}) == journal.seq


def test_memory_is_bounded() -> None:
    journal = Journal(capacity=10)
    for _ in range(1000):
        journal.publish("event", {}, "a")
    assert len(list(journal.after(0, {"a"}))) <= 20
