"""The window on a long sequence, against a list that changes under it."""

from __future__ import annotations

import random

import pytest

from tui.window import CHUNK, Listed, Reach, Window


class Sequence:
    """Numbers, greatest first; counts what is read of them."""

    def __init__(self, count: int) -> None:
        self.keys = list(range(count, 0, -1))
        self.fetches = 0

    async def fetch(self, before: int | None, newest_first: bool, skip: int, take: int) -> Reach[int]:
        self.fetches += 1
        keys = self.keys if newest_first else self.keys[::-1]
        if before is not None:
            keys = [key for key in keys if (key < before if newest_first else key > before)]
        return Reach(keys[skip : skip + take], len(keys) > skip + take)


def window_on(sequence: Sequence) -> Window[int]:
    window: Window[int] = Window(sequence.fetch, lambda key: key)
    window.total = len(sequence.keys)
    return window


def seen(window: Window[int], first: int, last: int) -> list[int | None]:
    return [window.row(place) for place in range(first, last + 1)]


async def test_rows_have_their_places_wherever_one_looks() -> None:
    sequence = Sequence(10_000)
    window = window_on(sequence)
    for first in (0, 20, 500, 9_980, 9_000, 0, 5_000, 4_950, 5_050, 9_999 - 19):
        await window.show(first, first + 19)
        assert seen(window, first, first + 19) == sequence.keys[first : first + 20]
        assert window.count == 10_000


async def test_scrolling_reads_little_and_keeps_little() -> None:
    sequence = Sequence(20_000)
    window = window_on(sequence)
    for first in range(0, 6_000, 10):
        await window.show(first, first + 30)
        assert seen(window, first, first + 30) == sequence.keys[first : first + 31]
        assert len(window.rows) < 2_000
    assert sequence.fetches <= 6_000 // CHUNK + 2
    for first in range(6_000, 0, -10):
        await window.show(first, first + 30)
        assert seen(window, first, first + 30) == sequence.keys[first : first + 31]


async def test_what_has_no_descending_keys_is_read_by_place() -> None:
    sequence = Sequence(3_000)
    random.Random(7).shuffle(sequence.keys)
    window: Window[int] = Window(sequence.fetch, lambda key: key, by_key=False)
    window.total = 3_000
    for first in (0, 10, 60, 200, 2_980, 2_900, 1_500, 1_490, 0):
        await window.show(first, first + 19)
        assert seen(window, first, first + 19) == sequence.keys[first : first + 20]
    await window.show(100, 119)
    # What comes first now moves all rows, and the eye stays at its place.
    sequence.keys.insert(0, 5_000)
    assert await window.refresh(100, 119) == 0
    assert seen(window, 100, 119) == sequence.keys[100:120]


async def test_what_is_here_is_not_read_again() -> None:
    sequence = Sequence(1_000)
    window = window_on(sequence)
    assert await window.show(0, 30)
    assert not await window.show(5, 35)
    assert sequence.fetches == 1


async def test_new_rows_above_move_what_is_seen() -> None:
    sequence = Sequence(1_000)
    window = window_on(sequence)
    await window.show(0, 30)
    await window.show(200, 230)
    looked_at = window.row(200)
    sequence.keys[:0] = [1_003, 1_002, 1_001]
    assert await window.refresh(200, 230) == 3
    assert window.row(203) == looked_at
    assert await window.refresh(203, 233) == 0
    assert window.row(203) == looked_at


async def test_at_the_top_new_rows_are_seen() -> None:
    sequence = Sequence(100)
    window = window_on(sequence)
    await window.show(0, 20)
    sequence.keys.insert(0, 101)
    assert await window.refresh(0, 20) == 0
    assert window.row(0) == 101


async def test_rows_that_went_leave_no_gap() -> None:
    sequence = Sequence(1_000)
    window = window_on(sequence)
    await window.show(0, 20)
    await window.show(300, 330)
    del sequence.keys[290:320]
    await window.refresh(300, 330)
    here = [row for row in seen(window, window.start, window.start + 30) if row is not None]
    start = sequence.keys.index(here[0])
    assert here == sequence.keys[start : start + len(here)]


@pytest.mark.parametrize("left", [0, 1, 7])
async def test_when_nearly_everything_went(left: int) -> None:
    sequence = Sequence(1_000)
    window = window_on(sequence)
    await window.show(0, 20)
    await window.show(900, 930)
    del sequence.keys[left:]
    await window.refresh(900, 930)
    await window.show(0, 20)
    assert window.rows == sequence.keys
    assert window.count == left


async def test_an_empty_sequence() -> None:
    window = window_on(Sequence(0))
    await window.show(0, 20)
    assert window.count == 0 and window.row(0) is None


async def test_without_a_total_the_count_grows_as_one_looks() -> None:
    sequence = Sequence(300)
    window: Window[int] = Window(sequence.fetch, lambda key: key)
    await window.show(0, 20)
    assert CHUNK < window.count < 300 and not window.known
    for first in range(0, 300, 50):
        await window.show(first, first + 50)
    assert window.count == 300 and window.known


@pytest.mark.parametrize("seed", range(8))
async def test_any_walk_shows_the_rows_as_they_are(seed: int) -> None:
    chance = random.Random(seed)
    sequence = Sequence(chance.choice([3, 150, 5_000]))
    window = window_on(sequence)
    first = 0
    for _ in range(150):
        count = len(sequence.keys)
        if chance.random() < 0.2:
            sequence.keys.insert(0, sequence.keys[0] + 1)
            window.total = len(sequence.keys)
            first += await window.refresh(first, first + 20)
        else:
            step = chance.choice([-1, 1, -20, 20, -count, count, chance.randint(-count, count)])
            first = max(0, min(first + step, count - 1))
        await window.show(first, first + 20)
        rows = [row for row in seen(window, first, first + 20) if row is not None]
        assert rows == sequence.keys[first : first + 21]


def test_a_short_list() -> None:
    rows = Listed(["a", "b"])
    assert (rows.count, rows.row(0), rows.row(2), rows.row(-1)) == (2, "a", None, None)
