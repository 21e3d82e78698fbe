"""The HTTP contract as a document that programs read: ``openapi.json``."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml
from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import HermesHandler


@cache
def document() -> dict[str, Any]:
    """The document; read when it is first asked for."""
    text = Path(__file__).with_name("openapi.yaml").read_text(encoding="utf-8")
    # The C loader takes a tenth of the time, where there is one.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return cast(dict[str, Any], yaml.load(text, loader))  # noqa: S506  both are safe


class OpenApiHandler(HermesHandler):
    """``openapi.json``: this contract."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer the document; the address in it counts from the document's own."""
        self.reply(await asyncio.to_thread(document))


routes = [(r"/hermes/api/openapi.json", OpenApiHandler)]
