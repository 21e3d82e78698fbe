"""``ask`` and ``aask``: Hermes for programs."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from typing import Any

from .client import (
    HermesClient,
    Listener,
    connect,
    current_conversation,
    new_conversation,
    set_current_conversation,
)
from .front_end import Output
from .questions import Answer, Question, Questions, WithoutViewer
from .reply import Reply
from .turn import Cancelled, Turn

#: Seconds that a question waits where nobody could see it.
PATIENCE = 10.0


def ask(
    text: str,
    *,
    session_id: str | None = None,
    new: bool = False,
    timeout: float | None = None,
    on_question: Callable[[Question], Answer] | None = None,
    patience: float = PATIENCE,
    without_viewer: WithoutViewer = "fail",
) -> Reply:
    """Ask Hermes, and wait for the reply.

    The text is sent as it stands. In a notebook, what Hermes asks meanwhile is a card in the cell
    and in the sidebar; in a terminal it is asked there. Ctrl-C stops the turn.

    Args:
        text: the prompt.
        session_id: the conversation; None: the one of this notebook, or of this process.
        new: begin a new conversation, which is that of the notebook from then on.
        timeout: seconds that the turn may take; None: as long as it takes.
        on_question: answers in place of a person; returns None to leave a question to one. An
            approval is answered by the id of a choice, such as ``"once"`` or ``"deny"``.
        patience: seconds that a question waits where nobody has been to see it.
        without_viewer: what then becomes of it: ``"fail"`` stops the turn, ``"wait"`` waits until
            the question's own deadline, and a function answers it as ``on_question`` would.

    Raises:
        HermesError: see `hermes_jupyter.notebook.errors`; a ``TurnError`` has what there is of the
            reply.

    Example::

        from hermes_jupyter import ask

        reply = ask("Which of these columns are dates?", timeout=60)
        print(reply.text, [tool.name for tool in reply.tools])
    """
    with closing(connect()) as client:
        session_id = conversation(client, session_id, new=new)
        output = Output()
        questions = Questions(
            client,
            session_id,
            output,
            on_question=on_question,
            patience=patience,
            without_viewer=without_viewer,
            here=lambda function: function(),
        )
        return run(client, session_id, text, output, questions, timeout)


async def aask(
    text: str,
    *,
    session_id: str | None = None,
    new: bool = False,
    timeout: float | None = None,  # noqa: ASYNC109  the turn's, which is stopped then
    on_question: Callable[[Question], Answer | Awaitable[Answer]] | None = None,
    patience: float = PATIENCE,
    without_viewer: WithoutViewer = "fail",
) -> Reply:
    """Ask Hermes without holding up the event loop; cancelled, it stops the turn.

    Everything else is as with :func:`ask`; ``on_question`` may be a coroutine function.
    """
    loop = asyncio.get_running_loop()

    def here(function: Callable[[], Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(_awaited(function), loop).result()

    client = await asyncio.to_thread(connect)
    with closing(client):
        id_ = await asyncio.to_thread(conversation, client, session_id, new=new)
        output = Output()
        questions = Questions(
            client,
            id_,
            output,
            on_question=on_question,  # type: ignore[arg-type]  # `here` awaits what it returns
            patience=patience,
            without_viewer=without_viewer,
            here=here,
        )
        turn = Turn(client, id_, text, output=output, questions=questions, timeout=timeout)
        listener = Listener(await asyncio.to_thread(connect), id_)
        running = asyncio.create_task(asyncio.to_thread(turn.run, listener))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            turn.cancel()
            with suppress(Cancelled):
                await running
            raise
        except Cancelled:
            raise KeyboardInterrupt from None


def run(
    client: HermesClient,
    session_id: str,
    text: str,
    output: Output,
    questions: Questions,
    timeout: float | None,
) -> Reply:
    """Send a prompt, and wait in this thread for the reply."""
    turn = Turn(client, session_id, text, output=output, questions=questions, timeout=timeout)
    return turn.run(Listener(connect(), session_id))


def conversation(client: HermesClient, session_id: str | None, *, new: bool) -> str:
    """The conversation to speak in: the given one, else that of this kernel, else a new one."""
    if session_id is not None:
        return session_id
    current = None if new else current_conversation(client)
    if current is None:
        current = new_conversation(client)
        set_current_conversation(client, current)
    return current


async def _awaited(function: Callable[[], Any]) -> Any:
    """What a function returns, or the coroutine that it returns."""
    try:
        value = function()
        return await value if inspect.isawaitable(value) else value
    except KeyboardInterrupt:
        # It would end the loop, and not what waits for the answer.
        raise Cancelled from None
