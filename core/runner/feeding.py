"""Piped standard input: frames from a connection into the job's pipe, no faster than the job reads."""

from __future__ import annotations

import fcntl
import os
import struct

from core.runner.loop import GONE, WRITE
from core.runner.questions import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from core.runner.connection import Connection
    from core.runner.job import Job

#: seconds between two looks whether the feeder still lives
_LOOK = 0.25
_FLOCK = struct.Struct("hhqqi4x")
_HEADER = struct.Struct(">I")

EARLY = "Standard input ended early: whoever fed it went away."


class Feeding:
    """The pipe into the job and whoever feeds it. `reading_end` is the job's standard input."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.reading_end, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        self._connection: Connection | None = None
        self._left = 0
        self._incoming: bytearray | None = None
        self._watched = False
        #: the job closed its standard input: what still comes is read and dropped, as a feeder must come to its end
        self._unwanted = False
        job.loop.after(_LOOK, self._look)

    def connect(self, connection: Connection) -> None:
        """Take frames from here on. Raises Refused while another connection feeds."""
        if self._connection is not None:
            raise Refused("conflict", f"Job {self._job.id} is being fed by somebody else.")
        if self._pipe < 0 and not self._unwanted:
            raise Refused("conflict", f"The standard input of job {self._job.id} has ended.")
        self._connection = connection
        self._left = 0
        connection.on_raw = self._frames
        connection.send({"ok": True})

    def disconnected(self, connection: Connection) -> None:
        """That connection is closed; another may come, if its feeder lives."""
        if connection is self._connection:
            self._connection = None
            self._incoming = None

    def close(self) -> None:
        """End the job's standard input."""
        if self._watched:
            self._job.loop.forget(self._pipe)
            self._watched = False
        if self.reading_end >= 0 and self._job.child is None:
            os.close(self.reading_end)
            self.reading_end = -1
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def _frames(self, incoming: bytearray) -> None:
        """Write as much of the frames as the pipe takes."""
        while incoming:
            if self._left == 0:
                if len(incoming) < 4:
                    return
                (self._left,) = _HEADER.unpack_from(incoming)
                del incoming[:4]
                if self._left == 0:
                    self._end()
                    return
                continue
            if self._unwanted:
                written = min(self._left, len(incoming))
            else:
                try:
                    with memoryview(incoming) as view:
                        written = os.write(self._pipe, view[: self._left])
                except BlockingIOError:
                    self._wait(incoming)
                    return
                except BrokenPipeError:
                    self._unwanted = True
                    continue
            del incoming[:written]
            self._left -= written

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        self.close()
        self._unwanted = False
        if connection is not None:
            connection.on_raw = None

    def _wait(self, incoming: bytearray) -> None:
        self._incoming = incoming
        assert self._connection is not None
        self._connection.pause()
        self._watched = True
        self._job.loop.watch(self._pipe, WRITE, self._writable)

    def _writable(self, events: int) -> None:
        self._job.loop.forget(self._pipe)
        self._watched = False
        if events & GONE:
            self._unwanted = True
        if self._connection is not None:
            self._connection.resume()

    def _look(self) -> None:
        """End the input if its feeder has gone without saying so."""
        if self._pipe < 0:
            return
        if self._connection is None and not self._feeder_lives():
            if not self._unwanted:
                self._job.outcome.remark(EARLY)
            self.close()
            return
        self._job.loop.after(_LOOK, self._look)

    def _feeder_lives(self) -> bool:
        try:
            fd = os.open(os.path.join(self._job.directory, "input"), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            probe = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            # F_OFD_GETLK asks and takes nothing
            found = _FLOCK.unpack(fcntl.fcntl(fd, 36, probe))[0]
        finally:
            os.close(fd)
        return bool(found != fcntl.F_UNLCK)
