"""What somebody types to go to a place in the output."""

from __future__ import annotations

import pytest

from tui.goal import Goal, goal

#: 2026-11-24 10:00:00 UTC
BEGAN = 1_795_514_400_000_000_000
SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", Goal(line=0)),
        (" 1,200 ", Goal(line=1199)),
        ("0", Goal(line=0)),
        ("50%", Goal(share=0.5)),
        ("250%", Goal(share=1.0)),
        ("+90s", Goal(time=BEGAN + 90 * SECOND)),
        ("+90", Goal(time=BEGAN + 90 * SECOND)),
        ("+1h2m", Goal(time=BEGAN + 3720 * SECOND)),
        ("+1:30", Goal(time=BEGAN + 90 * SECOND)),
        ("10:00:05.5", Goal(time=BEGAN + 5_500_000_000)),
        ("2026-11-24 10:01", Goal(time=BEGAN + 60 * SECOND)),
        # before the start: it is meant on the next day
        ("09:00", Goal(time=BEGAN + 23 * 3600 * SECOND)),
    ],
)
def test_places(text: str, expected: Goal) -> None:
    assert goal(text, BEGAN) == expected


@pytest.mark.parametrize("text", ["abc", "+", "12:99", "25:00", "-5", "%", "1.5", "2026-13-40 10:00"])
def test_what_is_no_place_gets_a_sentence(text: str) -> None:
    told = goal(text, BEGAN)
    assert isinstance(told, str) and told.endswith(".")
