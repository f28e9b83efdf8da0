"""A window on a long sequence: one run of rows that lie together, wherever the eye is. No Textual in here.

The sequence is read by key, newest first, and never held as a whole: a million rows cost what a thousand cost. A row's
place (0 = the newest) is exact from either end and while one scrolls; rows that come in above shift it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R", covariant=True)

#: rows that are read at once
CHUNK = 64
#: rows that are kept
_KEPT = 1200
#: new rows above the first one that are counted exactly; with more, the total tells
_COUNTED = 500


class Rows(Protocol[R]):
    """What a table draws from: rows by their place, some of which may not be here yet."""

    @property
    def count(self) -> int:
        """How many rows there are, as far as is known."""

    def row(self, place: int) -> R | None:
        """The row at a place; None while it is not here."""

    def want(self, first: int, last: int) -> None:
        """These places are looked at: see that they come."""


class Listed(Generic[T]):
    """Rows that are all here: for the short lists."""

    def __init__(self, rows: Sequence[T] = ()) -> None:
        self.rows: Sequence[T] = rows

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.rows)

    def row(self, place: int) -> T | None:
        """The row at a place."""
        return self.rows[place] if 0 <= place < len(self.rows) else None

    def want(self, first: int, last: int) -> None:
        """They are here."""


class Reach(NamedTuple, Generic[T]):
    """What one reading gave: rows in the order asked for, and whether there are further ones."""

    rows: Sequence[T]
    more: bool


#: (before, newest_first, skip, take): rows behind the key `before` in that direction, or from that end
Fetch = Callable[[int | None, bool, int, int], Awaitable[Reach[T]]]


class Window(Generic[T]):
    """A run of rows of a sequence. `key` gives a row's key; keys descend along the sequence, if it is `by_key`.

    Another sequence is read by the places of its rows. One call at a time: who uses it waits for one before the next.
    """

    def __init__(self, fetch: Fetch[T], key: Callable[[T], int], *, by_key: bool = True) -> None:
        self._fetch = fetch
        self._key = key
        self._by_key = by_key
        #: the place of the first row that is here
        self.start = 0
        self.rows: list[T] = []
        #: how many rows there are in all, where somebody counted them
        self.total: int | None = None
        self._more = True
        #: key of the newest row when it was last seen
        self._newest: int | None = None

    @property
    def count(self) -> int:
        """How many rows there are, as far as is known."""
        here = self.start + len(self.rows)
        if not self._more:
            return here
        return max(here + 1, self.total or 0)

    @property
    def known(self) -> bool:
        """Whether the count is exact."""
        return not self._more or self.total is not None

    def row(self, place: int) -> T | None:
        """The row at a place; None while it is not here."""
        at = place - self.start
        return self.rows[at] if 0 <= at < len(self.rows) else None

    def covers(self, first: int, last: int) -> bool:
        """Whether all of these places are here, those that there are."""
        return self.start <= max(first, 0) and (self.start + len(self.rows) > last or not self._more)

    async def show(self, first: int, last: int) -> bool:
        """Read what of these places is missing; whether anything changed."""
        first = max(0, first)
        if self.covers(first, last):
            return False
        end = self.start + len(self.rows)
        if self._by_key and self.rows and first <= end + CHUNK and last >= self.start - CHUNK:
            while self.start > first:
                await self._grow_up()
            while self.start + len(self.rows) <= last and self._more:
                await self._grow_down()
            self._trim(first, last)
        else:
            await self._jump(first, max(last - first + 1, CHUNK))
        return True

    async def _grow_up(self) -> None:
        take = min(CHUNK, self.start)
        reach = await self._fetch(self._key(self.rows[0]), False, 0, take)
        above = list(reversed(reach.rows))
        self.rows[:0] = above
        # The count was wrong where fewer came, or where further ones stand above the first place.
        self.start = max(0, self.start - len(above)) if reach.more else 0
        if self.start == 0:
            self._newest = self._key(self.rows[0])

    async def _grow_down(self) -> None:
        reach = await self._fetch(self._key(self.rows[-1]), True, 0, CHUNK)
        self.rows += reach.rows
        self._more = reach.more

    def _trim(self, first: int, last: int) -> None:
        surplus = len(self.rows) - _KEPT
        if surplus <= 0:
            return
        above, below = first - self.start, self.start + len(self.rows) - last
        if above > below:
            del self.rows[:surplus]
            self.start += surplus
        else:
            del self.rows[-surplus:]
            self._more = True

    async def _jump(self, first: int, take: int) -> None:
        """Read a run elsewhere, from the nearer end."""
        if self.total is not None and self.total - first < first:
            behind = max(0, self.total - first - take)
            reach = await self._fetch(None, False, behind, min(take, self.total - behind))
            self.rows = list(reversed(reach.rows))
            self.start = max(0, self.total - behind - len(self.rows))
            self._more = behind > 0
        else:
            reach = await self._fetch(None, True, first, take)
            self.rows, self.start, self._more = list(reach.rows), first, reach.more
        if self.rows and self.start == 0:
            self._newest = self._key(self.rows[0])
        if not self.rows and first > 0:
            # There are fewer than was thought.
            await self._jump(0, CHUNK)

    async def refresh(self, first: int, last: int) -> int:
        """Read the places that are looked at again; by how many places the row at `first` has moved down."""
        first = max(0, first)
        take = max(last - first + 1, CHUNK)
        anchor = self.row(first)
        if first == 0 or anchor is None or self._newest is None or not self._by_key:
            # Those that are here stay until the others come: a count that is told meanwhile must not move the cursor.
            await self._jump(first, take)
            return 0
        above = await self._fetch(self._newest, False, 0, _COUNTED)
        reach = await self._fetch(self._key(anchor) + 1, True, 0, take)
        if above.rows:
            self._newest = self._key(above.rows[-1])
        if not reach.rows:
            await self._jump(max(0, first - take), take)
            return 0
        self.rows, self._more = list(reach.rows), reach.more
        self.start = first + len(above.rows)
        return len(above.rows)
