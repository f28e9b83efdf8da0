"""The lines of one job's output as a view needs them: pages of them near where it looks, never all."""

from __future__ import annotations

from collections import OrderedDict

from core.service import JobService, Line

#: lines of one page, and how many bytes of lines are kept
_PAGE = 64
_KEPT = 8 << 20
#: bytes of a line that are fetched at first; the rest when somebody looks there
WIDTH = 4096
#: the longest part of a line that is ever fetched
LONGEST = 16 << 20
#: a line number that no output reaches: asking for it counts all lines
_BEYOND = 1 << 60


class OutputLines:
    """Lines of some streams of a job. Numbers count from 0; negative ones from the end, while nobody has counted.

    Every coroutine may raise ServiceError. `total` is None until the lines are counted.
    """

    def __init__(self, service: JobService, id: int, streams: frozenset[int]) -> None:
        self._service = service
        self._id = id
        self.streams = streams
        self.total: int | None = None
        self._pages: OrderedDict[int, list[Line]] = OrderedDict()
        self._stale: set[int] = set()
        #: the last lines, by their negative numbers, while nobody has counted
        self._tail: dict[int, Line] = {}
        #: the last lines as they were at the last look at the end
        self._recent: dict[int, Line] = {}
        self._old: dict[int, Line] = {}
        self._long: OrderedDict[int, Line] = OrderedDict()
        self._bytes = 0

    @property
    def first(self) -> int:
        """The first line that can be shown now."""
        return 0 if self.total is not None else -len(self._tail)

    @property
    def stop(self) -> int:
        """The number behind the last line."""
        return self.total if self.total is not None else 0

    def line(self, number: int) -> Line | None:
        """A line, if it is here."""
        if number < 0:
            return self._tail.get(number)
        found = self._long.get(number) or self._recent.get(number)
        if found is not None:
            return found
        page = self._pages.get(number // _PAGE)
        place = number % _PAGE
        return page[place] if page is not None and place < len(page) else self._old.get(number)

    def missing(self, first: int, stop: int) -> bool:
        """Whether a line of [first, stop) that exists is not here, or may have changed since it was fetched."""
        if self.total is None:
            return False
        stop = min(stop, self.total)
        return any(
            self.line(number) is None
            or (number not in self._recent and (number // _PAGE in self._stale or number // _PAGE not in self._pages))
            for number in range(max(first, 0), stop)
        )

    async def fetch(self, first: int, stop: int) -> None:
        """Get the pages that hold [first, stop), where they are not here."""
        if self.total is None:
            return
        first, stop = max(first, 0), min(stop, self.total)
        while stop > first and stop - 1 in self._recent:
            stop -= 1
        missing = [number for number in range(first // _PAGE, -(-stop // _PAGE)) if not self._whole(number)]
        if missing:
            # One request: what is seen mostly lies on two pages, and one in between that is here is no loss.
            await self._get(missing[0], missing[-1] + 1)

    def _whole(self, number: int) -> bool:
        """Whether a page is here as it is now."""
        page = self._pages.get(number)
        there = min(_PAGE, (self.total or 0) - number * _PAGE)
        return page is not None and len(page) >= there and number not in self._stale

    async def _get(self, first: int, stop: int) -> None:
        """Fetch the pages [first, stop)."""
        count = (stop - first) * _PAGE
        found = await self._service.lines(self._id, first * _PAGE, count, self.streams, width=WIDTH)
        for number in range(first, stop):
            place = (number - first) * _PAGE
            self._keep(number, list(found.lines[place : place + _PAGE]))
        if found.total is not None and (self.total is None or found.total > self.total):
            self.total = found.total

    def _keep(self, number: int, lines: list[Line]) -> None:
        old = self._pages.pop(number, None)
        for line in lines:
            long = self._long.get(line.number)
            if long is not None and long.size != line.size:
                self._bytes -= len(self._long.pop(line.number).data)
        if old is not None:
            self._bytes -= _size(old)
        self._pages[number] = lines
        self._stale.discard(number)
        self._bytes += _size(lines)
        while self._bytes > _KEPT and len(self._pages) > 4:
            self._bytes -= _size(self._pages.popitem(last=False)[1])
        while self._bytes > _KEPT and len(self._long) > 1:
            self._bytes -= len(self._long.popitem(last=False)[1].data)

    async def lengthen(self, number: int, size: int) -> None:
        """Get at least `size` bytes of a line that was cut, or all of it; at most 16 MiB."""
        line = self.line(number)
        if line is None or len(line.data) >= min(size, line.size, LONGEST):
            return
        if number < 0:
            found = await self._service.lines(self._id, number, 1, self.streams, width=min(size, LONGEST))
            if found.lines and found.lines[0].record == line.record:
                self._tail[number] = found.lines[0]
            return
        found = await self._service.lines(self._id, number, 1, self.streams, width=min(size, LONGEST))
        if found.lines:
            self._long.pop(number, None)
            self._long[number] = found.lines[0]
            self._bytes += len(found.lines[0].data)

    async def look_at_end(self, count: int) -> None:
        """Get the last `count` lines anew, without counting those before."""
        found = await self._service.lines(self._id, -count, count, self.streams, width=WIDTH)
        lines = list(found.lines)
        if found.total is None and len(lines) < count:
            # Fewer than asked for: these are all.
            lines = [_numbered(line, place) for place, line in enumerate(lines)]
            total: int | None = len(lines)
        else:
            total = found.total
        if total is None:
            if self.total is None:
                self._tail = {line.number: line for line in lines}
                return
            # Counted before, and it has grown by more than was counted in passing.
            await self.count()
            await self.fetch((self.total or 0) - count, self.total or 0)
            return
        self.total = total
        self._tail = {}
        self._recent = {line.number: line for line in lines}
        for line in lines:
            long = self._long.get(line.number)
            if long is not None and long.size != line.size:
                self._bytes -= len(self._long.pop(line.number).data)

    def grown(self, visible: range, *, looked: bool = False) -> None:
        """The job wrote more: what was fetched may be longer now, unless it was `looked` at a moment ago."""
        self._stale.update(self._pages)
        if self._recent and not looked:
            # Shown until they are fetched anew.
            self._old, self._recent = self._recent, {}
        for number in [each for each in self._long if each not in visible]:
            self._bytes -= len(self._long.pop(number).data)

    async def count(self) -> int:
        """Count all lines there are now."""
        found = await self._service.lines(self._id, _BEYOND, 1, self.streams, width=1)
        if found.total is not None:
            self.total = found.total
        return self.total or 0

    async def settle(self, number: int) -> int:
        """Count the lines, and give the real number of a line that was known by its distance from the end."""
        line = self._tail.get(number)
        same = [each for each in self._tail if line is not None and self._tail[each].record == line.record]
        # All lines that begin in its record are here if one of an earlier record is.
        whole = bool(same) and min(same) > -len(self._tail)
        total = await self.count()
        self._tail = {}
        if line is None:
            return max(0, total + number)
        if whole:
            return await self.of_record(line.record) + number - min(same)
        return max(0, await self.of_record(line.record + 1) - (max(same) + 1 - number))

    async def of_record(self, record: int) -> int:
        """The first line that begins in a record or behind it."""
        low, high = 0, self.total if self.total is not None else await self.count()
        while low < high:
            middle = (low + high) // 2
            line = self.line(middle)
            if line is None:
                found = await self._service.lines(self._id, middle, 1, self.streams, width=1)
                line = found.lines[0] if found.lines else None
            if line is not None and line.record < record:
                low = middle + 1
            else:
                high = middle
        return low

    async def at_time(self, time: int) -> int:
        """The first line that came at a time (ns) or later."""
        if self.total is None:
            await self.count()
        return await self._service.line_at(self._id, time, self.streams)


def _numbered(line: Line, number: int) -> Line:
    return Line(number, line.time, line.stream, line.data, line.record, line.size)


def _size(lines: list[Line]) -> int:
    return sum(len(line.data) for line in lines) + 100 * len(lines)
