"""What the runner writes into the journal, in order; waits, and loses nothing, while the disk refuses."""

from __future__ import annotations

import json
import time

from core.journal.format import FLAG_CLIXML, STATE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from core.journal.summary import Summary
    from core.journal.writer import JournalWriter
    from core.runner.loop import Loop, Timer
    from core.runner.mask import Secrets

#: seconds between two attempts to write when the disk refused
RETRY = 0.5


class _Waiting:
    __slots__ = ("data", "flags", "stream", "sync", "then", "time", "written")

    def __init__(
        self, stream: int, data: bytes, flags: int, at: int, then: Callable[[], None] | None, sync: bool = False
    ) -> None:
        self.stream = stream
        self.data = data
        self.flags = flags
        self.time = at
        self.written = False
        self.then = then
        self.sync = sync


def to_json(value: object) -> bytes:
    """Compact JSON in UTF-8; what UTF-8 cannot say (a lone surrogate) as an escape. ValueError for infinities."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


class Recorder:
    """The only writer of a job's journal, its running summary and its count of state records.

    While the disk refuses, `blocked` is true, records wait in memory, and whoever feeds output stops reading
    (`on_blocked`, `on_free` tell it): so what waits is bounded.
    """

    def __init__(self, loop: Loop, writer: JournalWriter, summary: Summary, secrets: Secrets) -> None:
        self.writer = writer
        self.summary = summary
        #: what no record may show
        self.secrets = secrets
        self.state_seq = 0
        self.blocked = False
        self.failure: OSError | None = None
        self.on_blocked: Callable[[], None] = lambda: None
        self.on_free: Callable[[], None] = lambda: None
        self._loop = loop
        self._waiting: list[_Waiting] = []
        self._timer: Timer | None = None

    def raw(self, stream: int, data: bytes | bytearray | memoryview, at: int | None = None) -> None:
        """Record bytes of an output stream; they are masked by whoever read them."""
        if self.blocked:
            self._waiting.append(_Waiting(stream, bytes(data), 0, at or time.time_ns(), None))
            return
        try:
            self.writer.append(stream, data, time=at)
        except OSError as error:
            self._waiting.append(_Waiting(stream, bytes(data), 0, at or time.time_ns(), None))
            self._block(error)
            return
        self.summary.fold_raw(stream, len(data), b"")

    def record(self, stream: int, data: bytes, flags: int = 0, then: Callable[[], None] | None = None) -> None:
        """Record one whole record (JSON or CLIXML), masked; `then` runs once it is in the journal."""
        if self.secrets:
            data = self.secrets.document(data) if flags & FLAG_CLIXML else self.secrets.whole(data)
        self._put(_Waiting(stream, data, flags, time.time_ns(), then))

    def state(self, record: dict[str, Any], then: Callable[[], None] | None = None, *, sync: bool = True) -> None:
        """Record a change of status; `then` runs once it is safe on the disk (`sync` false: in the journal)."""
        data = to_json(record)
        if self.secrets:
            data = self.secrets.whole(data)
        self._put(_Waiting(STATE, data, 0, time.time_ns(), then, sync))

    def give_up(self) -> tuple[int, int]:
        """Try once more, then drop what waits: (records dropped, bytes of output among them)."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._drain()
        dropped = self._waiting
        self._waiting = []
        self.blocked = False
        return len(dropped), sum(len(item.data) for item in dropped if item.stream != STATE)

    def _put(self, item: _Waiting) -> None:
        if self.blocked:
            self._waiting.append(item)
            return
        try:
            self._write(item)
        except OSError as error:
            self._waiting.append(item)
            self._block(error)
            return
        if item.then is not None:
            item.then()

    def _write(self, item: _Waiting) -> None:
        if not item.written:
            self.writer.append(item.stream, item.data, time=item.time, flags=item.flags)
            # a retry after a failing sync must not write it again
            item.written = True
            self.summary.fold_raw(item.stream, len(item.data), item.data)
        if item.stream == STATE:
            if item.sync:
                self.writer.sync()
            self.state_seq += 1

    def _block(self, error: OSError) -> None:
        self.blocked = True
        self.failure = error
        self._timer = self._loop.after(RETRY, self._retry)
        self.on_blocked()

    def _retry(self) -> None:
        self._drain()
        if self._waiting:
            self._timer = self._loop.after(RETRY, self._retry)
            return
        self._timer = None
        self.blocked = False
        self.failure = None
        self.on_free()

    def _drain(self) -> None:
        done = 0
        try:
            for item in self._waiting:
                self._write(item)
                done += 1
                if item.then is not None:
                    item.then()
        except OSError as error:
            self.failure = error
        finally:
            del self._waiting[:done]
