"""The first hour: no agent, no model, a broken one, and Notebook 7."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from hermes_jupyter.agent.find import MARKER
from tests.servers import Server, run_server

from .conftest import Lab


def processes_of(server: Server) -> list[tuple[int, str]]:
    """The number and the command of everything that the server has started."""
    found = []
    for process in psutil.Process(server.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found.append((process.pid, " ".join(process.cmdline())))
    return found


def wait_for_process(server: Server, command: str) -> None:
    """A terminal paints on a canvas: what it runs is seen among the processes."""
    end = time.monotonic() + 20
    while not any(command in line for _, line in processes_of(server)):
        assert time.monotonic() < end, processes_of(server)
        time.sleep(0.05)


EXPOSE = "--expose-app-in-browser"


@pytest.fixture
def without_agent(tmp_path: Path) -> Iterator[Server]:
    """JupyterLab with a private environment whose hermes-agent is gone, and no network for pip."""
    data = tmp_path / "jupyter" / "data"
    python = data / "hermes-jupyter" / "agent" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    python.chmod(0o700)
    (python.parent.parent / MARKER).write_text("{}")
    with run_server(tmp_path / "jupyter", EXPOSE, command="lab", PIP_NO_INDEX="1") as server:
        yield server


def test_without_an_agent_the_card_installs_one(page: Page, without_agent: Server) -> None:
    """N12: with one click; what pip says is told, and all else as well."""
    lab = Lab(page, without_agent).open()
    lab.show_panel()
    lab.say("hello")
    expect(lab.panel).to_contain_text("has no usable hermes-agent")
    expect(lab.panel).to_contain_text("jupyter hermes agent install")
    expect(lab.composer).to_have_value("hello")
    lab.picture("8-no-agent")
    lab.panel.get_by_role("button", name="Install").first.click()
    expect(lab.panel).to_contain_text("1/3 Making the environment")
    expect(lab.panel).to_contain_text("Could not install hermes-agent", timeout=60_000)
    lab.panel.get_by_role("button", name="Check Hermes").click()
    report = page.get_by_role("dialog")
    expect(report).to_contain_text("are wrong", timeout=60_000)
    stream = report.get_by_role("listitem").filter(has_text="frame by frame")
    expect(stream).to_have_attribute("data-state", "ok")
    expect(report.get_by_role("button", name="Copy the report")).to_be_visible()
    lab.picture("8-doctor")
    page.keyboard.press("Escape")
    expect(report).to_have_count(0)
    assert lab.faults == []


@pytest.fixture
def without_model(tmp_path: Path) -> Iterator[Server]:
    """JupyterLab with the agent and an empty Hermes home."""
    home = tmp_path / "home"
    home.mkdir()
    keys = dict.fromkeys(("OPENROUTER_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"), "")
    with run_server(
        tmp_path / "jupyter", EXPOSE, command="lab", HERMES_HOME=str(home), **keys
    ) as server:
        yield server


def test_without_a_model_the_card_runs_the_next_step(page: Page, without_model: Server) -> None:
    """N12"""
    lab = Lab(page, without_model).open()
    lab.show_panel()
    lab.say("hello")
    expect(lab.panel).to_contain_text("No model is configured", timeout=30_000)
    expect(lab.panel).to_contain_text("hermes model")
    expect(lab.composer).to_have_value("hello")
    lab.picture("8-no-model")
    lab.panel.get_by_role("button", name="Set up").first.click()
    expect(lab.page.locator(".jp-Terminal")).to_be_visible()
    wait_for_process(without_model, "hermes model")
    lab.panel.get_by_role("button", name="Try it offline").click()
    wait_for_process(without_model, "hermes tour")
    assert lab.faults == []


def test_notebook_7_has_the_panel_behind_its_toolbar_button(page: Page, tour: Server) -> None:
    lab = Lab(page, tour)
    page.goto(f"{tour.url}notebooks/tour.ipynb?token={tour.token}")
    page.get_by_role("button", name="Open Hermes").click()
    expect(lab.composer).to_be_visible()
    lab.panel.get_by_role("button", name="New chat").click()
    lab.say("hello")
    expect(lab.log).to_contain_text("I am the offline model", timeout=30_000)
    lab.until_idle()
    lab.say("ask me something")
    card = lab.panel.get_by_role("region", name="Question from Hermes")
    expect(card).to_be_visible(timeout=30_000)
    # There is no status bar: the door itself says that somebody waits behind it.
    door = page.get_by_role("button", name="Open Hermes \N{EN DASH} 1 open question")
    expect(door).to_be_visible()
    lab.picture("9-notebook-7")
    card.get_by_role("button", name="Telling the story").click()
    expect(door).to_have_count(0)
    lab.until_idle()


def test_a_killed_agent_is_said_and_the_next_prompt_works(lab: Lab) -> None:
    """N4"""
    lab.say("tell me a long story")
    expect(lab.log).to_contain_text("long corridor", timeout=30_000)
    with lab.server.client() as client:
        session_id = client.get("sessions").json()["sessions"][0]["id"]
        for pid, line in processes_of(lab.server):
            if "agent/child" in line:
                os.kill(pid, signal.SIGKILL)
        expect(lab.panel).to_contain_text("The agent's process ended", timeout=2_000)
        expect(lab.log).to_contain_text("long corridor")
        lab.picture("8-killed")
        lab.say("hello")
        expect(lab.log).to_contain_text("I am the offline model", timeout=30_000)
        assert client.get(f"sessions/{session_id}").json()["id"] == session_id
