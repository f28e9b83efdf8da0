"""What the Pipeline tab holds: objects as far as they were fetched, those that a filter lets pass, the table."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from rich.cells import cell_len

from core.service import JobService
from tui.text import one_line
from tui.widgets.object_rows import LARGE, PAGE, Item, alike
from tui.widgets.painted import neutral

#: bytes of objects that are fetched at once, about
_STEP = 2 << 20
#: bytes of an object that are looked through at once
_SLICE = 1 << 20
_WIDEST = 40


class ObjectList:
    """The objects of one job. `changed` is called when there are others, or more; `height`: the rows that are seen."""

    def __init__(self, changed: Callable[[], None], height: Callable[[], int]) -> None:
        self._changed = changed
        self._height = height
        self._service: JobService | None = None
        self.job = 0
        #: how many objects the job has sent, and the numbers of those that the filter lets pass
        self.total = 0
        self.matching: list[int] | None = None
        self.wanted = ""
        self.roots: list[Item] = []
        #: of a table: names and cells
        self.columns: list[tuple[str, int]] = []

    async def open(self, service: JobService, job: int, total: int) -> None:
        """Show the objects of a job, from the first. Raises ServiceError."""
        self._service, self.job, self.total = service, job, total
        self.roots = []
        await self.load(max(self._height(), 24))

    async def grow(self, total: int) -> None:
        """The job has sent more. Raises ServiceError."""
        if total <= self.total:
            return
        self.total = total
        if self.matching is None:
            if len(self.here) < max(self._height(), 24):
                await self.load(max(self._height(), 24))
            else:
                self._rest()
                self._changed()

    @property
    def here(self) -> list[Item]:
        """Those that are here, without the row that stands for the rest."""
        return self.roots[:-1] if self.roots and self.roots[-1].more else self.roots

    async def load(self, count: int) -> None:
        """Fetch the next `count` objects, or fewer when they are large."""
        if self._service is None:
            return
        items = list(self.here)
        have = len(items)
        spent, step = 0, min(count, 8)
        while have < self._all and count > 0 and spent < _STEP:
            if self.matching is None:
                found = await self._service.objects(self.job, have, min(step, count))
                numbers: list[int] = list(range(have, have + len(found)))
            else:
                numbers = self.matching[have : have + 1]
                found = await self._service.objects(self.job, numbers[0], 1) if numbers else []
            if not found:
                break
            for number, record in zip(numbers, found, strict=False):
                item = Item(0, None, number)
                item.record = record
                items.append(item)
                spent += len(record.data)
            have += len(found)
            count -= len(found)
            step = max(1, min(PAGE, (_STEP - spent) * have // max(1, sum(len(r.data) for r in found) * 4)))
        self.roots = items
        self._rest()
        if self.columns:
            self.measure()
        self._changed()

    @property
    def _all(self) -> int:
        return self.total if self.matching is None else len(self.matching)

    def _rest(self) -> None:
        items = self.here
        self.roots = items
        if len(items) < self._all:
            rest = Item(0, None)
            rest.more = self._all - len(items)
            self.roots = [*items, rest]

    async def filter(self, text: str) -> None:
        """Show only objects that hold a text somewhere; all for none. Raises ServiceError."""
        self.wanted = text
        if not text:
            self.matching = None
            self.roots = []
            await self.load(max(self._height(), 24))
            return
        if self._service is None:
            return
        forms = {text.lower().encode(), json.dumps(text.lower())[1:-1].encode()}
        self.matching = []
        self.roots = []
        at, step = 0, 16
        while at < self.total:
            found = await self._service.objects(self.job, at, step)
            if not found:
                break
            size = 0
            for place, record in enumerate(found):
                size += len(record.data)
                if await _holds(record.data, forms):
                    self.matching.append(at + place)
            at += len(found)
            step = max(1, min(2000, _STEP * len(found) // max(1, size)))
            if len(self.here) < self._height():
                await self.load(self._height())
            else:
                self._rest()
                self._changed()
        await self.load(0)

    def measure(self) -> None:
        """Find the columns of a table; none where the objects are not alike."""
        names = alike(self.here[:200])
        widths = {name: cell_len(safe(name)) for name in names}
        for item in self.here[:200]:
            if item.large:
                continue
            for name, node in item.cells().items():
                if name in widths:
                    widths[name] = min(_WIDEST, max(widths[name], cell_len(safe(node.summary))))
        self.columns = list(widths.items())


async def _holds(data: bytes, forms: set[bytes]) -> bool:
    """Whether one of some texts in small letters is in it; what is large is looked through on a thread."""
    if len(data) <= LARGE:
        return _found(data, forms)
    return await asyncio.to_thread(_found, data, forms)


def _found(data: bytes, forms: set[bytes]) -> bool:
    longest = max(map(len, forms))
    for start in range(0, max(1, len(data)), _SLICE):
        lowered = data[start : start + _SLICE + longest].lower()
        if any(form in lowered for form in forms):
            return True
    return False


def safe(text: str) -> str:
    """One line that a terminal takes for letters."""
    line = one_line(text)
    return line if line.isascii() else neutral(line)
