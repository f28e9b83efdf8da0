"""What a script asks for, read from the script without running it."""

from __future__ import annotations

from core.params.header import read_header
from core.params.interface import Interface, Option, Unread

__all__ = ["Interface", "Option", "Unread", "read_interface"]


def read_interface(content: bytes, kind: str, file_name: str, *, program: str = "", cache: str = "") -> Interface:
    """The interface of a script whose bytes are `content`.

    `kind` is the kind of its environment: "python" is also read as Python, "powershell" by PowerShell itself, which is
    `program`; `cache` is a directory for what that found. `file_name` is for messages.
    Raises Unread for a PowerShell script that must be read first, Invalid when a comment header cannot be understood.
    Python that cannot be parsed has no interface.
    """
    if kind == "powershell":
        from core.params.powershell import read_powershell

        return read_powershell(content, program, cache)
    header = read_header(content, file_name)
    if kind != "python":
        return header
    from core.params.python import read_python

    found = read_python(content)
    if found.style == "none" and header.style != "none":
        return header
    if not found.description and header.description:
        from dataclasses import replace

        return replace(found, description=header.description)
    return found
