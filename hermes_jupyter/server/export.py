"""A conversation as a file: for people, for programs, as a notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook

#: A row of the list, or a message, as the HTTP contract writes them.
Json = dict[str, Any]

#: Characters of a title that a file's name begins with.
MAX_NAME = 60

#: Whose words they are, in a document.
_SPEAKERS = {"user": "You", "assistant": "Hermes"}


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file, and how a conversation becomes one."""

    extension: str
    type: str
    write: Callable[[Json, Sequence[Json]], str]


def file_name(summary: Json, extension: str) -> str:
    """A name for the file that says what it is, on every file system."""
    title = summary["title"] or summary["preview"] or summary["id"]
    words = re.sub(r"[^\w.-]+", " ", title).strip(" .-")[:MAX_NAME].strip()
    return f"{words or summary['id']}.{extension}"


def to_markdown(summary: Json, messages: Sequence[Json]) -> str:
    """A document for people."""
    return "\n\n".join([_head(summary), *map(_section, messages)]) + "\n"


def to_json(summary: Json, messages: Sequence[Json]) -> str:
    """All that is known: ``{session, messages}``."""
    body = {"session": summary, "messages": list(messages)}
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


def to_notebook(summary: Json, messages: Sequence[Json]) -> str:
    """A notebook with a cell for each message."""
    cells = [new_markdown_cell(text) for text in (_head(summary), *map(_section, messages))]
    for number, cell in enumerate(cells):
        # The same conversation gives the same file.
        cell["id"] = f"message-{number}"
    return str(nbformat.writes(new_notebook(cells=cells))) + "\n"


def _head(summary: Json) -> str:
    title = summary["title"] or summary["preview"] or "A conversation with Hermes"
    began = datetime.fromtimestamp(summary["created_at"], UTC).strftime("%d %B %Y")
    facts = [f"{summary['source_label']}, {began}", summary["model"], summary["cwd"]]
    return f"# {title}\n\n{' · '.join(fact for fact in facts if fact)}"


def _section(message: Json) -> str:
    if message["tool"] is not None:
        return _tool(message["tool"])
    speaker = _SPEAKERS.get(message["role"])
    files = ", ".join(file["name"] for file in message["attachments"])
    said = [f"## {speaker}", message["text"], f"*Attached: {files}*" if files else ""]
    return "\n\n".join(filter(None, said)) if speaker else f"*{message['text']}*"


def _tool(tool: Json) -> str:
    given = json.dumps(tool["args"], ensure_ascii=False, indent=1)
    got = tool["result"]
    result = got if isinstance(got, str) else json.dumps(got, ensure_ascii=False, indent=1)
    return f"### Tool: {tool['name']}\n\n{_fenced(given, 'json')}\n\n{_fenced(result)}"


def _fenced(text: str, language: str = "") -> str:
    """A code block with a fence that is longer than any in the text."""
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


#: The files that a conversation can become, by the name of the format.
FORMATS = {
    "md": Format("md", "text/markdown; charset=utf-8", to_markdown),
    "json": Format("json", "application/json", to_json),
    "ipynb": Format("ipynb", "application/x-ipynb+json", to_notebook),
}
