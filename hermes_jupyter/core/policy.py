"""What an administrator has decided for everybody on a server.

It is policy, not a sandbox: it keeps the panel, the magics and the HTTP interface to it, and the
agent as far as the agent lets itself be kept. Who has a terminal here can run another agent, and
what one agent may not do with one tool, it may find another way to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from .agent import Models
from .errors import Forbidden

#: What is said where something is refused or missing.
WORDS = "Set by your administrator"

CHOOSE = "Choose one of those that are listed."


@dataclass(frozen=True, slots=True)
class Policy:
    """What is set; empty is left to each person.

    Args:
        models: patterns of the names that may be used, such as ``gpt-5*``.
        providers: patterns of the providers that may be used, such as ``custom*``.
        toolsets: Hermes' toolsets that its agent is not given.
        approvals: ``manual`` has each of them asked, and none skipped.
        install: whether a person may install the agent.
    """

    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    toolsets: tuple[str, ...] = ()
    approvals: str = ""
    install: bool = True

    def to_json(self) -> dict[str, Any]:
        """What is set, by the names of the settings; nothing else."""
        told = {
            "allowed_models": list(self.models),
            "allowed_providers": list(self.providers),
            "forbidden_toolsets": list(self.toolsets),
            "approval_mode": self.approvals,
        }
        body: dict[str, Any] = {name: value for name, value in told.items() if value}
        return body if self.install else {**body, "allow_install": False}

    def allows(self, model: str, provider: str) -> bool:
        """Whether this model of this provider may be used."""
        return _fits(model, self.models) and _fits(provider, self.providers)

    def of(self, models: Models) -> Models:
        """What there is to choose from, of all that there is."""
        allowed = [
            replace(one, models=[name for name in one.models if self.allows(name, one.id)])
            for one in models.providers
        ]
        return replace(models, providers=[one for one in allowed if one.models])

    def must_allow_model(self, model: str, provider: str | None) -> None:
        """Refuse a model; where the provider is not known, by its name alone.

        Raises:
            Forbidden: it may not be used here.
        """
        if not (_fits(model, self.models) and (provider is None or self.allows(model, provider))):
            of = f" of {provider}" if provider else ""
            raise refused(f"The model {model}{of} may not be used here.", CHOOSE)

    def must_allow_skipping(self) -> None:
        """Refuse to skip approvals.

        Raises:
            Forbidden: each is asked here.
        """
        if self.approvals == "manual":
            raise refused("Approvals may not be skipped here.", "Answer them one by one.")


def refused(message: str, step: str) -> Forbidden:
    """What is said of something that the administrator has decided otherwise."""
    return Forbidden(f"{message} {WORDS}.", code="policy", hint={"text": step})


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
