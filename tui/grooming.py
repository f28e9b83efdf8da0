"""Grooming to its end: the service does it in parts, so that no call takes long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.service import Groomed, JobService


async def groom(
    service: JobService, *, dry: bool, trust_clock: bool = False, told: Callable[[Groomed], None] = lambda _: None
) -> Groomed:
    """Groom until nothing is left to groom; what went in all. `told` hears of it while more is to come."""
    total = Groomed(dry=dry)
    while True:
        total = _sum(total, await service.groom(dry=dry, trust_clock=trust_clock))
        if not total.more:
            return total
        told(total)


def _sum(total: Groomed, part: Groomed) -> Groomed:
    numbers = [number for number in (total.first, total.last, part.first, part.last) if number is not None]
    return replace(
        part,
        jobs=total.jobs + part.jobs,
        by_age=total.by_age + part.by_age,
        by_history=total.by_history + part.by_history,
        bytes=total.bytes + part.bytes,
        first=min(numbers, default=None),
        last=max(numbers, default=None),
    )
