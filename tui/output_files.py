"""A job's output on its way into a file or a pager: record by record, never whole in memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
from collections.abc import AsyncIterator, Callable

from core.journal import format as journal
from core.journal.text import record_text
from core.service import JobService, Record
from tui.text import RESET, Door
from tui.widgets.painted import neutral

_STEP = 1 << 20


async def texts(service: JobService, id: int, streams: frozenset[int]) -> AsyncIterator[tuple[Record, bytes]]:
    """The records of these streams with their console text; a message begins on a line of its own."""
    within = False
    async for record in service.records(id, streams=streams):
        data = record_text(record.stream, record.data, record.flags)
        if within and record.stream not in journal.RAW_STREAMS:
            data = b"\n" + data
        if data:
            within = not data.endswith(b"\n")
        yield record, data


async def save(
    service: JobService, id: int, streams: frozenset[int], path: str, told: Callable[[int], None] = lambda _size: None
) -> int:
    """Write the output as the job wrote it, whole or not at all; returns the bytes. Raises OSError, ServiceError."""
    path = os.path.abspath(os.path.expanduser(path))
    partial = f"{path}.part"
    size = 0
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "wb", buffering=_STEP) as file:
            async for _record, data in texts(service, id, streams):
                file.write(data)
                size += len(data)
                told(size)
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise
    return size


async def page(service: JobService, id: int, streams: frozenset[int]) -> str | None:
    """Show the output in $PAGER, colours and text alone; the terminal must be ours. A sentence when it could not."""
    told = os.environ.get("PAGER") or "less"
    try:
        command = shlex.split(told)
    except ValueError as error:
        return f"PAGER is no command line ({told}): {error}."
    if not command or shutil.which(command[0]) is None:
        return f"There is no program {command[0] if command else 'less'}: set PAGER to one that shows text."
    variables = {**os.environ, "LESS": os.environ.get("LESS", "-R")}
    before = signal.getsignal(signal.SIGINT)
    # ctrl+c is the pager's while it runs.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, env=variables, preexec_fn=_default_interrupt
        )
        try:
            await _feed(process, service, id, streams)
        finally:
            await process.wait()
    except OSError as error:
        return f"{command[0]} cannot be started: {error.strerror}."
    finally:
        signal.signal(signal.SIGINT, before)
    return None


def _default_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class _Lines:
    """The door for one stream, anew for each line: a sequence that is never closed takes no more than its line."""

    def __init__(self) -> None:
        self._door = Door()

    def pass_bytes(self, data: bytes) -> str:
        """What may reach the terminal; colours end with it."""
        if b"\x1b" not in data and b"\xc2" not in data and self._door.plain:
            return self._ended(self._door.pass_bytes(data))
        first, *others = data.split(b"\n")
        passed = [self._ended(self._door.pass_bytes(first, bool(others)))]
        for line in others:
            self._door = Door()
            passed.append(self._ended(self._door.pass_bytes(line)))
        return "\n".join(passed)

    def _ended(self, text: str) -> str:
        if not text.isascii():
            text = neutral(text)
        return text + RESET if self._door.coloured else text


async def _feed(process: asyncio.subprocess.Process, service: JobService, id: int, streams: frozenset[int]) -> None:
    pipe = process.stdin
    if pipe is None:
        return
    doors: dict[int, _Lines] = {}
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        async for record, data in texts(service, id, streams):
            pipe.write(doors.setdefault(record.stream, _Lines()).pass_bytes(data).encode())
            await pipe.drain()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        pipe.close()
        await pipe.wait_closed()
