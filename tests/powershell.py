"""The PowerShell that tests run: JOBDECK_TEST_PWSH, ../shared/pwsh/pwsh beside the repository, or `pwsh` on PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest


@cache
def find() -> str | None:
    """Its path, or None where there is none."""
    named = os.environ.get("JOBDECK_TEST_PWSH")
    if named:
        return named
    here = Path(__file__).resolve().parents[1]
    for directory in here.parents[:2]:
        candidate = directory / "shared" / "pwsh" / "pwsh"
        if os.access(candidate, os.X_OK):
            return str(candidate)
    return shutil.which("pwsh")


def pwsh() -> str:
    """Its path; where there is none the test is skipped, saying so, and fails where CI=true."""
    found = find()
    if found is None:
        reason = "there is no PowerShell: set JOBDECK_TEST_PWSH, or put pwsh on PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def run(script: Path, *arguments: str, timeout: float = 120) -> str:
    """What a script file prints. Fails with its errors when it does not exit with 0."""
    environment = {**os.environ, "POWERSHELL_TELEMETRY_OPTOUT": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [pwsh(), "-NoLogo", "-NoProfile", "-NonInteractive", "-File", str(script), *arguments],
        capture_output=True,
        timeout=timeout,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace") + done.stdout.decode("utf-8", "replace")
    return done.stdout.decode("utf-8")
