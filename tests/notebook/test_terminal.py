"""Without any server: Hermes runs in the process itself, and is asked and answered there."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import psutil

TEA = {"name": "clarify", "arguments": {"question": "Tea?", "choices": ["yes", "no"]}}
REMOVE = {"name": "terminal", "arguments": {"command": "rm -rf /tmp/hermes-jupyter-nothing"}}


def script(*steps: dict[str, Any]) -> str:
    """A prompt whose answers are not to be found in what is typed: their accents are escaped."""
    return "SCRIPT: " + json.dumps(steps)


def agents(process: pexpect.spawn[str]) -> list[psutil.Process]:
    children = psutil.Process(process.pid).children(recursive=True)
    return [one for one in children if any(word.endswith("agent/child") for word in one.cmdline())]


class Shell:
    """Somebody at a terminal."""

    def __init__(self, terminal: pexpect.spawn[str]) -> None:
        self.terminal = terminal
        self.number = 1
        self.see("In [1]:")

    def see(self, text: str) -> str:
        """Wait for a text; what came before it."""
        self.terminal.expect_exact(text)
        return str(self.terminal.before)

    def type(self, text: str) -> None:
        self.terminal.send(text)

    def begin(self, code: str) -> None:
        """Run a line."""
        self.terminal.sendline(code)

    def end(self) -> str:
        """Wait until it is over; what was printed."""
        self.number += 1
        return self.see(f"In [{self.number}]:")

    def run(self, code: str) -> str:
        self.begin(code)
        return self.end()

    def ask(self, prompt: str, line: str = "") -> None:
        self.begin(f"get_ipython().run_cell_magic('hermes', {line!r}, {prompt!r})")


@contextmanager
def shell(home: Path, *command: str) -> Iterator[Shell]:
    environment = {
        **os.environ,
        "JUPYTER_DATA_DIR": str(home / "data"),
        "HERMES_JUPYTER_OFFLINE": "1",
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "TERM": "dumb",
    }
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", *command],
        env=environment,
        encoding="utf-8",
        timeout=45,
        dimensions=(50, 200),
    )
    try:
        yield Shell(terminal)
    finally:
        terminal.close(force=True)


def test_ipython_in_a_terminal(tmp_path: Path) -> None:
    command = ("IPython", "--simple-prompt", "--colors=nocolor", "--no-banner")
    with shell(tmp_path, *command) as ipython:
        ipython.run("%load_ext hermes_jupyter")
        assert "Did you mean `%hermes sessions`?" in ipython.run("%hermes sesions")
        assert "'sessions', 'status', 'stop'" in ipython.run(
            "sorted(get_ipython().complete('s', '%hermes s')[1])[-3:]"
        ).replace("%hermes ", "")

        # Asked by number, and a command denied by the Enter key alone.
        ipython.ask(
            script({"tool_calls": [TEA]}, {"tool_calls": [REMOVE]}, {"text": "Döne."}),
            "--to answer",
        )
        ipython.see("1. yes")
        ipython.see("Your choice")
        ipython.type("1\r")
        assert "rm -rf /tmp/hermes-jupyter-nothing" in ipython.see("Enter denies")
        ipython.type("\r")
        ipython.see("Döne.")
        ipython.end()
        used = "'Döne.' [('clarify', False), ('terminal', True)] True"
        assert used in ipython.run(
            "print(repr(answer.text), [(t.name, t.failed) for t in answer.tools], _ is answer)"
        )

        # Ctrl-C ends the turn, and nothing else.
        ipython.ask(script({"text": "Slöw.", "wait": "never", "wait_after": 1}))
        ipython.see("Slöw.")
        ipython.terminal.sendintr()
        ipython.see("Stopped.")
        ipython.end()
        ipython.run("from hermes_jupyter import ask")
        again = ipython.run(f"print(ask({script({'text': 'Ön.'})!r}).session_id)")
        assert ipython.run("print(answer.session_id)").split()[-1] in again
        assert "idle" in ipython.run("%hermes sessions")
        assert "in this process" in ipython.run("%hermes status")
        assert "offline" in ipython.run("%hermes model")

        # What is put in is shown first; what is not there is not sent.
        assert "no variable `reading`" in ipython.run(
            "get_ipython().run_cell_magic('hermes', '', 'See $`reading`')"
        )
        ipython.run("readings = [1, 2]")
        ipython.ask("See $`readings`, {readings} and $readings.")
        ipython.see("In the prompt: readings (list, 6 characters)")
        ipython.end()
        ipython.run("%hermes new")
        assert ipython.run(f"print(ask({script({'text': 'N'})!r}).session_id)") != again

        running = agents(ipython.terminal)
        assert len(running) == 1
        ipython.begin("exit()")
        ipython.terminal.expect(pexpect.EOF)
        assert not psutil.wait_procs(running, timeout=10)[1]


def test_jupyter_console(tmp_path: Path) -> None:
    with shell(tmp_path, "jupyter_console", "--simple-prompt") as console:
        console.run("%load_ext hermes_jupyter")
        console.ask(script({"tool_calls": [TEA]}, {"text": "Döne."}))
        console.see("Your choice")
        console.type("2\r")
        console.see("Döne.")
        console.end()
        console.ask(script({"text": "Slöw.", "wait": "never", "wait_after": 1}))
        console.see("Slöw.")
        console.terminal.sendintr()
        console.see("Stopped.")
        console.end()
        console.ask(script({"text": "Ön again."}))
        console.see("Ön again.")
        console.end()
        (agent,) = agents(console.terminal)
        console.begin("exit()")
        console.terminal.expect(pexpect.EOF)
        assert not psutil.wait_procs([agent], timeout=10)[1]
