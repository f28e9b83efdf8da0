"""PowerShell jobs for tests: one that is not started yet, and what it has said."""

from __future__ import annotations

from typing import Any

from core.journal.format import OBJECT, STDOUT
from tests.core.runner_jobs import Deck, Run
from tests.powershell import pwsh


def powershell(deck: Deck, script: str, settings: dict[str, Any] | None = None, **spec: Any) -> Run:
    """A job of this script, not started."""
    return deck.job(
        pwsh(), "-NoLogo", "-NoProfile", "-s", script=script, suffix=".ps1", kind="powershell",
        environment="PowerShell 7", powershell=settings or {}, size=[120, 40], **spec,
    )  # fmt: skip


def documents(run: Run) -> list[str]:
    return [data.decode() for stream, _flags, data in run.records() if stream == OBJECT]


def text(run: Run) -> str:
    return run.stream(STDOUT).decode()
