"""What a job's directory says of it: the row's columns that the journal decides.

A finished job is told by exit.json alone; an unfinished one by folding its journal's index. Lost runners are told
here too: whoever takes the job's lock may write its end.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Mapping
from typing import Any

from core.journal import format as journal
from core.journal.reader import JournalReader
from core.journal.summary import Summary, summarize
from core.journal.text import as_number
from core.journal.writer import JournalWriter
from core.service import Status, Unavailable

from .damage import Damaged, fit, understanding
from .locks import FileLock
from .paths import sync_directory, write_whole

log = logging.getLogger("jobdeck.engine")


def read_json(path: str) -> dict[str, Any] | None:
    """A JSON object from a file; None when there is no such file. Raises Unavailable, Damaged where it is no object."""
    try:
        with open(path, "rb") as file:
            value = json.loads(file.read())
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError, IsADirectoryError, NotADirectoryError) as error:
        raise Damaged(f"{path} is damaged: {error}.") from error
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise Damaged(f"{path} is damaged: it holds no JSON object.")
    return value


def read_end(directory: str) -> dict[str, Any] | None:
    """The job's exit.json; None when there is none, or one that a power loss has left empty: the journal has it."""
    path = os.path.join(directory, "exit.json")
    try:
        return read_json(path)
    except Damaged:
        with contextlib.suppress(IsADirectoryError), open(path, "rb") as file:
            if file.read(1) in (b"", b"\0"):
                return None
        raise


def read_mark(directory: str) -> dict[str, Any] | None:
    """What the runner put on the disk in the moment it started the job: its `boot_id`. None before that moment."""
    try:
        with open(os.path.join(directory, "exit.json.new"), "rb") as file:
            mark = file.read(4096).rstrip(b"\0")
    except FileNotFoundError:
        return None
    if not mark:
        return None
    try:
        value = json.loads(mark)
    except ValueError:
        # an end that was being written over it
        return {}
    return value if isinstance(value, dict) else {}


def read_spec(directory: str) -> dict[str, Any] | None:
    """The spec of a job, also when the rename after its commit was cut off; None when there is none."""
    return read_json(os.path.join(directory, "spec.json")) or read_json(os.path.join(directory, "spec.json.new"))


def _columns(summary: Summary, status: Status) -> dict[str, Any]:
    open_feedback = summary.feedback
    return {
        "status": int(status),
        "started": summary.started,
        "process_id": summary.process_id,
        "records": summary.records,
        "bytes": summary.bytes,
        "objects": summary.objects,
        "errors": summary.errors,
        "warnings": summary.warnings,
        "feedback": open_feedback["feedback"] if open_feedback else None,
    } | columns_of_progress(summary)


def columns_of_progress(summary: Summary) -> dict[str, Any]:
    """The columns that tell how far the script is, of what it says of that."""
    progress = summary.progress or {}
    return {
        "activity": _words(progress.get("activity")),
        "current_operation": _words(progress.get("current_operation")),
        "status_description": _words(progress.get("status")),
        "percent_complete": as_number(progress.get("percent")),
        "seconds_remaining": as_number(progress.get("seconds")),
    }


def _sentence(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a remark is no text: {value!r}")
    return value


def _words(value: object) -> str | None:
    """A script may have sent anything: the database takes no large number, and no half of a surrogate pair."""
    if value is None:
        return None
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "replace").decode()


def columns_of_end(end: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a finished job, from its exit.json. Raises Damaged."""
    with understanding("exit.json"):
        return fit(_columns_of_end(end))


def _columns_of_end(end: Mapping[str, Any]) -> dict[str, Any]:
    summary = Summary.from_dict(dict(end["summary"]))
    columns = _columns(summary, Status[end["status"]])
    columns |= {
        "claim": None,
        "state_seq": summary.state_seq + 1,
        "records": summary.records + 1,
        "feedback": None,
        "ended": end["ended"],
        "exit_code": end["exit_code"],
        "signal": end["signal"],
        "reason": _words(end["reason"]),
        "receipt": None if end["receipt"] is None else json.dumps(dict(end["receipt"])),
        "remarks": json.dumps(list(dict.fromkeys([*map(_sentence, [*summary.remarks, *end["remarks"]])]))),
    }
    return columns


class Progression:
    """Follows one unfinished job's journal: folds what is new at each look."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._summary = Summary()
        self._next = 1

    def read(self) -> dict[str, Any]:
        """The row's columns as the directory tells them now. `ended` is among them once the job has finished.

        Raises Unavailable for files that cannot be read, Damaged for what cannot be understood.
        """
        with understanding(self.directory):
            return self._read()

    def _read(self) -> dict[str, Any]:
        damage: Damaged | None = None
        try:
            end = read_end(self.directory)
            if end is not None:
                return columns_of_end(end)
        except Damaged as error:
            # The journal has the end as well.
            damage = error
        with JournalReader(self.directory) as reader:
            self._next = summarize(reader, self._summary, self._next)
            end = _end_record(reader, self._summary)
        if end is not None:
            return columns_of_end(end)
        if damage is not None:
            raise damage
        state = self._summary.state
        columns = _columns(self._summary, Status[state["status"]] if state else Status.Queued)
        columns["state_seq"] = self._summary.state_seq
        columns["remarks"] = json.dumps(self._summary.remarks)
        return fit(columns)

    def start_record(self) -> dict[str, Any]:
        """The journal's start record; {} when there is none. Raises Damaged."""
        with understanding(self.directory), JournalReader(self.directory) as reader:
            for entry in reader.select(frozenset({journal.STATE}), 1, reader.refresh() + 1):
                record = json.loads(reader.data(entry))
                if record.get("event") == "start":
                    return dict(record)
        return {}


def _end_record(reader: JournalReader, summary: Summary) -> dict[str, Any] | None:
    """The end record, whole, where the journal has one: it is its last."""
    if summary.state.get("event") != "end":
        return None
    end = json.loads(reader.data(reader.entry(summary.records)))
    return end if isinstance(end, dict) else None


def has_started(directory: str) -> bool:
    """Whether the job's main process may have been started."""
    return bool(Progression(directory).read()["state_seq"]) or read_mark(directory) is not None


def write_end(
    directory: str,
    id: int,
    status: Status,
    reason: str | None,
    *,
    receipt: Mapping[str, Any] | None = None,
    remarks: tuple[str, ...] = (),
) -> dict[str, Any]:
    """End a job that has no runner (any more). The caller holds its lock. Returns the columns of its row.

    Raises OSError when the disk does not take it, Damaged where the journal can neither be read nor written.
    """
    try:
        existing = read_end(directory)
        if existing is not None:
            return columns_of_end(existing)
    except Damaged as error:
        # Made anew below; what it was like may tell somebody something.
        log.warning("%s It is made anew from the journal.", error)
        damaged = os.path.join(directory, "exit.json")
        os.rename(damaged, damaged + ".damaged")
    with understanding(directory):
        end = _record_end(directory, status, reason, receipt, remarks)
    end = dict(end, id=id)
    _write_exit(directory, json.dumps(end).encode())
    return columns_of_end(end)


def _record_end(
    directory: str, status: Status, reason: str | None, receipt: Mapping[str, Any] | None, remarks: tuple[str, ...]
) -> dict[str, Any]:
    """The journal's end record, written where there was none."""
    writer = JournalWriter(directory)
    try:
        summary = Summary()
        with JournalReader(directory) as reader:
            summarize(reader, summary, 1)
            end = _end_record(reader, summary)
        if end is None:
            end = {
                "status": status.name,
                "event": "end",
                "exit_code": None,
                "signal": None,
                "reason": reason,
                "receipt": receipt,
                "remarks": [*summary.remarks, *remarks],
                "ended": time.time_ns(),
                "summary": summary.to_dict(),
            }
            writer.append(journal.STATE, json.dumps(end).encode())
            writer.sync()
    finally:
        writer.close()
    return end


def _write_exit(directory: str, data: bytes) -> None:
    """exit.json from the space that was set aside for it, else from new space."""
    path = os.path.join(directory, "exit.json")
    reserved = path + ".new"
    if not os.path.exists(reserved):
        write_whole(path, data)
        return
    descriptor = os.open(reserved, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, data, 0)
        os.ftruncate(descriptor, len(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(reserved, path)
    sync_directory(directory)


def lock_of(directory: str) -> FileLock:
    """The job's lock, not taken yet. Raises OSError."""
    return FileLock(os.path.join(directory, "lock"))


def discard_directory(directory: str) -> None:
    """Take a job's directory away so that it is there whole or not at all."""
    import shutil

    gone = directory + ".deleted"
    with contextlib.suppress(FileNotFoundError):
        os.rename(directory, gone)
    shutil.rmtree(gone, ignore_errors=True)
