"""Routes of files: uploaded before the prompt that names them, read back, taken back."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import ensure_async
from tornado import web

from ..core.attachments import Upload, type_of
from ..core.errors import CoreError, NotFound, TooLarge
from .base import AUTH_RESOURCE, HermesHandler, authorized_to, status_of

#: Bytes that are read from a file, and written to a page, at once.
CHUNK = 256 * 1024


class AttachmentsHandler(HermesHandler):
    """``sessions/{id}/attachments``: a file for the next prompt."""

    #: Seconds that a file may take to arrive.
    body_deadline: ClassVar[float] = 3600.0

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse what will be refused before the file is sent."""
        self._upload: Upload | None = None
        await super().prepare()
        if self.request.method != "POST":
            return
        if self.current_user is None:
            raise web.HTTPError(403)
        allowed = self.authorizer.is_authorized(self, self.current_user, "execute", AUTH_RESOURCE)
        if not await ensure_async(allowed):
            raise web.HTTPError(403)
        # The limit is ours alone, so that what is over it is told why.
        self.request.connection.set_max_body_size(sys.maxsize)  # type: ignore[union-attr]
        conversation = await self.core.conversations.find(self.path_args[0])
        self.core.conversations.must_allow(conversation, "prompt")
        name = self.get_query_argument("name", "")
        with _what_fails_on_disk():
            self._upload = await self.core.attachments.begin(conversation.id, name)

    @property
    def max_body(self) -> int:
        """Bytes of the largest file."""
        return self.core.limits.upload

    async def data_received(self, chunk: bytes) -> None:  # type: ignore[override]
        """Write a part of the file to the disk."""
        if self._upload is None or self._finished:
            return
        try:
            if self._upload.size + len(chunk) > self.max_body:
                raise self._body_too_large()
            with _what_fails_on_disk():
                await self._upload.write(chunk)
        except CoreError as error:
            self.send_error(status_of(error), exc_info=(type(error), error, None))

    @web.authenticated
    @authorized_to("execute")
    async def post(self, session_id: str) -> None:
        """Take the file as it is, called ``?name=``; 201 with ``{name, path, size, type}``."""
        assert self._upload is not None
        with _what_fails_on_disk():
            self.reply((await self._upload.finish()).to_json(), 201)

    def on_connection_close(self) -> None:
        """What has not arrived in full is not there."""
        self._give_up()
        super().on_connection_close()

    def on_finish(self) -> None:
        """What was refused is not there."""
        self._give_up()
        super().on_finish()

    def _give_up(self) -> None:
        if self._upload is not None:
            self._upload.give_up()

    def _body_too_large(self) -> TooLarge:
        return TooLarge(
            f"The file is larger than {self.max_body / 1024 / 1024:.3g} MB.",
            code="file_too_large",
            hint={"text": "Put it into the agent's folder and name it in the prompt."},
        )


class AttachmentHandler(HermesHandler):
    """``sessions/{id}/attachments/{name}``: one file of a conversation."""

    @web.authenticated
    @authorized
    async def get(self, session_id: str, name: str) -> None:
        """Answer the file, to be saved; also an image that a message has within it."""
        conversation = await self.core.conversations.find(session_id)
        try:
            content = _read(self.core.attachments.find(conversation.id, name))
        except NotFound:
            image = await self.core.agent.history.image([*conversation.segments], name)
            if image is None:
                raise
            content = _whole(image)
        self.set_header("Content-Type", type_of(name))
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(name)}")
        self.set_header("X-Content-Type-Options", "nosniff")
        async for chunk in content:
            self.write(chunk)
            await self.flush()
        self.finish(set_content_type=type_of(name))

    @web.authenticated
    @authorized_to("execute")
    async def delete(self, session_id: str, name: str) -> None:
        """Take it back; 409 once it was sent."""
        await self.core.turns.take_back(session_id, name)
        self.reply({"deleted": name})


async def _read(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


@contextmanager
def _what_fails_on_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CoreError(
            f"The file could not be stored: {error.strerror}.",
            code="not_stored",
            hint={"text": "Is there room on the server's disk, and may it be written to?"},
        ) from error


_ATTACHMENTS = r"/hermes/api/sessions/([^/]+)/attachments"

routes = [
    (_ATTACHMENTS, AttachmentsHandler),
    (_ATTACHMENTS + r"/([^/]+)", AttachmentHandler),
]
