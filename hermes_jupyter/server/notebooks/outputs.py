"""What a cell put out, as a model reads it: text without colours, and pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ...core.tools import Image

#: Characters of one output that are looked at; of more, the beginning and the end.
MAX_OUTPUT = 200_000

#: Outputs of one cell that are looked at.
MAX_OUTPUTS = 500

#: Characters of one picture's base64, and pictures of one answer.
MAX_IMAGE = 1_000_000
MAX_IMAGES = 4

#: Pictures that models take.
_PICTURES = ("image/png", "image/jpeg")

#: Forms of a value, the most readable first.
_TEXTS = ("text/plain", "text/markdown", "text/latex", "application/json", "text/html")

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")


class Pictures:
    """The pictures of one answer, up to a number and size."""

    def __init__(self) -> None:
        self.taken: list[Image] = []

    def take(self, mime: str, data: str) -> str:
        """Add a picture; returns what stands for it in the text."""
        if len(data) > MAX_IMAGE:
            return f"[{mime}, too large to show: {len(data)} characters of base64]"
        if len(self.taken) == MAX_IMAGES:
            return f"[{mime}, not shown: {MAX_IMAGES} pictures at once; read this cell alone]"
        self.taken.append(Image(mime, data))
        return f"[picture {len(self.taken)}: {mime}]"


def text_of(outputs: Sequence[dict[str, Any]], pictures: Pictures) -> str:
    """All outputs of a cell as one text; pictures are put aside."""
    parts = [*_parts(outputs[:MAX_OUTPUTS], pictures)]
    if len(outputs) > MAX_OUTPUTS:
        parts.append(f"[{len(outputs) - MAX_OUTPUTS} more outputs]")
    return "\n".join(part.rstrip("\n") for part in parts if part)


def failed(outputs: Sequence[dict[str, Any]]) -> bool:
    """Whether the cell ended with an error."""
    return any(output.get("output_type") == "error" for output in outputs)


def plain(text: str) -> str:
    """A text without escape sequences, as it stands at last, and not longer than it may be."""
    if len(text) > MAX_OUTPUT:
        half = MAX_OUTPUT // 2
        left_out = len(text) - 2 * half
        text = f"{text[:half]}\n[… {left_out} characters left out …]\n{text[-half:]}"
    lines = _ESCAPES.sub("", text).replace("\r\n", "\n").split("\n")
    # A progress bar writes over its line again and again.
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _parts(outputs: Sequence[dict[str, Any]], pictures: Pictures) -> Iterator[str]:
    written: list[str] = []
    for output in outputs:
        if output.get("output_type") == "stream":
            # What was written in pieces is one text.
            written.append(_text(output.get("text")))
            continue
        yield plain("".join(written))
        written.clear()
        if output.get("output_type") == "error":
            yield plain(_traceback(output))
        else:
            data = output.get("data")
            yield _value(data if isinstance(data, dict) else {}, pictures)
    yield plain("".join(written))


def _traceback(output: dict[str, Any]) -> str:
    lines = output.get("traceback")
    said = f"{output.get('ename', 'Error')}: {output.get('evalue', '')}"
    return "\n".join(map(str, lines)) if isinstance(lines, list) and lines else said


def _value(data: dict[str, Any], pictures: Pictures) -> str:
    for mime in _PICTURES:
        if mime in data:
            return pictures.take(mime, "".join(_text(data[mime]).split()))
    for mime in _TEXTS:
        if mime in data:
            return plain(_text(data[mime]))
    kinds = [f"{mime}, {len(_text(value))} characters" for mime, value in data.items()]
    return f"[{'; '.join(kinds)}]" if kinds else ""


def _text(value: Any) -> str:
    """A text of a notebook, which may be written as its lines."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return json.dumps(value, ensure_ascii=False, default=str)
