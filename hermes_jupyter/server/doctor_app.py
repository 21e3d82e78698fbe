"""``jupyter hermes doctor``: what is wrong, in a terminal or for a script."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import httpx
from jupyter_core.application import JupyterApp
from jupyter_server.serverapp import list_running_servers
from traitlets import Bool, Unicode

from .._version import __version__
from ..agent.check import Check
from ..agent.hermes import HermesAgent
from ..core.errors import Hint
from . import way
from .app import HermesExtension
from .doctor_checks import installed_labextension

#: Files of settings that a server would read.
_SETTINGS = ("jupyter_server_config", "jupyter_hermes_jupyter_config")


class DoctorApp(JupyterApp):
    """``jupyter hermes doctor``: look for what is wrong, and say what to do about it.

    Asks the server that runs here, or the one of ``--url``, through its address as a browser
    would; where none runs, it looks by itself. What it prints holds no secret and is fit for a
    report. Ends with 1 if anything is wrong.
    """

    name = "jupyter-hermes-doctor"
    description = __doc__

    json = Bool(False, help="Print JSON.").tag(config=True)
    url = Unicode(help="The server's address, as in the browser; a `?token=` is used.").tag(
        config=True
    )

    aliases = {"url": "DoctorApp.url"}  # noqa: RUF012  as traitlets wants it
    flags = {"json": ({"DoctorApp": {"json": True}}, "Print JSON.")}  # noqa: RUF012

    def start(self) -> None:
        """Look, print, and end with 0 or 1."""
        report = asyncio.run(self._report())
        print(json.dumps(report, indent=2) if self.json else as_text(report))
        self.exit(int(any(check["state"] == "error" for check in report["checks"])))

    async def _report(self) -> dict[str, Any]:
        if self.url:
            return await through(*address_of(self.url))
        for server in list_running_servers():
            report = await through(server["url"], server["token"])
            if len(report["checks"]) > 1:
                return report
        return await self._by_itself()

    async def _by_itself(self) -> dict[str, Any]:
        found = await self._agent().checks(load=True)
        found.append(await asyncio.to_thread(installed_labextension))
        reason = "No Jupyter server with Hermes runs here: the way to it was not looked at."
        fix: Hint = {"text": "Start Jupyter, or give `--url`."}
        found.append(Check("url", "Address", "unknown", reason, fix))
        return _report_of([check.to_json() for check in found], __version__, time.time())

    def _agent(self) -> HermesAgent:
        """The agent as a server would have it; it is not started."""
        for name in _SETTINGS:
            # Of the application, not of Jupyter's, which knows only its own file.
            super(JupyterApp, self).load_config_file(name, self.config_file_paths)
        settings = HermesExtension(config=self.config)
        return HermesAgent(
            home=Path(settings.hermes_home).expanduser().resolve(),
            cwd=Path.cwd(),
            python=settings.agent_python,
            policy=settings.policy,
        )


async def through(address: str, token: str) -> dict[str, Any]:
    """The report of the server at ``address``, and how the way there is."""
    headers = {"Authorization": f"token {token}"} if token else {}
    base = f"{address.rstrip('/')}/hermes/api/"
    async with httpx.AsyncClient(base_url=base, headers=headers, follow_redirects=True) as client:
        trial = asyncio.create_task(way.try_stream(client))
        url, report = await way.ask(client)
        clocks = way.clocks_agree(report.get("at", 0), time.time())
        streamed = await trial
        if not report:
            return _report_of([url.to_json()], __version__, time.time())
        here = [url, *streamed, clocks]
    checks = report["checks"] + [check.to_json() for check in here]
    return _report_of(checks, report["version"], report["at"])


def _report_of(checks: list[dict[str, Any]], version: str, at: float) -> dict[str, Any]:
    return {"version": version, "at": at, "checks": checks}


def address_of(url: str) -> tuple[str, str]:
    """An address without what a browser shows behind it, and its token, else the environment's."""
    parts = urlsplit(url)
    token = parse_qs(parts.query).get("token", [os.environ.get("JUPYTER_TOKEN", "")])[0]
    path = parts.path
    for page in ("/lab", "/tree", "/notebooks", "/doc"):
        path = path.partition(page)[0]
    return urlunsplit((parts.scheme, parts.netloc, path, "", "")), token


def as_text(report: dict[str, Any]) -> str:
    """A report for a person: a line for each check, and one for what to do."""
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(report["at"]))
    lines = [f"hermes-jupyter {report['version']}, {when}"]
    for check in report["checks"]:
        lines.append(f"{check['state']:8} {check['title']}: {check['reason']}")
        fix = check.get("fix", {})
        lines += [f"{'':8} -> {fix[part]}" for part in ("text", "command") if part in fix]
    return "\n".join(lines)
