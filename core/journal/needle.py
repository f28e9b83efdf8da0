"""Finding plain bytes in many: by the C library's memmem where there is one, several times faster than Python's."""

from __future__ import annotations

import functools
from collections.abc import Callable

#: below this many bytes the call costs more than it saves
_WORTH = 4096


def find(buffer: bytes, pattern: bytes, start: int, end: int) -> int:
    """Where `pattern` begins first in buffer[start:end]; -1 where it does not."""
    memmem = _memmem() if end - start > _WORTH and len(pattern) > 1 else None
    return buffer.find(pattern, start, end) if memmem is None else memmem(buffer, pattern, start, end)


@functools.cache
def _memmem() -> Callable[[bytes, bytes, int, int], int] | None:
    # Imported with the first search: a runner or a list of jobs has no use for it.
    try:
        import ctypes

        function = ctypes.CDLL(None).memmem
    except (ImportError, OSError, AttributeError):
        return None
    function.restype = ctypes.c_void_p
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)

    def call(buffer: bytes, pattern: bytes, start: int, end: int) -> int:
        base = ctypes.cast(ctypes.c_char_p(buffer), ctypes.c_void_p).value or 0
        found: int | None = function(base + start, min(end, len(buffer)) - start, pattern, len(pattern))
        return -1 if found is None else found - base

    return call
