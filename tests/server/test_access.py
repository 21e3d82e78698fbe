"""Who gets in, to what, and how a refusal looks: for every route there is."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from jupyter_server.auth import AllowAllAuthorizer
from jupyter_server.auth.identity import IdentityProvider, User
from tornado import web

from .conftest import Api
from .contract import VERBS, operations

#: Every verb and path of the document, with an id that nobody has.
ROUTES = [(verb, re.sub(r"{\w+}", "nobody", path).lstrip("/")) for verb, path in operations()]
STREAMS = [path for _, path in ROUTES if path.endswith(("stream", "events"))]

#: What only writes; else a GET reads, and all other calls drive the agent.
WRITES = [("PUT", "current")]

#: What starts the agent, or looks at a person's disk and asks their model, and changes nothing.
EXECUTES = [("GET", "commands"), ("GET", "doctor"), ("GET", "models")]


@asynccontextmanager
async def caller(api: Api, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with nothing but these headers."""
    async with httpx.AsyncClient(base_url=api.origin, headers=headers, timeout=60) as client:
        yield client


def error_of(response: httpx.Response) -> tuple[int, str]:
    """The status and the code of a refusal, which is JSON."""
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["error"]["message"]
    return response.status_code, response.json()["error"]["code"]


async def test_a_stranger_gets_nowhere(api: Api) -> None:
    """R51: not by any verb, whether a route has it or not."""
    paths = {path for _, path in ROUTES} | {"nothing/here"}
    for headers in ({}, {"Authorization": "token wrong"}, {"Cookie": "username=somebody"}):
        async with caller(api, **headers) as stranger:
            for path in paths:
                for verb in VERBS:
                    response = await stranger.request(verb, path)
                    assert error_of(response) == (403, "forbidden"), (verb, path)


async def test_a_token_in_the_address_is_a_login(api: Api) -> None:
    """R51: where the server takes it, and only the right one."""
    token = api.headers["Authorization"].removeprefix("token ")
    async with caller(api) as stranger:
        for path in STREAMS:
            async with stranger.stream("GET", path, params={"token": "wrong"}) as response:
                assert response.status_code == 403
        async with stranger.stream("GET", "events", params={"token": token}) as response:
            assert response.status_code == 200
            assert response.headers["Content-Type"] == "text/event-stream"


class Guard(AllowAllAuthorizer):
    """An authorizer that refuses one action, and remembers what it was asked."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.refuses = ""
        self.asked: list[tuple[str, str]] = []

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        self.asked.append((action, resource))
        return action != self.refuses


@pytest.fixture
def guard(jp_serverapp: Any, monkeypatch: pytest.MonkeyPatch) -> Guard:
    authorizer = Guard(parent=jp_serverapp)
    monkeypatch.setitem(jp_serverapp.web_app.settings, "authorizer", authorizer)
    return authorizer


async def test_read_write_and_execute_are_three_rights(api: Api, guard: Guard) -> None:
    """N9: each route asks for its own, of one resource, and before all else."""
    async with caller(api, **api.headers) as guest:
        for verb, path in ROUTES:
            guard.asked.clear()
            guard.refuses = "read" if verb == "GET" else "execute"
            if (verb, path) in WRITES + EXECUTES:
                guard.refuses = "write" if (verb, path) in WRITES else "execute"
            response = await guest.request(verb, path)
            assert error_of(response) == (403, "forbidden"), (verb, path)
            assert guard.asked == [(guard.refuses, "hermes")], (verb, path)


async def test_a_reader_reads(api: Api, guard: Guard) -> None:
    guard.refuses = "write"
    assert (await api.get("sessions"))["sessions"] == []
    async with api.stream("approval/stream") as frames:
        assert (await frames.next()).data == {"pending": None, "pending_count": 0}
    assert set(guard.asked) == {("read", "hermes")}


async def test_a_cookie_alone_changes_nothing(api: Api) -> None:
    """XSRF: a page of somebody else's can send the cookie, not the token beside it."""
    async with caller(api) as browser:
        await browser.get(api.origin.replace("hermes/api/", "login"))
        await browser.get("status", headers=api.headers)
        assert (await browser.get("status")).status_code == 200
        for verb, path in ROUTES:
            if verb != "GET":
                response = await browser.request(verb, path)
                assert error_of(response) == (403, "forbidden"), (verb, path)
                assert "_xsrf" in response.json()["error"]["message"]
        # A page of this server's own can read it.
        browser.headers["X-XSRFToken"] = browser.cookies["_xsrf"]
        refused = await browser.post("questions/nobody/answer")
        assert error_of(refused) == (404, "question_not_found")


async def test_a_page_of_another_origin_is_not_let_in(api: Api) -> None:
    async with caller(api) as browser:
        await browser.get("status", headers=api.headers)
        for verb, path in ROUTES:
            response = await browser.request(verb, path, headers={"Origin": "http://evil.example"})
            assert response.status_code in (403, 404), (verb, path)


@pytest.mark.parametrize("verb", [verb.upper() for verb in VERBS])
async def test_a_path_that_there_is_not(api: Api, verb: str) -> None:
    async with caller(api, **api.headers) as client:
        for path in ("nothing/here", "sessions/", "sessions/a/b/c", "questions//answer", ""):
            assert error_of(await client.request(verb, path)) == (404, "no_such_route"), path


async def test_a_verb_that_there_is_not(api: Api) -> None:
    async with caller(api, **api.headers) as client:
        for path in {path for _, path in ROUTES}:
            for verb in (verb.upper() for verb in VERBS):
                if (verb, path) not in ROUTES:
                    refused = error_of(await client.request(verb, path))
                    assert refused == (405, "method_not_allowed"), (verb, path)


class Names(IdentityProvider):
    """Tells persons apart, as a hub does: who says a name has it."""

    def get_user(self, handler: Any) -> User | None:
        _, _, name = handler.request.headers.get("Authorization", "").partition("token ")
        handler._token_authenticated = True
        return User(name) if name.isalpha() else None


class TestOnAHub:
    """N9: the server is ada's; bob and eve are let in by the server's authorizer."""

    pytestmark = pytest.mark.own_server

    @pytest.fixture
    def others(self) -> set[str]:
        return set()

    @pytest.fixture
    def hermes_settings(self, others: set[str]) -> dict[str, Any]:
        return {"drivers": others, "max_streams_each": 2}

    @pytest.fixture
    def app_settings(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        monkeypatch.setenv("JUPYTERHUB_USER", "ada")
        return {"identity_provider_class": Names}

    async def test_only_the_owner_drives(self, api: Api) -> None:
        async with caller(api, Authorization="token bob") as guest:
            for verb, path in ROUTES:
                if path in STREAMS:
                    continue
                refused = verb != "GET" or (verb, path) in EXECUTES
                response = await guest.request(verb, path)
                if refused:
                    assert error_of(response) == (403, "not_a_driver"), (verb, path)
                    assert "only ada can" in response.json()["error"]["message"]
                else:
                    assert response.status_code != 403, (verb, path)
            async with guest.stream("GET", "approval/stream") as response:
                assert response.status_code == 200
            status = (await guest.get("status")).json()
            assert (status["can"], status["drivers"]) == (["read"], ["ada"])
        async with caller(api, Authorization="token ada") as owner:
            assert error_of(await owner.post("questions/nobody/answer"))[0] == 404
            assert (await owner.get("status")).json()["can"] == ["read", "write", "execute"]

    async def test_the_servers_authorizer_has_a_say_too(self, api: Api, guard: Guard) -> None:
        guard.refuses = "execute"
        async with caller(api, Authorization="token ada") as owner:
            assert error_of(await owner.post("sessions")) == (403, "forbidden")
            assert (await owner.get("status")).json()["can"] == ["read", "write"]
        guard.refuses = "read"
        async with caller(api, Authorization="token bob") as guest:
            assert error_of(await guest.get("sessions")) == (403, "forbidden")

    async def test_a_guest_leaves_room_for_the_owner(self, api: Api, extension: Any) -> None:
        async with (
            caller(api, Authorization="token bob") as guest,
            caller(api, Authorization="token ada") as owner,
        ):
            for _ in range(2):
                request = guest.build_request("GET", "events")
                assert (await guest.send(request, stream=True)).status_code == 200
            refused = await guest.get("events")
            assert error_of(refused) == (429, "too_many_streams")
            assert refused.headers["Retry-After"] == "5"
            async with owner.stream("GET", "events") as response:
                assert response.status_code == 200
        async with asyncio.timeout(10):
            while extension.streams._taken:
                await asyncio.sleep(0.01)
        assert not +extension.streams._counts

    @pytest.mark.parametrize("others", [{"bob"}, {"*"}])
    async def test_others_may_be_let_in(self, api: Api, others: set[str]) -> None:
        answers = {}
        for name in ("ada", "bob", "eve"):
            async with caller(api, Authorization=f"token {name}") as client:
                answers[name] = (await client.post("questions/nobody/answer")).status_code
        eve = 404 if "*" in others else 403
        assert answers == {"ada": 404, "bob": 404, "eve": eve}


async def test_a_server_in_a_hubs_terminal_is_its_persons_own(
    api: Api, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the hub's environment, and Jupyter's own token for one person."""
    monkeypatch.setattr(extension.settings["hermes_drivers"], "names", ["ada"])
    assert (await api.get("status"))["can"] == ["read", "write", "execute"]
    assert (await api.refused("POST", "questions", "nobody", "answer"))[0] == 404


class TestALoginThatEnds:
    """R51: streams that are open when it does."""

    @pytest.fixture
    def hermes_settings(self) -> dict[str, Any]:
        return {"reauthenticate": 0.0}

    @pytest.fixture(autouse=True)
    def at_once(self, extension: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(extension.streams._pulse, "callback_time", 50)

    @pytest.mark.parametrize("how", ["gone", "refused", "unknown", "not allowed"])
    async def test_ends_its_streams(
        self,
        api: Api,
        extension: Any,
        jp_serverapp: Any,
        guard: Guard,
        monkeypatch: pytest.MonkeyPatch,
        how: str,
    ) -> None:
        valid = True

        async def get_user(handler: Any) -> User | None:
            if valid or how == "not allowed":
                return User("ada")
            if how == "refused":
                raise web.HTTPError(403)
            if how == "unknown":
                raise OSError("The hub does not answer.")
            return None

        monkeypatch.setattr(jp_serverapp.identity_provider, "get_user", get_user)
        paths = [path for path in STREAMS if "nobody" not in path]
        async with caller(api, **api.headers) as client:
            opened = [
                await client.send(client.build_request("GET", path), stream=True) for path in paths
            ]
            assert [response.status_code for response in opened] == [200] * 3
            await asyncio.sleep(0.3)
            assert len(extension.streams) == 3
            valid, guard.refuses = False, "read" if how == "not allowed" else ""
            for response in opened:
                async with asyncio.timeout(10):
                    await response.aread()
            async with asyncio.timeout(10):
                while len(extension.streams):
                    await asyncio.sleep(0.01)
            again = await client.get("events")
            assert again.status_code in (403, 500)

    async def test_is_not_hidden_by_what_a_request_has_kept(
        self, api: Api, extension: Any, jp_serverapp: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A hub's provider keeps the user of a request, which lasts as long as the stream."""
        asked = 0

        async def get_user(handler: Any) -> User | None:
            nonlocal asked
            if not hasattr(handler, "_jupyterhub_user"):
                asked += 1
                handler._jupyterhub_user = User("ada")
            return handler._jupyterhub_user

        monkeypatch.setattr(jp_serverapp.identity_provider, "get_user", get_user)
        async with api.stream("approval/stream"), asyncio.timeout(10):
            while asked < 3:
                await asyncio.sleep(0.01)

    async def test_is_asked_for_beside_the_signs_of_life(
        self, api: Api, jp_serverapp: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A hub that hangs, and many pages: it gets one question, and they go on meanwhile."""
        waiting, hangs = 0, asyncio.Event()

        async def get_user(handler: Any) -> User | None:
            nonlocal waiting
            waiting += 1
            await hangs.wait()
            waiting -= 1
            return User("ada")

        async with api.stream("events") as one, api.stream("events") as other:
            for page in (one, other):
                await page.next()
            monkeypatch.setattr(jp_serverapp.identity_provider, "get_user", get_user)
            async with asyncio.timeout(10):
                while not waiting:
                    await asyncio.sleep(0.01)
                for page in (one, other) * 5:
                    assert (await page.any()).event == "ping"
            assert waiting == 1
            hangs.set()


async def test_a_refusal_is_json_and_says_nothing_of_the_server(
    api: Api, extension: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError(f"something about {tmp_path}")

    monkeypatch.setattr(extension.core, "current", broken)
    async with caller(api, **api.headers) as client:
        response = await client.get("current")
    assert error_of(response) == (500, "internal")
    assert str(tmp_path) not in json.dumps(response.json())
