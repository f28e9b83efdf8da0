"""Who did what: one JSON line per act, appended to `audit.jsonl` in the data directory by every process.

A file that has grown is put aside under the time of that moment; the oldest ones go. Each line is one write, and a
line that a crash cut short is closed by the next one, so that it spoils nothing but itself.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.service import ServiceError

from .callers import acting
from .locks import FileLock

if TYPE_CHECKING:
    from core.access import AuditEntry, Caller

log = logging.getLogger("jobdeck.engine")
_NAME = "audit.jsonl"
#: bytes after which a file is put aside, and how many of those are kept
_LIMIT = 8 << 20
_KEPT = 32
_BLOCK = 1 << 16


class Act:
    """One act while it is done. `target` may be told better once it is known; `again`: it had been done before."""

    __slots__ = ("again", "target")

    def __init__(self, target: str) -> None:
        self.target = target
        self.again = False


class Audit:
    """The record of one store."""

    def __init__(self, store: str, limit: int = _LIMIT) -> None:
        self._store = store
        self._path = os.path.join(store, _NAME)
        self._limit = limit

    @contextlib.contextmanager
    def act(self, action: str, target: str) -> Iterator[Act]:
        """Put on record what is done inside: as done, or with the sentence it was refused with."""
        act = Act(target)
        try:
            yield act
        except ServiceError as error:
            self.note(action, act.target, str(error))
            raise
        if not act.again:
            self.note(action, act.target)

    def note(self, action: str, target: str, outcome: str = "done", who: Caller | None = None) -> None:
        """An act of the caller of this moment (or of `who`): "done", or the refusal as a sentence."""
        from core.access import AuditEntry

        who = who or acting()
        self.append(
            AuditEntry(time.time_ns(), who.identity, who.role.value, action, target, outcome, who.address, who.token_id)
        )

    def append(self, entry: AuditEntry) -> None:
        """Put an entry on record. Where the disk does not take it the log says so: nothing else stops for it."""
        values = {name: getattr(entry, name) for name in type(entry).__dataclass_fields__}
        for name in ("address", "token_id"):
            if not values[name]:
                del values[name]
        line = json.dumps(values).encode("ascii") + b"\n"
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    line = b"\n" + line
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
            if size + len(line) > self._limit:
                self._put_aside()
        except OSError as error:
            log.error("the audit record takes nothing (%s): %s", error, line.decode().strip())

    def _put_aside(self) -> None:
        with FileLock(os.path.join(self._store, "store.lock"), byte=3) as lock:
            # Another process is about to do it; whoever writes next looks again.
            if not lock.take() or os.path.getsize(self._path) <= self._limit:
                return
            os.rename(self._path, os.path.join(self._store, f"audit-{time.time_ns()}.jsonl"))
            for old in self._aside()[_KEPT:]:
                os.unlink(old)

    def _aside(self) -> list[str]:
        """The files that were put aside, newest first."""
        names = [name for name in os.listdir(self._store) if name.startswith("audit-") and name.endswith(".jsonl")]
        return [os.path.join(self._store, name) for name in sorted(names, reverse=True)]

    def read(self, take: int, since: int | None) -> list[AuditEntry]:
        """The newest entries, newest first; those of `since` or later."""
        found: list[AuditEntry] = []
        for path in [self._path, *self._aside()]:
            for line in _lines_back(path):
                entry = _entry(line)
                if entry is None:
                    continue
                if len(found) >= take or (since is not None and entry.time < since):
                    return found
                found.append(entry)
        return found


def record(store: str, entry: AuditEntry) -> None:
    """Put an act on record that the engine did not see: one that was refused before it came to it."""
    Audit(store).append(entry)


def _entry(line: bytes) -> AuditEntry | None:
    """The entry of a line; None for one that was cut short."""
    from core.access import AuditEntry

    try:
        value = json.loads(line)
        return AuditEntry(**value)
    except (ValueError, TypeError):
        return None


def _lines_back(path: str) -> Iterator[bytes]:
    """The lines of a file, the last one first."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb", buffering=0) as file:
        place = file.seek(0, os.SEEK_END)
        rest = b""
        while place > 0:
            start = max(0, place - _BLOCK)
            file.seek(start)
            # A short read cannot be: what is before the end of an append-only file stays.
            lines = (file.read(place - start) + rest).split(b"\n")
            place = start
            rest = lines[0]
            yield from (line for line in reversed(lines[1:]) if line)
        if rest:
            yield rest
