"""The resource limits that jobs get: those this process was started with, whatever it raised for itself."""

from __future__ import annotations

import resource

_NAMES = ("CPU", "FSIZE", "DATA", "STACK", "CORE", "NOFILE", "AS", "NPROC", "MEMLOCK")
#: how many open files this process might have before it took more
_open_files: list[tuple[int, int]] = []


def limits_of_jobs() -> dict[str, list[int]]:
    """Soft and hard limit by name, as in RLIMIT_NAME."""
    found = {name: list(resource.getrlimit(getattr(resource, "RLIMIT_" + name))) for name in _NAMES}
    if _open_files:
        found["NOFILE"] = list(_open_files[0])
    return found


def take_open_files() -> None:
    """Let this process have as many open files as it may: every client of a server is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # Jobs keep the old one: some programs close every descriptor below the limit one by one.
        _open_files.append((soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
