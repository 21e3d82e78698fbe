"""The agent's own process and its life: found, started, asked, found dead, ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, get_args

from ..core.agent import AgentStatus, Died, StatusChanged
from ..core.errors import Conflict, Hint, Unavailable
from ..core.policy import Policy
from ..core.tools import ToolSpec
from .check import TESTED, Check, agent_checks
from .find import CHILD, INSTALL_HINT, OTHER_PYTHON, Interpreter
from .install import InstallFailed, install
from .process import ProcessGone, RpcError, RpcProcess
from .stderr import Stderr

log = logging.getLogger(__name__)

#: Seconds from the start of the process until it must be ready: a cold disk takes its time.
START_TIMEOUT = 60.0

#: Seconds that any other call may take; the agent answers at once and works in the background.
CALL_TIMEOUT = 60.0

#: Seconds that a compaction may take: the model reads the conversation and writes a summary.
COMPACTION_TIMEOUT = 900.0

#: Seconds until the next start, after one bad end, after two in a row, and so on.
BACK_OFF = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)

#: Seconds after which a process that was ready has proved itself: its end begins a new row.
PROVEN = 30.0

#: Variables that are not the agent's business: they open the hub or this server.
_PRIVATE = ("JUPYTERHUB_", "JPY_", "JUPYTER_TOKEN", "JUPYTER_PASSWORD")

RESTART_HINT: Hint = {
    "text": "Restart the agent; if that does not help, look into the server's log.",
    "action": "restart-agent",
}

#: Seconds for which it is remembered whether there is an agent to start.
LOOK_AGAIN = 2.0

#: All that is ever called: Hermes' gateway has more, such as `shell.exec`, which nobody may reach.
Method = Literal[
    "clarify.respond",
    "command.dispatch",
    "config.set",
    "jupyter.approval.respond",
    "jupyter.commands",
    "jupyter.models",
    "jupyter.prompt.submit",
    "jupyter.session.archive",
    "jupyter.session.branch",
    "jupyter.session.ready",
    "jupyter.session.reload",
    "jupyter.session.rename",
    "jupyter.session.rewind",
    "jupyter.session.switch",
    "jupyter.steer.undelivered",
    "jupyter.tool.respond",
    "jupyter.tools.offer",
    "secret.respond",
    "session.close",
    "session.compress",
    "session.create",
    "session.delete",
    "session.interrupt",
    "session.resume",
    "session.steer",
    "setup.runtime_check",
    "slash.exec",
    "sudo.respond",
]


class ChildLife:
    """The one process of an agent: started at its first call, and again after its end.

    Args:
        python: the interpreter that has hermes-agent; empty: found.
        policy: what the administrator has decided.
        home: the Hermes home.
        cwd: the folder the process runs in.
        approval_timeout: seconds an approval waits, unless the person's own configuration says.
        prepare: run before each start; what it returns is added to the environment.
        on_frame: gets the ``params`` of each notification, in order.
        hear: is told how the agent is, and that the process is gone.
    """

    def __init__(
        self,
        *,
        home: Path,
        cwd: Path,
        python: str,
        policy: Policy,
        approval_timeout: int,
        prepare: Callable[[], Awaitable[Mapping[str, str]]] | None,
        on_frame: Callable[[dict[str, Any]], None],
        hear: Callable[[StatusChanged | Died], None],
    ) -> None:
        self._interpreter = Interpreter(python, policy.install)
        self._policy = policy
        self._home = home
        self._cwd = cwd
        self._approval_timeout = approval_timeout
        self._prepare = prepare
        self._on_frame = on_frame
        self._hear = hear
        #: The tools that the models may call; a process is told of them at its start.
        self.tools: Sequence[ToolSpec] = ()
        self._status = AgentStatus()
        self._process: RpcProcess | None = None
        self._starting: asyncio.Task[RpcProcess] | None = None
        self._installing: asyncio.Task[None] | None = None
        self._found = AgentStatus()
        self._looked_at = -LOOK_AGAIN
        self._ready: asyncio.Future[dict[str, Any]] | None = None
        self._said = Stderr()
        self._bad_ends = 0
        self._next_start = self._ready_at = 0.0
        #: Ends the waiting for the next start, while there is one.
        self._hurry: asyncio.Event | None = None

    # -- state ---------------------------------------------------------------------------------

    @property
    def status(self) -> AgentStatus:
        """How the agent is; where none is installed, that is known without a start."""
        if self._status.state != "stopped":
            return self._status
        now = time.monotonic()
        if now - self._looked_at > LOOK_AGAIN:
            self._looked_at = now
            try:
                self._found = AgentStatus(python=str(self._interpreter.find()))
            except Unavailable as error:
                self._found = AgentStatus("failed", error=error.message, hint=error.hint)
        return self._found

    @property
    def alive(self) -> bool:
        """Whether it runs and is wanted."""
        return self._process is not None and self._process.alive

    @property
    def stderr(self) -> list[str]:
        """The last that its process, or the one before, said beside its answers."""
        return self._said.lines

    @property
    def pid(self) -> int | None:
        """The number of its process, while there is one."""
        return self._process.pid if self._process is not None else None

    @contextlib.contextmanager
    def step(self, step: str) -> Iterator[None]:
        """Tell ``step`` while something is done that a person waits for."""
        self._set_status(replace(self._status, step=step))
        try:
            yield
        finally:
            if self._status.state == "ready" and self._status.step is not None:
                self._set_status(replace(self._status, step=None))

    def _set_status(self, status: AgentStatus) -> None:
        self._status = status
        self._hear(StatusChanged(status))

    def _step(self, step: str) -> None:
        self._set_status(replace(self._status, state="starting", step=step, error=None, hint=None))

    # -- calls ---------------------------------------------------------------------------------

    async def _call(self, process: RpcProcess, method: Method, **params: Any) -> Any:
        if method not in get_args(Method):
            raise ValueError(f"{method} is not called from here.")
        seconds = COMPACTION_TIMEOUT if method == "session.compress" else CALL_TIMEOUT
        try:
            async with asyncio.timeout(seconds):
                return await process.call(method, **params)
        except TimeoutError:
            raise TimeoutError(f"it did not answer within {seconds:.0f} s.") from None

    async def ask(self, method: Method, **params: Any) -> Any:
        """Call a method of the running agent; what goes wrong is Unavailable or an RpcError."""
        process = await self.running()
        try:
            return await self._call(process, method, **params)
        except (ProcessGone, TimeoutError) as error:
            raise Unavailable(
                f"The agent did not take the call {method}: {error}",
                code="agent_gone" if isinstance(error, ProcessGone) else "agent_silent",
                hint=RESTART_HINT,
            ) from error

    # -- what is there, and what is not --------------------------------------------------------

    async def checks(self, *, load: bool) -> list[Check]:
        """What the doctor finds; with ``load``, by a process that loads the agent and ends."""
        environment = await self._environment() if load else None
        return await agent_checks(
            self._interpreter, self.status, self._home, cwd=self._cwd, environment=environment
        )

    def install(self) -> None:
        """Begin to install a tested agent into the private environment; its steps are told.

        Raises:
            Forbidden: the administrator provides the agent.
            Conflict: it is being installed.
        """
        self._interpreter.must_allow_install()
        if self._installing is not None:
            raise Conflict("The agent is being installed already.", code="installing")
        self._installing = asyncio.create_task(self._install())
        # Who does not wait for it is told by the state.
        self._installing.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _install(self) -> None:
        try:
            if self.alive:
                await self._end()
            await install(self._step, lambda line: log.info("pip: %s", line))
        except InstallFailed as error:
            failed = Unavailable(str(error), code="install_failed", hint=INSTALL_HINT)
            self._fail(failed)
            raise failed from error
        finally:
            self._installing = None
        self._next_start = 0.0
        if self._starting is None:
            # What is missing next, such as a model, is told with the state.
            with contextlib.suppress(Unavailable):
                await self.running()

    # -- start and end -------------------------------------------------------------------------

    async def running(self) -> RpcProcess:
        """The process, started if there is none; all callers wait for the same start."""
        starting = self._starting
        if starting is None:
            process = self._process
            if process is not None and process.alive:
                return process
            if process is not None:
                # What it had open is told as gone before anything new begins.
                await asyncio.wait([process.ended])
                self._exited(process, process.last_words(process.returncode))
                return await self.running()
            starting = self._starting = asyncio.create_task(self._start())
            starting.add_done_callback(self._started)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            if not starting.cancelled():
                raise
            raise Unavailable("The agent was stopped meanwhile.", code="agent_gone") from None

    def _started(self, task: asyncio.Task[RpcProcess]) -> None:
        if self._starting is task:
            self._starting = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("The agent could not be started: %s", error)

    async def _start(self) -> RpcProcess:
        await self._wait_for_next_start()
        if self._installing is not None:
            await asyncio.shield(self._installing)
        self._status = AgentStatus()
        try:
            self._step("Looking for hermes-agent")
            python = self._interpreter.find()
            self._status = replace(self._status, python=str(python))
            self._step("Starting the agent's process")
            return await self._launch(python)
        except Unavailable as error:
            # What a person has to mend is mended between two starts: these need not wait.
            if error.code == "agent_failed":
                self._ended_badly()
            self._fail(error)
            raise
        except (OSError, ProcessGone, TimeoutError, RpcError) as error:
            self._ended_badly()
            failed = Unavailable(
                f"The agent could not be started: {error}", code="agent_failed", hint=RESTART_HINT
            )
            self._fail(failed)
            raise failed from error

    def _ended_badly(self) -> None:
        wait = BACK_OFF[min(self._bad_ends, len(BACK_OFF) - 1)]
        self._bad_ends += 1
        self._next_start = time.monotonic() + wait

    async def _wait_for_next_start(self) -> None:
        """After bad ends in a row, wait; what went wrong stays told with the step."""
        self._hurry = asyncio.Event()
        try:
            while (left := self._next_start - time.monotonic()) > 0:
                step = f"Trying again in {math.ceil(left)} s"
                self._set_status(replace(self._status, state="starting", step=step))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._hurry.wait(), left % 1 or 1)
        finally:
            self._hurry = None

    def _fail(self, error: Unavailable) -> None:
        self._set_status(
            replace(self._status, state="failed", step=None, error=error.message, hint=error.hint)
        )

    async def _launch(self, python: Path) -> RpcProcess:
        environment = await self._environment()
        self._ready = asyncio.get_running_loop().create_future()
        process = await RpcProcess.start(
            [str(python), "-P", str(CHILD)],
            environment,
            str(self._cwd),
            self._receive,
            self._exited,
        )
        self._process = process
        self._said = process.stderr
        try:
            ready = await self._wait_ready(process)
            version = str(ready["version"])
            self._status = replace(self._status, version=version)
            self._step(f"Loading Hermes {version}")
            if not version.startswith(TESTED):
                log.warning("hermes-agent %s is newer than this was tried with", version)
            if self.tools:
                tools = [asdict(tool) for tool in self.tools]
                await self._call(process, "jupyter.tools.offer", tools=tools)
            self._step("Checking the model")
            check = await self._call(process, "setup.runtime_check")
            if not check.get("ok"):
                raise _no_model(str(check.get("error") or ""), python, self._home)
        except BaseException:
            self._process = None
            # It does not listen yet, and has nothing to put in order.
            process.kill()
            await process.ended
            raise
        self._ready_at = time.monotonic()
        self._set_status(replace(self._status, state="ready", step=None))
        return process

    async def _wait_ready(self, process: RpcProcess) -> dict[str, Any]:
        assert self._ready is not None
        waiting: list[asyncio.Future[Any]] = [self._ready, process.ended]
        done, _ = await asyncio.wait(
            waiting, timeout=START_TIMEOUT, return_when=asyncio.FIRST_COMPLETED
        )
        if self._ready in done:
            ready = self._ready.result()
            if ready["missing"]:
                lacks = f"hermes-agent {ready['version']} lacks {ready['missing'][0]}."
                raise self._interpreter.unsupported(lacks)
            return ready
        if done:
            words = process.last_words(process.returncode)
            if "No module named" in words:
                raise self._interpreter.unsupported(
                    f"{self._status.python} has no usable hermes-agent: {words}"
                )
            raise Unavailable(
                f"The agent's process ended at its start: {words}",
                code="agent_failed",
                hint=RESTART_HINT,
            )
        raise Unavailable(
            f"The agent was not ready within {START_TIMEOUT:.0f} seconds.",
            code="agent_failed",
            hint=RESTART_HINT,
        )

    async def _environment(self) -> dict[str, str]:
        extra = await self._prepare() if self._prepare is not None else {}
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(_PRIVATE) and key not in OTHER_PYTHON
        }
        return {
            **kept,
            "HERMES_HOME": str(self._home),
            # Or Hermes runs pip in its environment while it works.
            "HERMES_DISABLE_LAZY_INSTALLS": "1",
            "HERMES_JUPYTER_APPROVAL_TIMEOUT": str(self._approval_timeout),
            "HERMES_JUPYTER_POLICY": json.dumps(self._policy.to_json()),
            "HERMES_JUPYTER_PARENT": str(os.getpid()),
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
            **extra,
        }

    def _exited(self, process: RpcProcess, reason: str) -> None:
        """The process has ended by itself."""
        if process is not self._process:
            return
        self._process = None
        if self._status.state == "ready":
            if time.monotonic() - self._ready_at >= PROVEN:
                self._bad_ends = 0
            self._ended_badly()
            hint: Hint = {"text": "The next prompt starts a new one.", "action": "restart-agent"}
            self._set_status(
                replace(
                    self._status,
                    state="failed",
                    step=None,
                    error=f"The agent's process ended: {reason}",
                    hint=hint,
                )
            )
        self._hear(Died(reason))

    async def restart(self) -> None:
        """End the process, if any, and start a new one at once, whatever happened before."""
        self._bad_ends = 0
        self._next_start = 0.0
        if self._hurry is not None:
            # A start is on its way already, with those who wait for it.
            self._hurry.set()
        else:
            await self._end()
        await self.running()

    async def close(self) -> None:
        """End the process and all it started, and what is being installed."""
        if self._installing is not None:
            self._installing.cancel()
            await asyncio.wait([self._installing])
        await self._end()

    async def _end(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        process = self._process
        self._process = None
        self._set_status(AgentStatus())
        if process is not None:
            self._hear(Died("it was stopped."))
            await process.stop()

    def kill(self) -> None:
        """End it at once, where nothing can be awaited any more."""
        if self._process is not None:
            self._process.kill()

    def _receive(self, params: dict[str, Any]) -> None:
        if params.get("type") == "jupyter.ready" and self._ready is not None:
            if not self._ready.done():
                self._ready.set_result(params.get("payload") or {})
            return
        self._on_frame(params)


def _no_model(reason: str, python: Path, home: Path) -> Unavailable:
    beside = python.parent / "hermes"
    command = f"{beside if beside.exists() else 'hermes'} model"
    if home != Path.home() / ".hermes":
        command = f"HERMES_HOME={home} {command}"
    # A terminal has the PATH of a login, and not always that of the server.
    tour = Path(sys.executable).with_name("jupyter-hermes")
    return Unavailable(
        f"No model is configured: {reason.partition('. ')[0] or 'Hermes could not find one'}.",
        code="model_not_configured",
        hint={
            "text": "Choose a provider and a model in a terminal, then send your prompt again. "
            "To look around before, `jupyter hermes tour` has a model without key and network.",
            "command": command,
            "action": "set-up-model",
            "tour": f"{tour if tour.exists() else 'jupyter hermes'} tour",
        },
    )
