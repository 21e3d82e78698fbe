"""The document of the routes says what there is; what they answer is checked by all tests."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
import schemathesis

from hermes_jupyter.server.openapi import document

from .conftest import Api
from .contract import VERBS, check_answer, check_event, operations


def served(extension: Any) -> set[tuple[str, str]]:
    """Every verb and path that the handlers of a server have."""
    *routes, (_, catch_all) = extension.handlers
    assert catch_all.__name__ == "UnknownHandler"
    found = set()
    for route in routes:
        pattern, handler = route[0], route[1]
        path = pattern.partition("hermes/api")[2]
        found |= {(verb.upper(), path) for verb in VERBS if verb in vars(handler)}
    return found


def documented() -> set[tuple[str, str]]:
    """The same of the document."""
    return {(verb, re.sub(r"{\w+}", "([^/]+)", path)) for verb, path in operations()}


async def test_every_route_is_documented_and_no_other(extension: Any) -> None:
    assert documented() == served(extension)


def test_the_document_is_a_right_one() -> None:
    schemathesis.openapi.from_dict(document()).validate()
    names = [operation["operationId"] for _, operation in each_operation()]
    assert len(names) == len(set(names))


def each_operation() -> list[tuple[str, Any]]:
    return [(path, document()["paths"][path][verb.lower()]) for verb, path in operations()]


@pytest.mark.parametrize(("path", "operation"), each_operation())
def test_what_a_route_may_answer_is_documented(path: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    assert {"400", "403"} <= answers.keys()
    assert len([status for status in answers if status.startswith("2")]) == 1
    assert ("requestBody" in operation) <= ("413" in answers)
    assert ("{" in path) <= ("404" in answers)
    for status, answer in answers.items():
        if status.startswith("4") or status == "503":
            assert answer["$ref"].startswith("#/components/responses/")


def test_every_schema_is_used() -> None:
    text = str(document())
    for kind, parts in document()["components"].items():
        if kind != "securitySchemes":
            unused = [name for name in parts if f"'#/components/{kind}/{name}'" not in text]
            assert unused == []


async def test_it_is_served_with_the_address_of_the_server(api: Api) -> None:
    response = await api.client.get("openapi.json")
    assert response.json() == document()
    (server,) = document()["servers"]
    assert response.url.join(server["url"]) == api.origin


def test_a_server_starts_without_it() -> None:
    code = (
        "import hermes_jupyter.server.app, hermes_jupyter.server.openapi as openapi;"
        "assert openapi.document.cache_info().misses == 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_wrong_answer_is_found() -> None:
    """The check that all other tests rely on."""
    good = {"session_id": "a", "turn_id": None, "message_id": "b", "text": "c"}
    check_event("events", "message.delta", good)
    for bad in ({**good, "more": 1}, {**good, "text": None}, {"text": "c"}):
        with pytest.raises(AssertionError, match=r"message\.delta of events"):
            check_event("events", "message.delta", bad)
    with pytest.raises(AssertionError, match="not documented"):
        check_event("clarify/stream", "message.delta", good)
    error = {"error": {"code": "not_found", "message": "No."}}
    check_answer("GET", "sessions/x", 404, "application/json", error)
    for status, type_, body in (
        (418, "application/json", error),
        (404, "text/html", error),
        (404, "application/json", {"error": {"code": "not_found"}}),
        (404, "application/json", {"error": {"code": "x", "message": "No.", "path": "/root"}}),
    ):
        with pytest.raises(AssertionError):
            check_answer("GET", "sessions/x", status, type_, body)
    with pytest.raises(AssertionError, match="GET nothing is not documented"):
        check_answer("GET", "nothing", 200, "application/json", {})
