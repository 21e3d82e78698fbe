"""What a server answers, held against the document of its routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from hermes_jupyter.server.openapi import document

#: The document's name within its schemas.
_NAME = "urn:contract"

VERBS = ("get", "post", "put", "patch", "delete")


def operations() -> Iterator[tuple[str, str]]:
    """Every verb and path of the document."""
    for path, item in document()["paths"].items():
        for verb in VERBS:
            if verb in item:
                yield verb.upper(), path


def check_answer(verb: str, path: str, status: int, type_: str, body: Any) -> None:
    """Fail unless this answer of ``path``, below ``hermes/api/``, is documented to the last field.

    A server may answer what a client does not know yet, but not what its document does not say.
    """
    operation = _operation(verb, path)
    answer = operation["responses"].get(str(status))
    assert answer is not None, f"{verb} {path} answers {status}, which is not documented: {body}"
    if "$ref" in answer:
        answer = _closed()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    kind = type_.partition(";")[0]
    assert kind in answer["content"], f"{verb} {path} answers {type_}, which is not documented"
    _check(answer["content"][kind]["schema"], body, f"{verb} {path} {status}")


def check_event(path: str, event: str, data: Any) -> None:
    """Fail unless this event of the stream ``path`` is documented to the last field."""
    content = _operation("GET", path)["responses"]["200"]["content"]
    events = content["text/event-stream"]["x-events"]
    assert event in events, f"{path} tells {event}, which is not documented: {data}"
    _check(events[event], data, f"{event} of {path}")


def _operation(verb: str, path: str) -> dict[str, Any]:
    for template, item in _closed()["paths"].items():
        pattern = re.sub(r"{\w+}", "[^/]+", template)
        if re.fullmatch(pattern, f"/{path}") and verb.lower() in item:
            return dict(item[verb.lower()])
    raise AssertionError(f"{verb} {path} is not documented")


def _check(schema: dict[str, Any], value: Any, what: str) -> None:
    errors = [*_validator_of(schema).iter_errors(value)]
    # What is wrong deep within is wrong in all that has it, too.
    error = max(errors, key=lambda one: len(one.absolute_path), default=None)
    assert error is None, f"{what}: {error.json_path}: {error.message}"


_validators: dict[int, Draft202012Validator] = {}


def _validator_of(schema: dict[str, Any]) -> Draft202012Validator:
    """One for each schema of the closed document, which lives as long as the tests do."""
    if id(schema) not in _validators:
        registry = Registry().with_resource(_NAME, DRAFT202012.create_resource(_closed()))
        _validators[id(schema)] = Draft202012Validator(schema, registry=registry)
    return _validators[id(schema)]


@cache
def _closed() -> dict[str, Any]:
    """The document, in which no object may have more than it says."""
    closed = deepcopy(document())
    for part in (closed["paths"], closed["components"]["responses"]):
        _close(part)
    for schema in closed["components"]["schemas"].values():
        # A whole is closed where it is used: it may be a part of another there.
        _close_parts(schema)
    return closed


def _close(node: Any) -> None:
    if isinstance(node, dict):
        _close_parts(node)
        if "$ref" in node or isinstance(node.get("properties"), dict):
            node["unevaluatedProperties"] = False
    elif isinstance(node, list):
        for entry in node:
            _close(entry)


def _close_parts(node: dict[str, Any]) -> None:
    for key, part in node.items():
        if key == "$ref":
            node[key] = f"{_NAME}{part}"
        elif key == "allOf":
            for whole in part:
                _close_parts(whole)
        else:
            _close(part)
