"""The commit a file's repository stands at, read from its files: starting git would cost more than the job."""

from __future__ import annotations

import os


def commit_of(path: str) -> str | None:
    """The full hash HEAD names in the repository around the file; None when there is none, or no commit yet."""
    directory = os.path.dirname(path)
    while True:
        if os.path.lexists(os.path.join(directory, ".git")):
            try:
                return _head(os.path.join(directory, ".git"))
            except (OSError, UnicodeDecodeError):
                return None
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def _head(git: str) -> str | None:
    if os.path.isfile(git):
        # A worktree or submodule: a file that names the real directory.
        target = _read(git).removeprefix("gitdir:").strip()
        git = os.path.normpath(os.path.join(os.path.dirname(git), target))
    head = _read(os.path.join(git, "HEAD"))
    if not head.startswith("ref:"):
        return head or None
    reference = head.removeprefix("ref:").strip()
    common = git
    if os.path.exists(os.path.join(git, "commondir")):
        common = os.path.normpath(os.path.join(git, _read(os.path.join(git, "commondir"))))
    for place in (git, common):
        if os.path.exists(os.path.join(place, reference)):
            return _read(os.path.join(place, reference)) or None
    packed = os.path.join(common, "packed-refs")
    if os.path.exists(packed):
        for line in _read(packed).splitlines():
            if line.endswith(" " + reference):
                return line.split(" ", 1)[0]
    return None
