"""A child process that speaks newline-delimited JSON-RPC 2.0 over its pipes."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import signal
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .stderr import Stderr

log = logging.getLogger(__name__)

#: Bytes of the longest frame: the result of a tool may be megabytes long.
MAX_FRAME = 64 * 1024 * 1024

#: Marks the process and all it starts, however far they have moved away from it.
MARK = "HERMES_JUPYTER_PROCESS"

#: Seconds a process has to end by itself after its stdin was closed, then after SIGTERM. With the
#: server's own end they come to less than two.
GRACE = (1.0, 0.2)


class RpcError(Exception):
    """The other side refused a call; ``code`` is its own."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class ProcessGone(Exception):
    """The process has ended, or its pipe is closed."""


class RpcProcess:
    """A running child; use :meth:`start`.

    Args:
        on_event: gets the ``params`` of each notification, in order, on the event loop.
        on_exit: gets this process and the reason in words, once, when it has ended unasked.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        mark: str,
        on_event: Callable[[dict[str, Any]], None],
        on_exit: Callable[[RpcProcess, str], None],
    ) -> None:
        self._process = process
        self._mark = mark
        self._on_event = on_event
        self._on_exit = on_exit
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._stopping = False
        #: What it says beside its frames.
        self.stderr = Stderr()
        assert process.stdout is not None
        assert process.stderr is not None
        self._tasks = [
            asyncio.create_task(self._read(process.stdout)),
            asyncio.create_task(self.stderr.read(process.stderr)),
        ]
        self.ended = asyncio.create_task(self._wait())

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        on_event: Callable[[dict[str, Any]], None],
        on_exit: Callable[[RpcProcess, str], None],
    ) -> RpcProcess:
        """Start ``command``.

        Raises:
            OSError: it cannot be run.
        """
        mark = uuid.uuid4().hex
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**env, MARK: mark},
            cwd=cwd,
            limit=MAX_FRAME,
            # A Ctrl-C in the terminal is for the server, which ends the agent in order.
            start_new_session=True,
        )
        return cls(process, mark, on_event, on_exit)

    @property
    def pid(self) -> int:
        """The process' number."""
        return self._process.pid

    @property
    def returncode(self) -> int:
        """How it ended, once it has: the exit code, or minus the signal."""
        return self._process.returncode or 0

    @property
    def alive(self) -> bool:
        """Whether it runs and is wanted."""
        return not self._stopping and self._process.returncode is None and not self.ended.done()

    async def call(self, method: str, **params: Any) -> Any:
        """Call ``method`` and return its result.

        Raises:
            RpcError: the other side refused.
            ProcessGone: it ended before it answered.
        """
        assert self._process.stdin is not None
        if not self.alive:
            raise ProcessGone("The process has ended.")
        number = next(self._numbers)
        answer = self._calls[number] = asyncio.get_running_loop().create_future()
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            await self._process.stdin.drain()
            return await answer
        except ConnectionError as error:
            raise ProcessGone("The process does not listen any more.") from error
        finally:
            self._calls.pop(number, None)

    async def stop(self) -> None:
        """End the process and all it started: by the end of its stdin, else by signals."""
        self._stopping = True
        assert self._process.stdin is not None
        self._process.stdin.close()
        if not await self._ends_within(GRACE[0]):
            self._signal(self._process.terminate)
            if not await self._ends_within(GRACE[1]):
                self._signal(self._process.kill)
        await self.ended

    def kill(self) -> None:
        """End it at once, where nothing can be awaited any more."""
        self._stopping = True
        self._signal(self._process.kill)
        end_marked(self._mark)

    async def _ends_within(self, seconds: float) -> bool:
        done, _ = await asyncio.wait([self.ended], timeout=seconds)
        return bool(done)

    def _signal(self, send: Callable[[], None]) -> None:
        try:
            send()
        except ProcessLookupError:
            log.debug("The process %d was gone already", self._process.pid)

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await stdout.readline()
            except ValueError:
                self.stderr.hear(f"It sent a frame of over {MAX_FRAME} bytes.", logging.ERROR)
                self._signal(self._process.kill)
                return
            if not line:
                return
            self._receive(line)

    def _receive(self, line: bytes) -> None:
        try:
            frame = json.loads(line)
            params = frame["params"] if frame.get("method") == "event" else None
        except (ValueError, AttributeError, KeyError, RecursionError):
            self.stderr.hear(line.decode("utf-8", "replace"), logging.WARNING)
            return
        if params is not None:
            try:
                self._on_event(params)
            except Exception:
                # One event that cannot be applied must not stop the others from being heard.
                log.exception("An event of the agent could not be applied: %.500s", line)
            return
        number = frame.get("id")
        answer = self._calls.get(number) if isinstance(number, int) else None
        if answer is None or answer.done():
            return
        if "error" in frame:
            error = frame["error"] if isinstance(frame["error"], dict) else {}
            answer.set_exception(RpcError(error.get("code", 0), error.get("message", "refused")))
        else:
            answer.set_result(frame.get("result"))

    async def _wait(self) -> None:
        code = await self._process.wait()
        await asyncio.wait(self._tasks, timeout=1)
        for task in self._tasks:
            task.cancel()
        self.stderr.settle()
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(ProcessGone("The process ended before it answered."))
        await asyncio.to_thread(end_marked, self._mark)
        if not self._stopping:
            self._on_exit(self, self.last_words(code))

    def last_words(self, code: int) -> str:
        """Why it ended, as far as it said."""
        if code < 0:
            # Whatever it printed last, it was about something else.
            return f"signal {-code} ({signal.strsignal(-code)})."
        said = self.stderr.lines
        return f"exit code {code}. {said[-1]}" if said else f"exit code {code}."


def end_marked(mark: str) -> None:
    """End every process that carries ``mark`` in its environment."""
    # Only here: a server that starts does not need it yet.
    import psutil

    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                process.kill()
        except (psutil.Error, OSError):
            continue  # Not ours to look at, or gone meanwhile.
