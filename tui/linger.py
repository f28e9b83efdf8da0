"""Whether this system ends a user's processes when the last session of the user ends."""

from __future__ import annotations

import glob
import os


def ends_at_logout(root: str = "/", user: str | None = None) -> bool:
    """Whether logind is told to kill a user's processes at log-out, and this user does not linger. Reads files only."""
    killing = False
    if not os.path.isdir(os.path.join(root, "run/systemd/system")):
        return False
    files = [os.path.join(root, "etc/systemd/logind.conf")]
    for directory in ("usr/lib", "run", "etc"):
        files += sorted(glob.glob(os.path.join(root, directory, "systemd/logind.conf.d/*.conf")))
    for path in files:
        killing = _told(path, killing)
    if not killing:
        return False
    return not os.path.exists(os.path.join(root, "var/lib/systemd/linger", user or _user()))


def _told(path: str, before: bool) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file]
    except OSError:
        return before
    for line in lines:
        name, _, value = line.partition("=")
        if name.strip() == "KillUserProcesses":
            before = value.strip().lower() in ("yes", "true", "1", "on")
    return before


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name
