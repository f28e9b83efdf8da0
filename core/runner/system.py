"""What the kernel offers and the standard library does not: prctl, the title in ps, clean descriptors."""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, argument: int | bytes) -> None:
    """prctl(2). Raises OSError."""
    value = ctypes.c_char_p(argument) if isinstance(argument, bytes) else ctypes.c_ulong(argument)
    if _libc.prctl(option, value, ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def set_title(title: str) -> None:
    """Show `title` as this process's command line, cut to the room its arguments took at its start."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    # fields 48 and 49 of proc(5); the first field behind the name is number 3
    start, end = int(fields[45]), int(fields[46])
    room = end - start
    if start == 0 or room < 2:
        return
    text = title.encode("utf-8", "replace")[: room - 1]
    ctypes.memmove(start, text.ljust(room, b"\0"), room)


def close_all_but(keep: set[int]) -> None:
    """Close every descriptor that is not in `keep`."""
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd not in keep:
            try:
                os.close(fd)
            except OSError as error:
                # the listing's own descriptor is closed by now
                if error.errno != 9:
                    raise
