"""The tools as the model is told of them: short, for they are part of every request."""

from __future__ import annotations

from typing import Any

from ...core.tools import ToolSpec
from .edits import MAX_EDITS

#: Seconds that a run may take at most, and may unless said otherwise.
MAX_RUN = 3600
DEFAULT_RUN = 120


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


_PATH = {"type": "string", "description": "as notebook_list gives it"}
_CELLS = {
    "anyOf": [
        {"type": ["string", "integer"]},
        {"type": "array", "items": {"type": ["string", "integer"]}},
    ],
    "description": 'indices "3-7", "8-", or ids',
}

SPECS = (
    ToolSpec(
        "notebook_list",
        "Notebooks: open in the person's browser, with a running kernel, and the newest files. "
        "Paths are relative to the Jupyter server's root.",
        _object([], folder={"type": "string", "description": "only files below it"}),
    ),
    ToolSpec(
        "notebook_read",
        "Read a Jupyter notebook as it is now, also unsaved. Without `cells`: an outline (index, "
        "id, hash, first line, outputs). With `cells`: sources, and with `outputs` what they put "
        "out, pictures too. If the answer has `next`, call again with the same arguments and "
        "`from` = next. Use this, not file tools, for .ipynb.",
        _object(
            ["path"],
            path=_PATH,
            cells=_CELLS,
            outputs={"type": "boolean"},
            **{"from": {"type": "string"}},
        ),
    ),
    ToolSpec(
        "notebook_edit",
        "Edit cells of a notebook, all edits or none. replace, delete and move need the cell's id "
        "and hash from notebook_read (a cell changed since is refused and shown). insert and move "
        "put the cell before the cell `before`, or at the end. Touch each cell once per call. The "
        "answer has the new ids and hashes. Running is a separate step.",
        _object(
            ["path", "edits"],
            path=_PATH,
            edits={
                "type": "array",
                "maxItems": MAX_EDITS,
                "items": _object(
                    ["op"],
                    op={"enum": ["insert", "replace", "delete", "move"]},
                    id={"type": "string"},
                    hash={"type": "string"},
                    source={"type": "string"},
                    type={"enum": ["code", "markdown", "raw"], "description": "of an insert"},
                    before={"type": ["string", "null"], "description": "a cell's id"},
                ),
            },
            create={"type": "boolean", "description": "make a new notebook at path"},
        ),
    ),
    ToolSpec(
        "notebook_run",
        "Run code cells in the notebook's kernel, in order, up to the first error; outputs land in "
        "the notebook and in the answer. The person may be asked first. A run that takes longer "
        "than `timeout` seconds is interrupted.",
        _object(
            ["path", "cells"],
            path=_PATH,
            cells=_CELLS,
            timeout={
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": MAX_RUN,
                "description": f"default {DEFAULT_RUN}",
            },
        ),
    ),
    ToolSpec(
        "notebook_variables",
        "What the notebook's Python kernel holds: names, types, shapes, columns, short values. "
        "Runs no code of the person's.",
        _object(
            ["path"],
            path=_PATH,
            names={"type": "array", "items": {"type": "string"}, "maxItems": 100},
            filter={"type": "string", "description": "part of a name or type"},
        ),
    ),
)
