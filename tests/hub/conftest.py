"""A real JupyterHub with its own proxy: the example's, with two people."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.conftest import chromium, page  # noqa: F401  fixtures of this package too

from .running import Hub, Person, run_hub


@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """No loop of pytest-jupyter's here: Playwright runs its own in this thread."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """The servers here are processes of their own, so there is nothing to clean up."""


@pytest.fixture(scope="package")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with run_hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(scope="package")
def ada(hub: Hub) -> Person:
    return Person(hub, "ada", "ada").log_in()


@pytest.fixture(scope="package")
def bob(hub: Hub) -> Person:
    return Person(hub, "bob", "bob").log_in()


@pytest.fixture(scope="package")
def visitor(hub: Hub, ada: Person) -> Person:
    """Bob, at ada's server."""
    return Person(hub, "bob", "ada").log_in()
