"""Stores and engines for tests: real ones, in a directory of the test's own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.config import Settings
from core.engine.engine import Engine


@pytest.fixture(autouse=True)
def _no_outer_jobdeck(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the store, the server or the job that the tests themselves may run in."""
    for name in list(os.environ):
        if name.startswith("JOBDECK_") and not name.startswith("JOBDECK_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("JOBDECK_HOME", str(tmp_path / "home"))


@pytest.fixture
def settings() -> Settings:
    """The settings of a store of this test's own."""
    return Settings.load()


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    """An engine over it."""
    opened = await Engine.open(settings, "act")
    yield opened
    await opened.close()


@pytest.fixture
def scripts(tmp_path: Path) -> Iterator[Path]:
    """A directory for scripts."""
    directory = tmp_path / "scripts"
    directory.mkdir()
    yield directory


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What real screens, servers and shells show is tried once more: on a busy machine a test may look too soon."""
    for item in items:
        if item.path.parent.name in ("tui", "end_to_end", "server"):
            item.add_marker(pytest.mark.flaky(reruns=1))
