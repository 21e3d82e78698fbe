"""The Panel in a real kernel, with a front end that speaks to the kernel alone."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.servers import Server, run_server

#: Seconds for which anything is waited.
PATIENCE = 30.0

TEA = {"name": "clarify", "arguments": {"question": "Tea?", "choices": ["yes", "no"]}}
ASK = "SCRIPT: " + json.dumps([{"tool_calls": [TEA]}, {"text": "So."}])


class FrontEnd:
    """What VS Code or the classic notebook are to a widget: the other end of its comm."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client
        self.comm_id = ""
        self.printed = ""
        self.messages: list[tuple[dict[str, Any], bytes]] = []

    def run(self, code: str) -> None:
        """Execute a cell, until it is over."""
        id_ = self.client.execute(code, store_history=False)
        self.read_until(
            lambda message: (
                message["parent_header"].get("msg_id") == id_
                and message["content"].get("execution_state") == "idle"
            )
        )

    def read_until(self, found: Callable[[dict[str, Any]], bool]) -> None:
        """Take what the kernel says, until a message is as wanted."""
        end = time.monotonic() + PATIENCE
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.1, end - time.monotonic()))
            content = message["content"]
            if message["msg_type"] == "comm_open" and "_esm" in str(content["data"].get("state")):
                self.comm_id = content["comm_id"]
            elif message["msg_type"] == "stream":
                self.printed += content["text"]
            elif message["msg_type"] == "error":
                raise AssertionError("\n".join(content["traceback"]))
            elif (
                content.get("comm_id") == self.comm_id and content["data"].get("method") == "custom"
            ):
                data = b"".join(bytes(part) for part in message["buffers"])
                self.messages.append((content["data"]["content"], data))
            if found(message):
                return

    def send(self, *buffers: bytes, **content: Any) -> None:
        """Say something to the widget's Python half."""
        data = {"comm_id": self.comm_id, "data": {"method": "custom", "content": content}}
        message = self.client.session.msg("comm_msg", data)
        channel = self.client.shell_channel
        self.client.session.send(channel.socket, message, buffers=list(buffers))

    def request(self, id_: str, method: str, path: str, **body: Any) -> tuple[int, Any]:
        """The status and the body of an answer."""
        sent = json.dumps(body) if body else None
        self.send(type="request", id=id_, method=method, path=path, headers={}, body=sent)
        self.read_until(lambda _: self.said(id_, "end") != [])
        assert "error" not in self.said(id_, "end")[0]
        text = self.text(id_)
        return self.said(id_, "answer")[0]["status"], json.loads(text) if text else None

    def said(self, id_: str, type_: str) -> list[dict[str, Any]]:
        told = [message for message, _ in self.messages]
        return [one for one in told if one.get("id") == id_ and one["type"] == type_]

    def text(self, id_: str) -> str:
        return b"".join(data for one, data in self.messages if one.get("id") == id_).decode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("panel")
    arguments = (
        "--HermesExtension.offline=True",
        f"--HermesExtension.hermes_home={directory / 'home'}",
        f"--ServerApp.root_dir={directory}",
    )
    with run_server(directory, *arguments) as server:
        yield server


@contextmanager
def kernel(runtime: Path, **environment: str) -> Iterator[FrontEnd]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime), **environment})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield FrontEnd(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture
def front_end(server: Server) -> Iterator[FrontEnd]:
    runtime = server.log.parent / "runtime"
    # A kernel finds the server by its parent process, which is this one.
    about = runtime / f"jpserver-{os.getpid()}.json"
    if not about.exists():
        about.symlink_to(runtime / f"jpserver-{server.process.pid}.json")
    with kernel(runtime) as front_end:
        front_end.run("from hermes_jupyter import Panel\npanel = Panel()")
        yield front_end


def test_a_page_without_a_server_reaches_it_through_the_kernel(front_end: FrontEnd) -> None:
    status, session = front_end.request("1", "POST", "sessions", title="By comm")
    assert (status, session["title"]) == (201, "By comm")
    path = f"sessions/{session['id']}"
    front_end.send(
        type="request", id="2", method="GET", path=f"{path}/stream", headers={}, body=None
    )
    front_end.read_until(lambda _: "event: snapshot" in front_end.text("2"))
    assert front_end.said("2", "answer")[0]["headers"]["content-type"] == "text/event-stream"
    assert front_end.request("3", "POST", f"{path}/prompt", text=ASK)[0] == 202
    front_end.read_until(lambda _: "event: question" in front_end.text("2"))
    (question,) = front_end.request("4", "GET", f"questions?session_id={session['id']}")[1][
        "questions"
    ]
    answered = front_end.request("5", "POST", f"questions/{question['id']}/answer", answer="yes")
    assert answered[0] == 200
    front_end.read_until(lambda _: '"state":"complete"' in front_end.text("2").replace(" ", ""))
    front_end.send(type="abort", id="2")
    front_end.read_until(lambda _: front_end.said("2", "end") != [])


def test_a_file_goes_in_parts_each_when_it_is_asked_for(front_end: FrontEnd) -> None:
    status, session = front_end.request("f0", "POST", "sessions", title="Files")
    assert status == 201
    path = f"sessions/{session['id']}/attachments"
    headers = {"Content-Type": "application/octet-stream"}
    parts = [b"\x00\xff" * 50_000, b"the end"]
    front_end.send(
        type="request",
        id="f1",
        method="POST",
        path=f"{path}?name=a.bin",
        headers=headers,
        size=sum(map(len, parts)),
    )
    for number, part in enumerate(parts, 1):
        front_end.read_until(lambda _, number=number: len(front_end.said("f1", "more")) == number)
        front_end.send(part, type="part", id="f1")
    front_end.read_until(lambda _: front_end.said("f1", "end") != [])
    assert front_end.said("f1", "answer")[0]["status"] == 201
    stored = json.loads(front_end.text("f1"))
    assert (stored["name"], stored["size"]) == ("a.bin", 100_007)
    # One that is given up on the way is not there.
    front_end.send(
        type="request", id="f2", method="POST", path=f"{path}?name=b.bin", headers={}, size=10
    )
    front_end.read_until(lambda _: front_end.said("f2", "more") != [])
    front_end.send(type="abort", id="f2")
    front_end.read_until(lambda _: front_end.said("f2", "end") != [])
    assert front_end.request("f3", "GET", f"{path}/b.bin")[0] == 404


def test_only_the_api_is_reached(front_end: FrontEnd) -> None:
    for number, path in enumerate(("/api/contents", "../../api/contents", "http://a.example/")):
        status, answer = front_end.request(f"p{number}", "GET", path)
        assert (status, answer["error"]["code"]) == (503, "bad_path")
    status, answer = front_end.request("n", "GET", "sessions/nobody")
    assert (status, answer["error"]["code"]) == (404, "session_not_found")


class WithoutHermes(BaseHTTPRequestHandler):
    """A server that has never heard of Hermes."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: Any) -> None:
        pass


def test_where_the_server_has_no_hermes_the_kernel_has(tmp_path: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), WithoutHermes)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    about = {"url": f"http://127.0.0.1:{server.server_port}/", "token": "t"}
    (tmp_path / f"jpserver-{os.getpid()}.json").write_text(json.dumps(about))
    with kernel(
        tmp_path, HERMES_JUPYTER_OFFLINE="1", JUPYTER_DATA_DIR=str(tmp_path / "data")
    ) as front_end:
        front_end.run("from hermes_jupyter import Panel, ask\npanel = Panel()")
        assert front_end.request("1", "GET", "status")[1]["agent"]["state"] == "stopped"
        front_end.run(f"reply = ask({ASK!r}, on_question=lambda question: 'yes')")
        assert front_end.printed.count("The Jupyter server has no hermes-jupyter") == 1
        front_end.printed = ""
        front_end.run("print(reply.session_id, reply)")
        session_id, said = front_end.printed.split()
        assert said == "So."
        # The panel in the cell speaks of the same conversation.
        place = front_end.request("2", "GET", "kernel")[1]
        current = front_end.request("3", "GET", f"current?kernel_id={place['kernel_id']}")[1]
        assert current["session_id"] == session_id
        # The agent ends with the kernel.
        front_end.printed = ""
        front_end.run("import os\nprint(os.getpid())")
        running = psutil.Process(int(front_end.printed)).children()
        assert len(running) == 1
        front_end.client.shutdown(restart=True)
        assert not psutil.wait_procs(running, timeout=10)[1]
    server.shutdown()


def test_traits_are_followed_once_they_are_observed(front_end: FrontEnd, server: Server) -> None:
    with server.client() as http:
        session_id = http.post("sessions", json={}).json()["id"]
        front_end.run(
            "def told(change):\n"
            "    print(change.name, [one['state'] for one in change.new]"
            " if change.name == 'questions' else change.new['max'])\n"
            f"panel = Panel(session_id={session_id!r})\n"
            "panel.observe(told, ['questions', 'context'])"
        )
        http.post(f"sessions/{session_id}/prompt", json={"text": ASK}).raise_for_status()
        front_end.read_until(lambda _: "questions ['open']" in front_end.printed)
        assert "context 131072" in front_end.printed
        (question,) = http.get("questions").json()["questions"]
        http.post(f"questions/{question['id']}/answer", json={"answer": "no"}).raise_for_status()
        front_end.read_until(lambda _: "questions []" in front_end.printed)
        front_end.run("panel.close()")
