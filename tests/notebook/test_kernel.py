"""A kernel of a server that has Hermes: magics and `ask` are its clients."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.notebook.test_panel import ASK, PATIENCE
from tests.servers import Server, run_server

SLOW = 'SCRIPT: [{"text": "Slow.", "wait": "never", "wait_after": 1}]'
SAY = 'SCRIPT: [{"text": "Said."}]'


class Notebook:
    """A front end that runs cells and takes no input."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def begin(self, code: str) -> str:
        return self.client.execute(code, allow_stdin=False)

    def end(self, id_: str) -> list[dict[str, Any]]:
        """The messages of a cell, once it is over."""
        told = []
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") == id_:
                told.append(message)
                if message["content"].get("execution_state") == "idle":
                    return told

    def run(self, code: str) -> str:
        """What a cell has shown, as text."""
        return shown(self.end(self.begin(code)))


def shown(messages: list[dict[str, Any]]) -> str:
    contents = [message["content"] for message in messages]
    return "\n".join(
        one.get("text") or one.get("evalue") or one.get("data", {}).get("text/plain", "")
        for one in contents
    )


def magic(text: str, line: str = "") -> str:
    return f"get_ipython().run_cell_magic('hermes', {line!r}, {text!r})"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("kernel")
    arguments = (
        "--HermesExtension.offline=True",
        f"--HermesExtension.hermes_home={directory / 'home'}",
        f"--ServerApp.root_dir={directory}",
    )
    with run_server(directory, *arguments) as server:
        yield server


@contextmanager
def notebook(runtime: Path, **environment: str) -> Iterator[Notebook]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime), **environment})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        notebook = Notebook(manager, client)
        notebook.run("%load_ext hermes_jupyter\nfrom hermes_jupyter import ask, aask")
        yield notebook
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@contextmanager
def browser(server: Server) -> Iterator[None]:
    """Somebody has a page open."""
    with server.client() as http, http.stream("GET", "events") as stream:
        # Let go of, it would close the stream.
        pieces = stream.iter_bytes()
        next(pieces)
        yield


def wait_for_question(http: httpx.Client) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        asked = http.get("questions", headers={"User-Agent": "hermes-jupyter-kernel"}).json()
        for question in asked["questions"]:
            if question["state"] == "open":
                return dict(question)
        time.sleep(0.05)
    raise AssertionError("Nothing was asked.")


def test_a_cell_asks_its_server(server: Server, tmp_path: Path) -> None:
    runtime = server.log.parent / "runtime"
    # A kernel finds the server by its parent process, which is this one.
    (runtime / f"jpserver-{os.getpid()}.json").symlink_to(
        runtime / f"jpserver-{server.process.pid}.json"
    )
    with notebook(runtime) as cells, server.client() as http:
        # Nobody looks: it does not wait for ever, and the conversation goes on.
        told = cells.run(f"ask({ASK!r}, patience=0.5)")
        assert "nobody was there to answer" in told

        # Somebody does: the card is in the cell, and answered beside it while the cell runs. N1
        with browser(server):
            assert http.get("status").json()["viewers"] == 1
            cell = cells.begin(magic(ASK, "--to answer"))
            question = wait_for_question(http)
            http.post(f"questions/{question['id']}/answer", json={"answer": "yes"})
            messages = cells.end(cell)
        cards = [
            message
            for message in messages
            if "application/vnd.jupyter.widget-view+json" in message["content"].get("data", {})
        ]
        assert [card["msg_type"] for card in cards] == ["display_data"]
        assert "*Tea?* → yes" in shown(messages)
        assert "So." in cells.run("print(answer)")

        # Interrupted, the turn ends and nothing else. N6
        cell = cells.begin(magic(SLOW))
        while "Slow." not in shown([message := cells.client.get_iopub_msg(timeout=PATIENCE)]):
            assert message["msg_type"] != "error"
        cells.manager.interrupt_kernel()
        assert "Stopped." in shown(cells.end(cell))
        session_id = cells.run("print(ask({SAY!r}).session_id)".replace("{SAY!r}", repr(SAY)))
        detail = http.get(f"sessions/{session_id.strip()}").json()
        assert [detail["state"], detail["messages"][-1]["text"]] == ["idle", "Said."]

        # So does a task that is cancelled.
        told = cells.run(
            "import asyncio\n"
            f"task = asyncio.create_task(aask({SLOW!r}))\n"
            "await asyncio.sleep(1)\n"
            "task.cancel()\n"
            f"print(await asyncio.gather(task, aask({SAY!r}), return_exceptions=True))"
        )
        assert "CancelledError" in told
        assert "text='Said.'" in told

        # Whatever is written arrives as it stands. N7
        text = '{x} $x ${x} %s "q" \\n \\\\ 🦉\t' * 8000 + "\n" + SAY
        assert "Said." in cells.run(magic(text))
        detail = http.get(f"sessions/{session_id.strip()}").json()
        assert detail["messages"][-2]["text"] == text

        # Nothing that runs an agent was loaded into the kernel. N11
        loaded = cells.run(
            "import sys\n"
            "print([name for name in sys.modules if name.startswith(('hermes_jupyter.agent',"
            " 'hermes_jupyter.server', 'hermes_jupyter.core', 'jupyter_server'))])"
        )
        assert loaded.strip() == "[]"

        # A page that only asks now and then is somebody too.
        assert http.get("status").json()["viewers"] == 0
        http.get("questions")
        assert http.get("status").json()["viewers"] == 1

        server.process.terminate()
        server.process.wait()
        # Nor does one start because the server is gone.
        assert "is gone" in cells.run(magic(SAY))
        assert "hermes_jupyter.agent" not in cells.run("print(sorted(sys.modules))")
