"""A full disk: the job waits, nothing is lost, and it can still be ended."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.journal.format import STDOUT
from tests.core.runner_jobs import Deck, Run, until


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Deck]:
    """A data directory on a file system of 1 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small file system could be mounted: {mounted.stderr.strip()}")
    try:
        yield Deck(place)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(deck: Deck, leave: int = 0) -> Path:
    """Take what room there is, but `leave` bytes."""
    ballast = deck.directory / "ballast"
    with ballast.open("wb", buffering=0) as file:
        free = os.statvfs(deck.directory).f_bavail * os.statvfs(deck.directory).f_frsize
        os.posix_fallocate(file.fileno(), 0, free - leave)
    return ballast


def test_nothing_is_lost_when_room_comes_back(small: Deck) -> None:
    run = small.job(script="echo first; seq 1 60000; echo last")
    ballast = fill(small, 300_000)
    run.go()
    until(lambda: _blocked(run), "the full disk")
    held = len(run.stream(STDOUT))
    assert held < 300_000
    status = run.ask(op="status")
    assert status["status"] == "Running"
    ballast.unlink()
    end = run.ended()
    assert end["status"] == "Completed"
    wanted = b"first\n" + b"".join(b"%d\n" % i for i in range(1, 60001)) + b"last\n"
    assert run.stream(STDOUT) == wanted


def test_a_cancel_ends_it_and_tells_what_is_lost(small: Deck) -> None:
    run = small.job(script="echo first; exec yes", grace=0.2)
    fill(small, 200_000)
    run.go()
    until(lambda: _blocked(run), "the full disk")
    run.ask(op="cancel", by="ann")
    end = run.ended()
    assert (end["status"], end["reason"], end["signal"]) == ("Canceled", "ann canceled it.", 15)
    assert [remark for remark in end["remarks"] if "bytes of output and records were lost: the disk was full" in remark]
    kept = run.stream(STDOUT)
    assert kept == (b"first\n" + b"y\n" * 500_000)[: len(kept)]
    assert len(kept) > 50_000
    assert end["receipt"]["signalled"][0]["name"] == "yes"


def test_the_end_waits_for_room(small: Deck) -> None:
    run = small.job(script="echo out; read x </dev/tty", grace=0.2).go()
    run.until_output(STDOUT, b"out")
    ballast = fill(small)
    # the journal's own last pages take the rest of the room
    run.ask(op="signal", signal="KILL")
    until(lambda: _ended(run.directory) or _blocked(run), "the end, or the full disk")
    ballast.unlink()
    end = run.ended()
    assert (end["status"], end["signal"]) == ("Failed", 9)
    assert run.states()[-1] == "Failed"


def _ended(directory: Path) -> bool:
    return (directory / "exit.json").exists()


def _blocked(run: Run) -> bool:
    try:
        return bool(run.ask(op="status")["disk_full"])
    except OSError:
        return False


def test_a_job_that_cannot_record_its_start_does_not_start(small: Deck) -> None:
    run = small.job(script="echo ran > /proc/self/fd/1")
    ballast = fill(small)
    run.go()
    until(lambda: _blocked(run), "the full disk")
    assert run.states() == []
    ballast.unlink()
    end = run.ended()
    assert end["status"] == "Completed"
    assert run.states() == ["Running", "Completed"]
    assert run.stream(STDOUT) == b"ran\n"
