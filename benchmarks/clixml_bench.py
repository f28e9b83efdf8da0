"""CLIXML: reading and writing beside psrpcore, and opening a pipeline of 100 MB in the tree."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.table import Row
from core.clixml.plain import plain
from core.clixml.reader import read
from core.clixml.tree import open_object
from core.clixml.values import DateTime, Int64, PSObject, TimeSpan
from core.clixml.writer import write
from core.journal.format import FLAG_CLIXML, OBJECT
from core.journal.reader import JournalReader
from core.journal.writer import JournalWriter

_PROCESS = ("System.Diagnostics.Process", "System.ComponentModel.Component", "System.Object")


def process(number: int) -> PSObject:
    """An object as Get-Process gives: 65 properties."""
    adapted: dict[str, Any] = {f"Counter{place}": Int64(number * 1000 + place) for place in range(24)}
    adapted.update({f"Text{place}": f"value {number} of property {place}" for place in range(24)})
    adapted.update({f"Flag{place}": place % 2 == 0 for place in range(8)})
    adapted["StartTime"] = DateTime(639_000_000_000_000_000 + number, 0)
    adapted["TotalProcessorTime"] = TimeSpan(number * 1234)
    adapted["MainModule"] = PSObject(("System.Diagnostics.ProcessModule", "System.Object"), "module", adapted={"A": 1})
    extended = {"Name": f"process{number}", "Handles": number, "VM": Int64(2**40), "CPU": 1.5, "Path": None}
    return PSObject(_PROCESS, f"System.Diagnostics.Process (process{number})", adapted=adapted, extended=extended)


def row(number: int) -> PSObject:
    """A small object: eight properties."""
    return PSObject.custom({"Id": number, "Name": f"name {number}", "Size": Int64(2**33), "Ok": True, "Part": 0.25,
                            "Note": None, "When": DateTime(639_000_000_000_000_000), "Tag": "a"})  # fmt: skip


def _seconds(work: Callable[[], object], times: int = 3) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _over_psrpcore(name: str, objects: Sequence[PSObject], fewer: int) -> list[Row]:
    """Objects a second, one document each; psrpcore gets `fewer` of them."""
    from psrpcore.types import deserialize_clixml, serialize_clixml

    cipher: Any = None
    documents = [write(item) for item in objects]
    theirs = [deserialize_clixml(document, cipher) for document in documents[:fewer]]
    reading = len(documents) / _seconds(lambda: [read(document) for document in documents])
    their_reading = fewer / _seconds(lambda: [deserialize_clixml(item, cipher) for item in documents[:fewer]], 1)
    writing = len(objects) / _seconds(lambda: [write(item) for item in objects])
    their_writing = fewer / _seconds(lambda: [serialize_clixml(item, cipher) for item in theirs], 1)
    return [
        Row(f"CLIXML, {name}: read", reading, "objects/s", their_reading, "psrpcore", "≥ 8"),
        Row(f"CLIXML, {name}: written", writing, "objects/s", their_writing, "psrpcore", "≥ 8"),
    ]


def _pipeline(directory: Path, megabytes: int) -> list[Row]:
    """A job's pipeline: a page of it, one object opened, and one document of as many objects."""
    documents = [write(process(number)).encode() for number in range(200)]
    size = sum(map(len, documents)) / len(documents)
    count = int(megabytes * 1e6 / size)
    with JournalWriter(directory) as writer:
        for number in range(count):
            writer.append(OBJECT, documents[number % 200], flags=FLAG_CLIXML)

    def opened() -> None:
        with JournalReader(directory) as reader:
            reader.refresh()
            for entry in islice(reader.select(frozenset({OBJECT}), count // 2), 100):
                assert open_object("clixml", reader.data(entry)).summary

    page = _seconds(opened) * 1000
    one = documents[0]

    def expanded() -> None:
        node = open_object("clixml", one)
        assert [child.summary for child in node.children(0, 50)]

    floor = _seconds(lambda: read(one), 20) * 1000
    return [
        Row(f"a page of 100 objects from the middle of a pipeline of {megabytes} MB", page, "ms", None, "", "≤ 100 ms"),
        Row(
            "one object of 65 properties opened, 50 shown", _seconds(expanded, 20) * 1000, "ms", floor, "decoded whole"
        ),
    ]


def run() -> list[Row]:
    """All rows."""
    processes = [process(number) for number in range(2000)]
    rows = [row(number) for number in range(10_000)]
    with tempfile.TemporaryDirectory() as directory:
        result = _over_psrpcore("65 properties", processes, 150) + _over_psrpcore("8 properties", rows, 1000)
        big = read(write(processes[:500]))
        result.append(Row("500 such objects as plain values", _seconds(lambda: plain(big)) * 1000, "ms"))
        return result + _pipeline(Path(directory), 100)
