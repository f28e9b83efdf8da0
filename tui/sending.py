"""Running a file of this computer on a server: the script of its name there, once it holds what the file holds."""

from __future__ import annotations

import os

from core.service import Forbidden, Invalid, JobService, NotFound, Script

_LARGEST = 64 << 20


async def script_for(service: JobService, path: str) -> Script:
    """The server's script that has the file's name and content; the file is sent where it is missing or was changed.

    Raises Invalid when there is another script of that name, which may be somebody else's.
    """
    content = read(path)
    name = os.path.basename(path)
    try:
        script = await service.script(name)
    except NotFound:
        return await _sent(service, name, path, content)
    if script.notes == origin(path):
        if await service.script_content(script.id) != content:
            script = await service.change_script(script.id, content=content)
        return script
    if await service.script_content(script.id) == content:
        return script
    raise Invalid(
        f"The server has another script {name!r} ({script.id}), with other content: it was not touched. To run that "
        f"one give its number: run {script.id}. To put yours in its place: scripts change {script.id} --content "
        f"{name}. Or give your file another name."
    )


async def _sent(service: JobService, name: str, path: str, content: bytes) -> Script:
    try:
        return await service.add_script(name, content=content, notes=origin(path))
    except Forbidden as error:
        raise Forbidden(f"The server has no script {name!r}, and it cannot be sent: {error}") from error


def origin(path: str) -> str:
    """The notes of a script that was sent: which file of which computer it is."""
    return f"Sent from {os.uname().nodename}:{path}"


def read(path: str) -> bytes:
    """The file's bytes. Raises Invalid."""
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > _LARGEST:
        raise Invalid(f"{path} is larger than {_LARGEST >> 20} MiB, too large for a script.")
    return content
