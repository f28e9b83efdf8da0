"""kill -9 of engines at random points loses nothing and runs nothing twice."""

from __future__ import annotations

from pathlib import Path

from tests.faults.campaign import crash


def test_engines_killed_at_random_points(tmp_path: Path) -> None:
    # How many jobs there are by then is the machine's affair; the campaign checks each of them.
    assert crash(tmp_path, points=12, seed=7) > 0
