"""Real servers, a real agent, and the offline model in place of a model."""

from __future__ import annotations

pytest_plugins = ("pytest_jupyter.jupyter_server",)
