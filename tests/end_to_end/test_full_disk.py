"""A disk that is full to its last byte: a file system of its own, a few megabytes in memory."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.command import Command


@pytest.fixture
def small(tmp_path: Path, scripts: Path) -> Iterator[Command]:
    """A command whose store lies on a disk of 6 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield Command(disk / "home", scripts)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Take every byte that is left."""
    path = disk / "fill"
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(1024)):
            pass
    return path


def test_a_full_disk_keeps_nobody_from_looking(small: Command) -> None:
    small("run", small.script("hello.sh", "echo hello\n"))
    filling = fill(small.home.parent)
    assert "hello.sh" in small("jobs").stdout
    assert small("output", "last").stdout == "hello\n"
    assert small.json("job", "last")["status"] == "Completed"
    assert "jobs wait when it is full" in small("status").stdout
    refused = small("run", "hello.sh", code=1).stderr
    assert "is full: free some space" in refused
    filling.unlink()
    assert small("run", "hello.sh").stdout == "hello\n"
    assert len(small.json("jobs")) == 2


def test_output_waits_for_space_and_can_be_cancelled_meanwhile(small: Command) -> None:
    id = small("run", "--detach", small.script("much.sh", "yes\n")).stdout.strip()
    other = small.script("other.sh", "exit 3\n")
    small.until(id, "Running")
    small("run", other, code=3)
    job = small.json("cancel", id)
    assert job["status"] == "Canceled" and job["bytes"] > 1 << 20
