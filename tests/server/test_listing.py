"""The list, the transcript and the search, of conversations that Hermes has from elsewhere."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.hermes_store import Call, ended, said, session, titled, turn, write

from .conftest import Api
from .test_when_busy import script

#: What is there is all that they have written.
pytestmark = pytest.mark.own_server


async def ids(api: Api, **query: str) -> list[str]:
    return [row["id"] for row in (await api.get("sessions", **query))["sessions"]]


def many(number: int) -> list[Call]:
    return [
        call
        for n in range(number)
        for call in (session(f"s{n:03}", ("cli", "telegram")[n % 2]), *turn(f"s{n:03}", "q", "a"))
    ]


async def test_pages_of_the_list_meet_without_a_seam(api: Api, home: Path) -> None:
    """R36, R40"""
    write(home, *many(25))
    whole = await ids(api, limit="200")
    assert whole == [f"s{n:03}" for n in reversed(range(25))]
    pages: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await api.get("sessions", limit="7", **cursor)
        assert page["total"] == 25
        pages += [row["id"] for row in page["sessions"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert pages == whole
    status, error = await api.refused("GET", "sessions", params={"cursor": "nowhere"})
    assert (status, error["code"]) == (400, "bad_cursor")


async def test_the_list_is_filtered(api: Api, home: Path) -> None:
    write(
        home,
        *many(4),
        titled("s001", "Sales of Ärzte"),
        ["set_session_archived", ["s002", True], {}],
        session(
            "child", "subagent", parent_session_id="s000", model_config={"_delegate_from": "s000"}
        ),
        *turn("child", "subtask", "done"),
        session("draft"),
        session("odd", "carrier_pigeon"),
        *turn("odd", "coo", "coo"),
    )
    assert await ids(api) == ["odd", "s003", "s001", "s000"]
    assert await ids(api, archived="true") == ["s002"]
    assert await ids(api, source="cli") == ["s000"]
    assert await ids(api, q="ärzte") == ["s001"]
    # By its first words too, and no less once it is open.
    write(home, ended("s003", "compression"), session("more", "telegram", parent_session_id="s003"))
    write(home, *turn("more", "later words", "a"))
    for _ in range(2):
        assert await ids(api, q="q", source="telegram") == ["s003", "s001"]
        assert await ids(api, q="later") == ["s003"]
        await api.get("sessions", "s003")
    assert await ids(api, q="x" * 20_000) == []
    (pigeon,) = (await api.get("sessions", q="coo"))["sessions"]
    assert pigeon["source_label"] == "Carrier pigeon"


async def test_pins_and_read_marks_are_kept_here(api: Api, home: Path) -> None:
    """R39: of conversations, not of segments; nothing is unread before there is a first mark."""
    write(
        home, *many(3), ended("s000", "compression"), session("t", "cli", parent_session_id="s000")
    )
    before = (await api.get("sessions"))["sessions"]
    assert [(row["pinned"], row["unread"]) for row in before] == [(False, False)] * 3
    assert (await api.patch("sessions", "t", pinned=True, read=False))["pinned"]
    rows = (await api.get("sessions"))["sessions"]
    assert [(row["id"], row["pinned"], row["unread"]) for row in rows] == [
        ("s000", True, True),
        ("s002", False, False),
        ("s001", False, False),
    ]
    row = await api.patch("sessions", "s000", pinned=False, read=True)
    assert (row["pinned"], row["unread"]) == (False, False)
    assert (await api.get("sessions", "t"))["unread"] is False
    status, error = await api.refused("PATCH", "sessions", "s000", body='{"pinned": 1}')
    assert (status, error["code"]) == (400, "bad_type")


async def test_what_is_said_after_the_first_mark_is_unread(api: Api, home: Path) -> None:
    write(home, *many(2))
    await api.patch("sessions", "s000", read=True)
    await api.turn("s001", script({"text": "News."}))
    rows = {row["id"]: row["unread"] for row in (await api.get("sessions"))["sessions"]}
    assert rows == {"s000": False, "s001": True}
    assert (await api.patch("sessions", "s001", read=True))["unread"] is False


async def test_subagents_are_listed_under_what_sent_them(api: Api, home: Path) -> None:
    mark = {"model_config": {"_delegate_from": "s000"}}
    write(
        home,
        *many(1),
        *(session("child", "subagent", parent_session_id="s000", **mark), *turn("child", "q", "a")),
    )
    (row,) = (await api.get("sessions"))["sessions"]
    assert row["subagent_count"] == 1
    (child,) = (await api.get("sessions", parent_id="s000"))["sessions"]
    assert (child["id"], child["relation"], child["parent_id"]) == ("child", "subagent", "s000")
    assert child["capabilities"] == ["export"]
    assert await ids(api, parent_id="nobody") == []


SOURCE = ("source", "source_label", "source_tag", "session_source", "is_cli_session")


async def test_where_it_came_from_is_the_same_everywhere(api: Api, home: Path) -> None:
    """R41: in list, detail, event and export, for the sources that Hermes has and for others."""
    sources = [
        *("cli", "tui", "desktop", "webui", "acp", "api_server", "webhook", "cron", "jupyter"),
        *("telegram", "discord", "slack", "whatsapp_cloud", "homeassistant", "weixin", "matrix"),
        *("unknown", "carrier_pigeon", "a b", "Ünïcode", "'; DROP TABLE sessions; --", "🦉"),
    ]
    calls: list[Call] = []
    for number, source in enumerate(sources):
        calls += [session(f"n{number}", source), *turn(f"n{number}", "q", "a")]
    write(home, *calls)
    answer = await api.get("sessions", limit="200")
    listed = {row["id"]: row for row in answer["sessions"]}
    assert {listed[f"n{n}"]["source"] for n in range(len(sources))} == set(sources)
    assert {(one["source"], one["label"]) for one in answer["sources"]} == {
        (row["source"], row["source_label"]) for row in listed.values()
    }
    async with api.stream("events") as page:
        await page.next()
        for id_, row in listed.items():
            wanted = {name: row[name] for name in SOURCE}
            await api.patch("sessions", id_, title=f"Title {id_}")
            seen = await page.until(lambda frame: frame.event == "sessions")
            exported = await api.get("sessions", id_, "export", format="json")
            for told in (seen[-1].data["sessions"][0], await api.get("sessions", id_)):
                assert {name: told[name] for name in SOURCE} == wanted
            assert {name: exported["session"][name] for name in SOURCE} == wanted
            assert await ids(api, source=row["source"]) == [id_]
    kinds = {row["source"]: row["session_source"] for row in listed.values()}
    assert (kinds["acp"], kinds["slack"], kinds["🦉"]) == ("cli", "messaging", "other")


async def test_any_id_of_a_chain_opens_it_and_all_of_it_is_read(api: Api, home: Path) -> None:
    """R37, R38"""
    calls: list[Call] = []
    for number in range(20):
        more = {"parent_session_id": f"c{number - 1}"} if number else {}
        calls += [session(f"c{number}", **more)]
        calls += [line for n in range(5) for line in turn(f"c{number}", f"q{number}.{n}", "a")]
        calls += [ended(f"c{number}", "compression")] if number < 19 else []
    write(home, *calls)
    (row,) = (await api.get("sessions"))["sessions"]
    assert (row["id"], row["tip_id"], row["segment_count"]) == ("c0", "c19", 20)
    assert row["message_count"] == 200
    for any_id in ("c0", "c7", "c19"):
        detail = await api.get("sessions", any_id)
        assert (detail["id"], detail["tip_id"]) == ("c0", "c19")
    read = [message["text"] for message in detail["messages"]]
    before = {"before": detail["messages"][0]["id"]}
    while True:
        page = await api.get("sessions", "c3", "messages", limit="33", **before)
        read = [message["text"] for message in page["messages"]] + read
        if page["before"] is None:
            break
        before = {"before": page["before"]}
    assert read == [text for s in range(20) for n in range(5) for text in (f"q{s}.{n}", "a")]
    status, error = await api.refused(
        "GET", "sessions", "c0", "messages", params={"before": "../../etc"}
    )
    assert (status, error["code"]) == (400, "bad_before")


async def test_what_was_said_here_is_read_back_to_the_beginning(api: Api, home: Path) -> None:
    write(home, session("old"), *(line for n in range(60) for line in turn("old", f"q{n}", "a")))
    await api.turn("old", script({"text": "Here."}))
    detail = await api.get("sessions", "old")
    read = [message["text"] for message in detail["messages"]]
    before = {"before": detail["messages"][0]["id"]}
    while True:
        page = await api.get("sessions", "old", "messages", limit="50", **before)
        read = [message["text"] for message in page["messages"]] + read
        if page["before"] is None:
            break
        before = {"before": page["before"]}
    assert [text for text in read if text.startswith("q")] == [f"q{n}" for n in range(60)]
    assert read[-1] == "Here."
    newest = await api.get("sessions", "old", "messages", limit="1")
    assert [message["text"] for message in newest["messages"]] == ["Here."]


async def test_a_search_leads_to_its_conversation(api: Api, home: Path) -> None:
    write(
        home,
        session("a"),
        titled("a", "Cats"),
        *turn("a", "Tell me of kittens", "They are <b>small</b>."),
        ended("a", "compression"),
        session("b", parent_session_id="a"),
        said("b", "user", "And of kittens again"),
    )
    results = (await api.get("search", q="kittens"))["results"]
    assert [(one["session_id"], one["title"]) for one in results] == [("a", "Cats")] * 2
    assert results[0]["snippet"][1] == {"text": "kittens", "match": True}
    known = [message["id"] for message in (await api.get("sessions", "a"))["messages"]]
    assert results[0]["message_id"] in known
    for text in ("", '"', "AND (", "*", "x" * 20_000):
        await api.get("search", q=text)


async def test_what_another_program_does_reaches_an_open_page(api: Api, home: Path) -> None:
    """R12: without asking, within about a second."""
    write(home, *many(3))
    async with api.stream("events") as page:
        await page.next()
        # The first look is what the others are compared with.
        await asyncio.sleep(1.5)
        write(home, titled("s001", "Renamed"), *turn("s000", "more", "of it"))

        async def told(wanted: str) -> dict[str, Any]:
            seen = await page.until(
                lambda frame: (
                    frame.event == "sessions"
                    and (
                        any(row["id"] == wanted for row in frame.data["sessions"])
                        or wanted in frame.data.get("removed", [])
                    )
                )
            )
            return seen[-1].data

        rows = {row["id"]: row for row in (await told("s000"))["sessions"]}
        assert rows["s000"]["message_count"] == 4
        assert "s002" not in rows
        write(home, ["delete_session", ["s002"], {}])
        assert (await told("s002"))["removed"] == ["s002"]
