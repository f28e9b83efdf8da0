"""The service that a verb talks to: an engine of its own on the user's data directory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from core.config import Settings
from core.service import JobService


@asynccontextmanager
async def service(mode: Literal["look", "act", "stay"] = "look") -> AsyncIterator[JobService]:
    """Open the store; "look" only reads, "act" changes things and leads while it is open if nobody else does."""
    from core.engine.engine import Engine

    settings = Settings.load()
    engine: JobService = await Engine.open(settings, mode=mode)
    try:
        yield engine
    finally:
        await engine.close()
