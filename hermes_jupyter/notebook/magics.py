"""``%hermes`` and ``%%hermes``."""

from __future__ import annotations

import argparse
import difflib
import re
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import MagicArgumentParser

from .ask import PATIENCE, conversation, run
from .client import (
    HermesClient,
    connect,
    current_conversation,
    set_current_conversation,
)
from .errors import HermesError, Stopped
from .front_end import CellOutput, Output, TextOutput, place, show
from .prompt import Inserted, fill
from .questions import Questions
from .reply import Reply

#: Conversations that ``%hermes sessions`` lists.
LISTED = 20

#: Characters of a variable that are shown where nothing can be folded.
PREVIEW = 300

#: The commands of ``%hermes``, each with what it takes and what it does.
COMMANDS = {
    "sessions": ("", "list the newest conversations, with their ids"),
    "new": ("", "begin a new conversation with the next prompt"),
    "resume": ("ID", "go on with a conversation"),
    "stop": ("", "stop what Hermes is doing in this notebook's conversation"),
    "model": ("[NAME]", "show the models, or choose the one of this conversation"),
    "status": ("", "tell how Hermes is, and where it runs"),
    "help": ("", "show this list"),
}


@magics_class
class HermesMagics(Magics):
    """Talk to Hermes from a cell."""

    @no_var_expand
    @line_cell_magic
    def hermes(self, line: str, cell: str | None = None) -> None:
        """Ask Hermes with ``%%hermes`` over a cell of text; ``%hermes help`` lists the rest.

        ``%%hermes [--to NAME] [--new] [--session ID] [--timeout SECONDS] [--patience SECONDS]``
        sends the text of the cell as it stands, except that `` $`name` `` stands for the value of
        a variable (and `` \\$`name` `` for itself). The answer streams into the output, and is in
        ``_`` and in the variable of ``--to`` as a ``Reply``. What Hermes asks meanwhile is a card
        there, in the sidebar and in the Panel; where nobody has been to see it, the cell fails
        after ``--patience``. Interrupting the cell stops Hermes' turn, and nothing else.
        """
        with _plainly():
            if cell is not None:
                self._ask(line, cell)
                return
            command, _, argument = line.strip().partition(" ")
            if (command or "help") not in COMMANDS:
                raise UsageError(_unknown(command))
            takes = COMMANDS[command or "help"][0]
            if argument.strip() and not takes:
                raise UsageError(f"`%hermes {command}` takes nothing more.")
            if command in ("", "help"):
                _show_help()
                return
            with closing(connect()) as client:
                getattr(self, f"_{command}")(client, argument.strip())

    # -- asking --------------------------------------------------------------------------------

    def _ask(self, line: str, cell: str) -> None:
        options = _options(line)
        if not cell.strip():
            raise UsageError("Write a question below `%%hermes`.")
        text, inserted = fill(cell, self._shell.user_ns, self._plain)
        for one in inserted:
            _preview(one)
        output: Output | None = None
        try:
            with closing(connect()) as client:
                session_id = conversation(client, options.session, new=options.new)
                output = CellOutput() if place() == "notebook" else TextOutput()
                questions = Questions(
                    client,
                    session_id,
                    output,
                    on_question=None,
                    patience=options.patience,
                    without_viewer="fail",
                    here=lambda function: function(),
                )
                reply = run(client, session_id, text, output, questions, options.timeout)
        except Stopped:
            # The output says so.
            return
        except KeyboardInterrupt:
            if output is None:
                show("Stopped; nothing was sent.")
            return
        self._keep(reply, options.to)

    def _keep(self, reply: Reply, name: str | None) -> None:
        """Put a reply where a person finds it, without showing it once more."""
        self._shell.displayhook.update_user_ns(reply)
        if name is not None:
            self._shell.user_ns[name] = reply

    def _plain(self, value: Any) -> str:
        """A value as the shell prints it."""
        assert self._shell.display_formatter is not None
        return str(self._shell.display_formatter.formatters["text/plain"](value))

    @property
    def _shell(self) -> InteractiveShell:
        assert self.shell is not None
        return self.shell

    # -- the commands --------------------------------------------------------------------------

    def _sessions(self, client: HermesClient, _: str) -> None:
        listing = client.call("GET", "sessions", params={"limit": LISTED})
        current = current_conversation(client)
        rows = [
            (
                "→" if row["id"] == current else "",
                row["title"] or row["preview"] or "Untitled",
                _ago(row["last_active"]),
                row["state"],
                row["id"],
            )
            for row in listing["sessions"]
        ]
        if not rows:
            show("No conversations yet: write one with `%%hermes`.")
            return
        show(*_table(("", "conversation", "last", "state", "id"), rows))
        if listing["total"] > len(rows):
            show(f"{listing['total'] - len(rows)} more are in the sidebar.")

    def _new(self, client: HermesClient, _: str) -> None:
        set_current_conversation(client, None)
        show("The next prompt begins a new conversation.")

    def _resume(self, client: HermesClient, session_id: str) -> None:
        if not session_id:
            raise UsageError("Which one? `%hermes sessions` lists them: `%hermes resume ID`.")
        found = client.call("GET", f"sessions/{session_id}")
        set_current_conversation(client, found["id"])
        title = found["title"] or found["preview"] or "Untitled"
        show(f"Going on with **{_escaped(title)}**.", f"Going on with {title}.")

    def _stop(self, client: HermesClient, _: str) -> None:
        session_id = current_conversation(client)
        turn = session_id and client.call("GET", f"sessions/{session_id}")["turn"]
        if not turn or turn["state"] in ("complete", "interrupted", "error"):
            show("Hermes is not doing anything here.")
            return
        client.stop(str(session_id), turn["turn_id"])
        show("Stopped.")

    def _model(self, client: HermesClient, name: str) -> None:
        session_id = current_conversation(client)
        if name:
            session_id = conversation(client, session_id, new=False)
            chosen = client.call("POST", f"sessions/{session_id}/model", json={"model": name})
            show(f"This conversation speaks with `{chosen['model']}`.")
            return
        known = client.call(
            "GET", "models", params={"session_id": session_id} if session_id else {}
        )
        rows = [
            ("→" if model == known["model"] else "", model, provider["name"])
            for provider in known["providers"]
            for model in provider["models"]
        ]
        show(*_table(("", "model", "provider"), rows))
        show("`%hermes model NAME` chooses one for this conversation.")

    def _status(self, client: HermesClient, _: str) -> None:
        status = client.call("GET", "status")
        agent = status["agent"]
        rows = [
            ("Hermes", " ".join(filter(None, (agent["version"], agent["state"], agent["step"])))),
            ("runs", client.where),
            ("model", status["model"] or "not chosen yet"),
            ("hermes-jupyter", status["version"]),
        ]
        if agent["error"]:
            hint = agent["hint"] or {}
            steps = [agent["error"], hint.get("text"), hint.get("command")]
            rows.append(("error", " ".join(step for step in steps if step)))
        session_id = current_conversation(client)
        if session_id is not None:
            found = client.call("GET", f"sessions/{session_id}")
            rows.append(("conversation", f"{found['title'] or 'Untitled'} ({found['id']})"))
            used, most = found["context"]["used"], found["context"]["max"]
            if used is not None and most:
                rows.append(("context", f"{used:,} of {most:,} tokens ({used / most:.0%})"))
        show(*_table(("", ""), rows))


def complete(shell: Any, event: Any) -> list[str]:
    """The commands that go on what is typed behind ``%hermes``."""
    typed = event.line.split()[1:]
    if len(typed) > 1 or (typed and event.line.endswith(" ")):
        return []
    return [name for name in COMMANDS if name.startswith(event.symbol)]


@contextmanager
def _plainly() -> Iterator[None]:
    """What went wrong as a sentence, without a traceback."""
    try:
        yield
    except HermesError as error:
        raise UsageError(str(error)) from error


def _options(line: str) -> argparse.Namespace:
    parser = MagicArgumentParser(prog="%%hermes", add_help=False)
    parser.add_argument("--to", type=_variable, metavar="NAME")
    parser.add_argument("--new", action="store_true")
    parser.add_argument("--session", metavar="ID")
    parser.add_argument("--timeout", type=float, metavar="SECONDS")
    parser.add_argument("--patience", type=float, metavar="SECONDS", default=PATIENCE)
    options: argparse.Namespace = parser.parse_argstring(line)
    if options.new and options.session:
        raise UsageError("`--new` and `--session` do not go together.")
    return options


def _variable(name: str) -> str:
    if not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{name!r} is no name of a variable")
    return name


def _unknown(command: str) -> str:
    close = difflib.get_close_matches(command, COMMANDS, 1)
    meant = f" Did you mean `%hermes {close[0]}`?" if close else ""
    return (
        f"There is no `%hermes {command}`.{meant} There are {', '.join(COMMANDS)}. "
        "To ask something, write `%%hermes` over a cell of text."
    )


def _show_help() -> None:
    rows = [(f"%hermes {name} {takes}".strip(), does) for name, (takes, does) in COMMANDS.items()]
    rows.append(("%%hermes", "over a cell of text: ask; `%%hermes?` tells its options"))
    markdown = "\n".join(f"* `{usage}`: {does}" for usage, does in rows)
    show(markdown, "\n".join(f"{usage:<22} {does}" for usage, does in rows))


def _preview(inserted: Inserted) -> None:
    """Show what goes into the prompt, folded where that is possible."""
    if place() == "notebook":
        from IPython.display import display

        bundle = {"text/html": inserted.to_html(), "text/plain": f"In the prompt: {inserted.title}"}
        display(bundle, raw=True)
    else:
        print(f"In the prompt: {inserted.title}")
        print(textwrap.indent(textwrap.shorten(inserted.text, PREVIEW, placeholder="…"), "  "))


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> tuple[str, str]:
    """A table as Markdown and as plain text."""
    lines = ["", *("| " + " | ".join(map(_escaped, row)) + " |" for row in rows)]
    lines[0] = "| " + " | ".join(head) + " |\n" + "| --- " * len(head) + "|"
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    widths = [min(width, 60) for width in widths]
    plain = [
        "  ".join(f"{cell[:60]:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in ([head, *rows] if any(head) else rows)
    ]
    return "\n".join(lines), "\n".join(plain)


def _escaped(text: str) -> str:
    """A text of somebody else in Markdown, as it stands."""
    return re.sub(r"([\\`*_{}\[\]<>()#!|~])", r"\\\1", " ".join(text.split()))


def _ago(at: float) -> str:
    minutes = int(max(0.0, time.time() - at) // 60)
    if minutes < 60:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 24 * 60 else f"{minutes // (24 * 60)} d ago"
