"""Routes of the pages: what they have open, and what they answer."""

from __future__ import annotations

from typing import Any, cast

from tornado import web

from ...core.errors import BadRequest, NotFound, TooLarge
from ..base import HermesHandler, authorized_to
from .documents import MAX_DOCUMENTS, Document
from .host import Notebooks

#: The key of the :class:`Notebooks` in the web application's settings.
NOTEBOOKS = "hermes_notebooks"

#: Characters of the name that a page gives itself.
MAX_PAGE_ID = 100

#: Bytes of a page's answer: the bounded outputs of some cells, or the sources of very many.
MAX_ANSWER = 32 * 1024 * 1024


class DocumentsHandler(HermesHandler):
    """``notebook/documents``: the notebooks that a page has open."""

    @web.authenticated
    @authorized_to("execute")
    async def put(self) -> None:
        """Take ``{page_id, documents: [{path, kernel_id, focused}]}``; answer the policy."""
        body = self.body()
        page_id = _page_id(self, body)
        given = body.get("documents")
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise BadRequest("`documents` must be a list of objects.", code="bad_type")
        if len(given) > MAX_DOCUMENTS:
            raise TooLarge(
                f"More than {MAX_DOCUMENTS} documents of one page.", code="too_many_documents"
            )
        notebooks = _notebooks(self)
        notebooks.documents.tell(page_id, [self._document(one) for one in given])
        self.reply(self.core.notebook_policy.to_json())

    def _document(self, one: dict[str, Any]) -> Document:
        path = self.text(one, "path")
        if not path:
            raise BadRequest("A document has a `path`.", code="missing_field")
        return Document(path, self.text(one, "kernel_id"), bool(self.flag(one, "focused")))


class RespondHandler(HermesHandler):
    """``notebook/respond``: what a page says to a ``notebook.request``."""

    @property
    def max_body(self) -> int:
        return MAX_ANSWER

    @web.authenticated
    @authorized_to("execute")
    async def post(self) -> None:
        """Take ``{request_id, page_id, result | error}``; answer ``{}``."""
        body = self.body()
        request_id = self.needed_text(body, "request_id")
        page_id = _page_id(self, body)
        outcome: dict[str, Any] = {name: body[name] for name in ("result", "error") if name in body}
        if len(outcome) != 1 or not isinstance(next(iter(outcome.values())), dict):
            raise BadRequest("There must be one of `result` and `error`.", code="bad_answer")
        _notebooks(self).documents.respond(request_id, page_id, outcome)
        self.reply({})


def _notebooks(handler: HermesHandler) -> Notebooks:
    notebooks = cast(Notebooks | None, handler.settings.get(NOTEBOOKS))
    if notebooks is None:
        raise NotFound("Nobody reads notebooks here: this is no Jupyter server.", code="no_server")
    return notebooks


def _page_id(handler: HermesHandler, body: dict[str, Any]) -> str:
    page_id = handler.text(body, "page_id", MAX_PAGE_ID)
    if not page_id:
        raise BadRequest("`page_id` is missing.", code="missing_field")
    return page_id


routes = [
    (r"/hermes/api/notebook/documents", DocumentsHandler),
    (r"/hermes/api/notebook/respond", RespondHandler),
]
