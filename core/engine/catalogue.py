"""Scripts and environments of one engine: looked up for a caller, changed together with the snapshot of them."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from core.params.interface import Unread
from core.service import Environment, Invalid, NotFound, Parameter, Script, ScriptStatistics, ServiceError

from . import callers, scripts
from .content import kept_path, read_content, remove_content, write_content
from .shared import Shared

T = TypeVar("T")


async def change(shared: Shared, function: Callable[[sqlite3.Connection], T]) -> T:
    """A change of what the snapshot holds."""

    def changing(connection: sqlite3.Connection) -> T:
        result = function(connection)
        scripts.take_snapshot(connection, shared.store)
        return result

    return await shared.database.write(changing)


class Catalogue:
    """The scripts that an engine has on record. Callers with a restricted token see theirs alone."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._read = shared.database.read

    async def scripts(self) -> list[Script]:
        """All scripts, by name."""
        found = await self._read(scripts.all_scripts)
        who = callers.acting()
        return [script for script in found if callers.may_see(who, script)]

    async def script(self, script: int | str) -> Script:
        """One script by id, name or path. Raises NotFound, Invalid, Forbidden."""
        found = await self._read(lambda c: scripts.find_script(c, script))
        callers.check_script(callers.acting(), found)
        return found

    async def parameters(self, script: int | str) -> Sequence[Parameter]:
        """What a script asks for, read from its file as it is now."""
        from .environment_catalog import parameters_of, unrecorded

        try:
            found = await self.script(script)
        except NotFound:
            if not isinstance(script, str) or "/" not in script:
                raise
            found = unrecorded(script)
            callers.check_run(callers.acting(), found)
        try:
            return await self._read(lambda c: parameters_of(c, found, self._shared.store))
        except Unread as unread:
            await asyncio.to_thread(unread.read)
        try:
            return await self._read(lambda c: parameters_of(c, found, self._shared.store))
        except Unread:
            raise Invalid(f"{found.name} changes while it is read. Ask again when it is written.") from None

    async def content(self, script: int | str) -> bytes:
        """A script's file as it is now."""
        return await asyncio.to_thread(read_content, await self.script(script))

    async def statistics(self) -> Sequence[ScriptStatistics]:
        """How the jobs of each script went."""
        from .statistics import script_statistics

        found = await self._read(script_statistics)
        if not callers.is_restricted(callers.acting()):
            return found
        seen = {script.id for script in await self.scripts()}
        return [each for each in found if each.script_id in seen]

    async def add(self, path: str, content: bytes | None, settings: Mapping[str, Any]) -> Script:
        """Put a file on record; with `content` it is kept here, under the name `path`."""
        callers.check_add(callers.acting(), path)
        if content is None:
            path = os.path.abspath(path)
            if not os.path.isfile(path):
                raise Invalid(f"There is no file {path}.")
            told = await asyncio.to_thread(_description, path, None)
            settings = {"description": told, **settings}
            return await change(self._shared, lambda c: scripts.insert_script(c, path, settings))
        kept = kept_path(self._shared.store, path)

        def add(connection: sqlite3.Connection) -> Script:
            # The row first: a script that is on record already is not written over.
            told = _description(path, content)
            script = scripts.insert_script(connection, kept, {"name": path, "description": told, **settings})
            write_content(self._shared.store, script, content)
            return script

        return await change(self._shared, add)

    async def change(self, script: int | str, content: bytes | None, settings: Mapping[str, Any]) -> Script:
        """Change fields of a script, or the content of one that is kept here."""
        known = await self.script(script)

        def changing(connection: sqlite3.Connection) -> Script:
            changed = scripts.update_script(connection, known.id, settings)
            if content is not None:
                write_content(self._shared.store, changed, content)
            return changed

        return await change(self._shared, changing)

    async def remove(self, script: int | str) -> Script:
        """Forget a script; its jobs stay. Which one it was."""
        known = await self.script(script)
        removed = await change(self._shared, lambda c: scripts.delete_script(c, known.id))
        await asyncio.to_thread(remove_content, self._shared.store, removed)
        return removed

    async def environments(self) -> list[Environment]:
        """Every environment, found or added."""
        from .environment_catalog import with_added

        found = await self._found()
        return await self._read(lambda c: with_added(c, found))

    async def _found(self) -> list[Environment]:
        """What is found on this computer: candidates are tried once, while nobody waits for the database."""
        from .environment_catalog import found_environments, keep_probes, known_probes

        known = await self._read(known_probes)
        probes = dict(known)
        found = await asyncio.to_thread(found_environments, probes)
        news = {key: value for key, value in probes.items() if known.get(key) != value}
        if news:
            await self._shared.database.write(lambda c: keep_probes(c, news))
        return found

    async def add_environment(self, environment: Environment) -> Environment:
        """Add an environment. Raises Conflict when the name is taken."""
        from .environment_catalog import add_environment, spoken

        found = await self._found()
        # it is tried before anything is written
        environment = await asyncio.to_thread(spoken, environment)
        return await change(self._shared, lambda c: add_environment(c, found, environment))

    async def change_environment(self, name: str, settings: Mapping[str, Any]) -> Environment:
        """Change an environment; a found one becomes the user's own."""
        from .environment_catalog import change_environment, changed_environment, spoken

        found = await self._found()
        if not {"path", "kind"}.isdisjoint(settings) and "version" not in settings:
            # another program: it is tried before anything is written
            new = await self._read(lambda c: changed_environment(c, found, name, settings))
            told = await asyncio.to_thread(spoken, replace(new, version=""))
            settings = {**settings, "version": told.version}
        return await change(self._shared, lambda c: change_environment(c, found, name, settings))

    async def remove_environment(self, name: str) -> None:
        """Remove an environment that a user added."""
        from .environment_catalog import remove_environment

        found = await self._found()
        await change(self._shared, lambda c: remove_environment(c, found, name))


#: the first line of a synopsis in PowerShell's comment-based help
_SYNOPSIS = re.compile(rb"^[ \t#]*\.SYNOPSIS[ \t]*\r?\n[ \t#]*([^\s#][^\r\n]*)", re.IGNORECASE | re.MULTILINE)


def _description(path: str, content: bytes | None) -> str:
    """What a script says of itself in its first line; "" where it says nothing, or nothing that can be read."""
    from core.params.read import read_interface

    try:
        if content is None:
            with open(path, "rb") as file:
                content = file.read()
        told = _SYNOPSIS.search(content) if path.endswith(".ps1") else None
        if told is not None:
            return told.group(1).decode("utf-8", "replace").strip()
        is_python = path.endswith(".py") or b"python" in content[:100].partition(b"\n")[0]
        return read_interface(content, "python" if is_python else "command", os.path.basename(path)).synopsis
    except (OSError, ServiceError):
        # It is put on record even so; whoever runs it is told what is wrong with it.
        return ""
