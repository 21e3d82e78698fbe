"""The doctor's checks of the server: who may reach it, who ends it, and what is in its pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_path
from tornado.httputil import HTTPServerRequest

from .._version import __version__
from ..agent.check import Check
from ..core.errors import Hint

#: The name of the labextension, and of its plugin.
LABEXTENSION = "hermes-jupyter"
PLUGIN = "hermes-jupyter:plugin"

#: Headers by which a proxy tells that it is there.
_OF_PROXIES = ("Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded")

#: Streams that must have ended after the same time before somebody is said to cut them, and the
#: seconds by which they may differ.
_ALIKE = 3
_GIVE = 1.0

#: Seconds below which a stream that has ended says nothing: pages come and go.
_SHORT = 10.0


def access(serverapp: Any) -> Check:
    """Whether this server keeps strangers out."""
    title = "Who gets in"
    weak = []
    if not serverapp.identity_provider.auth_enabled:
        weak.append("it has neither token nor password")
    if serverapp.disable_check_xsrf:
        weak.append("other web pages may send it requests (`disable_check_xsrf`)")
    if serverapp.allow_origin == "*":
        weak.append("pages of any address may read it (`allow_origin`)")
    if weak:
        fix: Hint = {"text": "Take these settings back: the agent runs commands as you."}
        return Check("access", title, "warning", f"Take care: {'; '.join(weak)}.", fix)
    return Check("access", title, "ok", "Only who has logged in.")


def way_here(request: HTTPServerRequest, base_url: str) -> Check:
    """How this request came: below which prefix, through which proxies."""
    proxies = [name for name in _OF_PROXIES if name in request.headers]
    through = f"through a proxy ({', '.join(proxies)})" if proxies else "without any proxy seen"
    reason = f"This request came {through}; the server is at {base_url} of it."
    return Check("request", "Way to the server", "ok", reason)


def cut_streams(lasted: Sequence[float]) -> Check:
    """Whether something on the way ends streams after a time of its own.

    Args:
        lasted: the seconds for which streams that the server has not ended were open.
    """
    title = "Life of streams"
    long = sorted(seconds for seconds in lasted if seconds >= _SHORT)
    for shortest, longest in zip(long, long[_ALIKE - 1 :], strict=False):
        if longest - shortest <= _GIVE:
            reason = f"At least {_ALIKE} streams were cut after {shortest:.0f} s each."
            fix: Hint = {
                "text": "Pages come back by themselves and miss nothing; for fewer requests, let "
                "the proxy keep open what is not silent (nginx: `proxy_read_timeout`)."
            }
            return Check("streams", title, "warning", reason, fix)
    return Check("streams", title, "ok", "None was cut that could be seen.")


def culling(serverapp: Any, patience: float, on_hub: bool) -> Check:
    """Who ends idle servers and kernels, and what counts as work.

    Args:
        patience: seconds for which a turn that waits for a person counts as activity.
    """
    title = "Culling"
    parts = []
    if serverapp.shutdown_no_activity_timeout:
        parts.append(f"this server ends after {serverapp.shutdown_no_activity_timeout} s of rest")
    kernels = serverapp.kernel_manager
    if getattr(kernels, "cull_idle_timeout", 0) > 0:
        kinds = " with an open notebook too" if kernels.cull_connected else ""
        parts.append(f"kernels end after {kernels.cull_idle_timeout} s of rest{kinds}")
    if on_hub:
        parts.append("JupyterHub may end it by rules that cannot be seen from here")
    if not parts:
        return Check("culling", title, "ok", "Nothing ends this server or its kernels by itself.")
    counts = (
        "A working agent counts as activity; a question that nobody answers does for "
        f"{patience / 60:.0f} minutes, and is still there after a restart."
    )
    reason = f"{'; '.join(parts)}. {counts}"
    return Check("culling", title, "ok", reason[0].upper() + reason[1:])


def labextension(paths: Sequence[str], disabled: Sequence[str]) -> Check:
    """Whether the panel is installed, is on, and fits this server.

    Args:
        paths: the folders of labextensions, the first one wins.
        disabled: names of extensions and plugins that are turned off.
    """
    title = "Panel"
    places = [Path(path) / LABEXTENSION for path in paths]
    there = next((place for place in places if (place / "package.json").exists()), None)
    again: Hint = {
        "text": "Install the package again, and reload the page.",
        "command": "pip install --force-reinstall --no-deps hermes-jupyter",
    }
    if there is None:
        reason = f"The labextension is in none of {', '.join(map(str, paths))}."
        return Check("panel", title, "error", reason, again)
    if off := [name for name in disabled if name in (LABEXTENSION, PLUGIN)]:
        fix: Hint = {
            "text": "Turn it on, and reload the page.",
            "command": f"jupyter labextension enable {off[0]}",
        }
        return Check("panel", title, "error", f"{off[0]} is disabled in JupyterLab.", fix)
    try:
        version = json.loads((there / "package.json").read_text())["version"]
    except (OSError, ValueError, KeyError) as error:
        return Check("panel", title, "error", f"{there} is damaged: {error!r}", again)
    if version != __version__:
        reason = f"The panel is {version}, and the server is {__version__}."
        return Check("panel", title, "error", reason, again)
    return Check("panel", title, "ok", f"{version}, in {there}.")


def installed_labextension() -> Check:
    """The same of this environment."""
    disabled: dict[str, bool] = {}
    if find_spec("jupyterlab_server") is not None:
        from jupyterlab_server.config import get_static_page_config

        disabled = get_static_page_config(level="all").get("disabledExtensions", {})
    off = [name for name, is_off in disabled.items() if is_off]
    return labextension(jupyter_path("labextensions"), off)
