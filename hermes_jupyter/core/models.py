"""Which model a conversation speaks with, and how hard it thinks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from .agent import Agent
from .conversation import Conversation
from .conversations import Conversations
from .errors import BadRequest
from .gauge import Gauge
from .policy import CHOOSE, Policy, refused
from .turns import Turns


class ModelChoice:
    """The choice of each conversation; the agent keeps it.

    Args:
        tell_gauge: keeps and announces the gauge of a conversation, if it is not as it was.
        policy: which models there are to choose from.
    """

    def __init__(
        self,
        agent: Agent,
        conversations: Conversations,
        turns: Turns,
        tell_gauge: Callable[[Conversation, Gauge], None],
        policy: Policy,
    ) -> None:
        self._agent = agent
        self._conversations = conversations
        self._turns = turns
        self._tell_gauge = tell_gauge
        self._policy = policy

    async def known(self, session_id: str | None = None) -> dict[str, Any]:
        """What there is to choose from, and what a conversation has, else what a new one gets."""
        if session_id is None:
            return asdict(self._policy.of(await self._agent.models(None)))
        conversation = await self._conversations.find(session_id)
        models = asdict(self._policy.of(await self._agent.models(conversation.tip_id)))
        if not conversation.opened:
            # The agent tells what a new one gets; of this one there is what was stored.
            models |= {"model": conversation.model, "provider": None, "reasoning": None}
        return models

    async def switch(
        self,
        session_id: str,
        *,
        model: str | None = None,
        provider: str | None = None,
        reasoning: str | None = None,
        confirmed: bool = False,
    ) -> dict[str, Any]:
        """Change what is given, for this conversation alone.

        Raises:
            BadRequest: nothing is given, or the agent has no such model, provider or effort.
            Forbidden: the administrator does not want this model here.
            Conflict: a turn is in hand; or the model is expensive, and that is not ``confirmed``.
        """
        conversation = await self._conversations.find(session_id)
        self._conversations.must_allow(conversation, "prompt")
        if not model and not reasoning:
            raise BadRequest("Neither `model` nor `reasoning` is given.", code="missing_field")
        for name in (model, provider, reasoning):
            # The agent reads one line, in which these would be options of another meaning.
            if name and re.search(r"\s|^[-\u2010-\u2015]", name):
                raise BadRequest(f"{name[:80]!r} is the name of no model.", code="bad_model")
        if model:
            self._policy.must_allow_model(model, provider)
        await self._turns.open_idle(conversation, "the model is changed")
        if model and not provider and self._policy.providers:
            # The agent would take it from any of its providers.
            provider = await self._provider_of(model, conversation)
        switched = await self._agent.switch(
            conversation.tip_id,
            model=model,
            provider=provider,
            reasoning=reasoning,
            confirmed=confirmed,
        )
        before = conversation.gauge
        if model:
            conversation.meter.model_changed()
        conversation.meter.read(switched.gauge)
        self._tell_gauge(conversation, before)
        if model:
            said = [f"The model is now {switched.model}.", switched.note]
            level = "warning" if switched.note else "info"
            conversation.notice("\n".join(filter(None, said)), level)
        self._conversations.changed(conversation)
        return {
            "model": switched.model,
            "provider": switched.provider,
            "reasoning": switched.reasoning,
            "note": switched.note,
            "context": conversation.gauge.to_json(),
        }

    async def _provider_of(self, model: str, conversation: Conversation) -> str:
        listed = self._policy.of(await self._agent.models(conversation.tip_id)).providers
        found = next((one.id for one in listed if model in one.models), None)
        if found is None:
            raise refused(f"No provider that may be used here has the model {model}.", CHOOSE)
        return found
