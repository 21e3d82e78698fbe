"""Calls that nobody thought of, made up from the document of the routes, to a real server.

The same ones each time, within a minute. To look for others, for as long as it takes::

    pytest tests/fuzz --hypothesis-profile=long --timeout=0
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from hermes_jupyter.server.openapi import document
from tests.server.contract import check_answer
from tests.servers import Server, run_server

schema = schemathesis.openapi.from_dict(document())

#: These end what the others are about, or fetch another agent from the network.
LEFT_OUT = ("/agent/restart", "/agent/install")

#: These take their time with each call: a process, or a second's stream.
SLOW = ("/doctor", "/doctor/trial")


def cases() -> Iterator[Any]:
    """Each route with calls as they should be, and where one can be wrong, with wrong ones."""
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in LEFT_OUT:
            continue
        yield pytest.param(operation, GenerationMode.POSITIVE, id=f"{operation.label} right")
        if operation.body or operation.query:
            yield pytest.param(operation, GenerationMode.NEGATIVE, id=f"{operation.label} wrong")


#: Seconds for one answer; the server is busy with all that was asked before.
PATIENCE = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("fuzz")
    work = directory / "work"
    work.mkdir()
    settings = [
        "--HermesExtension.offline=True",
        f"--HermesExtension.hermes_home={directory / 'home'}",
        f"--ServerApp.root_dir={work}",
    ]
    with run_server(directory, *settings) as server:
        yield server


class Real:
    """Ids that there are: a conversation with a question that waits, and one that was answered."""

    def __init__(self, server: Server) -> None:
        self.client = server.client()
        self.session_id = self.client.post("sessions").json()["id"]
        self.ask()
        open_id = self.question_id
        self.client.post(f"questions/{open_id}/answer", json={"answer": "red"})
        self.finished_id = open_id
        self.ask()

    def ask(self) -> None:
        """Have the agent ask, unless it waits for an answer already."""
        path = f"sessions/{self.session_id}"
        end = time.monotonic() + PATIENCE
        asked = False
        while not self.waiting():
            detail = self.client.get(path).json()
            if detail["state"] == "idle" and not asked:
                script = '[{"tool_calls": [{"name": "clarify", "arguments": {"question": "?"}}]}]'
                self.client.post(f"{path}/prompt", json={"text": f"SCRIPT: {script}"})
                asked = True
            assert time.monotonic() < end
            time.sleep(0.02)

    def waiting(self) -> bool:
        found = self.client.get("questions").json()["questions"]
        self.question_id = found[0]["id"] if found else ""
        return bool(found)

    def ids(self) -> dict[str, list[str]]:
        """What may stand in the place of an id that was made up."""
        turn = self.client.get(f"sessions/{self.session_id}").json()["turn"]
        questions = [self.finished_id, self.question_id]
        return {
            "session_id": [self.session_id],
            "turn_id": [turn["turn_id"]],
            "question_id": questions,
            "request_id": questions,
        }


@pytest.fixture(scope="module")
def real(server: Server) -> Real:
    return Real(server)


def put_real_ids(case: Any, data: Any, ids: dict[str, list[str]]) -> None:
    """Let a call be about something that there is."""
    for part in (case.path_parameters, case.body):
        if isinstance(part, dict):
            for name in part.keys() & ids.keys():
                part[name] = data.draw(st.sampled_from(ids[name]))


def body_of(response: requests.Response, type_: str) -> Any:
    return response.json() if "json" in type_ else response.text


@pytest.mark.parametrize(("operation", "mode"), [*cases()])
def test_every_call_gets_an_answer_that_is_documented(
    server: Server, real: Real, operation: Any, mode: GenerationMode
) -> None:
    """Right or wrong: nothing breaks inside, nothing grows, and the agent works on."""
    examples = settings().max_examples // (20 if operation.method == "post" else 5)
    if operation.path in SLOW:
        examples = 2
    memory = psutil.Process(server.process.pid).memory_info
    real.ask()
    ids, before = real.ids(), memory().rss
    session = requests.Session()

    @settings(max_examples=max(examples, 1), suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def call(case: Any, data: Any) -> None:
        if data.draw(st.booleans()):
            put_real_ids(case, data, ids)
        request = case.as_transport_kwargs(
            base_url=f"{server.url}hermes/api", headers={"Authorization": f"token {server.token}"}
        )
        with session.request(**request, stream=True, timeout=PATIENCE) as response:
            type_ = response.headers["Content-Type"]
            # A stream has no end, and what it tells is another test's.
            body = "" if type_ == "text/event-stream" else body_of(response, type_)
        path = operation.path.lstrip("/")
        check_answer(case.method, path, response.status_code, type_, body)

    call()
    assert real.client.get("status").json()["agent"]["state"] == "ready"
    assert memory().rss - before < 100_000_000
