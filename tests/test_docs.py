"""What the documents name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hermes_jupyter.server.app import HermesExtension

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    *(ROOT / "docs").glob("*.md"),
    *ROOT.glob("examples/**/*config.py"),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_setting_that_is_named_is_one(document: Path) -> None:
    named = set(re.findall(r"HermesExtension\.(\w+)", document.read_text()))
    assert named <= set(HermesExtension.class_traits(config=True))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_is_linked_is_there(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []
