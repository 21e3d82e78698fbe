"""What an agent can say of itself without being started, and of its model without asking it.

Prints one line of JSON, and ends. Of keys it tells whether they are there; they never leave this
process but for their provider.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from typing import Any

from .needed import missing_names

#: Seconds that the model's address may take to answer.
PATIENCE = 10.0

#: What stands for a key where none is needed.
_NO_KEY = ("aws-sdk", "no-key-required")


def look() -> dict[str, Any]:
    """The version, the private names that are missing, and the model."""
    found: dict[str, Any] = {"version": version("hermes-agent")}
    found["missing"] = missing_names()
    return {**found, **model()}


def model() -> dict[str, Any]:
    """Which model is configured, where it is, and whether anybody answers there."""
    from hermes_cli.config import load_config
    from hermes_cli.runtime_provider import resolve_runtime_provider

    try:
        runtime = resolve_runtime_provider()
    except Exception as error:  # Hermes' own kinds, and whatever a configuration makes of it
        return {"model_error": str(error)}
    configured = load_config().get("model") or ""
    name = configured if isinstance(configured, str) else configured.get("default")
    key = runtime.get("api_key")
    address = str(runtime.get("base_url") or "")
    told = {
        "model": name or runtime.get("model") or None,
        "provider": runtime.get("provider") or None,
        "address": address,
        "key": _key_state(runtime),
    }
    return {**told, "answer": ask(address, runtime, "" if callable(key) else str(key))}


def _key_state(runtime: dict[str, Any]) -> str:
    from hermes_cli.auth import has_usable_secret

    key = runtime.get("api_key")
    if callable(key) or runtime.get("command"):
        return "there"
    text = str(key or "").strip()
    if text in _NO_KEY:
        return "not needed"
    return "there" if has_usable_secret(text) else "missing"


def ask(address: str, runtime: dict[str, Any], key: str) -> dict[str, Any] | None:
    """What the address says to one request that costs nothing; None where there is no such."""
    if not address.startswith(("http://", "https://")):
        return None
    request = urllib.request.Request(f"{address.rstrip('/')}/models")  # noqa: S310  checked above
    if runtime.get("api_mode") == "anthropic_messages":
        request.add_unredirected_header("x-api-key", key)
        request.add_header("anthropic-version", "2023-06-01")
    elif key not in _NO_KEY:
        request.add_unredirected_header("Authorization", f"Bearer {key}")
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
            status = response.status
    except urllib.error.HTTPError as error:
        status = error.code
    except (OSError, ValueError) as error:
        proxies = [name for name in os.environ if name.lower() in ("http_proxy", "https_proxy")]
        return {"error": str(getattr(error, "reason", error)), "proxies": proxies}
    return {"status": status, "ms": round(1000 * (time.monotonic() - began))}


def main() -> None:
    """Print what was found, and end at once."""
    # Hermes, and what it loads, may print: the real stdout is for the one line alone.
    stdout, sys.stdout = sys.stdout, sys.stderr
    found = look()
    stdout.write(json.dumps(found) + "\n")
    stdout.flush()
    # What has been loaded may have threads that nobody waits for.
    os._exit(0)
