"""The files that people give to the agent, on disk beside the store, of each conversation its own.

A stored name says what a file is: the content of an image decides how its name ends, and nothing
else ends so. A file that was sent belongs to the transcript, and is read only from then on.
"""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import os
import re
import shutil
import stat
import time
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .errors import BadRequest, Conflict, NotFound

#: Images that models are shown: how their names end, and what they are.
IMAGES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
}

#: How the contents of these images begin.
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF87a": ".gif",
    b"GIF89a": ".gif",
    b"BM": ".bmp",
}

#: Bytes of the longest name, and of what follows its last dot; file systems take 255.
_MAX_NAME, _MAX_SUFFIX = 150, 20

#: What Windows, or the line that tells the agent of a file, reads as something else.
_NOT_IN_NAMES = re.compile(r'[<>:"|?*\[\]@`]')

#: Names that Windows keeps for devices.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.I)

#: How the file of an upload under way is called.
_UNFINISHED = ".upload-"

#: Seconds after which a file that was never sent is deleted.
_FORGOTTEN = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a conversation; ``size`` in bytes."""

    name: str
    path: str
    size: int
    type: str

    def to_json(self) -> dict[str, Any]:
        """The file as the HTTP contract writes it."""
        return asdict(self)


def is_image(name: str) -> bool:
    """Whether a stored name is that of an image which models are shown."""
    return Path(name).suffix.lower() in IMAGES


def type_of(name: str) -> str:
    """The media type that a stored name tells."""
    known = IMAGES.get(Path(name).suffix.lower()) or mimetypes.guess_type(name)[0]
    return known or "application/octet-stream"


def attachments_json(names: Sequence[str]) -> list[dict[str, str]]:
    """The files of a message or a turn as the HTTP contract writes them."""
    return [{"name": name, "type": type_of(name)} for name in names]


def safe_name(given: str) -> str:
    """A name for a file that is safe on every system, as near to the given one as can be."""
    base = unicodedata.normalize("NFC", re.split(r"[/\\]", given)[-1])
    seen = "".join(char for char in base if unicodedata.category(char)[0] != "C")
    name = " ".join(_NOT_IN_NAMES.sub("_", seen).split()).strip(". ")
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix.encode()) > _MAX_SUFFIX:
        stem, dot, suffix = name, "", ""
    room = _MAX_NAME - len((dot + suffix).encode())
    stem = stem.encode()[:room].decode(errors="ignore").strip(". ")
    name = f"{stem or 'file'}{dot}{suffix}"
    return f"_{name}" if _DEVICES.match(name) else name


class Upload:
    """A file that is arriving; it is there under its name only once it is whole."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.parents[1].mkdir(mode=0o700, parents=True, exist_ok=True)
        for private in (folder.parent, folder):
            private.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder
        self._name = name
        self._path = folder / f"{_UNFINISHED}{uuid.uuid4().hex}"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._begin = b""
        self._writing = self._given_up = self._finished = False
        self.size = 0

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._begin += chunk[: 16 - len(self._begin)]
        self.size += len(chunk)
        self._writing = True
        try:
            await asyncio.to_thread(self._file.write, chunk)
        finally:
            self._writing = False
            if self._given_up:
                self._discard()

    async def finish(self) -> Attachment:
        """Put it under a name that no other file of the conversation has.

        Raises:
            BadRequest: it is empty.
        """
        if not self.size:
            raise BadRequest("The file is empty.", code="empty_file")
        attachment = await asyncio.to_thread(self._finish)
        self._finished = True
        return attachment

    def give_up(self) -> None:
        """Leave nothing behind, unless it is finished."""
        self._given_up = True
        if not self._writing and not self._finished:
            self._discard()

    def _finish(self) -> Attachment:
        self._file.close()
        path = _reserve(self._folder, _told_by_content(self._name, self._begin))
        self._path.replace(path)
        return Attachment(path.name, str(path), self.size, type_of(path.name))

    def _discard(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


class Attachments:
    """The files of all conversations.

    Args:
        directory: where they are; made when there is the first one.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._swept = False

    async def begin(self, session_id: str, name: str) -> Upload:
        """Begin to take a file; it will have this name as far as it is safe and free."""
        if not self._swept:
            self._swept = True
            await asyncio.to_thread(self._sweep)
        return await asyncio.to_thread(Upload, self._folder(session_id), safe_name(name))

    def find(self, session_id: str, name: str) -> Path:
        """The path of a file.

        Raises:
            NotFound: the conversation has no such file.
        """
        path = self._folder(session_id) / name
        if not _is_stored_name(name) or not path.is_file():
            raise NotFound(
                f"This conversation has no file {name[:80]!r}.",
                code="attachment_not_found",
                hint={"text": "Attach the file again."},
            )
        return path

    def paths(self, session_id: str, names: Sequence[str]) -> list[Path]:
        """Where files of these names are, or were."""
        return [self._folder(session_id) / name for name in names]

    def sent(self, session_id: str, names: Sequence[str]) -> list[Path]:
        """The paths of files that go to the agent now, and belong to the transcript from now on.

        Raises:
            NotFound: one of them is there no more.
        """
        paths = [self.find(session_id, name) for name in names]
        for path in paths:
            path.chmod(0o400)
        return paths

    def take_back(self, session_id: str, name: str) -> None:
        """Delete a file that was not sent.

        Raises:
            NotFound: the conversation has no such file.
            Conflict: it was sent.
        """
        path = self.find(session_id, name)
        if not path.stat().st_mode & stat.S_IWUSR:
            raise Conflict("The agent has this file already.", code="attachment_sent")
        path.unlink()

    async def copy(self, session_id: str, other_id: str) -> None:
        """Give a conversation the files of the one that it branches from."""
        source = self._folder(session_id)
        if source.is_dir():
            # With their modes: what was sent there was sent here.
            await asyncio.to_thread(
                shutil.copytree, source, self._folder(other_id), dirs_exist_ok=True
            )

    async def forget(self, session_id: str) -> None:
        """Delete all files of a conversation."""
        await asyncio.to_thread(shutil.rmtree, self._folder(session_id), ignore_errors=True)

    def _folder(self, session_id: str) -> Path:
        # Other programs give their sessions ids that need not be names of folders.
        return self._directory / hashlib.sha256(session_id.encode()).hexdigest()[:16]

    def _sweep(self) -> None:
        """Delete what was uploaded long ago and never sent."""
        for path in self._directory.glob("*/*"):
            about = path.stat()
            if about.st_mode & stat.S_IWUSR and about.st_mtime < time.time() - _FORGOTTEN:
                path.unlink()


def _is_stored_name(name: str) -> bool:
    alone = Path(name).name == name and not name.startswith(".")
    return alone and 0 < len(name.encode()) <= 255


def _told_by_content(name: str, begin: bytes) -> str:
    """The name with such an end that it tells an image exactly if it is one."""
    found = ".webp" if begin[:4] == b"RIFF" and begin[8:12] == b"WEBP" else None
    for signature, suffix in _SIGNATURES.items():
        if begin.startswith(signature):
            found = suffix
    told = IMAGES.get(Path(name).suffix.lower())
    if told == (IMAGES[found] if found else None):
        return name
    return name + (found or ".bin")


def _reserve(folder: Path, name: str) -> Path:
    """Make an empty file of this name, or of the next one that is free."""
    stem, suffix = Path(name).stem, Path(name).suffix
    number = 1
    while True:
        path = folder / (name if number == 1 else f"{stem} ({number}){suffix}")
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            number += 1
        else:
            return path
