"""What a child process says beside its protocol: for the log, and the last of it for a person."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque

log = logging.getLogger(__name__)

#: Lines that are kept for a person, and the characters of each.
KEPT_LINES = 20
MAX_LINE = 500

#: Lines that the log takes within :data:`WINDOW` seconds; of a flood, the rest is counted.
LOGGED_LINES = 50
WINDOW = 1.0

#: Bytes of a line that are looked at: a key that is cut in the middle must not be shown.
_LOOKED_AT = 8 * MAX_LINE

_CONTROL = re.compile(
    r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\x00-\x08\x0b-\x1f\x7f]"
)

#: Hermes redacts what it logs, yet neither what it prints nor a traceback.
_SECRETS = (
    (re.compile(r"(://)[^\s/@]+@"), r"\1***@"),
    (
        re.compile(
            r"""((?:api[_-]?key|token(?!s)|secret|passw(?:or)?d|passphrase|credential
            |authorization)[\w-]{0,40}["']?\s*[:=]\s*["']?)(?:(?:basic|bearer|token)\s+)?[^\s"',;&]+""",
            re.IGNORECASE | re.VERBOSE,
        ),
        r"\1***",
    ),
    (re.compile(r"\b(bearer)\s+[\w.~+/=-]{8,}", re.IGNORECASE), r"\1 ***"),
    (
        re.compile(
            r"\b(?:sk|pk|rk|gh[opusr]|github_pat|xox[abprs]|xapp|hf|gsk|xai|pplx|npm|pypi|glpat|r8)"
            r"[-_][\w-]{10,}|\b(?:AKIA|AIza|ya29\.|eyJ)[\w.-]{12,}"
        ),
        "***",
    ),
)

_HEADS = (
    (
        re.compile(r"Traceback \(|During handling of the above|The above exception was"),
        logging.ERROR,
    ),
    # A crash of the gateway or of a turn; what else the gateway prints is a trouble as well.
    (re.compile(r"\[gateway-(?:crash|turn)\]"), logging.ERROR),
    (re.compile(r"\[tui(?:_gateway)?\]"), logging.WARNING),
    (re.compile(r"(?:\S+:\d+: )?\w*Warning: "), logging.WARNING),
)

#: ``WARNING:name: …``, ``2026-11-22 13:40:37,512 WARNING [session] name: …``,
#: ``13:40:37 - name - WARNING - …``, ``[plugins] WARNING …``.
_LOGGED = re.compile(
    r"(?:\[[\w.]+\] )?(?:\d[\d:,. -]*)?(?:[\w.]+ - )?(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b"
)


def shown(line: str) -> str:
    """A line as a person may see it: without control characters and secrets, and not too long."""
    # A spinner writes the same line again and again.
    text = _CONTROL.sub("", line[:_LOOKED_AT].rstrip().rpartition("\r")[2])
    for secret, replacement in _SECRETS:
        text = secret.sub(replacement, text)
    return text if len(text) <= MAX_LINE else text[: MAX_LINE - 1] + "…"


class Stderr:
    """The stderr of one process, heard until its end.

    A line goes to the log at its own level; one that continues another has the level of that.
    """

    def __init__(self) -> None:
        self._last: deque[str] = deque(maxlen=KEPT_LINES)
        self._level = logging.INFO
        self._in_traceback = False
        self._logged = self._left_out = 0
        self._window: asyncio.TimerHandle | None = None

    @property
    def lines(self) -> list[str]:
        """The last lines, oldest first."""
        return [shown(line) for line in self._last]

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Hear everything: a pipe that nobody reads would stop the process."""
        rest = b""
        while chunk := await stream.read(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self.hear(line.decode("utf-8", "replace"))
            rest = rest[:_LOOKED_AT]
        self.hear(rest.decode("utf-8", "replace"))

    def hear(self, line: str, level: int | None = None) -> None:
        """Take one line; without a level, it has the one that it shows."""
        if not line.strip():
            return
        self._last.append(line)
        if self._window is None:
            self._window = asyncio.get_running_loop().call_later(WINDOW, self.settle)
        if self._logged >= LOGGED_LINES:
            self._left_out += 1
            return
        self._logged += 1
        log.log(self._level_of(line) if level is None else level, "agent: %s", shown(line))

    def settle(self) -> None:
        """Say how much the log has not taken, and let it take more."""
        if self._window is not None:
            self._window.cancel()
            self._window = None
        if self._left_out:
            log.warning("agent: %d more lines, left out of this log", self._left_out)
        self._logged = self._left_out = 0

    def _level_of(self, line: str) -> int:
        if line[0].isspace():
            return self._level
        named = _LOGGED.match(line)
        if named is not None:
            self._level = logging.getLevelNamesMapping()[named[1]]
        else:
            # A traceback ends with the line that names the exception.
            default = logging.ERROR if self._in_traceback else logging.INFO
            self._level = next((level for head, level in _HEADS if head.match(line)), default)
        self._in_traceback = line.startswith("Traceback (")
        return self._level
