"""Hermes as the core's agent: one child process for all conversations of a server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..core.agent import (
    AgentEvent,
    AgentStatus,
    Command,
    CommandDone,
    Compacted,
    Died,
    GaugeRead,
    Models,
    Opened,
    Provider,
    SessionMoved,
    StatusChanged,
    Switched,
)
from ..core.attachments import is_image
from ..core.errors import BadRequest, Conflict, NotFound, Unavailable
from ..core.gauge import Gauge
from ..core.policy import CHOOSE, Policy, refused
from ..core.question import Kind
from ..core.tools import ToolResult, ToolSpec
from . import check_home
from .attached import with_lines
from .check import Check
from .commands import BY_WORKER, commands_of, done_of
from .life import RESTART_HINT, ChildLife, Method
from .process import RpcError
from .state_db import StateDb
from .translate import translate

log = logging.getLogger(__name__)

#: Frames that are kept of a session whose opening has not been answered yet.
MAX_EARLY = 100

#: Error codes of Hermes' gateway for a stored session that is not there.
_NO_SUCH_SESSION = (4001, 4007)

#: Error codes of the child: a turn runs; a prompt is not in the context any more; a
#: title is not to be had; the administrator does not want this model.
_BUSY = 4009
_GONE = 4018
_TITLE = 4022
_FORBIDDEN = 4903


class HermesAgent:
    """Hermes in a child process; see :class:`hermes_jupyter.core.agent.Agent`.

    Args:
        python: the interpreter that has hermes-agent; empty: found.
        policy: what the administrator has decided; without, nothing is.
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
        policy: Policy | None = None,
        approval_timeout: int = 1800,
        prepare: Callable[[], Awaitable[Mapping[str, str]]] | None = None,
    ) -> None:
        self.home = home
        self._cwd = cwd
        self._child = ChildLife(
            home=home,
            cwd=cwd,
            python=python,
            policy=policy or Policy(),
            approval_timeout=approval_timeout,
            prepare=prepare,
            on_frame=self._receive,
            hear=self._hear_life,
        )
        self._hear: Callable[[AgentEvent], None] = lambda event: None
        self._history = StateDb(home / "state.db")
        #: The live id of each stored session that is open, and the other way round.
        self._live: dict[str, str] = {}
        self._stored: dict[str, str] = {}
        self._prepared: set[str] = set()
        self._early: dict[str, list[dict[str, Any]]] = {}

    # -- the process ---------------------------------------------------------------------------

    @property
    def status(self) -> AgentStatus:
        """How the agent is; where none is installed, that is known without a start."""
        return self._child.status

    @property
    def stderr(self) -> list[str]:
        """The last that its process, or the one before, said beside its answers."""
        return self._child.stderr

    @property
    def pid(self) -> int | None:
        """The number of its process, while there is one."""
        return self._child.pid

    @property
    def history(self) -> StateDb:
        """Hermes' own database, read only."""
        return self._history

    def listen(self, hear: Callable[[AgentEvent], None]) -> None:
        """Tell ``hear`` everything from now on."""
        self._hear = hear

    def offer(self, tools: Sequence[ToolSpec]) -> None:
        """Have the models know these tools from the next start on; a call is told and waits."""
        self._child.tools = tools

    def install(self) -> None:
        """Begin to install a tested agent; how far it is, is told with the state."""
        self._child.install()

    async def checks(self, *, load: bool) -> list[Check]:
        """What the doctor finds of the agent and its home.

        Args:
            load: load the agent in a process that ends with that, and ask its model's address.
        """
        agent = await self._child.checks(load=load)
        return agent + await asyncio.to_thread(
            lambda: [
                check_home.folder(self.home),
                check_home.database(self.home),
                check_home.store(self.home),
                check_home.file_system(self.home),
                check_home.space(self.home),
            ]
        )

    async def restart(self) -> None:
        """End the process, if any, and start a new one at once, whatever happened before."""
        await self._child.restart()

    async def close(self) -> None:
        """End the process and all it started."""
        await self._child.close()

    def kill(self) -> None:
        """End it at once, where nothing can be awaited any more."""
        self._child.kill()

    def _hear_life(self, event: StatusChanged | Died) -> None:
        if isinstance(event, Died):
            for open_there in (self._live, self._stored, self._prepared, self._early):
                open_there.clear()
        self._hear(event)

    # -- calls ---------------------------------------------------------------------------------

    async def create(self, *, cwd: str, title: str | None, model: str | None) -> Opened:
        """Open a new session."""
        wanted = {"cwd": cwd, "title": title, "model": model}
        given = {key: value for key, value in wanted.items() if value}
        try:
            reply = await self._child.ask("session.create", source="jupyter", **given)
        except RpcError as error:
            raise _refused(error) from error
        return self._bind(reply, reply["stored_session_id"])

    async def resume(self, session_id: str, *, cwd: str | None) -> Opened:
        """Open a session of the past at its tip."""
        await self._child.running()
        if session_id in self._live:
            return Opened(session_id, cwd or "", None)
        try:
            reply = await self._child.ask("session.resume", session_id=session_id, source="jupyter")
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
        known = live in self._prepared
        try:
            with nullcontext() if known else self._child.step("Loading the model and the tools"):
                await self._child.ask("jupyter.session.ready", session_id=live)
        except RpcError as error:
            raise _refused(error) from error
        self._prepared.add(live)

    async def prompt(self, session_id: str, text: str, files: Sequence[Path], context: str) -> bool:
        """Begin a turn in an open session; False when Hermes has begun one of its own."""
        try:
            await self._child.ask(
                "jupyter.prompt.submit",
                session_id=self._live_id(session_id),
                text=with_lines(text, files),
                images=[str(path) for path in files if is_image(path.name)],
                context=context,
            )
        except RpcError as error:
            if error.code == _BUSY:
                return False
            if error.code == _FORBIDDEN:
                message = f"The model of this conversation may not be used here: {error}."
                raise refused(message, CHOOSE) from error
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

    async def rewind(self, session_id: str, said: Sequence[tuple[str, Sequence[Path]]]) -> None:
        """Take back a prompt of an idle session and all that followed it."""
        text, *after = (with_lines(*one) for one in said)
        later = sum(one.strip().endswith(text.strip()) for one in after)
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
            await self._child.ask("jupyter.session.rename", session_id=session_id, title=title)
        except RpcError as error:
            if error.code != _TITLE:
                raise _refused(error) from error
            raise BadRequest(
                f"Hermes does not take this title: {error}", code="bad_title"
            ) from error

    async def archive(self, session_ids: Sequence[str], archived: bool) -> None:
        """Put stored sessions away, or take them back."""
        try:
            await self._child.ask(
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
                    await self._child.ask("session.close", session_id=live)
                await self._child.ask("session.delete", session_id=session_id)
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

    async def models(self, session_id: str | None) -> Models:
        """What there is to choose from; with an open session, what that has."""
        live = self._live.get(session_id or "", "")
        try:
            reply = await self._child.ask("jupyter.models", session_id=live)
        except RpcError as error:
            raise _refused(error) from error
        providers = [
            Provider(str(one["slug"]), str(one.get("name") or one["slug"]), list(one["models"]))
            for one in reply["providers"]
            if one.get("authenticated") and one.get("models")
        ]
        chosen = [reply.get(name) or None for name in ("model", "provider", "reasoning")]
        return Models(providers, reply["efforts"], *chosen)

    async def switch(
        self,
        session_id: str,
        *,
        model: str | None,
        provider: str | None,
        reasoning: str | None,
        confirmed: bool,
    ) -> Switched:
        """Change what is given, in an open session that is idle and in no other."""
        wanted = {"model": model, "provider": provider, "reasoning": reasoning}
        live = self._live_id(session_id)
        try:
            reply = await self._child.ask(
                "jupyter.session.switch", session_id=live, confirmed=confirmed, **wanted
            )
        except RpcError as error:
            if error.code == _BUSY:
                raise Conflict("A turn is running; the model is changed between turns.") from error
            raise BadRequest(
                f"Hermes does not take this: {error}",
                code="bad_model",
                hint={"text": "Choose one of those that are listed."},
            ) from error
        if reply.get("confirm_required"):
            raise Conflict(
                str(reply["confirm_message"]),
                code="confirm_expensive",
                hint={"text": "Send it again with `confirmed`, or choose another model."},
            )
        return Switched(
            reply["model"],
            reply["provider"],
            reply["reasoning"] or None,
            Gauge(**reply["gauge"]),
            reply.get("warning") or None,
        )

    async def commands(self) -> list[Command]:
        """The slash commands that Hermes runs without a terminal."""
        try:
            return commands_of(await self._child.ask("jupyter.commands"))
        except RpcError as error:
            raise _refused(error) from error

    async def command(self, session_id: str, name: str, args: str) -> CommandDone:
        """Run one of them in an open session."""
        live = self._live_id(session_id)
        try:
            if name in BY_WORKER:
                line = f"{name} {args}".strip()
                reply = await self._child.ask("slash.exec", session_id=live, command=line)
            else:
                reply = await self._child.ask(
                    "command.dispatch", session_id=live, name=name, arg=args
                )
        except RpcError as error:
            raise BadRequest(f"Hermes does not take this: {error}", code="bad_command") from error
        return done_of(reply)

    async def _order(self, method: Method, session_id: str, **params: Any) -> dict[str, Any]:
        """Call a method of an open session."""
        live = self._live_id(session_id)
        try:
            reply: dict[str, Any] = await self._child.ask(method, session_id=live, **params)
        except RpcError as error:
            raise _refused(error) from error
        return reply

    def _tip(self, session_id: str, reply: dict[str, Any]) -> str:
        """The session that a conversation goes on in after a compaction."""
        info = reply.get("info") or {}
        return str(info.get("stored_session_id") or session_id)

    async def answer(self, key: str, kind: Kind, value: str) -> bool:
        """Give the answer to question ``key``; False when it waits no longer."""
        if not self._child.alive:
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
            reply = await self._child.ask(method, request_id=key, **{name: value})
        except RpcError as error:
            log.info("The agent waits no longer for %s %s: %s", kind, key, error)
            return False
        return bool(reply.get("status") == "ok")

    async def finish_call(self, key: str, result: ToolResult) -> None:
        """Give the result of the call ``key``; nothing happens if it is not waited for."""
        # An agent that is gone waits for nothing, and need not be started again for that.
        if self._child.alive:
            images = [asdict(image) for image in result.images]
            try:
                await self._child.ask(
                    "jupyter.tool.respond", request_id=key, text=result.text, images=images
                )
            except RpcError as error:
                raise _refused(error) from error

    def _live_id(self, session_id: str) -> str:
        live = self._live.get(session_id)
        if live is None:
            raise Unavailable("The agent does not have this session open.", code="agent_gone")
        return live

    # -- frames --------------------------------------------------------------------------------

    def _receive(self, params: dict[str, Any]) -> None:
        type_, live = params.get("type") or "", params.get("session_id") or ""
        payload = params.get("payload") or {}
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


def _refused(error: RpcError) -> Unavailable:
    return Unavailable(
        f"The agent refused: {error}",
        code="agent_refused",
        hint=RESTART_HINT,
        agent_code=error.code,
    )
