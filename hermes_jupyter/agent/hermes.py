"""Hermes as the core's agent: one child process for all conversations of a server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from ..core.agent import (
    AgentEvent,
    AgentStatus,
    Compacted,
    Died,
    GaugeRead,
    Opened,
    SessionMoved,
    StatusChanged,
)
from ..core.errors import BadRequest, Conflict, Hint, NotFound, Unavailable
from ..core.gauge import Gauge
from ..core.question import Kind
from .find import INSTALL_HINT, OTHER_PYTHON, find_python
from .process import ProcessGone, RpcError, RpcProcess
from .state_db import StateDb
from .stderr import Stderr
from .translate import translate

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

#: The releases of hermes-agent that the child's shim was tried with.
TESTED = ("0.19.",)

#: Variables that are not the agent's business: they open the hub or this server.
_PRIVATE = ("JUPYTERHUB_", "JPY_", "JUPYTER_TOKEN", "JUPYTER_PASSWORD")

RESTART_HINT: Hint = {
    "text": "Restart the agent; if that does not help, look into the server's log.",
    "action": "restart-agent",
}

#: Seconds for which it is remembered whether there is an agent to start.
LOOK_AGAIN = 2.0

#: Frames that are kept of a session whose opening has not been answered yet.
MAX_EARLY = 100

#: Error codes of Hermes' gateway for a stored session that is not there.
_NO_SUCH_SESSION = (4001, 4007)

#: Error codes of the child: a turn runs; a prompt is not in the context any more; a
#: title is not to be had.
_BUSY = 4009
_GONE = 4018
_TITLE = 4022

#: All that is ever called: Hermes' gateway has more, such as `shell.exec`, which nobody may reach.
Method = Literal[
    "clarify.respond",
    "config.set",
    "jupyter.approval.respond",
    "jupyter.session.archive",
    "jupyter.session.branch",
    "jupyter.session.ready",
    "jupyter.session.reload",
    "jupyter.session.rename",
    "jupyter.session.rewind",
    "jupyter.steer.undelivered",
    "prompt.submit",
    "secret.respond",
    "session.close",
    "session.compress",
    "session.create",
    "session.delete",
    "session.interrupt",
    "session.resume",
    "session.steer",
    "setup.runtime_check",
    "sudo.respond",
]


class HermesAgent:
    """Hermes in a child process; see :class:`hermes_jupyter.core.agent.Agent`.

    Args:
        python: the interpreter that has hermes-agent; empty: found.
        home: the Hermes home.
        cwd: the folder the process runs in.
        approval_timeout: seconds an approval waits, unless the person's own configuration says.
        prepare: run before each start; what it returns is added to the environment.
    """

    def __init__(
        self,
        *,
        home: Path,
        cwd: Path,
        python: str = "",
        approval_timeout: int = 1800,
        prepare: Callable[[], Awaitable[Mapping[str, str]]] | None = None,
    ) -> None:
        self._configured = python
        self.home = home
        self._cwd = cwd
        self._approval_timeout = approval_timeout
        self._prepare = prepare
        self._status = AgentStatus()
        self._process: RpcProcess | None = None
        self._starting: asyncio.Task[RpcProcess] | None = None
        self._hear: Callable[[AgentEvent], None] = lambda event: None
        self._live: dict[str, str] = {}
        self._stored: dict[str, str] = {}
        self._prepared: set[str] = set()
        self._early: dict[str, list[dict[str, Any]]] = {}
        self._found = AgentStatus()
        self._looked_at = -LOOK_AGAIN
        self._ready: asyncio.Future[dict[str, Any]] | None = None
        self._history = StateDb(home / "state.db")
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
                self._found = AgentStatus(python=str(find_python(self._configured)))
            except Unavailable as error:
                self._found = AgentStatus("failed", error=error.message, hint=error.hint)
        return self._found

    @property
    def history(self) -> StateDb:
        """Hermes' own database, read only."""
        return self._history

    @property
    def stderr(self) -> list[str]:
        """The last that its process, or the one before, said beside its answers."""
        return self._said.lines

    @property
    def pid(self) -> int | None:
        """The number of its process, while there is one."""
        return self._process.pid if self._process is not None else None

    def listen(self, hear: Callable[[AgentEvent], None]) -> None:
        """Tell ``hear`` everything from now on."""
        self._hear = hear

    def _set_status(self, status: AgentStatus) -> None:
        self._status = status
        self._hear(StatusChanged(status))

    def _step(self, step: str) -> None:
        self._set_status(replace(self._status, state="starting", step=step, error=None, hint=None))

    # -- the process ---------------------------------------------------------------------------

    async def _running(self) -> RpcProcess:
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
                return await self._running()
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
        self._status = AgentStatus()
        try:
            self._step("Looking for hermes-agent")
            python = find_python(self._configured)
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
        extra = await self._prepare() if self._prepare is not None else {}
        self._ready = asyncio.get_running_loop().create_future()
        process = await RpcProcess.start(
            [str(python), "-P", str(Path(__file__).with_name("child.py"))],
            self._environment(extra),
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
            self._step("Checking the model")
            check = await self._call(process, "setup.runtime_check")
            if not check.get("ok"):
                raise _no_model(str(check.get("error") or ""), python, self.home)
        except BaseException:
            self._forget()
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
                raise _unsupported(f"hermes-agent {ready['version']} lacks {ready['missing'][0]}.")
            return ready
        if done:
            words = process.last_words(process.returncode)
            if "No module named" in words:
                raise _unsupported(f"{self._status.python} has no usable hermes-agent: {words}")
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

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(_PRIVATE) and key not in OTHER_PYTHON
        }
        return {
            **kept,
            "HERMES_HOME": str(self.home),
            # Or Hermes runs pip in its environment while it works.
            "HERMES_DISABLE_LAZY_INSTALLS": "1",
            "HERMES_JUPYTER_APPROVAL_TIMEOUT": str(self._approval_timeout),
            "HERMES_JUPYTER_PARENT": str(os.getpid()),
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
            **extra,
        }

    def _exited(self, process: RpcProcess, reason: str) -> None:
        """The process has ended by itself."""
        if process is not self._process:
            return
        self._forget()
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

    def _forget(self) -> None:
        self._process = None
        self._live.clear()
        self._stored.clear()
        self._prepared.clear()
        self._early.clear()

    async def restart(self) -> None:
        """End the process, if any, and start a new one at once, whatever happened before."""
        self._bad_ends = 0
        self._next_start = 0.0
        if self._hurry is not None:
            # A start is on its way already, with those who wait for it.
            self._hurry.set()
        else:
            await self._end()
        await self._running()

    async def close(self) -> None:
        """End the process and all it started."""
        await self._end()

    async def _end(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        process = self._process
        self._forget()
        self._set_status(AgentStatus())
        if process is not None:
            self._hear(Died("it was stopped."))
            await process.stop()

    def kill(self) -> None:
        """End it at once, where nothing can be awaited any more."""
        if self._process is not None:
            self._process.kill()

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

    async def _ask(self, method: Method, **params: Any) -> Any:
        """Call a method of the running agent; what goes wrong is Unavailable or an RpcError."""
        process = await self._running()
        try:
            return await self._call(process, method, **params)
        except (ProcessGone, TimeoutError) as error:
            raise Unavailable(
                f"The agent did not take the call {method}: {error}",
                code="agent_gone" if isinstance(error, ProcessGone) else "agent_silent",
                hint=RESTART_HINT,
            ) from error

    async def create(self, *, cwd: str, title: str | None, model: str | None) -> Opened:
        """Open a new session."""
        wanted = {"cwd": cwd, "title": title, "model": model}
        given = {key: value for key, value in wanted.items() if value}
        try:
            reply = await self._ask("session.create", source="jupyter", **given)
        except RpcError as error:
            raise _refused(error) from error
        return self._bind(reply, reply["stored_session_id"])

    async def resume(self, session_id: str, *, cwd: str | None) -> Opened:
        """Open a session of the past at its tip."""
        await self._running()
        if session_id in self._live:
            return Opened(session_id, cwd or "", None)
        try:
            reply = await self._ask("session.resume", session_id=session_id, source="jupyter")
        except RpcError as error:
            if error.code in _NO_SUCH_SESSION:
                raise NotFound(
                    f"Hermes has no session {session_id!r}.", code="session_not_found"
                ) from error
            raise _refused(error) from error
        info = reply.get("info") or {}
        stored = info.get("stored_session_id") or reply.get("session_key") or session_id
        return self._bind(reply, stored)

    def _bind(self, reply: dict[str, Any], stored: str) -> Opened:
        live, info = reply["session_id"], reply.get("info") or {}
        self._live[stored] = live
        self._stored[live] = stored
        # What came before the reply was taken belongs to this session too.
        for params in self._early.pop(live, []):
            self._receive(params)
        return Opened(stored, info.get("cwd") or str(self._cwd), info.get("model"))

    async def prepare(self, session_id: str) -> None:
        """Wait until an open session can take a prompt: its model and tools are there."""
        live = self._live_id(session_id)
        if live not in self._prepared:
            self._set_status(replace(self._status, step="Loading the model and the tools"))
        try:
            await self._ask("jupyter.session.ready", session_id=live)
            self._prepared.add(live)
        except RpcError as error:
            raise _refused(error) from error
        finally:
            if self._status.state == "ready" and self._status.step is not None:
                self._set_status(replace(self._status, step=None))

    async def prompt(self, session_id: str, text: str) -> bool:
        """Begin a turn in an open session; False when Hermes has begun one of its own."""
        try:
            await self._ask("prompt.submit", session_id=self._live_id(session_id), text=text)
        except RpcError as error:
            if error.code == _BUSY:
                return False
            raise _refused(error) from error
        return True

    async def interrupt(self, session_id: str) -> None:
        """End the running turn of an open session."""
        await self._order("session.interrupt", session_id)

    async def steer(self, session_id: str, text: str) -> bool:
        """Say something into the running turn; False when Hermes takes nothing now."""
        reply = await self._order("session.steer", session_id, text=text)
        return bool(reply.get("status") == "queued")

    async def undelivered(self, session_id: str, texts: Sequence[str]) -> list[str]:
        """Which of ``texts`` came too late for the last tool of the turn that has ended."""
        reply = await self._order("jupyter.steer.undelivered", session_id, texts=list(texts))
        return list(reply["texts"])

    async def compress(self, session_id: str, focus: str | None) -> Compacted:
        """Summarise the older part of an idle session."""
        reply = await self._order("session.compress", session_id, focus_topic=focus or "")
        summary: dict[str, Any] = reply.get("summary") or {}
        words = [summary.get("headline"), summary.get("token_line"), summary.get("note")]
        done = reply.get("status") == "compressed" and not summary.get("noop")
        if done:
            gauge = Gauge(
                used=reply.get("after_tokens"),
                estimate=True,
                compactions=(reply.get("usage") or {}).get("compressions") or 1,
            )
            self._hear(GaugeRead(self._tip(session_id, reply), gauge))
        text = " ".join(str(word) for word in words if word)
        return Compacted(text or "The context was compacted.", done)

    async def rewind(self, session_id: str, text: str, later: int) -> None:
        """Take back a prompt of an idle session and all that followed it."""
        try:
            await self._order("jupyter.session.rewind", session_id, text=text, later=later)
        except Unavailable as error:
            if error.details.get("agent_code") != _GONE:
                raise
            raise Conflict(
                "This message is not in the agent's context any more: it was compacted.",
                code="compacted",
                hint={"text": "Say it anew as the next prompt."},
            ) from error

    async def reload(self, session_id: str) -> None:
        """Read an idle session anew from Hermes' database."""
        await self._order("jupyter.session.reload", session_id)

    async def rename(self, session_id: str, title: str) -> None:
        """Give a stored session another title."""
        try:
            await self._ask("jupyter.session.rename", session_id=session_id, title=title)
        except RpcError as error:
            if error.code != _TITLE:
                raise _refused(error) from error
            raise BadRequest(
                f"Hermes does not take this title: {error}", code="bad_title"
            ) from error

    async def archive(self, session_ids: Sequence[str], archived: bool) -> None:
        """Put stored sessions away, or take them back."""
        try:
            await self._ask(
                "jupyter.session.archive", session_ids=list(session_ids), archived=archived
            )
        except RpcError as error:
            raise _refused(error) from error

    async def delete(self, session_ids: Sequence[str]) -> None:
        """Delete stored sessions for good, in this order."""
        for session_id in session_ids:
            live = self._live.pop(session_id, None)
            try:
                if live is not None:
                    self._stored.pop(live, None)
                    self._prepared.discard(live)
                    await self._ask("session.close", session_id=live)
                await self._ask("session.delete", session_id=session_id)
            except RpcError as error:
                # A draft of which nothing was said has never been stored.
                if error.code not in _NO_SUCH_SESSION:
                    raise _refused(error) from error

    async def branch(self, session_id: str, title: str | None) -> str:
        """Open a new session that begins with all that was said in an open one."""
        reply = await self._order("jupyter.session.branch", session_id, name=title or "")
        return self._bind(reply, reply["stored_session_id"]).session_id

    async def skip_approvals(self, session_id: str, on: bool) -> None:
        """Ask no approvals in an open session, or again."""
        await self._order("config.set", session_id, key="yolo", value="on" if on else "off")

    async def _order(self, method: Method, session_id: str, **params: Any) -> dict[str, Any]:
        """Call a method of an open session."""
        live = self._live_id(session_id)
        try:
            reply: dict[str, Any] = await self._ask(method, session_id=live, **params)
        except RpcError as error:
            raise _refused(error) from error
        return reply

    def _tip(self, session_id: str, reply: dict[str, Any]) -> str:
        """The session that a conversation goes on in after a compaction."""
        info = reply.get("info") or {}
        return str(info.get("stored_session_id") or session_id)

    async def answer(self, key: str, kind: Kind, value: str) -> bool:
        """Give the answer to question ``key``; False when it waits no longer."""
        if self._process is None or not self._process.alive:
            raise Unavailable(
                "The agent's process has ended.", code="agent_gone", hint=RESTART_HINT
            )
        ways: dict[Kind, tuple[Method, str]] = {
            "clarify": ("clarify.respond", "answer"),
            "approval": ("jupyter.approval.respond", "choice"),
            "sudo": ("sudo.respond", "password"),
            "secret": ("secret.respond", "value"),
        }
        method, name = ways[kind]
        try:
            reply = await self._ask(method, request_id=key, **{name: value})
        except RpcError as error:
            log.info("The agent waits no longer for %s %s: %s", kind, key, error)
            return False
        return bool(reply.get("status") == "ok")

    def _live_id(self, session_id: str) -> str:
        live = self._live.get(session_id)
        if live is None:
            raise Unavailable("The agent does not have this session open.", code="agent_gone")
        return live

    # -- frames --------------------------------------------------------------------------------

    def _receive(self, params: dict[str, Any]) -> None:
        type_, live = params.get("type") or "", params.get("session_id") or ""
        payload = params.get("payload") or {}
        if type_ == "jupyter.ready" and self._ready is not None:
            if not self._ready.done():
                self._ready.set_result(payload)
            return
        stored = self._stored.get(live)
        if stored is None:
            early = self._early.setdefault(live, [])
            if live and len(early) < MAX_EARLY:
                early.append(params)
            return
        if type_ == "session.info":
            stored = self._follow_tip(live, stored, payload)
        for event in translate(type_, stored, payload):
            self._hear(event)

    def _follow_tip(self, live: str, stored: str, info: dict[str, Any]) -> str:
        """After a compaction the same live session writes into another stored one."""
        tip = info.get("stored_session_id") or stored
        if tip != stored:
            self._live[tip] = self._live.pop(stored)
            self._stored[live] = tip
            self._hear(SessionMoved(stored, tip))
        return str(tip)


def _no_model(reason: str, python: Path, home: Path) -> Unavailable:
    beside = python.parent / "hermes"
    command = f"{beside if beside.exists() else 'hermes'} model"
    if home != Path.home() / ".hermes":
        command = f"HERMES_HOME={home} {command}"
    return Unavailable(
        f"No model is configured: {reason.partition('. ')[0] or 'Hermes could not find one'}.",
        code="model_not_configured",
        hint={
            "text": "Choose a provider and a model in a terminal, then send your prompt again.",
            "command": command,
            "action": "set-up-model",
        },
    )


def _unsupported(message: str) -> Unavailable:
    return Unavailable(message, code="agent_unsupported", hint=INSTALL_HINT)


def _refused(error: RpcError) -> Unavailable:
    return Unavailable(
        f"The agent refused: {error}",
        code="agent_refused",
        hint=RESTART_HINT,
        agent_code=error.code,
    )
