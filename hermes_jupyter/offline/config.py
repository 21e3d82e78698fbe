"""A Hermes home for the offline model: with it the agent talks to that model and to nobody else."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

#: Environment variables that hold what changes at every start. The configuration only names them:
#: so the file holds no secret, and stays the person's own from the first start on.
URL_VARIABLE = "HERMES_JUPYTER_OFFLINE_URL"
KEY_VARIABLE = "HERMES_JUPYTER_OFFLINE_KEY"

_HEADING = """\
# Made by hermes-jupyter for its offline model. It is written only if it is missing: change what you
# like, or delete it to get a fresh one. (It looks like JSON because JSON is YAML.)
"""


def write_home(
    home: Path,
    *,
    model: str = "offline",
    context_length: int = 131_072,
    agent_version: str = "0.19.0",
) -> None:
    """Make ``home`` a Hermes home for an `OfflineModel`, readable by its owner alone.

    An existing ``config.yaml`` is left alone: the agent keeps permanent approvals in it, and a
    person may have changed it. Start the agent with `OfflineModel.environ` in its environment.

    Args:
        home: the directory for ``HERMES_HOME``; made if need be.
        model: the name of the `OfflineModel`.
        context_length: its window, in tokens.
        agent_version: one that differs makes the agent ask PyPI for news when it starts.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    config = home / "config.yaml"
    if not config.exists():
        _write_private(
            config, _HEADING + json.dumps(_settings(model, context_length), indent=2) + "\n"
        )
    news = {"ts": time.time(), "behind": None, "rev": None, "ver": agent_version}
    _write_private(home / ".update_check", json.dumps(news))


def _settings(model: str, context_length: int) -> dict[str, Any]:
    return {
        "model": {
            "default": model,
            "provider": "custom",
            "base_url": f"${{{URL_VARIABLE}}}",
            "api_key": f"${{{KEY_VARIABLE}}}",
            # Without it the agent asks openrouter.ai for the size of the window.
            "context_length": context_length,
        },
        # The agent's own default lets a model decide, and this one would only pass it on.
        "approvals": {"mode": "manual"},
        # A compaction that starts a new session shows how conversations are kept together; with
        # nothing at the head protected, a single earlier turn is enough for one.
        "compression": {"in_place": False, "protect_first_n": 0},
        # The rest keeps the agent from calls that nobody asked for: probes of the machine,
        # downloads, and reviews of the conversation in the background.
        "agent": {"environment_probe": False},
        "security": {"tirith_enabled": False, "allow_lazy_installs": False},
        "skills": {"creation_nudge_interval": 0},
        "memory": {"nudge_interval": 0},
    }


def _write_private(path: Path, text: str) -> None:
    # Made private before there is anything in it, and never half written under its own name.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)
