"""Writing a job's output to a file descriptor: exact bytes into a pipe or file, through the door to a terminal.

A reader that is slow must not keep the program from hearing ctrl+c, and one that has gone is no error: a sink whose
reader has gone is `closed` and swallows what comes.
"""

from __future__ import annotations

import asyncio
import os
import stat

from tui import text
from tui.standard_input import writable

#: bytes gathered before they are written, where gathering is allowed
_GATHERED = 1 << 16


class Sink:
    """One descriptor to write to. `terminal`: what is written passes `text.Door`."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.closed = False
        #: the last thing written did not end its line
        self.mid_line = False
        #: the last message written goes on in the next one
        self.open_message = False
        self._door = text.Door()
        self._gathered: list[bytes] = []
        self._size = 0
        self._own: int | None = None
        try:
            mode = os.fstat(descriptor).st_mode
        except OSError:
            self.closed = True
            mode = 0
        self.terminal = not self.closed and os.isatty(descriptor)
        if stat.S_ISFIFO(mode) or self.terminal:
            # a description of our own may be non-blocking without changing that of the others who share the old one
            try:
                self._own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
            except OSError:
                self._own = None

    async def write(self, data: bytes) -> None:
        """Write the output of a job, now."""
        await self.flush()
        await self._raw(self._passed(data))

    async def gather(self, data: bytes) -> None:
        """Write the output of a job when enough has come together; `flush` writes the rest."""
        passed = self._passed(data)
        self._gathered.append(passed)
        self._size += len(passed)
        if self._size >= _GATHERED:
            await self.flush()

    async def flush(self) -> None:
        """Write what was gathered."""
        if self._gathered:
            data = b"".join(self._gathered)
            self._gathered.clear()
            self._size = 0
            await self._raw(data)

    async def own(self, data: str) -> None:
        """Write words of jobdeck itself: they are safe already. Colours of the job end before them."""
        await self.flush()
        if self._door.coloured:
            self._door.coloured = False
            data = text.RESET + data
        await self._raw(data.encode("utf-8", "replace"))

    async def close(self) -> None:
        """Write what is left and let go; the descriptor itself stays open."""
        if self.terminal:
            await self._raw(self._door.pass_bytes(b"", True).encode("utf-8", "replace"))
            if self._door.coloured:
                await self.own("")
        await self.flush()
        if self._own is not None:
            os.close(self._own)
            self._own = None

    def _passed(self, data: bytes) -> bytes:
        if self.terminal:
            data = self._door.pass_bytes(data).encode("utf-8", "replace")
        if data:
            self.mid_line = not data.endswith((b"\n", b"\r"))
        return data

    async def _raw(self, data: bytes) -> None:
        view = memoryview(data)
        while view and not self.closed:
            try:
                view = view[os.write(self.descriptor if self._own is None else self._own, view) :]
            except BlockingIOError:
                await self._writable()
            except (BrokenPipeError, ConnectionResetError):
                self.closed = True
            except OSError as error:
                # a terminal that has been hung up
                if not self.terminal:
                    raise
                self.closed = True
                del error

    async def _writable(self) -> None:
        if self._own is None:
            await asyncio.sleep(0.02)
            return
        await writable(self._own)
