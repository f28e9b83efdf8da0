"""A command for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.command import Command
from tests.end_to_end.server import Server, serving


@pytest.fixture
def jobdeck(tmp_path: Path, scripts: Path) -> Command:
    """`jobdeck` over an empty store, called in the directory of the test's scripts."""
    return Command(tmp_path / "home", scripts)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with a store of its own."""
    with serving(tmp_path / "server") as started:
        yield started
