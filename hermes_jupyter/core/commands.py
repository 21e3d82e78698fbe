"""Slash commands: those that are done here, and those that the agent runs."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .agent import Agent, Command
from .conversation import Conversation
from .conversations import Conversations
from .errors import BadRequest, Conflict
from .models import ModelChoice
from .question import Answerer
from .records import Records
from .turn import Turn
from .turns import Turns

#: Commands that are done here, whatever the agent would do in a terminal.
OWN = (
    Command("branch", "Go on from here in a conversation of its own.", "[title]", ("fork",)),
    Command("compress", "Make room in the agent's context.", "[what matters]", ("compact",)),
    Command("help", "Show these commands."),
    Command("model", "Show or change the model.", "[model] [--provider name]"),
    Command("new", "Begin a new conversation.", "[title]", ("reset",)),
    Command("queue", "Say something after the turn in hand.", "<prompt>", ("q",)),
    Command("reasoning", "Change how hard the model thinks.", "<effort>"),
    Command("retry", "Say your last prompt again, instead of it."),
    Command("steer", "Say something into the turn in hand.", "<prompt>"),
    Command("stop", "Stop the turn in hand."),
    Command("title", "Show or change the title.", "[title]"),
    Command("undo", "Take back your last prompt and all that followed."),
    Command("yolo", "Skip approvals in this conversation, or ask again."),
)

#: Seconds for which the agent's commands are remembered: they change with its skills.
REMEMBERED = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did.

    ``session_id`` is where the page goes on; ``text`` was said in the transcript as a notice.
    """

    command: str
    session_id: str
    turn: Turn | None = None
    text: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The outcome as the HTTP contract writes it."""
        turn = self.turn and {"turn_id": self.turn.id, "state": self.turn.state}
        return {
            "command": self.command,
            "session_id": self.session_id,
            "turn": turn,
            "text": self.text,
        }


class Commands:
    """The commands of all conversations.

    Args:
        create: opens a new conversation in a folder, with a title.
    """

    def __init__(
        self,
        agent: Agent,
        conversations: Conversations,
        turns: Turns,
        records: Records,
        models: ModelChoice,
        create: Callable[[str, str | None], Awaitable[Conversation]],
    ) -> None:
        self._agent = agent
        self._conversations = conversations
        self._turns = turns
        self._records = records
        self._models = models
        self._create = create
        self._remembered: list[Command] = []
        self._asked_at = -REMEMBERED

    async def known(self) -> list[Command]:
        """All commands, by their names; starts the agent if need be."""
        if time.monotonic() - self._asked_at > REMEMBERED:
            self._remembered = await self._agent.commands()
            self._asked_at = time.monotonic()
        return self.remembered()

    def remembered(self) -> list[Command]:
        """All commands, by their names, as far as they are known without asking the agent."""
        theirs = {command.name: command for command in self._remembered}
        ours = {command.name: command for command in OWN}
        return sorted((theirs | ours).values(), key=lambda command: command.name)

    async def run(self, session_id: str, text: str, by: Answerer) -> Outcome:
        """Run a command, as the person has typed it.

        Raises:
            BadRequest: there is no such command, or it does not take this.
            Conflict: not now; the same as for the route that does it.
        """
        conversation = await self._conversations.find(session_id)
        self._conversations.must_allow(conversation, "prompt")
        outcome = await self._run(conversation, text, by)
        if outcome.text is not None:
            conversation.notice(outcome.text, "info")
            self._conversations.changed(conversation)
        return outcome

    async def _run(self, conversation: Conversation, text: str, by: Answerer) -> Outcome:
        typed, args = _parsed(text)
        own = _named(typed, OWN)
        # What is done here needs no agent, unless it does.
        name = own or _named(typed, await self.known())
        if name is None:
            raise BadRequest(
                f"There is no command /{typed[:80]}.",
                code="unknown_command",
                hint={"text": "Type / to see those that there are, or send it as a prompt."},
            )
        if name in _NEED_ARGS and not args:
            raise BadRequest(f"/{name} needs something to go with it.", code="bad_command")
        if own is not None:
            return await self._own(conversation, name, args, by)
        return await self._agents(conversation, name, args, by)

    async def _own(self, conversation: Conversation, name: str, args: str, by: Answerer) -> Outcome:
        here = conversation.id
        match name:
            case "new":
                new = await self._create(conversation.cwd or "", args or None)
                return Outcome(name, new.id)
            case "branch":
                return Outcome(name, (await self._records.branch(here, args or None)).id)
            case "title":
                if args:
                    await self._records.change(here, title=args)
                title = conversation.title or "This conversation has no title."
                return Outcome(name, here, text=f"The title is now {title}." if args else title)
            case "compress":
                return Outcome(
                    name, here, await self._turns.compress(here, args or None, user=by.user)
                )
            case "undo":
                if args not in ("", "1"):
                    raise BadRequest("Only the last prompt is taken back.", code="bad_command")
                return Outcome(name, here, await self._turns.undo(here, user=by.user))
            case "retry":
                return Outcome(name, here, await self._retry(conversation))
            case "stop":
                running = conversation.turn
                if running is None or not running.active:
                    raise Conflict("No turn is running.", code="not_running")
                return Outcome(name, here, await self._turns.interrupt(here, running.id))
            case "queue":
                return Outcome(name, here, await self._turns.prompt(here, args, user=by.user))
            case "steer":
                steered = await self._turns.prompt(here, args, when_busy="steer", user=by.user)
                return Outcome(name, here, steered)
            case "model" if args:
                model, _, provider = re.sub(r"\s+--provider\s+", "\n", args).partition("\n")
                await self._models.switch(here, model=model, provider=provider or None)
                return Outcome(name, here)
            case "model":
                return Outcome(name, here, text=f"The model is {conversation.model or 'unknown'}.")
            case "reasoning":
                switched = await self._models.switch(here, reasoning=args)
                return Outcome(name, here, text=f"Reasoning is now {switched['reasoning']}.")
            case "yolo":
                skips = not conversation.skip_approvals
                on = await self._turns.skip_approvals(here, skips, by)
                words = "Approvals are skipped" if on else "Approvals are asked again"
                return Outcome(name, here, text=f"{words} in this conversation.")
            case _:
                return Outcome(name, here, text=_listed(await self.known()))

    async def _agents(
        self, conversation: Conversation, name: str, args: str, by: Answerer
    ) -> Outcome:
        await self._turns.open(conversation)
        done = await self._agent.command(conversation.tip_id, name, args)
        if done.command is not None:
            target, _ = _parsed(done.command)
            if _named(target, OWN):
                # A name that the person gave to a command and its arguments.
                return await self._run(conversation, f"{done.command} {args}", by)
            raise BadRequest(f"/{name} stands for /{target}, which is not run here.")
        turn = None
        if done.prompt is not None:
            turn = await self._turns.prompt(conversation.id, done.prompt, user=by.user)
        return Outcome(name, conversation.id, turn, done.text)

    async def _retry(self, conversation: Conversation) -> Turn:
        last = conversation.last_prompt()
        if last is None:
            raise Conflict("There is nothing to say again.", code="nothing_to_undo")
        said = conversation.said_since(last)[0]
        return await self._turns.prompt(
            conversation.id, said.text, replaces=last, attachments=said.attachments
        )


#: Commands that make no sense alone.
_NEED_ARGS = frozenset(("queue", "reasoning", "steer"))


def command_json(command: Command) -> dict[str, Any]:
    """A command as the HTTP contract writes it."""
    return asdict(command)


def _parsed(text: str) -> tuple[str, str]:
    """The name of a command, and what goes with it."""
    found = re.fullmatch(r"\s*/([^\s/]+)(?:\s+(.*))?", text, re.S)
    if found is None:
        raise BadRequest("A command begins with / and its name.", code="bad_command")
    return found[1].lower(), (found[2] or "").strip()


def _named(typed: str, commands: Sequence[Command]) -> str | None:
    """The name of the command that is called like that."""
    for one in commands:
        if typed in (one.name.lower(), *one.aliases):
            return one.name
    return None


def _listed(commands: list[Command]) -> str:
    return "\n".join(f"/{f'{one.name} {one.args}'.strip()}: {one.description}" for one in commands)
