"""Whether this system ends a user's processes, and so the jobs, when the user logs out; and what keeps them."""

from __future__ import annotations

import glob
import os
import re

#: where the system's files are looked for
ROOT = "/"
#: the least important directory first; a file of the same name in a later one takes its place
_DIRECTORIES = ("usr/lib", "usr/local/lib", "run", "etc")
_YES = frozenset({"yes", "y", "true", "t", "1", "on"})


def what_keeps_jobs(root: str | None = None, user: str | None = None) -> str | None:
    """The commands that keep this process's jobs when the user logs out; None where they stay anyway.

    Reads files only: what logind is told (logind.conf(5)), whose processes we are among, and whether the user lingers.
    Jobs are processes of the session, or of the user's own service manager: where jobdeck was started from.
    """
    root = ROOT if root is None else root
    user = _user() if user is None else user
    lingers = os.path.exists(os.path.join(root, "var/lib/systemd/linger", user))
    place = _read(os.path.join(root, "proc/self/cgroup"))
    if re.search(r"/session-[^/]+\.scope", place):
        if _kills(root, user):
            # A session's processes end with it, whether the user lingers or not.
            return "`loginctl enable-linger`, and from then on `systemd-run --user --scope jobdeck`"
    elif re.search(r"/user@\d+\.service", place) and not lingers:
        # The user's service manager ends with the last session.
        return "`loginctl enable-linger`"
    return None


def _kills(root: str, user: str) -> bool:
    """Whether logind ends the processes of this user's sessions."""
    told = {"KillUserProcesses": "no", "KillOnlyUsers": "", "KillExcludeUsers": "root"}
    for path in _files(root):
        section = ""
        for line in _read(path).splitlines():
            line = line.strip()
            if line.startswith("["):
                section = line
            name, equals, value = line.partition("=")
            if section == "[Login]" and equals and name.strip() in told:
                told[name.strip()] = value.strip()
    if user in told["KillExcludeUsers"].split():
        return False
    only = told["KillOnlyUsers"].split()
    return user in only if only else told["KillUserProcesses"].lower() in _YES


def _files(root: str) -> list[str]:
    """The files that logind reads, in its order: one whole file, then additions by their names."""
    main: list[str] = []
    additions: dict[str, str] = {}
    for directory in _DIRECTORIES:
        whole = os.path.join(root, directory, "systemd/logind.conf")
        if os.path.exists(whole):
            main = [whole]
        for path in glob.glob(os.path.join(root, directory, "systemd/logind.conf.d/*.conf")):
            additions[os.path.basename(path)] = path
    return [*main, *(additions[name] for name in sorted(additions))]


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
