"""The files of a prompt: into the text that the agent gets, and out of what it has stored.

Hermes tells a model of a file by a line in brackets with its path, and so do we, at the end of the
prompt. That line is all that is kept: what belongs to a message follows from its text, in this run
of the server as after the next start.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..core.attachments import is_image

#: The path of a file of ours, and its name.
_PATH = r"[^\n]*[/\\]jupyter[/\\]attachments[/\\][0-9a-f]{16}[/\\](?P<name>[^/\\\n]+)"

#: Our line, and the one that Hermes adds for each image that it shows to the model; behind the last
#: one it stores a word for each image, without the image.
_LINE = re.compile(
    rf"\n*^\[(?:User attached (?:file|image)|Image attached at): {_PATH}\](?:\n\[screenshot\])*$",
    re.M,
)

#: What Hermes puts before a prompt whose images it had described by another model.
_DESCRIBED = re.compile(
    rf"\A.*^\[You can examine it with vision_analyze using image_url: {_PATH}\]\n*", re.S | re.M
)


def with_lines(text: str, paths: Sequence[Path]) -> str:
    """The prompt as the agent gets it."""
    lines = "\n".join(
        f"[User attached {'image' if is_image(path.name) else 'file'}: {path}]" for path in paths
    )
    return "\n\n".join(part for part in (text, lines) if part)


def without_lines(text: str) -> tuple[str, tuple[str, ...]]:
    """What the person said, and the names of the files that went with it."""
    names = tuple(dict.fromkeys(found["name"] for found in _LINE.finditer(text)))
    return (_LINE.sub("", _DESCRIBED.sub("", text)), names) if names else (text, names)
