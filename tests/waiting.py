"""Waiting for what another task, thread or process does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any


async def until(condition: Callable[[], Any], what: str = "it", seconds: float = 30) -> None:
    """Wait until the condition, which may be a coroutine's function, is true. Fails with `what` was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if await found if asyncio.iscoroutine(found) else found:
            return
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        await asyncio.sleep(0.01)
