"""Answers that stay right until somebody changes the store: rendered once, however many ask.

Every terminal that looks at the same page of jobs asks the same thing again and again. An answer is kept with the
store's version of before it was read, so that it can be older than its version, but never newer than what it says.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

from starlette.responses import Response

from core.access import caller

_MOST = 256
_LARGEST = 1 << 18


@runtime_checkable
class Versioned(Protocol):
    """A service that knows, within microseconds, whether anything changed."""

    def data_version(self) -> int:
        """A number that changes when anybody has changed anything in the store."""


class Kept:
    """What was answered lately, by what was asked and what the caller may see."""

    def __init__(self, service: object) -> None:
        self._service = service if isinstance(service, Versioned) else None
        self._answers: OrderedDict[tuple[object, ...], tuple[int, bytes]] = OrderedDict()

    async def answer(self, asked: tuple[object, ...], make: Callable[[], Awaitable[tuple[bytes, bool]]]) -> Response:
        """The answer to what is asked; `make` gives it, and whether the store alone decides what it is."""
        if self._service is None:
            return Response((await make())[0], media_type="application/json")
        who = caller.get()
        key = (*asked, *((who.scripts, who.tags) if who is not None else ((), ())))
        version = self._service.data_version()
        found = self._answers.get(key)
        if found is not None and found[0] == version:
            return Response(found[1], media_type="application/json")
        body, lasting = await make()
        if lasting and len(body) <= _LARGEST:
            self._answers[key] = (version, body)
            self._answers.move_to_end(key)
            if len(self._answers) > _MOST:
                self._answers.popitem(last=False)
        return Response(body, media_type="application/json")
