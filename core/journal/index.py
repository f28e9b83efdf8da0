"""The last complete entry of an index: what a writer that recovers and a reader that looks on agree about."""

from __future__ import annotations

import os

from core.journal.format import ENTRY, ENTRY_SIZE

#: entries looked at in one read while walking back from the end
_BLOCK = 4096


def complete_end(index_fd: int, data_size: int) -> tuple[int, int, int]:
    """How many records are complete, how many bytes of data they cover, and the time of the last one (0 = none).

    Entries are dropped from the end while they are torn (not 32 bytes), zeros (blocks a power loss left unwritten;
    a hole is never at the end), or point beyond `data_size`. Raises OSError.
    """
    count = os.fstat(index_fd).st_size // ENTRY_SIZE
    while count:
        first = max(0, count - _BLOCK)
        block = os.pread(index_fd, (count - first) * ENTRY_SIZE, first * ENTRY_SIZE)
        # A writer that recovers may have cut the index since: what is gone is not complete.
        count = first + len(block) // ENTRY_SIZE
        while count > first:
            time, offset, length, stream, _flags = ENTRY.unpack_from(block, (count - 1 - first) * ENTRY_SIZE)
            if stream and offset + length <= data_size:
                return count, offset + length, time
            count -= 1
    return 0, 0, 0
