"""What is kept for the next run of a server."""

from __future__ import annotations

import time
from pathlib import Path

from hermes_jupyter.core.gauge import Gauge
from hermes_jupyter.core.journal import Journal
from hermes_jupyter.core.store import Store


async def run(directory: Path, epoch: str | None = None) -> str:
    """One run of a server, which keeps something; its epoch."""
    store = Store(directory)
    began = epoch or Journal(after=store.last_epoch()).epoch
    store.begin(began)
    store.keep_gauge("a", Gauge())
    await store.close()
    return began


async def test_epochs_rise_also_when_the_clock_was_set_back(tmp_path: Path) -> None:
    """R24: a page that is still open would take all that follows for what was."""
    an_hour_ahead = f"{int((time.time() + 3600) * 1000):012x}"
    epochs = [await run(tmp_path, an_hour_ahead), await run(tmp_path), await run(tmp_path)]
    assert epochs == sorted(set(epochs))


async def test_a_run_that_keeps_nothing_more_is_kept_too(tmp_path: Path) -> None:
    await run(tmp_path)
    quiet = Store(tmp_path)
    quiet.begin("f" * 12)
    await quiet.close()
    assert Store(tmp_path).last_epoch() == "f" * 12


async def test_nothing_is_made_for_an_epoch_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "jupyter")
    assert store.last_epoch() == ""
    store.begin("1")
    await store.close()
    assert not (tmp_path / "jupyter").exists()
