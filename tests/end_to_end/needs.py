"""Programs that only some tests need."""

from __future__ import annotations

import os
import shutil

import pytest


def needed(program: str) -> str:
    """The path of a program; without it the test is skipped, and where everything is checked it fails."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")
    return path
