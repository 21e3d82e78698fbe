"""What of the notebooks goes with a prompt, and what of it the model is told."""

from __future__ import annotations

from typing import Any

import pytest

from hermes_jupyter.core.errors import BadRequest, TooLarge
from hermes_jupyter.core.prompt_context import context_in, in_words, notebook_of

NOTEBOOK = {"kind": "notebook", "path": "a/b.ipynb"}
CELL = {
    "kind": "cell",
    "path": "a/b.ipynb",
    "cell_id": "c1",
    "cell_type": "code",
    "label": "b.ipynb · cell 5",
    "source": "1 / 0",
    "output": "ZeroDivisionError",
}
SELECTION = {"kind": "selection", "path": "a/b.ipynb", "text": "some words"}


def test_labels() -> None:
    items = context_in([NOTEBOOK, CELL, {**CELL, "label": None}, SELECTION])
    labels = ["b.ipynb", "b.ipynb · cell 5", "b.ipynb · cell", "b.ipynb · selection"]
    assert [item.label for item in items] == labels
    assert items[1].to_json() == {
        "kind": "cell",
        "path": "a/b.ipynb",
        "cell_id": "c1",
        "label": "b.ipynb · cell 5",
    }
    assert context_in(None) == context_in([]) == ()


def test_the_notebook_is_told_once_and_when_it_changes() -> None:
    (notebook,) = context_in([NOTEBOOK])
    assert "in the notebook a/b.ipynb." in in_words([notebook], None)
    assert in_words([notebook], notebook) == ""
    (cell,) = context_in([CELL])
    assert "notebook a/b.ipynb" not in in_words([notebook, cell], notebook)
    (other,) = context_in([{**NOTEBOOK, "path": "c.ipynb"}])
    assert "c.ipynb" in in_words([other], notebook)
    assert notebook_of([notebook, cell]) == notebook
    assert notebook_of([cell]) is None


def test_what_is_quoted_stays_as_it_is() -> None:
    fenced = "```python\n{x} %s \\n ü 🙂\n````\n```"
    (cell,) = context_in([{**CELL, "source": fenced, "output": "   "}])
    said = in_words([cell], None)
    assert (
        f"The code cell c1 of a/b.ipynb:\n`````\n{fenced}\n`````\nIts output:\n```\n   \n```"
        in said
    )


@pytest.mark.parametrize(
    "bad",
    [
        "a.ipynb",
        [1],
        [{**NOTEBOOK, "kind": "file"}],
        [{**NOTEBOOK, "kind": ["notebook"]}],
        [{"kind": "notebook"}],
        [{**NOTEBOOK, "path": 1}],
        [{**NOTEBOOK, "path": "x" * 4097}],
        [{**NOTEBOOK, "cell_id": 1}],
        [{**CELL, "source": None}],
        [{**CELL, "cell_id": None}],
        [{**CELL, "cell_type": None}],
        [{**CELL, "label": 5}],
        [{**CELL, "label": "x" * 301}],
        [{**CELL, "output": ["x"]}],
        [{**SELECTION, "text": 1}],
        [NOTEBOOK] * 21,
    ],
)
def test_what_is_no_context(bad: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        context_in(bad)
    assert refused.value.code == "bad_context"


def test_it_is_bounded_all_together() -> None:
    half = "x" * 10_000
    cell = {**CELL, "source": half, "output": None}
    assert len(context_in([cell, {**SELECTION, "text": half}])) == 2
    for more in ({**SELECTION, "text": half + "x"}, {**CELL, "source": half, "output": "x"}):
        with pytest.raises(TooLarge) as refused:
            context_in([cell, more])
        assert refused.value.code == "context_too_large"
