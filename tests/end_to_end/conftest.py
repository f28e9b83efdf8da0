"""A command for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.command import Command


@pytest.fixture
def jobdeck(tmp_path: Path, scripts: Path) -> Command:
    """`jobdeck` over an empty store, called in the directory of the test's scripts."""
    return Command(tmp_path / "home", scripts)
