"""What a person may go on to type: commands, and files of the agent's folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .agent import Command

#: Completions that are told; who wants more types another letter.
MOST = 30

#: Entries of a folder, and of all below it, that are looked at.
_MOST_LOOKED_AT = 5000

#: Folders full of what nobody names.
_UNNAMED = frozenset(("node_modules", "__pycache__", "site-packages", "venv"))

#: A path that is being typed at the end of a text, as Hermes reads it.
_PATH = re.compile(r"(?<![\w/])@(?:(file|folder):)?(?:`([^`\n]*)|([^\s`]*))$")


@dataclass(frozen=True, slots=True)
class Completion:
    """What may stand instead of the end of the text, and what a person sees of it."""

    text: str
    label: str
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """The completion as the HTTP contract writes it."""
        return asdict(self)


def complete_command(text: str, commands: Sequence[Command]) -> tuple[int, list[Completion]]:
    """Where in ``text`` what is being typed begins, and how it may go on."""
    name, space, typed = text[1:].partition(" ")
    if not space:
        found = [
            Completion(f"/{one.name} ", f"/{one.name}", one.description)
            for one in commands
            if any(known.startswith(name.lower()) for known in (one.name, *one.aliases))
        ]
        return 0, found[:MOST]
    choices = next((one.choices for one in commands if name in (one.name, *one.aliases)), ())
    fit = [Completion(choice, choice) for choice in choices if choice.startswith(typed)]
    return len(name) + 2, fit[:MOST]


def complete_path(text: str, folder: Path) -> tuple[int, list[Completion]]:
    """The same for a path after an ``@``, below ``folder``; hidden files are not told.

    Reads the disk.
    """
    found = _PATH.search(text)
    if found is None:
        return len(text), []
    kind, typed = found[1], found[2] if found[2] is not None else found[3]
    root = folder.resolve()
    paths = _below(root, typed) if "/" not in typed and len(typed) > 1 else _in(root, typed)
    told = []
    for path, is_folder in paths:
        if kind is None or (kind == "folder") == is_folder:
            told.append(_path_completion(path, is_folder))
        if len(told) == MOST:
            break
    return found.start(), told


def _in(root: Path, typed: str) -> Iterator[tuple[str, bool]]:
    """The entries of the folder that is typed already which begin with what follows it."""
    parent, _, begin = typed.rpartition("/")
    if any(part.startswith((".", "~")) for part in typed.split("/")) or "\0" in typed:
        return
    folder = (root / parent.lstrip("/")).resolve() if not typed.startswith("/") else None
    if folder is None or not folder.is_relative_to(root) or not folder.is_dir():
        return
    for entry in _entries(folder):
        if entry.name.lower().startswith(begin.lower()) and _is_within(root, entry):
            name = f"{parent}/{entry.name}" if parent else entry.name
            yield name, entry.is_dir()


def _below(root: Path, typed: str) -> Iterator[tuple[str, bool]]:
    """What has ``typed`` in its name, however deep: what begins with it first, then the nearest."""
    looked_at = 0
    fit: list[tuple[bool, int, str, bool]] = []
    folders = [root]
    while folders and looked_at < _MOST_LOOKED_AT:
        folder = folders.pop(0)
        for entry in _entries(folder):
            looked_at += 1
            within = _is_within(root, entry)
            if within and typed.lower() in entry.name.lower():
                path = Path(entry.path).relative_to(root).as_posix()
                begins = entry.name.lower().startswith(typed.lower())
                fit.append((not begins, path.count("/"), path, entry.is_dir()))
            if within and entry.is_dir(follow_symlinks=False) and entry.name not in _UNNAMED:
                folders.append(Path(entry.path))
    for *_, path, is_folder in sorted(fit):
        yield path, is_folder


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            seen = [entry for entry, _ in zip(entries, range(_MOST_LOOKED_AT), strict=False)]
    except OSError:
        return []  # Not ours to look into, or gone meanwhile.
    return sorted(
        (entry for entry in seen if not entry.name.startswith(".")), key=lambda entry: entry.name
    )


def _is_within(root: Path, entry: os.DirEntry[str]) -> bool:
    """Whether it is below the root also when it only points to what it is."""
    return not entry.is_symlink() or Path(entry.path).resolve().is_relative_to(root)


def _path_completion(path: str, is_folder: bool) -> Completion:
    kind, end = ("folder", "/") if is_folder else ("file", "")
    name = path.rpartition("/")[2] + end
    # As Hermes reads a path with what would end it.
    needs_quotes = re.search(r"[\s()\[\]{}<>\"'`,;!?]", path)
    value = f"`{path}{end}`" if needs_quotes and "`" not in path else path + end
    return Completion(f"@{kind}:{value}", name, path.rpartition("/")[0])
