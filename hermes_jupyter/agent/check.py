"""The doctor's checks of the agent: where it runs, its version, its configuration, its model.

Each check is one function of what was found out, and none of them holds a key: what a person may
read, they may also put into a report.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml

from ..core.agent import AgentStatus
from ..core.errors import Hint, Unavailable
from .find import CHILD, MARKER, REQUIREMENT, Interpreter, private_environment, python_of
from .stderr import shown

State = Literal["ok", "warning", "error", "unknown"]

#: Seconds that the agent may take to look at itself; a cold disk takes its time.
PATIENCE = 60.0

#: The releases of hermes-agent that the child's shim was tried with.
TESTED = ("0.19.",)

SET_UP_MODEL: Hint = {
    "text": "Choose a provider and a model with `hermes model`, in a terminal.",
    "command": "hermes model",
    "action": "set-up-model",
}


@dataclass(frozen=True, slots=True)
class Check:
    """What the doctor has looked at; ``fix`` is the next step where something is wrong."""

    id: str
    title: str
    state: State
    reason: str
    fix: Hint | None = None

    def to_json(self) -> dict[str, Any]:
        """The check as the HTTP contract writes it."""
        body = asdict(self)
        if self.fix is None:
            del body["fix"]
        return body


async def agent_checks(
    interpreter: Interpreter,
    status: AgentStatus,
    home: Path,
    *,
    cwd: Path,
    environment: Mapping[str, str] | None,
) -> list[Check]:
    """All of them, in the order in which things go wrong.

    Args:
        environment: to load the agent in; None: what only that would show is not looked at.
    """
    python: Path | Unavailable
    found = None
    try:
        python = interpreter.find()
        if environment is not None:
            found = await look(python, environment, cwd)
    except Unavailable as error:
        python = error
    return [
        agent_found(python, interpreter.configured),
        agent_loads(found, interpreter.hint),
        agent_state(status),
        await asyncio.to_thread(configuration, home),
        model_configured(found),
        model_answers(found),
    ]


async def look(python: Path, environment: Mapping[str, str], cwd: Path) -> dict[str, Any]:
    """What the agent of ``python`` says of itself, in a process that ends with that.

    Returns:
        What ``check`` of the child prints; ``{"broken": why}`` if it does not get that far.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *(str(python), "-P", str(CHILD), "check"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
            cwd=cwd,
        )
    except OSError as error:
        return {"broken": str(error)}
    try:
        async with asyncio.timeout(PATIENCE):
            out, said = await process.communicate()
    except TimeoutError:
        return {"broken": f"It did not come to an end within {PATIENCE:.0f} s."}
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    try:
        found: dict[str, Any] = json.loads(out)
    except ValueError:
        words = said.decode("utf-8", "replace").strip().splitlines()
        return {"broken": shown(words[-1]) if words else f"exit code {process.returncode}"}
    return found


def agent_found(python: Path | Unavailable, configured: str) -> Check:
    """Which interpreter runs the agent, and how it was chosen."""
    title = "Agent"
    if isinstance(python, Unavailable):
        return Check("agent", title, "error", python.message, python.hint)
    private = private_environment()
    if configured:
        why = "set by `HermesExtension.agent_python`"
    elif (private / MARKER).exists() and python == python_of(private):
        why = "the environment of `jupyter hermes agent install`"
    else:
        why = "no other one is set or installed for Jupyter"
    return Check("agent", title, "ok", f"It runs in {python}: {why}.")


def agent_loads(found: dict[str, Any] | None, install: Hint) -> Check:
    """Whether it can be loaded, is a version that was tried, and has the names that we need."""
    title = "Version of the agent"
    if found is None:
        return _not_looked_at("version", title)
    if "broken" in found:
        return Check("version", title, "error", f"It cannot be loaded: {found['broken']}", install)
    version, missing = found["version"], found["missing"]
    if missing:
        reason = f"hermes-agent {version} lacks {', '.join(missing[:5])}."
        return Check("version", title, "error", reason, install)
    if not version.startswith(TESTED):
        reason = f"hermes-agent {version} has all that is needed, but was not tried here."
        fix: Hint = {"text": f"If anything is odd, install the tried one: {REQUIREMENT}."}
        return Check("version", title, "warning", reason, fix)
    return Check("version", title, "ok", f"hermes-agent {version}, as tried.")


def agent_state(status: AgentStatus) -> Check:
    """How the agent of this server is now."""
    title = "Process of the agent"
    if status.state == "failed":
        return Check("process", title, "error", shown(str(status.error)), status.hint)
    reasons = {
        "ready": "It runs.",
        "starting": f"It is starting: {status.step}.",
        "stopped": "It is not started yet: the first prompt does that.",
    }
    return Check("process", title, "ok", reasons[status.state])


def configuration(home: Path) -> Check:
    """Whether Hermes' configuration can be read: if not, Hermes goes on without it."""
    title, path = "Configuration", home / "config.yaml"
    fix: Hint = {"text": f"Correct {path}, or move it away and choose a model anew."}
    try:
        settings = yaml.safe_load(path.read_bytes())
    except FileNotFoundError:
        return Check("configuration", title, "warning", f"There is no {path}.", SET_UP_MODEL)
    except OSError as error:
        return Check("configuration", title, "error", f"It cannot be read: {error}", fix)
    except yaml.YAMLError as error:
        # Without the line itself, which may hold a key.
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        reason = f"{path} is no YAML{where}: Hermes runs as if there was none."
        return Check("configuration", title, "error", reason, fix)
    if not isinstance(settings, dict):
        reason = f"{path} holds no settings: Hermes runs as if there was none."
        return Check("configuration", title, "error", reason, fix)
    return Check("configuration", title, "ok", f"{path} can be read.")


def model_configured(found: dict[str, Any] | None) -> Check:
    """Whether there are a model, a provider and a key; never its value."""
    title = "Model"
    if found is None or "broken" in found:
        return _not_looked_at("model", title)
    if "model_error" in found:
        return Check("model", title, "error", shown(found["model_error"]), SET_UP_MODEL)
    reason = f"{found['model'] or 'No model'} of {found['provider']}, the key is {found['key']}."
    if found["key"] == "missing" or not found["model"]:
        return Check("model", title, "error", reason, SET_UP_MODEL)
    return Check("model", title, "ok", reason)


def model_answers(found: dict[str, Any] | None) -> Check:
    """Whether the model's address answers a request that costs nothing."""
    title = "Way to the model"
    answer = (found or {}).get("answer")
    if found is None or answer is None:
        return _not_looked_at("model_address", title)
    host = urlsplit(found["address"]).hostname
    fix: Hint = {"text": f"Check the address of {found['provider']}, and that the model runs."}
    if "error" in answer:
        through = f" (proxies are set: {', '.join(answer['proxies'])})" if answer["proxies"] else ""
        reason = f"{host} cannot be reached{through}: {shown(answer['error'])}"
        return Check("model_address", title, "error", reason, fix)
    status = answer["status"]
    said = f"{host} answered {status} after {answer['ms']} ms."
    if status in (401, 403):
        return Check("model_address", title, "error", f"{said} It refuses the key.", SET_UP_MODEL)
    if status >= 500:
        return Check("model_address", title, "warning", said, {"text": "Try again in a while."})
    # Not every provider lists its models: 404 is an answer as well.
    return Check("model_address", title, "ok", said)


def _not_looked_at(id_: str, title: str) -> Check:
    return Check(id_, title, "unknown", "Not looked at.")
