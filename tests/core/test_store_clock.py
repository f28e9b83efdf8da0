"""How far a store believes the clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from core.engine.clock import DOUBT, JUMP, Clock, Tick

HOUR = 3_600 * 10**9
DAY = 24 * HOUR
YEAR = 365 * DAY
START = 1_800_000_000 * 10**9


def tick(real: int, wrong: int = 0, boot: str = "a") -> Tick:
    """A look `real` nanoseconds on, at a clock that goes wrong by so much."""
    return Tick(START + real + wrong, real, boot)


def looks(*ticks: Tick) -> Clock:
    """A store that was new at the start, after these looks."""
    clock = Clock(START, tick(0))
    for each in ticks:
        clock = clock.on(each)
    return clock


def test_a_clock_that_goes_on_is_believed() -> None:
    assert looks(tick(HOUR), tick(DAY)) == Clock(START + DAY, tick(DAY))
    # For as long as one likes where the computer ran on: its own clock says so.
    assert looks(tick(90 * DAY)) == Clock(START + 90 * DAY, tick(90 * DAY))


def test_a_jump_is_doubted_for_a_day_and_then_believed() -> None:
    jumped = looks(tick(HOUR), tick(2 * HOUR, 10 * YEAR))
    assert jumped.trusted == START + HOUR and jumped.until == START + 2 * HOUR + 10 * YEAR + DOUBT
    assert jumped.on(tick(2 * HOUR + DOUBT - 1, 10 * YEAR)).trusted == START + HOUR
    after = jumped.on(tick(2 * HOUR + DOUBT, 10 * YEAR))
    assert after.trusted == after.seen.now and after.doubted is None


def test_a_jump_that_is_mended_is_forgotten() -> None:
    mended = looks(tick(HOUR), tick(2 * HOUR, 10 * YEAR), tick(3 * HOUR))
    assert mended.doubted is None and mended.trusted <= START + 3 * HOUR
    assert mended.on(tick(4 * HOUR)) == Clock(START + 4 * HOUR, tick(4 * HOUR))


def test_a_second_jump_in_a_moment_makes_nothing_believed() -> None:
    twice = looks(tick(HOUR), tick(2 * HOUR, 10 * YEAR), tick(2 * HOUR + 1, 11 * YEAR))
    assert twice.trusted == START + HOUR and twice.until == START + 2 * HOUR + 1 + 11 * YEAR + DOUBT


def test_a_computer_that_is_on_once_a_week_is_a_week_behind_and_no_more() -> None:
    clock = looks()
    for week in range(1, 6):
        clock = clock.on(Tick(START + week * 7 * DAY, HOUR, f"boot {week}"))
        assert clock.trusted >= START + (week - 1) * 7 * DAY
        assert clock.doubted is not None


def test_a_store_that_was_never_groomed_believes_after_a_day() -> None:
    clock = Clock(0, tick(0), tick(0))
    assert clock.on(tick(HOUR)).trusted == 0
    assert clock.on(tick(DAY)).trusted == START + DAY
    # Also one that is looked at once a week.
    assert clock.on(Tick(START + 7 * DAY, 0, "b")).trusted == START


@given(some.lists(some.tuples(some.integers(0, 3 * DAY), some.integers(-20 * YEAR, 20 * YEAR), some.booleans())))
def test_whatever_it_shows_nothing_is_believed_that_was_not_shown_a_day_ago(steps: list[tuple[int, int, bool]]) -> None:
    real, shown, clock = 0, [(0, START)], looks()
    for passed, wrong, put in steps:
        real += passed
        clock = clock.on(tick(real, wrong if put else 0))
        assert clock.trusted <= clock.seen.now
        shown.append((real, clock.seen.now))
        # Small steps are not doubted, so that many of them may add up.
        ahead = len(shown) * JUMP
        assert any(
            clock.trusted <= now + real - when + ahead and (when <= real - DOUBT or when == 0) for when, now in shown
        )
