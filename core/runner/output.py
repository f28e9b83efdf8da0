"""The job's output as it comes: pipes and the terminal, read in large pieces and recorded in the order of arrival."""

from __future__ import annotations

import fcntl
import mmap
import os
import time

from core.runner.loop import GONE, READ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from core.runner.loop import Loop, Timer
    from core.runner.mask import Masker
    from core.runner.recorder import Recorder

#: one read's most, bytes; pipes are grown up to it when their reads come back full
LARGEST_READ = 1 << 20
#: what is smaller than this is gathered for `GATHER` seconds
LARGE = 16 * 1024
GATHER = 0.01
_F_SETPIPE_SZ = 1031
_FIONREAD = 0x541B


class Source:
    """One descriptor that output comes from. `capacity` in bytes; `mask` holds what may begin a secret."""

    __slots__ = ("capacity", "fd", "is_pipe", "mask", "stream")

    def __init__(self, fd: int, stream: int, is_pipe: bool, mask: Masker) -> None:
        self.fd = fd
        self.stream = stream
        self.is_pipe = is_pipe
        self.mask = mask
        self.capacity = 65536


class Outputs:
    """All output of a job. Small reads are gathered; another stream's bytes write what is gathered first."""

    def __init__(self, loop: Loop, recorder: Recorder) -> None:
        self._loop = loop
        self._recorder = recorder
        #: called when a pipe or the terminal came to its end by itself
        self.on_end: Callable[[], None] = lambda: None
        self._sources: dict[int, Source] = {}
        # touched only as far as reads go: an idle runner pays nothing for it
        self._buffer = mmap.mmap(-1, LARGEST_READ)
        self._view = memoryview(self._buffer)
        self._gathered = bytearray()
        self._stream = 0
        self._since = 0
        self._written = 0.0
        self._timer: Timer | None = None
        self._paused = False
        self.dropped = 0
        self._dropping = False

    @property
    def open_pipes(self) -> bool:
        """Whether a process may still write to one of the pipes."""
        return any(source.is_pipe for source in self._sources.values())

    def add(self, fd: int, stream: int, *, is_pipe: bool, mask: Masker) -> None:
        """Read `fd` (made non-blocking, owned from now on) as `stream`."""
        os.set_blocking(fd, False)
        source = Source(fd, stream, is_pipe, mask)
        self._sources[fd] = source
        self._loop.watch(fd, 0 if self._paused else READ, lambda events: self._ready(source, events))

    def pause(self) -> None:
        """Read nothing until `resume`: the job waits on its full pipes."""
        self._paused = True
        for fd in self._sources:
            self._loop.forget(fd)

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        for source in list(self._sources.values()):
            self._loop.watch(source.fd, READ, lambda events, source=source: self._ready(source, events))  # type: ignore[misc]

    def catch_up(self) -> None:
        """Record what the pipes and the terminal hold at this moment."""
        if self._paused:
            return
        word = bytearray(4)
        for source in list(self._sources.values()):
            if source.is_pipe:
                fcntl.ioctl(source.fd, _FIONREAD, word)
                held = int.from_bytes(word, "little")
            else:
                held = LARGE
            while held > 0 and not self._paused:
                got = self._read(source)
                if got <= 0:
                    break
                held -= got
        self.flush()

    def flush(self) -> None:
        """Record what is gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._gathered:
            data, self._gathered = self._gathered, bytearray()
            self._written = time.monotonic()
            self._recorder.raw(self._stream, data, self._since)

    def put(self, stream: int, data: bytes) -> None:
        """Record text that came by another way than a pipe: whole lines, gathered like any."""
        if self._dropping:
            self.dropped += len(data)
            return
        self._record(stream, self._recorder.secrets.whole(data))

    def drop(self) -> None:
        """From now on throw away what is read, counting it in `dropped`; for a job that ends on a full disk."""
        self._dropping = True
        if self._paused:
            self.resume()
        self.catch_up()

    def close(self) -> None:
        """Record what is left and let go of every descriptor."""
        for source in list(self._sources.values()):
            self._end(source)
        self.flush()

    def _ready(self, source: Source, events: int) -> None:
        if events & READ:
            self._read(source)
        elif events & GONE:
            self._end(source)
        if source.fd not in self._sources:
            self.on_end()

    def _read(self, source: Source) -> int:
        """One read: how many bytes came, 0 at the end, -1 when there was nothing."""
        try:
            got = os.readv(source.fd, [self._view[: source.capacity]])
        except BlockingIOError:
            return -1
        except OSError:
            # a terminal that nobody holds open any more answers EIO
            got = 0
        if got == 0:
            self._end(source)
            return 0
        full = got == source.capacity
        self._take(source, self._view[:got])
        if full and source.is_pipe and source.capacity < LARGEST_READ:
            self._grow(source)
        return got

    def _grow(self, source: Source) -> None:
        try:
            source.capacity = min(LARGEST_READ, fcntl.fcntl(source.fd, _F_SETPIPE_SZ, source.capacity * 4))
        except OSError:
            # the user's budget for pipes is used up: a read asks for one byte more than it holds, so is never full
            source.capacity += 1

    def _take(self, source: Source, view: memoryview) -> None:
        if self._dropping:
            self.dropped += len(view)
            return
        data: bytes | memoryview = view
        if source.mask.active:
            data = source.mask.feed(bytes(view))
        if data:
            self._record(source.stream, data)

    def _record(self, stream: int, data: bytes | memoryview) -> None:
        size = len(data)
        if stream != self._stream:
            self.flush()
            self._stream = stream
        if size >= LARGE:
            self.flush()
            self._recorder.raw(stream, data)
            self._written = time.monotonic()
            return
        if not self._gathered:
            self._since = time.time_ns()
        self._gathered += data
        quiet = time.monotonic() - self._written
        if quiet >= GATHER or len(self._gathered) >= LARGE:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.after(GATHER - quiet, self._due)

    def _due(self) -> None:
        self._timer = None
        self.flush()

    def _end(self, source: Source) -> None:
        del self._sources[source.fd]
        if not self._paused:
            self._loop.forget(source.fd)
        os.close(source.fd)
        rest = source.mask.finish()
        if rest:
            self._record(source.stream, rest)
