"""Every implementation of JobService that the contract is held against."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.config import Settings
from core.engine.engine import Engine
from core.service import JobService


@pytest.fixture(params=["engine", "long-lived engine", "beside a leader"])
async def service(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[JobService]:
    """A service over an empty store."""
    if request.param == "beside a leader":
        leader = await Engine.open(settings, "stay")
        beside = await Engine.open(settings, "act")
        assert leader.leading and not beside.leading
        yield beside
        await beside.close()
        await leader.close()
        return
    alone = await Engine.open(settings, "stay" if request.param == "long-lived engine" else "act")
    yield alone
    await alone.close()
