"""The shape of a journal: what one index entry is and what each stream number means.

A journal is two append-only files in the job's directory:

* ``out.dat``: the bytes of every record, one after the other.
* ``out.idx``: one entry of 32 bytes per record, written after the record's bytes.

Entries are 32 bytes because a write of 24 may straddle a page and be seen torn by a reader.
"""

from __future__ import annotations

import struct

DATA_FILE = "out.dat"
INDEX_FILE = "out.idx"

#: time (ns since the epoch, UTC), offset in out.dat, length, stream, flags
ENTRY = struct.Struct("<QQQII")
ENTRY_SIZE = ENTRY.size

#: Not a record but a gap: output that a cap gave back. Its index entries are zeros on disk; a reader tells of them as
#: one entry: `number` of the first, `length` bytes, `flags` records.
ELIDED = 0
STDOUT = 1
STDERR = 2
INFORMATION = 3
WARNING = 4
VERBOSE = 5
DEBUG = 6
ERROR = 7
PROGRESS = 8
OBJECT = 9
PROMPT = 10
ANSWER = 11
STATE = 12
#: what processes of the job wrote to their terminal itself (/dev/tty), not to stdout or stderr
TERMINAL = 13

STREAM_NAMES: dict[int, str] = {
    STDOUT: "stdout",
    STDERR: "stderr",
    INFORMATION: "information",
    WARNING: "warning",
    VERBOSE: "verbose",
    DEBUG: "debug",
    ERROR: "error",
    PROGRESS: "progress",
    OBJECT: "object",
    PROMPT: "prompt",
    ANSWER: "answer",
    STATE: "state",
    TERMINAL: "terminal",
}
STREAM_NUMBERS: dict[str, int] = {name: number for number, name in STREAM_NAMES.items()}

#: Streams whose records are raw bytes, one read each, many lines.
RAW_STREAMS = frozenset({STDOUT, STDERR, TERMINAL})
#: Streams that are text to a person, in the order they came; all but the raw ones hold JSON with a "message".
TEXT_STREAMS = RAW_STREAMS | {INFORMATION, WARNING, VERBOSE, DEBUG, ERROR}

#: The record was put together from bytes that had no entry when their writer died.
FLAG_ADOPTED = 1
#: A pipeline object in CLIXML; without it, JSON.
FLAG_CLIXML = 2
#: An information record whose line goes on in the next one.
FLAG_OPEN = 4


class JournalError(Exception):
    """A journal that cannot be read or written; the text says which and why."""


class Entry:
    """One index entry. `number` counts from 1 and never changes: it is the address of the record."""

    __slots__ = ("flags", "length", "number", "offset", "stream", "time")

    def __init__(self, number: int, time: int, offset: int, length: int, stream: int, flags: int) -> None:
        self.number = number
        self.time = time
        self.offset = offset
        self.length = length
        self.stream = stream
        self.flags = flags
