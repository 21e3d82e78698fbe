"""The ``messages`` table of Hermes' database as the transcript of one conversation, told once.

A compaction writes copies: the first messages, a summary, and the newest messages again, into the
same session or into the one that goes on. The rows that were summarised away are kept. So the whole
transcript is there, with some of it twice; what is a copy follows from where the summaries stand.
"""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..core.agent import Compaction, HistoryMessage
from ..core.attachments import IMAGES, is_image
from .attached import without_lines
from .translate import tool_result

#: How Hermes marks content that is not a plain text.
_JSON_MARK = "\0json:"

#: How Hermes tells a model that another one has spoken before it, as if the person had said so.
MODEL_CHANGED = "[System: The active model for this chat has changed to "

#: The first text among the parts of a content, as far as it is there.
_FIRST_TEXT = re.compile(r'"text": "((?:[^"\\]|\\.)*)')

#: An image that is within a message, and the name that it has here.
_DATA_URL = re.compile(r"data:(image/\w+);base64,(.*)", re.S)
_IMAGE_NAME = re.compile(r"image-(\d{1,18})-(\d{1,9})\.(\w+)", re.A)
_SUFFIXES = {type_: suffix for suffix, type_ in IMAGES.items() if suffix != ".jpeg"}

#: How Hermes begins a summary, now and in older versions; the last one is of a summary that it has
#: put into the copy of a message, behind what that said.
_SUMMARIES = ("[CONTEXT COMPACTION", "[CONTEXT SUMMARY]", "[PRIOR CONTEXT")

#: Seconds within which Hermes writes all rows of a compaction: microseconds apart.
AT_ONCE = 0.001

#: The rows of a transcript: not what a person took back, but what was summarised away; and of an
#: assistant that calls a tool without a word, the tool alone.
_TOLD = """
    (m.active = 1 OR m.compacted = 1) AND (m.role = 'tool' OR m.role IN ('user', 'assistant')
    AND (trim(m.content, ' ' || char(9, 10, 13)) <> '' OR m.reasoning <> ''))"""


class Shape(NamedTuple):
    """A row as far as it can be recognised when it comes again."""

    id: int
    session_id: str
    at: float
    role: str
    call_id: str | None
    length: int | None
    begin: str | None

    def repeats(self, other: Shape) -> bool:
        """Whether it says the same as another row."""
        return self[3:] == other[3:]

    def is_copy_of(self, original: Shape, summary: Shape) -> bool:
        """Whether it was written again with ``summary``, and not said again.

        A copy has the time of its original or that of the compaction, where it was written into the
        same session; a person's words have a time of their own, also when they are the same words.
        """
        if not self.repeats(original):
            return False
        moved = self.session_id == summary.session_id != original.session_id
        return moved or self.at == original.at or abs(self.at - summary.at) < AT_ONCE

    @property
    def is_summary(self) -> bool:
        """Whether it stands for what was summarised away."""
        return self.role != "tool" and (self.begin or "").startswith(_SUMMARIES)


#: Columns of ``messages`` that older databases may lack, with what is read instead.
_OPTIONAL = {
    "tool_call_id": "NULL",
    "tool_calls": "NULL",
    "tool_name": "NULL",
    "reasoning": "NULL",
    "active": "1",
    "compacted": "0",
}


def messages_table(db: sqlite3.Connection) -> str:
    """What to select messages from: the table, or what makes one of it that lacks no column."""
    columns = {row["name"] for row in db.execute("PRAGMA table_info(messages)")}
    missing = [f"{default} AS {name}" for name, default in _OPTIONAL.items() if name not in columns]
    if not missing:
        return "messages"
    return f"(SELECT *, {', '.join(missing)} FROM messages)"  # noqa: S608  names of this file


@dataclass(frozen=True, slots=True)
class Copies:
    """The rows that are not told again, and how many messages each summary stands for."""

    rows: frozenset[int] = frozenset()
    summaries: dict[int, int] = field(default_factory=dict)


def read_messages(
    db: sqlite3.Connection,
    session_ids: Sequence[str],
    copies: Copies,
    before: int | None,
    limit: int,
) -> list[HistoryMessage]:
    """The last ``limit`` messages of these sessions below row ``before``, in order."""
    query = f"""
        SELECT m.id, m.session_id, m.role, m.content, m.tool_call_id, m.tool_name, m.timestamp,
               m.reasoning
        FROM {messages_table(db)} m
        WHERE m.session_id IN (SELECT value FROM json_each(?)) AND {_TOLD} AND m.id < ?
              AND m.id NOT IN (SELECT value FROM json_each(?))
        ORDER BY m.id DESC LIMIT ?"""  # noqa: S608  text of this file
    # In one JSON array, so that any number of them is one parameter.
    values = (json.dumps([*session_ids]), before or 1 << 62, json.dumps([*copies.rows]), limit)
    with closing(db.execute(query, values)) as cursor:
        rows = cursor.fetchall()[::-1]
    calls = _calls_for(db, rows)
    found = []
    for row in rows:
        text, attachments = _content(row)
        if row["id"] in copies.summaries:
            found.append(_compaction(row, copies.summaries[row["id"]]))
        elif row["role"] == "user" and text.startswith(MODEL_CHANGED):
            found.append(_switch(row, text))
        elif row["role"] == "tool":
            call = calls.get(row["tool_call_id"] or "", {})
            found.append(_tool_message(row, text, attachments, call))
        else:
            found.append(
                HistoryMessage(
                    row["id"],
                    row["session_id"],
                    row["role"],
                    text,
                    row["timestamp"],
                    row["reasoning"],
                    attachments=attachments,
                )
            )
    return found


def read_image(db: sqlite3.Connection, session_ids: Sequence[str], name: str) -> bytes | None:
    """The image of this name (see :func:`_images`) within a message; None: there is none."""
    place = _IMAGE_NAME.fullmatch(name)
    if place is None:
        return None
    query = """
        SELECT id, content FROM messages
        WHERE id = ? AND session_id IN (SELECT value FROM json_each(?))"""
    with closing(db.execute(query, (int(place[1]), json.dumps([*session_ids])))) as cursor:
        row = cursor.fetchone()
    data = _images(row["id"], _parts(row["content"])).get(name) if row is not None else None
    try:
        return base64.b64decode(data, validate=True) if data is not None else None
    except ValueError:
        return None  # Cut off by whoever stored it.


def last_row(db: sqlite3.Connection, session_ids: Sequence[str]) -> int:
    """The number of the newest row of these sessions; 0 if there is none."""
    # Of each session the index gives its last row at once, however many it has.
    query = """
        SELECT MAX((SELECT id FROM messages WHERE session_id = value ORDER BY id DESC LIMIT 1))
        FROM json_each(?)"""
    with closing(db.execute(query, (json.dumps([*session_ids]),))) as cursor:
        return int(cursor.fetchone()[0] or 0)


# -- copies ----------------------------------------------------------------------------------


def read_copies(db: sqlite3.Connection, session_ids: Sequence[str]) -> Copies:
    """What compactions wrote again into the sessions of one conversation."""
    ids = json.dumps([*session_ids])
    like = " OR ".join("m.content GLOB ?" for _ in _SUMMARIES)
    patterns = [f"[[]{begin[1:]}*" for begin in _SUMMARIES]
    query = f"""
        SELECT 1 FROM messages m WHERE m.session_id IN (SELECT value FROM json_each(?))
        AND m.role <> 'tool' AND ({like}) LIMIT 1"""  # noqa: S608  text of this file
    with closing(db.execute(query, (ids, *patterns))) as cursor:
        if cursor.fetchone() is None:
            return Copies()
    query = f"""
        SELECT m.id, m.session_id, m.timestamp, m.role, m.tool_call_id, length(m.content),
               substr(m.content, 1, 200)
        FROM {messages_table(db)} m
        WHERE m.session_id IN (SELECT value FROM json_each(?)) AND {_TOLD}
        ORDER BY m.id"""  # noqa: S608  text of this file
    with closing(db.execute(query, (ids,))) as cursor:
        return find_copies([Shape(*row) for row in cursor])


def find_copies(rows: Sequence[Shape]) -> Copies:
    """Which of ``rows`` (all of a conversation, in order) are copies, by where summaries stand.

    Before a summary stand copies of the conversation's first rows, after it those of its last
    ones.
    """
    told: list[Shape] = []
    again: set[int] = set()
    summaries: dict[int, int] = {}
    index = 0
    while index < len(rows):
        row = rows[index]
        index += 1
        if not row.is_summary:
            told.append(row)
            continue
        head = _repeated_head(told, row)
        copies = told[len(told) - head :]
        del told[len(told) - head :]
        tail = _repeated_tail(told, rows[index:], row)
        copies += rows[index : index + tail]
        again.update(copy.id for copy in copies)
        summaries[row.id] = max(0, len(told) - head - tail)
        index += tail
    return Copies(frozenset(again), summaries)


def _repeated_head(told: list[Shape], summary: Shape) -> int:
    """How many of the last rows are copies of the first ones."""
    for count in range(len(told) // 2, 0, -1):
        pairs = zip(told[-count:], told, strict=False)
        if all(copy.is_copy_of(original, summary) for copy, original in pairs):
            return count
    return 0


def _repeated_tail(told: list[Shape], following: Sequence[Shape], summary: Shape) -> int:
    """How many of the rows that follow are copies of the last ones."""
    for count in range(min(len(told), len(following)), 0, -1):
        pairs = zip(following, told[-count:], strict=False)
        if all(copy.is_copy_of(original, summary) for copy, original in pairs):
            return count
    return 0


# -- single messages -------------------------------------------------------------------------


def plain(content: str | None) -> str:
    """The text of a message's content, of whatever parts it is made."""
    if not content or not content.startswith(_JSON_MARK):
        return content or ""
    parts = _parts(content)
    if not isinstance(parts, list):
        return str(parts)
    said = (_part(part) for part in parts if isinstance(part, dict))
    return "\n".join(text for text in said if text).strip()


def opening(content: str) -> str:
    """How a message begins, of whose content there may be only the first characters."""
    begins = content.startswith(_JSON_MARK) and _FIRST_TEXT.search(content)
    if not begins:
        return without_lines(plain(content))[0]
    # What follows half an escape is not there.
    text = re.sub(r"\\(u[0-9a-f]{0,3})?$", "", begins[1])
    return without_lines(json.loads(f'"{text}"', strict=False))[0]


def _content(row: sqlite3.Row) -> tuple[str, tuple[str, ...]]:
    """What a message says, and the names of the files and images that are with it."""
    text, files = without_lines(plain(row["content"]))
    # An image that went with a prompt of ours is within the message, and a file beside it.
    if any(is_image(name) for name in files):
        return text, files
    return text, (*files, *_images(row["id"], _parts(row["content"])))


def _parts(content: str | None) -> Any:
    """The parts of a message's content; a text for one that has none."""
    if not content or not content.startswith(_JSON_MARK):
        return content or ""
    try:
        return json.loads(content[len(_JSON_MARK) :])
    except ValueError:
        return content[len(_JSON_MARK) :]


def _images(row: int, parts: Any) -> dict[str, str]:
    """The images within a message, in base64, by a name that says where they are."""
    images = filter(None, map(_image, parts)) if isinstance(parts, list) else ()
    return {f"image-{row}-{number}{suffix}": data for number, (suffix, data) in enumerate(images)}


def _image(part: Any) -> tuple[str, str] | None:
    """How the name of an image ends, and the image in base64; None: it is none, or not here."""
    url = part.get("image_url") if isinstance(part, dict) else None
    address = url.get("url") if isinstance(url, dict) else url
    found = _DATA_URL.match(address) if isinstance(address, str) else None
    suffix = _SUFFIXES.get(found[1]) if found else None
    return (suffix, found[2]) if found and suffix else None


def _part(part: dict[str, Any]) -> str:
    if str(part.get("type", "")).startswith("image"):
        return "" if _image(part) else "(an image)"
    return str(part.get("text", ""))


def _compaction(row: sqlite3.Row, messages: int) -> HistoryMessage:
    id_, session_id, at = row["id"], row["session_id"], row["timestamp"]
    return HistoryMessage(id_, session_id, "notice", "", at, compaction=Compaction(messages))


def _switch(row: sqlite3.Row, text: str) -> HistoryMessage:
    model = text.removeprefix(MODEL_CHANGED).partition(". From this point")[0]
    said = f"The model is now {model.partition(' via provider ')[0]}."
    return HistoryMessage(row["id"], row["session_id"], "notice", said, row["timestamp"])


def _calls_for(db: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> dict[str, dict[str, Any]]:
    """The calls that the results among ``rows`` answer, by their ids."""
    results = [row for row in rows if row["role"] == "tool"]
    if not results:
        return {}
    # Each result has one message that called for it, so there are no more of those than of these.
    query = f"""
        SELECT tool_calls FROM {messages_table(db)}
        WHERE session_id IN (SELECT value FROM json_each(?)) AND id < ? AND role = 'assistant'
              AND tool_calls IS NOT NULL
        ORDER BY id DESC LIMIT ?"""  # noqa: S608  names of this file
    sessions = json.dumps(sorted({row["session_id"] for row in results}))
    values = (sessions, results[-1]["id"], len(results))
    with closing(db.execute(query, values)) as cursor:
        calls = [call for row in cursor for call in _calls(row[0])]
    return {str(call.get("id")): call.get("function") or {} for call in calls}


def _tool_message(
    row: sqlite3.Row, text: str, attachments: tuple[str, ...], call: dict[str, Any]
) -> HistoryMessage:
    result, error = tool_result(text)
    try:
        args = json.loads(call.get("arguments") or "{}")
    except ValueError:
        args = {"arguments": call.get("arguments")}
    tool = {
        "id": row["tool_call_id"],
        "name": row["tool_name"] or call.get("name") or "tool",
        "args": args,
        "result": result,
        "duration": None,
        "error": error,
    }
    at: float = row["timestamp"]
    return HistoryMessage(
        row["id"], row["session_id"], "tool", "", at, tool=tool, attachments=attachments
    )


def _calls(stored: str | None) -> list[dict[str, Any]]:
    try:
        calls = json.loads(stored or "[]")
    except ValueError:
        return []
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
