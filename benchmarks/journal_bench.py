"""Ten million lines in a journal: open at the end, jump, search; each beside tail, sed and grep on the same bytes.

`python -m benchmarks.journal_bench [LINES]` prints a markdown table; medians of 5, after one run to warm the cache.
"""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from benchmarks.table import Row, markdown
from core.journal.format import DATA_FILE, STDOUT
from core.journal.lines import LineIndex
from core.journal.reader import JournalReader
from core.journal.search import search
from core.journal.writer import JournalWriter

LINES = 10_000_000
ROUNDS = 5
#: bytes of one record: what one read of a full pipe brings
RECORD = 64 << 10


def line(number: int) -> bytes:
    """Line `number`: 100 bytes with its newline."""
    return b"%010d %s\n" % (
        number,
        b"the quick brown fox jumps over the lazy dog and over the next one, again and again, until"[:88],
    )


def make(directory: str, lines: int) -> float:
    """Write the journal in records of 64 KiB; returns the seconds that its appends took."""
    took = 0.0
    with JournalWriter(directory) as writer:
        rest = b""
        for first in range(0, lines, 100_000):
            rest += b"".join(line(number) for number in range(first, min(lines, first + 100_000)))
            whole = len(rest) // RECORD * RECORD if first + 100_000 < lines else len(rest)
            began = time.perf_counter()
            for at in range(0, whole, RECORD):
                writer.append(STDOUT, rest[at : min(whole, at + RECORD)])
            took += time.perf_counter() - began
            rest = rest[whole:]
    return took


def seconds(act: Callable[[], object]) -> float:
    """How long it takes, in seconds: the median of 5."""
    act()
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def command(*arguments: str) -> bytes:
    """Run a program of the system; what it prints."""
    return subprocess.run(arguments, stdout=subprocess.PIPE, check=False, env={**os.environ, "LC_ALL": "C"}).stdout


def run(lines: int = LINES) -> list[Row]:
    """Make the journal, measure, remove it."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("JOBDECK_BENCH_DIR")) as directory:
        make(directory, lines)
        return _measure(directory, lines)


def _measure(directory: str, lines: int) -> list[Row]:
    path = os.path.join(directory, DATA_FILE)
    middle = lines * 3 // 4
    absent, present = b"no line has this text", line(lines // 2)[:10]

    def tail() -> None:
        with JournalReader(directory) as reader:
            found = LineIndex(reader).tail(40)
        assert [each.data + b"\n" for each in found] == [line(number) for number in range(lines - 40, lines)]

    def jump() -> None:
        with JournalReader(directory) as reader:
            assert LineIndex(reader).lines(middle, 1)[0].data + b"\n" == line(middle)

    def scan() -> None:
        with JournalReader(directory) as reader:
            assert not [found for found in search(reader, absent) if found is not None]

    def first() -> None:
        with JournalReader(directory) as reader:
            found = next(found for found in search(reader, present) if found is not None)
            assert (found.line, found.start) == (lines // 2, 0)

    sed = seconds(lambda: command("sed", "-n", f"{middle + 1}{{p;q}}", path))
    with JournalReader(directory) as reader:
        index = LineIndex(reader)
        assert index.total == lines
        again = itertools.count(middle - ROUNDS * 1000, 1000)

        def jump_again() -> None:
            number = next(again)
            assert index.lines(number, 1)[0].data + b"\n" == line(number)

        counted = seconds(jump_again)
    return [
        _row(
            "open at the end, 40 lines", seconds(tail), seconds(lambda: command("tail", "-n", "40", path)), "tail -n 40"
        ),
        _row("jump to a line, not counted yet", seconds(jump), sed, "sed -n 'Np;q'"),
        _row("jump to a line, counted", counted, sed, "sed -n 'Np;q'"),
        _row(
            "search, no find",
            seconds(scan),
            seconds(lambda: command("grep", "-c", "-F", absent.decode(), path)),
            "grep -c -F",
        ),
        _row(
            "search, first find half way, with its line number",
            seconds(first),
            seconds(lambda: command("grep", "-n", "-m1", "-F", present.decode(), path)),
            "grep -n -m1 -F",
        ),
    ]


def _row(what: str, ours: float, floor: float, against: str) -> Row:
    """One comparison of two times in seconds."""
    return Row(f"10 M lines: {what}", ours * 1e3, "ms", floor * 1e3, f"`{against}`")


if __name__ == "__main__":
    print(markdown(run(int(sys.argv[1]) if len(sys.argv) > 1 else LINES)), end="")
