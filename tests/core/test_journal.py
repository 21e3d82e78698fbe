from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpcore
import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from hermes_jupyter.core.journal import EVERYWHERE, Event, Journal, encode_frame
from hermes_jupyter.notebook.client import HermesClient

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


@given(
    st.lists(published, min_size=1, max_size=8),
    st.sets(st.sampled_from(TOPICS), min_size=1),
    st.integers(1, 6),
)
def test_a_page_that_comes_and_goes_misses_nothing(
    between: list[list[set[str]]], topics: set[str], capacity: int
) -> None:
    """R25, R26: from any cursor, all that followed, once and in order, or a snapshot of now."""
    journal = Journal(capacity)
    happened: list[int] = []
    known, cursor = 0, None
    for publishing in between:
        for names in publishing:
            event = journal.publish("event", {}, *names)
            if names & topics:
                happened.append(event.seq)
        position = journal.position(cursor, topics)
        if position is not None:
            assert position == known
            told = [event.seq for event in journal.after(position, topics)]
            assert told == [seq for seq in happened if seq > known]
        known, cursor = journal.seq, journal.cursor
    for seq in range(journal.seq + 3):
        after = [one for one in happened if one > seq]
        kept = journal.position(f"{journal.epoch}.{seq}", topics) == seq
        if kept:
            assert [event.seq for event in journal.after(seq, topics)] == after
        # What is let go is old, and only where there is more than is kept.
        assert kept or seq > journal.seq or len(happened) > capacity


@given(st.text(max_size=30), st.sets(st.sampled_from(TOPICS)))
@example("9" * 5000, set())
@example("\u0663", set())
def test_a_cursor_that_means_nothing_is_none(text: str, topics: set[str]) -> None:
    journal = Journal()
    journal.publish("event", {}, "a")
    for cursor in (text, f"{text}.1", f"{journal.epoch}.{text}"):
        assert journal.position(cursor, topics) in (None, 0, 1)


#: Everything that some reader of lines takes for the end of one, among letters of all sizes.
texts = st.text(
    st.sampled_from("a:\n\r\v\f\x1c\x1e\0\x85\u2028\u2029\ufeffé中🦉\ud83e\udd89") | st.characters()
)
frames = st.lists(
    st.tuples(st.sampled_from(["message.delta", "ping"]), st.dictionaries(texts, texts)), max_size=5
)


def pieces(stream: bytes, cuts: list[int]) -> Iterator[bytes]:
    """The stream as a network brings it: cut anywhere, also within a letter."""
    ends = sorted(cut % (len(stream) + 1) for cut in cuts)
    for start, end in zip([0, *ends], [*ends, len(stream)], strict=True):
        yield stream[start:end]


def on_the_wire(told: list[tuple[str, dict[str, str]]]) -> tuple[bytes, list[tuple[str, str, str]]]:
    """The bytes of a stream, and what a page shall read from them."""
    stream = b"retry: 2000\n\n" + b"".join(
        encode_frame(f"e.{number}", type_, data) for number, (type_, data) in enumerate(told)
    )
    read = [
        (f"e.{number}", type_, json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))
        for number, (type_, data) in enumerate(told)
    ]
    return stream, [(id_, type_, json.loads(data)) for id_, type_, data in read]


client = HermesClient("http://server/", "token")


@given(frames, st.lists(st.integers(min_value=0), max_size=20))
def test_a_kernel_reads_what_was_told(
    told: list[tuple[str, dict[str, str]]], cuts: list[int]
) -> None:
    """Whatever the text, and however the network cuts it."""
    stream, expected = on_the_wire(told)

    def answer(_: httpx.Request) -> httpx.Response:
        headers = {"Content-Type": "text/event-stream"}
        wire = {"network_stream": httpcore.NetworkStream()}
        content = pieces(stream, cuts)
        return httpx.Response(200, headers=headers, content=content, extensions=wire)

    client._http._transport = httpx.MockTransport(answer)
    assert list(client._read("session", "")) == expected


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


def test_at_rest_a_topic_keeps_its_newest_events() -> None:
    journal = Journal()
    for _ in range(1000):
        journal.publish("text", {"text": "x" * 1000}, "topic")
    journal.rest("topic")
    kept = list(journal.after(journal.seq - 200, ["topic"]))
    assert [event.seq for event in kept] == list(range(journal.seq - 199, journal.seq + 1))
    assert journal.position(f"{journal.epoch}.{journal.seq - 200}", ["topic"]) is not None
    assert journal.position(f"{journal.epoch}.1", ["topic"]) is None
    journal.rest("nowhere")


def test_a_later_run_of_the_server_is_known_by_its_epoch() -> None:
    """R25: what comes late from the run before is not taken for news."""
    epochs = []
    for _ in range(3):
        epochs.append(Journal().epoch)
        time.sleep(0.002)
    assert epochs == sorted(set(epochs))
