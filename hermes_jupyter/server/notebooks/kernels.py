"""Kernels of this server: whose they are, and code that runs in them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from jupyter_core.utils import ensure_async
from nbformat.v4 import new_code_cell, new_notebook, output_from_msg

from .edits import Cell
from .refused import Refused
from .seen import Ran

#: Seconds that a kernel has to come up, and to stop after it was interrupted.
MAX_START = 60.0
MAX_STOP = 5.0

#: Seconds for which a kernel may be busy with what it was just asked for itself.
MAX_BUSY = 1.0

#: Seconds between two looks at whether a kernel is alive.
LOOK = 1.0

#: Characters that one cell may put into a file that nobody watches.
MAX_KEPT = 10_000_000


class TimedOut(Exception):
    """Code ran longer than it may, and was interrupted; ``stopped`` is whether that ended it."""

    def __init__(self, *, stopped: bool) -> None:
        super().__init__()
        self.stopped = stopped


class Died(Exception):
    """The kernel ended while code ran."""


class Kernels:
    """Runs code in the kernels of this server's sessions."""

    def __init__(self, sessions: Any, kernels: Any, specs: Any) -> None:
        self._sessions = sessions
        self._kernels = kernels
        self._specs = specs

    async def running(self) -> dict[str, str]:
        """The kernel of each notebook that has one: its id by the notebook's path."""
        sessions = await ensure_async(self._sessions.list_sessions())
        return {
            session["path"]: session["kernel"]["id"]
            for session in sessions
            if session["type"] == "notebook" and session["kernel"]
        }

    def about(self, kernel_id: str | None) -> dict[str, Any] | None:
        """``{id, name, status}`` of a kernel; None: it does not run."""
        if kernel_id is None or kernel_id not in self._kernels:
            return None
        kernel = self._kernels.get_kernel(kernel_id)
        status = getattr(kernel, "execution_state", "unknown")
        return {"id": kernel_id, "name": kernel.kernel_name, "status": status}

    async def language(self, kernel_id: str) -> str:
        """The language of a kernel, in small letters."""
        spec = await self._spec(self._kernels.get_kernel(kernel_id).kernel_name)
        return str(spec.get("language", "")).lower()

    async def kernelspec(self) -> dict[str, Any]:
        """What a new notebook says of its kernel: the server's own choice."""
        name = self._kernels.default_kernel_name
        spec = await self._spec(name)
        if not spec:
            return {}
        return {
            "name": name,
            "display_name": spec.get("display_name", name),
            "language": spec.get("language", ""),
        }

    async def ready(self, kernel_id: str) -> None:
        """Refuse a kernel that is gone, or runs something else."""
        if self.about(kernel_id) is None or not await ensure_async(
            self._kernels.get_kernel(kernel_id).is_alive()
        ):
            raise Refused(
                "kernel_dead",
                "The kernel of this notebook is dead.",
                "Ask the person to restart it.",
            )
        until = asyncio.get_running_loop().time() + MAX_BUSY
        while self._busy(kernel_id):
            if asyncio.get_running_loop().time() > until:
                raise Refused(
                    "kernel_busy",
                    "The kernel runs something else.",
                    "Wait until it is done, or ask the person; do not interrupt it.",
                )
            await asyncio.sleep(0.05)

    async def run_cells(
        self,
        path: str,
        kernel_name: str | None,
        cells: Sequence[Cell],
        within: float,
        ran: list[Ran],
    ) -> None:
        """Run the cells of a closed notebook in the kernel of its session, or in a new one.

        How each cell ended is added to ``ran``, also when this is cancelled. Then, and after
        ``within`` seconds, the kernel is interrupted, if it runs one of these cells.
        """
        kernel_id = (await self.running()).get(path) or await self._start(path, kernel_name)
        await self.ready(kernel_id)
        until = asyncio.get_running_loop().time() + within
        async with self._client(kernel_id) as client:
            for number, cell in enumerate(cells):
                running = _Running(client, cell)
                left = until - asyncio.get_running_loop().time()
                if left <= 0:
                    ran.extend(_aborted(cells[number:]))
                    return
                status = "error"
                try:
                    reply = await self.execute(kernel_id, client, cell.source, left, running.hear)
                    status = str(reply["content"]["status"])
                except TimedOut as error:
                    status = "timeout"
                    if not error.stopped:
                        running.note("It was interrupted, and may run still.")
                except Died:
                    running.note("The kernel died while this cell ran.")
                finally:
                    ran.append(running.ended(status))
                if status != "ok":
                    ran.extend(_aborted(cells[number + 1 :]))
                    return

    @asynccontextmanager
    async def watched(self, kernel_id: str) -> AsyncIterator[Watch]:
        """See what a kernel runs for others, while a page runs cells for the agent."""
        await self.ready(kernel_id)
        async with self._client(kernel_id) as client:
            watch = Watch(client, self._kernels.get_kernel(kernel_id))
            hearing = asyncio.ensure_future(watch.hear())
            try:
                yield watch
            finally:
                hearing.cancel()

    async def ask(self, kernel_id: str, expression: str, within: float) -> dict[str, Any]:
        """The value of a Python expression, as the kernel's reply has it; it leaves no trace.

        Raises:
            TimedOut: it took too long.
            Died: the kernel did not survive it.
        """
        async with self._client(kernel_id) as client:
            reply = await self.execute(
                kernel_id, client, "", within, silent=True, user_expressions={"value": expression}
            )
        return dict(reply["content"].get("user_expressions", {}).get("value", {}))

    async def execute(
        self,
        kernel_id: str,
        client: Any,
        code: str,
        within: float,
        hear: Callable[[dict[str, Any]], None] = lambda message: None,
        **options: Any,
    ) -> dict[str, Any]:
        """The kernel's reply to ``code``; ``hear`` gets what it says meanwhile.

        Raises:
            TimedOut: it ran for ``within`` seconds.
            Died: the kernel ended.
        """
        manager = self._kernels.get_kernel(kernel_id)
        begun = False

        def heard(message: dict[str, Any]) -> None:
            nonlocal begun
            begun = True
            hear(message)

        execution = asyncio.ensure_future(
            client.execute_interactive(code, allow_stdin=False, output_hook=heard, **options)
        )
        try:
            if not await _over(execution, manager, within):
                if begun:
                    await ensure_async(manager.interrupt_kernel())
                raise TimedOut(stopped=await _over(execution, manager, MAX_STOP))
            return dict(execution.result())
        except asyncio.CancelledError:
            # What has not begun is not interrupted: that would hit somebody else's cell.
            if begun and not execution.done():
                await ensure_async(manager.interrupt_kernel())
                await _over(execution, manager, MAX_STOP)
            raise
        finally:
            execution.cancel()

    @asynccontextmanager
    async def _client(self, kernel_id: str) -> AsyncIterator[Any]:
        client = self._kernels.get_kernel(kernel_id).client()
        client.start_channels()
        try:
            try:
                await ensure_async(client.wait_for_ready(timeout=MAX_START))
            except RuntimeError as error:
                raise Refused(
                    "kernel_dead",
                    f"The kernel does not answer: {error}",
                    "Ask the person to restart it.",
                ) from error
            yield client
        finally:
            client.stop_channels()

    def _busy(self, kernel_id: str) -> bool:
        about = self.about(kernel_id)
        return about is not None and about["status"] == "busy"

    async def _start(self, path: str, name: str | None) -> str:
        """Start a kernel as Jupyter does when the notebook is opened; it shows as running."""
        specs = await ensure_async(self._specs.get_all_specs())
        if name is not None and name not in specs:
            raise Refused(
                "no_such_kernel",
                f"The notebook wants a kernel {name!r}; there are {', '.join(sorted(specs))}.",
                "Ask the person which one to use.",
            )
        session = await ensure_async(
            self._sessions.create_session(
                path=path, name=path.rpartition("/")[2], type="notebook", kernel_name=name
            )
        )
        return str(session["kernel"]["id"])

    async def _spec(self, name: str) -> dict[str, Any]:
        specs = await ensure_async(self._specs.get_all_specs())
        return dict(specs.get(name, {}).get("spec", {}))


class Watch:
    """What a kernel runs at the moment, whoever asked for it."""

    def __init__(self, client: Any, manager: Any) -> None:
        self._client = client
        self._manager = manager
        self._request = ""
        self._code: str | None = None

    async def hear(self) -> None:
        """Follow what the kernel says."""
        while True:
            message = await self._client.get_iopub_msg(timeout=None)
            request, content = message["parent_header"].get("msg_id"), message["content"]
            if message["msg_type"] == "execute_input":
                self._request, self._code = request, content["code"]
            elif content.get("execution_state") == "idle" and request == self._request:
                self._code = None

    async def interrupt(self, cells: Sequence[Cell]) -> None:
        """Interrupt the kernel if it runs one of these cells, and nothing else of anybody's."""
        if self._code in [cell.source for cell in cells]:
            await ensure_async(self._manager.interrupt_kernel())


class _Running:
    """One cell that runs, and what it puts out; nbclient knows what the messages mean."""

    def __init__(self, client: Any, cell: Cell) -> None:
        # Only here: a server starts without it.
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionComplete

        self._over = CellExecutionComplete
        self._cell = new_code_cell(cell.source, id=cell.id)
        notebook = new_notebook(cells=[self._cell])
        self._reader = NotebookClient(notebook, store_widget_state=False, record_timing=False)
        self._reader.kc = client
        self._reader.clear_before_next_output = False
        self._kept = 0

    def hear(self, message: dict[str, Any]) -> None:
        """Take a message; what is too much is left out."""
        content = message["content"]
        room = MAX_KEPT - self._kept
        self._kept += _size(content)
        if self._kept > MAX_KEPT and message["msg_type"] == "stream":
            content["text"] = content["text"][: max(0, room)]
        elif self._kept > MAX_KEPT and message["msg_type"] in _PUTS_OUT:
            return
        try:
            self._reader.process_message(message, self._cell, 0)
        except self._over:
            return

    def note(self, text: str) -> None:
        """Add a line of ours to what it put out."""
        content = {"name": "stderr", "text": f"{text}\n"}
        message = {"header": {"msg_type": "stream"}, "content": content}
        self._cell.outputs.append(output_from_msg(message))

    def ended(self, status: str) -> Ran:
        """How it ended, with streams in one piece."""
        if self._kept > MAX_KEPT:
            self.note(f"Only {MAX_KEPT} characters of output are kept.")
        outputs: list[Any] = []
        for output in self._cell.outputs:
            last = outputs[-1] if outputs else {}
            if output["output_type"] == "stream" and last.get("name") == output["name"]:
                last["text"].append(output["text"])
            elif output["output_type"] == "stream":
                outputs.append({**output, "text": [output["text"]]})
            else:
                outputs.append(output)
        for output in outputs:
            if output["output_type"] == "stream":
                output["text"] = "".join(output["text"])
        return Ran(self._cell["id"], status, self._cell.execution_count, outputs)


_PUTS_OUT = ("display_data", "execute_result", "update_display_data", "error")


def _size(content: dict[str, Any]) -> int:
    data = content.get("data")
    values = [content.get("text"), *(data.values() if isinstance(data, dict) else ())]
    return sum(len(value) for value in values if isinstance(value, str))


def _aborted(cells: Sequence[Cell]) -> list[Ran]:
    return [Ran(cell.id, "aborted", None, ()) for cell in cells]


def _process(manager: Any) -> Any:
    """What is another one after a restart."""
    return getattr(getattr(manager, "provisioner", None), "pid", None)


async def _over(execution: asyncio.Future[Any], manager: Any, within: float) -> bool:
    """Whether an execution comes to its end in time."""
    process = _process(manager)
    until = asyncio.get_running_loop().time() + within
    while True:
        left = until - asyncio.get_running_loop().time()
        await asyncio.wait({execution}, timeout=max(0.0, min(left, LOOK)))
        if execution.done():
            return True
        if not await ensure_async(manager.is_alive()) or _process(manager) != process:
            raise Died
        if left <= LOOK:
            return False
