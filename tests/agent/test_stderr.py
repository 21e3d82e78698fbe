"""What the agent's process says on stderr: in the server's log, and in its status."""

from __future__ import annotations

import json
import re
import shlex
import sys
import time
from pathlib import Path

import pytest

from hermes_jupyter.agent.stderr import shown
from tests.servers import Server, run_server

from .test_history import say

#: What Hermes, Python and libraries print, with the level that each line should have.
SAID = """\
W WARNING:root:from the plain format
I 2026-11-22 13:40:37,512 INFO [20261122_1] run_agent: began
E 2026-11-22 13:40:37,512 ERROR [20261122_1] run_agent: it broke
E Traceback (most recent call last):
E   File "a.py", line 1, in <module>
E     raise ValueError("one")
E ValueError: one
E During handling of the above exception, another exception occurred:
E Traceback (most recent call last):
E   File "a.py", line 3, in <module>
E RuntimeError: two
I After the traceback
W 13:40:37 - tools.terminal - WARNING [20261122_1] - from the verbose format
W   and a second line of it
W /usr/lib/python3/site.py:3: DeprecationWarning: this is old
W   import site
E [gateway-crash] thread Thread-3 raised KeyError: 'x'
W [tui_gateway] queued prompt dispatch failed: KeyError: 'x'
W [plugins] WARNING no such plugin
I \x1b[31mRed\x1b[0m and 10%\r\x1b]0;title\x07done
"""


def wrapper(folder: Path, said: str) -> Path:
    """An interpreter that says something on stderr before it runs the agent."""
    python = folder / "python"
    python.write_text(f'#!/bin/sh\n{said}\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o700)
    return python


def settings(folder: Path, python: Path) -> list[str]:
    return [
        "--HermesExtension.offline=True",
        f"--HermesExtension.hermes_home={folder / 'home'}",
        f"--HermesExtension.agent_python={python}",
    ]


def logged(server: Server) -> list[tuple[str, str]]:
    """The level and the text of the agent's lines in the log."""
    return re.findall(r"^\[(\w) .*?\] agent: (.*)$", server.log.read_text(), re.MULTILINE)


def test_each_line_is_logged_at_its_own_level(tmp_path: Path) -> None:
    lines = [line.split(" ", 1) for line in SAID.rstrip("\n").split("\n")]
    text = tmp_path / "text"
    text.write_text("".join(f"{line}\n" for _, line in lines))
    python = wrapper(tmp_path, f"cat {shlex.quote(str(text))} >&2")
    expected = [(level, line) for level, line in lines[:-1]] + [("I", "done")]
    arguments = settings(tmp_path, python)
    with run_server(tmp_path / "jupyter", *arguments) as server, server.client() as client:
        say(client, client.post("sessions", json={}).json()["id"], [{"text": "Fine."}])
        agent = client.get("status").json()["agent"]
        assert agent["stderr"][-1] == "done"
        assert agent["stderr"] == [line for _, line in expected[-20:]]
        assert "stderr" not in client.post("agent/restart").json()["agent"]
    assert logged(server)[: len(expected)] == expected
    assert "\x1b" not in server.log.read_text()


def test_the_last_words_of_an_agent_that_does_not_start_are_told(tmp_path: Path) -> None:
    said = """echo "connecting with api_key='sk-1234567890abcdef1234'" >&2; exit 1"""
    python = wrapper(tmp_path, said)
    arguments = settings(tmp_path, python)
    with run_server(tmp_path / "jupyter", *arguments) as server, server.client() as client:
        assert client.post("sessions", json={}).status_code == 503
        agent = client.get("status").json()["agent"]
    assert agent["stderr"] == ["connecting with api_key='***'"]
    assert agent["error"].endswith("exit code 1. connecting with api_key='***'")
    assert "1234567890" not in server.log.read_text()


def test_a_flood_stops_neither_the_agent_nor_fills_the_log(tmp_path: Path) -> None:
    """Trap 24"""
    flood = f"""{shlex.quote(sys.executable)} -c '
import sys, time
time.sleep(4)
for number in range(100_000):
    print(f"{{number}} " + "x" * 200, file=sys.stderr)
print("x" * 30_000_000, file=sys.stderr)
print("the end", file=sys.stderr)' &"""
    python = wrapper(tmp_path, flood)
    arguments = settings(tmp_path, python)
    with run_server(tmp_path / "jupyter", *arguments) as server, server.client() as client:
        session_id = client.post("sessions", json={}).json()["id"]
        slowest, end = 0.0, time.monotonic() + 60
        while (said := client.get("status").json()["agent"]["stderr"])[-1:] != ["the end"]:
            began = time.monotonic()
            client.get("questions").raise_for_status()
            slowest = max(slowest, time.monotonic() - began)
            assert began < end, said
        say(client, session_id, [{"text": "Fine."}])
    assert slowest < 1
    assert len(said) == 20
    assert max(len(line) for line in said) == 500
    assert said[-3].startswith("99999 ")
    lines = logged(server)
    left_out = [int(text.split()[0]) for _, text in lines if text.endswith("left out of this log")]
    assert 95_000 < sum(left_out) <= 100_002
    assert len(server.log.read_text()) < 1_000_000


SECRETS = [
    ("Authorization: Bearer abcdef.ghijkl", "Authorization: ***"),
    ("got bearer abcdefghijkl, used", "got bearer ***, used"),
    ("key sk-proj-abcdefghijklmnop is wrong", "key *** is wrong"),
    ("ghp_abcdefghijklmnop", "***"),
    ("AKIAIOSFODNN7EXAMPLE", "***"),
    ('{"api_key": "abc", "model": "m"}', '{"api_key": "***", "model": "m"}'),
    ("OPENAI_API_KEY=abc python x.py", "OPENAI_API_KEY=*** python x.py"),
    (
        "https://me:word@host/path and https://token@host",
        "https://***@host/path and https://***@host",
    ),
    ("GET /v1?access_token=abc&page=2", "GET /v1?access_token=***&page=2"),
    (
        "max_tokens: 100, tokens=5, error: token expired",
        "max_tokens: 100, tokens=5, error: token expired",
    ),
    ("KeyError: 'password'", "KeyError: 'password'"),
    ("x" * 495 + " sk-abcdefghijklmnopqrst", "x" * 495 + " ***"),
]


@pytest.mark.parametrize(("line", "expected"), SECRETS)
def test_what_looks_like_a_secret_is_not_shown(line: str, expected: str) -> None:
    assert shown(line) == expected
    assert len(shown(json.dumps([line] * 100))) == 500
