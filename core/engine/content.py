"""Scripts whose files the service keeps itself, under `scripts/` in the data directory."""

from __future__ import annotations

import contextlib
import os

from core.service import Invalid, Script, Unavailable

from .paths import write_whole

_LONGEST = 200


def kept_path(store: str, name: str) -> str:
    """Where the script of this name lies: folders in the name are folders there. Raises Invalid."""
    parts = name.split("/")
    if (
        not name
        or len(name.encode("utf-8", "surrogatepass")) > _LONGEST
        or not name.isprintable()
        or any(part in ("", ".", "..") or part != part.strip() for part in parts)
    ):
        raise Invalid(
            f"{name!r} cannot be the name of a script that jobdeck keeps: give a file's name, also with folders, such"
            f" as reports/daily.sh, of at most {_LONGEST} bytes."
        )
    return os.path.join(store, "scripts", *parts)


def is_kept(store: str, path: str) -> bool:
    """Whether the service keeps the file itself."""
    return path.startswith(os.path.join(store, "scripts") + os.sep)


def write_content(store: str, script: Script, content: bytes) -> None:
    """Put a kept script's content in place, whole. Raises Invalid for a file that somebody else keeps, Unavailable."""
    if not is_kept(store, script.path):
        raise Invalid(
            f"{script.path} is a file of its own, which jobdeck does not change. Edit the file; or remove the script"
            " and add it with its content, then jobdeck keeps it."
        )
    try:
        os.makedirs(os.path.dirname(script.path), mode=0o700, exist_ok=True)
        write_whole(script.path, content)
        os.chmod(script.path, 0o700)
    except OSError as error:
        raise Unavailable(f"{script.path} cannot be written: {error.strerror}. Nothing was changed.") from error


def read_content(script: Script) -> bytes:
    """A script's file as it is now. Raises Invalid."""
    try:
        with open(script.path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Invalid(f"{script.path} cannot be read: {error.strerror}.") from error


def remove_content(store: str, script: Script) -> None:
    """Take a kept script's file away, with folders that are empty then. Jobs have copies of what they ran."""
    if not is_kept(store, script.path):
        return
    root = os.path.join(store, "scripts")
    with contextlib.suppress(OSError):
        os.unlink(script.path)
        folder = os.path.dirname(script.path)
        while folder != root:
            os.rmdir(folder)
            folder = os.path.dirname(folder)
