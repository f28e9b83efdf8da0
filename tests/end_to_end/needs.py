"""Programs that only some tests need."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test for want of something; where everything is checked it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def needed(program: str) -> str:
    """The path of a program; without it the test is skipped, and where everything is checked it fails."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        missing(f"{program} is not installed")
    return path
