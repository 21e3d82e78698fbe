"""Who gets in, to what, and how a refusal looks."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from jupyter_server.auth import AllowAllAuthorizer
from tornado.httpclient import HTTPClientError

from hermes_jupyter.server import questions, sessions, status, stream

from .conftest import Api

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ROUTES = [
    (verb, route.replace(r"([^/]+)", "nobody"))
    for module in (status, sessions, questions, stream)
    for route, handler in module.routes
    for verb in VERBS
    if verb.lower() in vars(handler)
]


async def refused(fetch: Any, verb: str, route: str, **options: Any) -> tuple[int, dict[str, Any]]:
    body = "{}" if verb in ("POST", "PUT", "PATCH") else None
    with pytest.raises(HTTPClientError) as caught:
        await fetch(route, method=verb, body=body, request_timeout=5, **options)
    response = caught.value.response
    assert response is not None
    assert response.headers["Content-Type"].startswith("application/json")
    return response.code, json.loads(response.body)["error"]


@pytest.mark.parametrize(("verb", "route"), ROUTES)
async def test_a_stranger_gets_nowhere(
    jp_fetch: Any, jp_serverapp: Any, verb: str, route: str
) -> None:
    """R51"""
    code, error = await refused(jp_fetch, verb, route, headers={"Authorization": ""})
    assert (code, error["code"]) == (403, "forbidden")


class Recorder(AllowAllAuthorizer):
    """An authorizer that lets a guest read, and remembers what it was asked."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked: list[tuple[str, str]] = []

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        self.asked.append((action, resource))
        return action == "read"


@pytest.fixture
def reader(jp_serverapp: Any) -> Recorder:
    """The authorizer of a server whose guests may read and nothing else."""
    authorizer = Recorder(parent=jp_serverapp)
    jp_serverapp.web_app.settings["authorizer"] = authorizer
    return authorizer


DRIVES = ("prompt", "interrupt", "turns", "answer", "dismiss", "respond", "restart")


@pytest.mark.parametrize(("verb", "route"), [route for route in ROUTES if route[0] != "GET"])
async def test_a_reader_changes_nothing(
    jp_fetch: Any, reader: Recorder, verb: str, route: str
) -> None:
    """N9: read, write and execute are three rights on one resource."""
    code, _ = await refused(jp_fetch, verb, route)
    assert code == 403
    drives = any(word in route for word in DRIVES) or route.endswith("/sessions")
    assert reader.asked == [("execute" if drives else "write", "hermes")]


async def test_a_reader_reads(api: Api, reader: Recorder) -> None:
    assert (await api.get("sessions"))["sessions"] == []
    async with api.stream("approval/stream") as frames:
        assert (await frames.next()).data == {"pending": None, "pending_count": 0}
    assert set(reader.asked) == {("read", "hermes")}


async def test_a_cookie_alone_changes_nothing(api: Api, jp_serverapp: Any) -> None:
    """XSRF: a page of somebody else's can send the cookie, not the token beside it."""
    async with httpx.AsyncClient(base_url=api.origin) as browser:
        await browser.get("status", headers=api.headers)
        assert (await browser.get("status")).status_code == 200
        answer = await browser.post("agent/restart")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize("verb", VERBS)
async def test_a_path_that_there_is_not(jp_fetch: Any, jp_serverapp: Any, verb: str) -> None:
    code, error = await refused(jp_fetch, verb, "/hermes/api/nothing/here")
    assert (code, error["code"]) == (404, "no_such_route")


async def test_a_verb_that_there_is_not(jp_fetch: Any, jp_serverapp: Any) -> None:
    code, error = await refused(jp_fetch, "DELETE", "/hermes/api/status")
    assert (code, error["code"]) == (405, "method_not_allowed")
