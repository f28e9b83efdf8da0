"""Writing and reading a journal: against a model, beside each other, and after kill -9, full disks and torn files."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.journal.format import (
    ANSWER,
    ENTRY,
    ENTRY_SIZE,
    ERROR,
    FLAG_ADOPTED,
    OBJECT,
    PROGRESS,
    PROMPT,
    STATE,
    STDERR,
    STDOUT,
    WARNING,
    JournalError,
)
from core.journal.reader import JournalReader
from core.journal.summary import Summary, summarize
from core.journal.text import record_message, record_text
from core.journal.writer import JournalWriter

records = st.lists(st.tuples(st.integers(1, 13), st.binary(max_size=40), st.integers(0, 3)), max_size=40)


def contents(directory: str | Path) -> list[tuple[int, bytes]]:
    with JournalReader(directory) as reader:
        return [(entry.stream, reader.data(entry)) for entry in reader.entries()]


@settings(max_examples=100, deadline=None)
@given(st.lists(records, max_size=4), st.frozensets(st.integers(1, 13)), st.integers(0, 60), st.integers(0, 60))
def test_what_was_written_is_read(
    sessions: list[list[tuple[int, bytes, int]]], streams: frozenset[int], start: int, stop: int
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        expected: list[tuple[int, bytes, int]] = []
        with JournalReader(directory) as reader:
            for session in sessions:
                with JournalWriter(directory) as writer:
                    for stream, data, flags in session:
                        expected.append((stream, data, flags))
                        assert writer.append(stream, data, flags=flags) == len(expected)
                        assert reader.refresh() == len(expected)
            got = list(reader.entries())
            assert [(entry.stream, reader.data(entry), entry.flags) for entry in got] == expected
            assert [entry.time for entry in got] == sorted(entry.time for entry in got)
            numbers = range(1, len(expected) + 1)
            assert [entry.number for entry in reader.entries(start, stop)] == [n for n in numbers if start <= n < stop]
            chosen = [n for n in numbers if expected[n - 1][0] in streams and start <= n < stop]
            assert [entry.number for entry in reader.select(streams, start, stop)] == chosen
            before = [n for n in numbers if expected[n - 1][0] in streams and n < stop]
            assert [entry.number for entry in reader.select_back(streams, stop)] == before[::-1]


def test_times_never_go_backwards(tmp_path: Path) -> None:
    with JournalWriter(tmp_path) as writer:
        for at in (5, 3, 7, 6):
            writer.append(STDOUT, b"", time=at)
    with JournalWriter(tmp_path) as writer:
        writer.append(STDOUT, b"", time=1)
    with JournalReader(tmp_path) as reader:
        assert [entry.time for entry in reader.entries()] == [5, 5, 7, 7, 7]


def test_files_are_private_and_descriptors_are_not_inherited(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with JournalWriter(tmp_path) as writer, JournalReader(tmp_path):
            writer.append(STDOUT, b"x")
            for name in ("out.dat", "out.idx"):
                assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
            for fd in os.listdir("/proc/self/fd"):
                try:
                    target = os.readlink(f"/proc/self/fd/{fd}")
                except FileNotFoundError:
                    continue
                if target.startswith(str(tmp_path)):
                    assert not os.get_inheritable(int(fd))
    finally:
        os.umask(before)


def test_recovery_cuts_what_is_torn_and_adopts_what_has_no_entry(tmp_path: Path) -> None:
    with JournalWriter(tmp_path) as writer:
        writer.append(STDERR, b"kept")
    with (tmp_path / "out.dat").open("ab") as file:
        file.write(b"orphan")
    with (tmp_path / "out.idx").open("ab") as file:
        file.write(b"torn")
    os.utime(tmp_path / "out.dat", ns=(0, 2**62))
    assert contents(tmp_path) == [(STDERR, b"kept")]
    with JournalWriter(tmp_path) as writer:
        assert writer.append(STDOUT, b"next") == 3
    assert contents(tmp_path) == [(STDERR, b"kept"), (STDOUT, b"orphan"), (STDOUT, b"next")]
    with JournalReader(tmp_path) as reader:
        assert [entry.flags for entry in reader.entries()] == [0, FLAG_ADOPTED, 0]
        assert reader.entry(2).time == 2**62


def test_after_a_power_loss_entries_beyond_the_data_are_no_records(tmp_path: Path) -> None:
    with JournalWriter(tmp_path) as writer:
        for data in (b"one", b"two", b"three"):
            writer.append(STDOUT, data)
    os.truncate(tmp_path / "out.dat", 7)
    with (tmp_path / "out.idx").open("ab") as file:
        file.write(bytes(2 * ENTRY_SIZE))
    assert contents(tmp_path) == [(STDOUT, b"one"), (STDOUT, b"two")]
    with JournalWriter(tmp_path):
        pass
    assert contents(tmp_path) == [(STDOUT, b"one"), (STDOUT, b"two"), (STDOUT, b"t")]
    assert (tmp_path / "out.idx").stat().st_size == 3 * ENTRY_SIZE


def test_a_full_disk_loses_nothing_and_the_append_is_made_again(tmp_path: Path) -> None:
    """A limit on the file's size stands for the full disk: the write is cut short, the next one fails."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with JournalWriter(tmp_path) as writer:
            writer.append(STDOUT, b"before")
            for stream, left in ((STDOUT, 4096), (STATE, 6)):
                resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
                with pytest.raises(OSError, match="too large"):
                    writer.append(stream, b"x" * 5000)
                resource.setrlimit(resource.RLIMIT_FSIZE, limit)
                # Output is there to be adopted if this process dies now; half a state record is not.
                assert (tmp_path / "out.dat").stat().st_size == left
                assert contents(tmp_path) == [(STDOUT, b"before")]
            writer.append(STDERR, b"short")
        assert contents(tmp_path) == [(STDOUT, b"before"), (STDERR, b"short")]
        with JournalWriter(tmp_path) as writer:
            assert (writer.records, writer.size) == (2, 11)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)


WRITE = """
import sys, random
from core.journal.writer import JournalWriter
chance = random.Random(int(sys.argv[2]))
with JournalWriter(sys.argv[1]) as writer:
    number = writer.records
    print("ready", flush=True)
    while True:
        number += 1
        writer.append(1 + number % 2, b"%d " % number * chance.choice((1, 50, 20000)))
"""


def test_kill_9_at_any_point_leaves_only_whole_records(tmp_path: Path) -> None:
    chance = random.Random(4)
    whole = 0
    for turn in range(12):
        process = subprocess.Popen([sys.executable, "-c", WRITE, str(tmp_path), str(turn)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + chance.random() * 0.02
        with JournalReader(tmp_path) as reader:
            # A reader beside the writer sees whole records only, in order.
            while time.monotonic() < deadline or reader.refresh() == whole:
                reader.refresh()
                for entry in reader.entries(max(1, reader.records - 3)):
                    check(reader.data(entry), entry.number, entry.flags)
        process.kill()
        process.wait()
        process.stdout.close()
        with JournalWriter(tmp_path) as writer:
            assert writer.records > whole
            whole = writer.records
            assert (tmp_path / "out.dat").stat().st_size == writer.size
            assert (tmp_path / "out.idx").stat().st_size == writer.records * ENTRY_SIZE
    with JournalReader(tmp_path) as reader:
        assert reader.records == whole
        for entry in reader.entries():
            check(reader.data(entry), entry.number, entry.flags)


def check(data: bytes, number: int, flags: int) -> None:
    """A record holds its number over and over; an adopted one as much of that as was written."""
    text = b"%d " % number
    if flags & FLAG_ADOPTED:
        assert data == (text * (len(data) // len(text) + 1))[: len(data)]
    else:
        assert data == text * (len(data) // len(text))


def test_errors_are_sentences(tmp_path: Path) -> None:
    with JournalReader(tmp_path) as reader:
        assert reader.refresh() == 0
        with pytest.raises(JournalError, match="no record 1"):
            reader.entry(1)
    with JournalWriter(tmp_path) as writer:
        writer.append(STDOUT, b"abc")
        writer.append(STDOUT, b"def")
    with (tmp_path / "out.idx").open("r+b") as file:
        file.write(ENTRY.pack(1, 1000, 50, STDOUT, 0))
    with JournalReader(tmp_path) as reader, pytest.raises(JournalError, match="damaged"):
        reader.data(reader.entry(1))
    (tmp_path / "out.dat").unlink()
    (tmp_path / "out.dat").symlink_to(tmp_path / "out.dat")
    with pytest.raises(JournalError, match=r"out\.dat cannot be read"):
        JournalReader(tmp_path)


STORY = [
    (STATE, {"status": "Running", "event": "start", "started": 77, "process_id": 5, "remarks": ["a copy ran"]}),
    (STDOUT, None),
    (WARNING, {"message": "careful"}),
    (PROGRESS, {"activity": "x" * 1000, "percent": 1}),
    (PROMPT, {"feedback": 1, "message": "sure?"}),
    (ANSWER, {"feedback": 1, "text": "yes", "by": "root"}),
    (OBJECT, {"any": 1}),
    (PROGRESS, {"activity": "y", "percent": 2}),
    (ERROR, {"message": "no"}),
    (PROMPT, {"feedback": 2, "message": "really?"}),
    (STDERR, None),
    (STATE, {"status": "Completed", "event": "end", "remarks": ["a copy ran", "late"], "summary": {"records": 1}}),
]


def test_folding_while_writing_while_reading_and_at_once_agree(tmp_path: Path) -> None:
    writing, reading = Summary(), Summary()
    following = 1
    with JournalWriter(tmp_path) as writer, JournalReader(tmp_path) as reader:
        for stream, value in STORY:
            data = b"out\n" if value is None else json.dumps(value).encode()
            writer.append(stream, data)
            writing.fold_raw(stream, len(data), data)
            following = summarize(reader, reading, following)
            assert reading.to_dict() == writing.to_dict()
        assert following == len(STORY) + 1
        assert summarize(reader, reading, following) == following
        whole = Summary()
        summarize(reader, whole, 1)
    assert whole.to_dict() == writing.to_dict()
    assert Summary.from_dict(json.loads(json.dumps(whole.to_dict()))).to_dict() == whole.to_dict()
    assert (whole.records, whole.objects, whole.errors, whole.warnings, whole.prompts) == (12, 1, 1, 1, 2)
    assert whole.bytes == (tmp_path / "out.dat").stat().st_size
    assert whole.feedback == {"feedback": 2, "message": "really?"}
    assert (whole.state_seq, whole.state["status"], "summary" in whole.state) == (2, "Completed", False)
    assert whole.progress == {"activity": "y", "percent": 2}
    assert (whole.remarks, whole.started, whole.process_id) == (["a copy ran", "late"], 77, 5)


def test_a_summary_never_reads_output(tmp_path: Path) -> None:
    with JournalWriter(tmp_path) as writer:
        writer.append(STDOUT, b"x" * 100)
        writer.append(STATE, b'{"event": "start"}')

    class NoOutput(JournalReader):
        def read(self, offset: int, length: int) -> bytes:
            assert offset >= 100
            return super().read(offset, length)

    with NoOutput(tmp_path) as reader:
        summary = Summary()
        summarize(reader, summary, 1)
        assert (summary.records, summary.bytes, summary.state_seq) == (2, 118, 1)


@pytest.mark.parametrize(
    ("stream", "data", "text"),
    [
        (STDOUT, b"\xff raw", b"\xff raw"),
        (WARNING, b'{"message": "m"}', b"WARNING: m\n"),
        (ERROR, b'{"message": "a\\nb"}', b"ERROR: a\nb\n"),
        (ERROR, b"no json", b"no json\n"),
        (ERROR, b'{"message": 3}', b'{"message": 3}\n'),
        (WARNING, b'{"message": "\\ud800"}', b"WARNING: ?\n"),
        (PROGRESS, b'{"activity": "Copy", "status": "disk 2", "percent": 42.4}', b"Copy: disk 2 42%\n"),
        (PROGRESS, b'{"activity": "Copy", "completed": true}', b"Copy: done\n"),
        (PROGRESS, b'{"percent": 7}', b"7%\n"),
        (PROGRESS, b'{"percent": NaN}', b"\n"),
    ],
)
def test_records_as_text(stream: int, data: bytes, text: bytes) -> None:
    assert record_text(stream, data) == text


def test_messages_as_text() -> None:
    assert record_message(b'{"message": "m"}') == "m"
    assert record_message(b"\xff[") == "\ufffd["
    assert record_message(b"[" * 100_000).startswith("[[")
