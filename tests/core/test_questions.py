"""What a tool of ours asks a person, and what comes of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hermes_jupyter.agent.hermes import HermesAgent
from hermes_jupyter.core.errors import Conflict
from hermes_jupyter.core.question import Answerer, Choice, Question
from hermes_jupyter.core.questions import Questions
from hermes_jupyter.core.store import Store
from hermes_jupyter.core.turn import Turn

CHOICES = [Choice("once", "Run", "allow", "once"), Choice("deny", "Don't", "deny", "once")]
ADA = Answerer("page", "Ada")


async def say(session_id: str, text: str, client_id: str) -> Turn:
    raise AssertionError("An approval is no prompt.")


class TestAnApprovalOfATool:
    @pytest.fixture
    def questions(self, tmp_path: Path) -> Questions:
        """Of an agent that is never started."""
        agent = HermesAgent(home=tmp_path, cwd=tmp_path)
        self.told: list[str] = []
        return Questions(agent, Store(tmp_path), lambda one: self.told.append(one.state), say)

    async def ask(
        self, questions: Questions, seconds: float
    ) -> tuple[asyncio.Task[object], Question]:
        asking = questions.ask_here("s", "t", "1 + 1", "Run cell 1", CHOICES, seconds)
        task = asyncio.ensure_future(asking)
        await asyncio.sleep(0)
        (question,) = questions.open("s", "approval")
        return task, question

    @pytest.mark.asyncio
    async def test_nobody_answers(self, questions: Questions) -> None:
        """N8"""
        task, question = await self.ask(questions, 0.01)
        assert await task is None
        assert self.told == ["open", "expired"]
        assert "not consent" in str(question.told_agent)
        with pytest.raises(Conflict, match="expired"):
            await questions.answer(question.id, {"choice": "once"}, ADA)

    @pytest.mark.asyncio
    async def test_an_answer_in_the_last_moment_counts(self, questions: Questions) -> None:
        task, question = await self.ask(questions, 0)
        await questions.answer(question.id, {"choice": "once"}, ADA)
        assert await task == "once"
        assert self.told == ["open", "answered"]

    @pytest.mark.asyncio
    async def test_the_tool_waits_no_longer(self, questions: Questions) -> None:
        task, question = await self.ask(questions, 60)
        task.cancel()
        await asyncio.wait([task])
        assert self.told == ["open", "cancelled"]
        with pytest.raises(Conflict, match="has ended"):
            await questions.answer(question.id, {"choice": "once"}, ADA)
        assert questions.unfinished() == []
