"""Lines and searches against a naive model that holds everything in memory."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.journal import lines as lines_module
from core.journal import needle
from core.journal import pieces as pieces_module
from core.journal import search as search_module
from core.journal.format import FLAG_OPEN, INFORMATION, OBJECT, RAW_STREAMS, STDERR, STDOUT, TERMINAL, WARNING
from core.journal.lines import LineIndex
from core.journal.reader import JournalReader
from core.journal.search import BadPattern, Found, search
from core.journal.text import record_text
from core.journal.writer import JournalWriter

Records = list[tuple[int, bytes]]

raw = st.tuples(st.sampled_from(sorted(RAW_STREAMS)), st.text("ab\n\r", max_size=12).map(lambda text: text.encode()))
message = st.tuples(
    st.sampled_from([WARNING, INFORMATION, OBJECT]),
    st.text("ab\n", max_size=5).map(lambda text: json.dumps({"message": text}).encode()),
)
#: "open" stands for the flag of a record whose line goes on
_KINDS: list[dict[str, object]] = [{}, {"open": 1}, {"open": 1}, {"silent": True}]
information = st.tuples(
    st.just(INFORMATION),
    st.builds(
        lambda text, kind: json.dumps({"message": text} | kind).encode(),
        st.text("ab\n", max_size=4),
        st.sampled_from(_KINDS),
    ),
)
journals = st.lists(st.one_of(raw, raw, raw, message, information), max_size=30)
#: the examples are many and tiny: places are remembered and pieces cut at a few bytes, so that all borders are met
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "_BYTES", 5)
    monkeypatch.setattr(pieces_module, "PIECE", 4)
    monkeypatch.setattr(pieces_module, "_SMALL", 3)
    monkeypatch.setattr(search_module, "_CHUNK", 3)
    monkeypatch.setattr(search_module, "_SKIM", 9)
    monkeypatch.setattr(search_module, "_SKIM_RECORDS", (2, 5))
    monkeypatch.setattr(needle, "_WORTH", 1)


def flags_of(stream: int, data: bytes) -> int:
    """The flags that a record is written with."""
    return FLAG_OPEN if stream == INFORMATION and b'"open"' in data else 0


def model(records: Records, streams: frozenset[int]) -> list[tuple[int, bytes, int]]:
    """(stream, data, record) of every line."""
    found: list[list[object]] = []
    unfinished: dict[int, list[object]] = {}
    for number, (stream, data) in enumerate(records, 1):
        if stream not in streams:
            continue
        text = record_text(stream, data, flags_of(stream, data))
        for part in text.splitlines(keepends=False) and _parts(text):
            line = unfinished.pop(stream, None)
            if line is None:
                line = [stream, b"", number]
                found.append(line)
            assert isinstance(line[1], bytes)
            line[1] += part.rstrip(b"\n")
            if not part.endswith(b"\n"):
                unfinished[stream] = line
    return [(line[0], line[1], line[2]) for line in found]  # type: ignore[misc]


def _parts(text: bytes) -> list[bytes]:
    parts = [part + b"\n" for part in text.split(b"\n")]
    parts[-1] = parts[-1][:-1]
    return [part for part in parts if part]


def write(directory: str, records: Records) -> None:
    with JournalWriter(directory) as writer:
        for stream, data in records:
            writer.append(stream, data, flags=flags_of(stream, data))


STREAMS = [frozenset({STDOUT}), RAW_STREAMS, RAW_STREAMS | {WARNING, INFORMATION}]


@quick
@given(journals, st.sampled_from(STREAMS), st.data())
def test_any_lines_are_those_of_the_model(records: Records, streams: frozenset[int], data: st.DataObject) -> None:
    expected = model(records, streams)
    with tempfile.TemporaryDirectory() as directory:
        write(directory, records)
        with JournalReader(directory) as reader:
            index = LineIndex(reader, streams)
            start = data.draw(st.integers(0, len(expected) + 1))
            count = data.draw(st.integers(0, 6))
            for most in (None, 2):
                got = index.lines(start, count, most)
                assert [(line.stream, line.data, line.record) for line in got] == [
                    (stream, text[:most], record) for stream, text, record in expected[start : start + count]
                ]
                assert [line.number for line in got] == list(range(start, start + len(got)))
                assert [line.complete for line in got] == [
                    most is None or len(text) <= most for _, text, _ in expected[start : start + count]
                ]
            assert index.total == len(expected) == index.counted
            last = LineIndex(reader, streams).tail(count)
            assert [(line.stream, line.data, line.record) for line in last] == (expected[-count:] if count else [])
            assert [line.number for line in last] == list(range(-len(last), 0))


@quick
@given(st.lists(journals, min_size=2, max_size=4), st.sampled_from(STREAMS))
def test_an_index_grows_with_the_journal(batches: list[Records], streams: frozenset[int]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        written: Records = []
        with JournalWriter(directory) as writer, JournalReader(directory) as reader:
            index = LineIndex(reader, streams)
            for batch in batches:
                for stream, data in batch:
                    writer.append(stream, data, flags=flags_of(stream, data))
                written += batch
                expected = model(written, streams)
                got = index.lines(0, len(expected) + 1)
                assert [(line.stream, line.data, line.record) for line in got] == expected
                assert index.total == len(expected)


@quick
@given(
    journals, st.sampled_from(STREAMS), st.text("ab\r", min_size=1, max_size=3), st.integers(0, 5), st.integers(0, 2)
)
def test_a_search_finds_what_the_model_finds(
    records: Records, streams: frozenset[int], text: str, start: int, how: int
) -> None:
    pattern = text.encode()
    expected = set()
    for number, (_, whole, record) in enumerate(model(records, streams)):
        # "WARNING: " holds an A
        line = whole.lower() if how == 2 else whole
        at = line.find(pattern)
        while at >= 0:
            if number >= start:
                expected.add((number, at, at + len(pattern), record))
            at = line.find(pattern, at + len(pattern))
    with tempfile.TemporaryDirectory() as directory:
        write(directory, records)
        with JournalReader(directory) as reader:
            asked = pattern.upper() if how == 2 else pattern
            found = search(reader, asked, streams=streams, start_line=start, regex=how == 1, ignore_case=how == 2)
            got = [(hit.line, hit.start, hit.end, hit.record) for hit in found if hit is not None]
            assert len(got) == len(set(got))
            assert set(got) == expected


def hits(directory: Path, pattern: str, regex: bool = True, ignore_case: bool = False) -> list[tuple[int, int, int]]:
    with JournalReader(directory) as reader:
        found: list[Found] = [
            hit for hit in search(reader, pattern.encode(), regex=regex, ignore_case=ignore_case) if hit is not None
        ]
        return [(hit.line, hit.start, hit.end) for hit in found]


def test_expressions_work_line_by_line(tmp_path: Path) -> None:
    write(
        str(tmp_path),
        [(STDOUT, b"one tw"), (STDERR, b"err\n"), (STDOUT, b"o\n\nthree  \n"), (TERMINAL, "GRÖßE".encode())],
    )
    assert hits(tmp_path, "^t") == [(3, 0, 1)]
    assert hits(tmp_path, "o$") == [(0, 6, 7)]
    assert hits(tmp_path, r"two\s*") == [(0, 4, 7)]
    assert hits(tmp_path, r"\s+three") == []
    assert hits(tmp_path, "x*") == []
    assert hits(tmp_path, "größe", regex=False, ignore_case=True) == [(4, 0, 7)]
    for bad, regex in (("(", True), ("", False), ("a\nb", False)):
        with pytest.raises(BadPattern):
            hits(tmp_path, bad, regex=regex)


def test_a_time_leads_to_its_line(tmp_path: Path) -> None:
    with JournalWriter(tmp_path) as writer:
        for number in range(10):
            writer.append(STDOUT, b"a\nb\n", time=1000 + number * 10)
    with JournalReader(tmp_path) as reader:
        index = LineIndex(reader)
        assert [index.line_at_time(at) for at in (0, 1000, 1001, 1010, 1090, 1091)] == [0, 0, 2, 2, 18, 19]
    with JournalReader(tmp_path / "none") as reader:
        assert LineIndex(reader).line_at_time(5) == 0
        assert LineIndex(reader).tail(5) == LineIndex(reader).lines(0, 5) == []


def test_a_line_of_many_megabytes_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    block = bytes(1 << 16).replace(b"\0", b"x")
    with JournalWriter(tmp_path) as writer:
        for _ in range(320):
            writer.append(STDOUT, block)
        writer.append(STDOUT, b"\nlast\n")
    with JournalReader(tmp_path) as reader:
        index = LineIndex(reader)
        assert index.total == 2
        first, last = index.lines(0, 2, 100)
        assert (first.data, first.complete, last.data, last.record) == (b"x" * 100, False, b"last", 321)
        assert len(index.lines(0, 1)[0].data) == 320 << 16
        assert [(line.number, line.data) for line in index.tail(2, 10)] == [(-2, b"x" * 10), (-1, b"last")]
