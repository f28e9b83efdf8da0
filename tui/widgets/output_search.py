"""A search through a job's output: its hits as they come, bounded, and which of them is next."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator

from core.service import Hit, JobService

#: how many hits are kept: the search rests there and goes on when somebody has come so far
KEPT = 100_000


class Hits:
    """Places in order: line numbers and the byte columns [start, end) in them. 16 bytes each."""

    def __init__(self) -> None:
        self.lines = array("q")
        self.starts = array("I")
        self.ends = array("I")

    def __len__(self) -> int:
        return len(self.lines)

    def add(self, hit: Hit) -> None:
        """Take one in; nearly always the last in order."""
        at = len(self.lines)
        if at and (hit.line, hit.start) < (self.lines[-1], self.starts[-1]):
            # Streams are searched as their records come: a long line may be told after one that began later.
            at = bisect_right(self.lines, hit.line)
            while at and (self.lines[at - 1], self.starts[at - 1]) > (hit.line, hit.start):
                at -= 1
        self.lines.insert(at, hit.line)
        self.starts.insert(at, hit.start)
        self.ends.insert(at, hit.end)

    def after(self, line: int, column: int) -> int:
        """The index of the first hit behind a place; `len(self)` where there is none."""
        at = bisect_left(self.lines, line)
        while at < len(self.lines) and self.lines[at] == line and self.starts[at] <= column:
            at += 1
        return at

    def before(self, line: int, column: int) -> int:
        """The index of the last hit before a place; -1 where there is none."""
        at = bisect_right(self.lines, line) - 1
        while at >= 0 and self.lines[at] == line and self.starts[at] >= column:
            at -= 1
        return at


class OutputSearch:
    """One search. It begins at line `origin`, and behind the end goes on from the first line to there."""

    def __init__(self, pattern: str, *, regex: bool, ignore_case: bool, origin: int) -> None:
        self.pattern = pattern
        self.regex = regex
        self.ignore_case = ignore_case
        self.origin = origin
        self.ahead = Hits()
        self.behind = Hits()
        #: nothing is left to search; `more`: because enough was found
        self.done = False
        self.more = False
        self.current: tuple[int, int, int] | None = None

    @property
    def count(self) -> int:
        """How many were found so far."""
        return len(self.ahead) + len(self.behind)

    @property
    def position(self) -> int | None:
        """The current hit's number from 1, once all before it are known."""
        if self.current is None or not self.done or self.more:
            return None
        line, start, _end = self.current
        hits = self.ahead if line >= self.origin else self.behind
        return hits.before(line, start) + 2 + (len(self.behind) if line >= self.origin else 0)

    async def run(self, service: JobService, id: int, streams: frozenset[int]) -> AsyncIterator[int]:
        """Search; tells the count each time something was found. Raises ServiceError, Invalid for a bad pattern."""
        for hits, start, stop in ((self.ahead, self.origin, None), (self.behind, 0, self.origin)):
            if stop == 0:
                break
            found = service.search(
                id, self.pattern, start=start, regex=self.regex, ignore_case=self.ignore_case, streams=streams
            )
            try:
                async for hit in found:
                    if stop is not None and hit.line >= stop:
                        break
                    hits.add(hit)
                    yield self.count
                    if len(hits) >= KEPT:
                        self.more = True
                        break
            finally:
                close = getattr(found, "aclose", None)
                if close is not None:
                    await close()
        self.done = True

    def step(self, backwards: bool, line: int, column: int) -> tuple[tuple[int, int, int] | None, bool]:
        """The next hit from a place (a line and a byte column), and whether it went round the end. None: no hit."""
        both = (self.behind, self.ahead)
        if backwards:
            for hits in reversed(both):
                at = hits.before(line, column)
                if at >= 0:
                    return self._take(hits, at), False
            last = self.ahead if len(self.ahead) else self.behind
            return (self._take(last, len(last) - 1), True) if len(last) else (None, True)
        for hits in both:
            at = hits.after(line, column)
            if at < len(hits):
                return self._take(hits, at), False
        first = self.behind if len(self.behind) else self.ahead
        return (self._take(first, 0), True) if len(first) else (None, True)

    def _take(self, hits: Hits, at: int) -> tuple[int, int, int]:
        self.current = (hits.lines[at], hits.starts[at], hits.ends[at])
        return self.current

    def on_line(self, line: int) -> list[tuple[int, int]]:
        """The byte columns of the hits on a line."""
        hits = self.ahead if line >= self.origin else self.behind
        first, stop = bisect_left(hits.lines, line), bisect_right(hits.lines, line)
        return [(hits.starts[at], hits.ends[at]) for at in range(first, min(stop, first + 500))]
