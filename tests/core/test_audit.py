"""The record of acts: appended by every process, readable after anything."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from pathlib import Path

from core.access import AuditEntry, Caller, Role, caller
from core.engine.audit import Audit, record


def entry(number: int) -> AuditEntry:
    return AuditEntry(number, "ada", "Reader", "look", f"job {number}", "done")


def write_many(store: str, base: int) -> None:
    for number in range(200):
        Audit(store, 4000).append(entry(base + number))


def test_newest_first_and_since(tmp_path: Path) -> None:
    audit = Audit(str(tmp_path))
    assert audit.read(10, None) == []
    for number in range(1, 2001):
        audit.append(entry(number))
    assert [each.time for each in audit.read(3, None)] == [2000, 1999, 1998]
    assert [each.time for each in audit.read(5000, 1990)] == list(range(2000, 1989, -1))
    assert len(audit.read(5000, None)) == 2000
    assert os.stat(tmp_path / "audit.jsonl").st_mode & 0o777 == 0o600


def test_a_line_that_was_cut_short_spoils_nothing(tmp_path: Path) -> None:
    audit = Audit(str(tmp_path))
    audit.append(entry(1))
    with open(tmp_path / "audit.jsonl", "ab") as file:
        file.write(b'{"time": 2, "identity": "a')
    assert [each.time for each in audit.read(10, None)] == [1]
    audit.append(entry(3))
    assert [each.time for each in audit.read(10, None)] == [3, 1]


def test_files_that_have_grown_are_put_aside_and_read_on(tmp_path: Path) -> None:
    audit = Audit(str(tmp_path), 1000)
    for number in range(1, 101):
        audit.append(entry(number))
    aside = [name for name in os.listdir(tmp_path) if name.startswith("audit-")]
    assert len(aside) > 3
    assert [each.time for each in audit.read(1000, None)] == list(range(100, 0, -1))
    for number in range(101, 1001):
        audit.append(entry(number))
    assert len([name for name in os.listdir(tmp_path) if name.startswith("audit-")]) == 32
    assert audit.read(1, None)[0].time == 1000


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(str(tmp_path), base)) for base in (1000, 2000, 3000)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    times = [each.time for each in Audit(str(tmp_path)).read(10_000, None)]
    assert len(set(times)) == len(times) == 600


def test_a_disk_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").mkdir()
    Audit(str(tmp_path)).append(entry(1))


def test_the_caller_is_told(tmp_path: Path) -> None:
    token = caller.set(Caller("ada", Role.Execute, "10.0.0.1", 7))
    try:
        Audit(str(tmp_path)).note("run", "job 1 (x.sh)")
    finally:
        caller.reset(token)
    record(str(tmp_path), AuditEntry(time.time_ns(), "?", "", "sign in", "token", "This token is not known here."))
    refused, ran = Audit(str(tmp_path)).read(2, None)
    assert (ran.identity, ran.role, ran.address, ran.token_id) == ("ada", "Execute", "10.0.0.1", 7)
    assert refused.outcome == "This token is not known here."
    for line in (tmp_path / "audit.jsonl").read_text().splitlines():
        assert json.loads(line)["action"]
