"""What a person has chosen for notebooks outlives the server, and never exceeds what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hermes_jupyter.core.errors import Conflict
from hermes_jupyter.core.notebook_policy import NotebookPolicy
from hermes_jupyter.core.store import Store


@pytest.mark.asyncio
async def test_it_is_kept_and_bounded(tmp_path: Path) -> None:
    store = Store(tmp_path)
    policy = NotebookPolicy(store)
    assert (policy.now, policy.most) == ("edit", "run")
    assert not (tmp_path / "conversations.db").exists()
    await policy.choose("run")
    assert policy.now == "run"
    await store.close()

    store = Store(tmp_path)
    assert NotebookPolicy(store).now == "run"
    bounded = NotebookPolicy(store, "ask", "ask")
    assert bounded.now == "ask"
    with pytest.raises(Conflict):
        await bounded.choose("edit")
    await bounded.choose("read")
    assert bounded.now == "read"
    assert NotebookPolicy(store).now == "read"
    await store.close()
