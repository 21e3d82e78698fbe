"""Notebooks that run where nobody looks: nothing waits for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERMES_JUPYTER_OFFLINE", "1")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))


def execute(notebook: Any, directory: Path, **options: Any) -> list[str]:
    """What each code cell has shown, as plain text or as its error."""
    client = NotebookClient(
        notebook, timeout=60, resources={"metadata": {"path": str(directory)}}, **options
    )
    asyncio.run(client.async_execute())
    return [_text(cell.outputs) for cell in notebook.cells if cell.cell_type == "code"]


def _text(outputs: list[Any]) -> str:
    said = [
        one.get("text") or one.get("evalue") or one.get("data", {}).get("text/markdown") or ""
        for one in outputs
    ]
    return "\n".join(said)


def test_the_example_runs_and_a_cell_that_asks_ends(tmp_path: Path) -> None:
    notebook = nbformat.read(EXAMPLES / "ask.ipynb", as_version=4)
    added = [
        "%load_ext hermes_jupyter",
        "%%hermes --patience 1\nask me something",
        '%%hermes --to said\nSCRIPT: [{"text": "One."}]',
        "print(said.text == _.text, said.session_id == reply.session_id)",
    ]
    notebook.cells += map(new_code_cell, added)
    shown = execute(notebook, tmp_path, allow_errors=True)
    assert "with ['terminal']" in shown[2]
    assert "> Exploring the data" in shown[3]
    assert "nothing was deleted" in shown[4]
    assert "nobody was there to answer" in shown[5]
    assert notebook.cells[-5].outputs[0].data["text/plain"] == "['clarify']"
    assert "nobody was there to answer" in shown[-3]
    # The answer was drawn in one output, as Markdown and as text.
    (answer,) = notebook.cells[-2].outputs
    assert answer.data == {"text/markdown": "One.", "text/plain": "One."}
    assert shown[-1].strip() == "True True"
