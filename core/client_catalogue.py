"""What a client asks of the store rather than of one job: scripts, environments, settings, tokens; and how it asks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from core import wire
from core.access import AppToken, AuditEntry, Role
from core.errors import Conflict, NotFound
from core.exchange import Again, params, quoted, understanding
from core.model import Environment, Parameter, Script, ScriptStatistics, ServiceStatus, Setting, Value
from core.times import rfc3339
from core.transport import Params, Transport

T = TypeVar("T")
#: so many audit entries are asked for at once
_ENTRIES = 100_000


class Asking:
    """Requests whose answers are data classes."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.address = transport.name

    async def _get(self, path: str, asked: Params = ()) -> Any:
        return self._json(await self._transport.send("GET", path, params=asked))

    async def _one(self, kind: type[T], path: str, asked: Params = ()) -> T:
        return self._read(kind, await self._transport.send("GET", path, params=asked))

    async def _list(self, kind: type[T], path: str, asked: Params = ()) -> list[T]:
        return self._read_list(kind, await self._transport.send("GET", path, params=asked))

    async def _gone(self, path: str) -> None:
        """Remove a thing; not finding it when asked for the second time is what was wanted."""
        again = Again()
        try:
            await self._transport.send("DELETE", path, on_again=again)
        except NotFound:
            if not again.happened:
                raise

    def _json(self, body: bytes) -> Any:
        with understanding(self.address):
            return json.loads(body)

    def _read(self, kind: type[T], body: bytes) -> T:
        with understanding(self.address):
            return wire.decode(kind, json.loads(body))

    def _read_list(self, kind: type[T], body: bytes) -> list[T]:
        with understanding(self.address):
            return wire.decode_list(kind, json.loads(body))


class Catalogue(Asking):
    """The part of JobService that is not about one job."""

    # -- scripts and environments ----------------------------------------------------------------------------------

    async def scripts(self) -> Sequence[Script]:
        """All scripts, by name."""
        return await self._list(Script, "/script")

    async def script(self, script: int | str) -> Script:
        """One script by id, name or path."""
        path = f"/script/{script}" if isinstance(script, int) else f"/script/path/{quoted(script)}"
        return await self._one(Script, path)

    async def script_parameters(self, script: int | str) -> Sequence[Parameter]:
        """What the script asks for, read from its file as it is now; also that of a file that is not on record."""
        if isinstance(script, str) and not script.isdecimal():
            return await self._list(Parameter, f"/script/{quoted(script)}/parameter")
        return await self._list(Parameter, f"{await self._script_path(script)}/parameter")

    async def script_content(self, script: int | str) -> bytes:
        """The script's file as it is now."""
        return await self._transport.send("GET", f"{await self._script_path(script)}/content")

    async def script_statistics(self) -> Sequence[ScriptStatistics]:
        """How the jobs of each script on record went."""
        return await self._list(ScriptStatistics, "/script/statistics")

    async def add_script(self, path: str, *, content: bytes | None = None, **settings: Value) -> Script:
        """Put a file of the server's computer on record, or with `content` one that the service keeps itself."""
        body = wire.encode_settings(Script, settings) | {wire.keys(Script)["path"]: path}
        if content is not None:
            body |= wire.content_fields(content)
        return self._read(Script, await self._transport.send("POST", "/script", body=body, again=False))

    async def change_script(self, script: int | str, *, content: bytes | None = None, **settings: Value) -> Script:
        """Change fields of a script, or the content of one that the service keeps itself."""
        id = script if isinstance(script, int) else (await self.script(script)).id
        body = wire.encode_settings(Script, settings) | {"id": id}
        if content is not None:
            body |= wire.content_fields(content)
        return self._read(Script, await self._transport.send("PUT", "/script", body=body))

    async def remove_script(self, script: int | str) -> None:
        """Forget a script; its jobs stay."""
        await self._gone(await self._script_path(script))

    async def _script_path(self, script: int | str) -> str:
        return f"/script/{script if isinstance(script, int) else (await self.script(script)).id}"

    async def environments(self) -> Sequence[Environment]:
        """Every environment, found or added."""
        return await self._list(Environment, "/environment")

    async def add_environment(self, environment: Environment) -> Environment:
        """Add an environment."""
        body = wire.encode(environment)
        return self._read(Environment, await self._transport.send("POST", "/environment", body=body, again=False))

    async def change_environment(self, name: str, **settings: Value) -> Environment:
        """Change an environment; a found one becomes the user's own."""
        body = wire.encode_settings(Environment, settings)
        return self._read(Environment, await self._transport.send("PUT", f"/environment/{quoted(name)}", body=body))

    async def remove_environment(self, name: str) -> None:
        """Remove an environment that a user added."""
        await self._gone(f"/environment/{quoted(name)}")

    # -- the service itself ----------------------------------------------------------------------------------------

    async def status(self) -> ServiceStatus:
        """Where everything is and how it fares."""
        return await self._one(ServiceStatus, "/status")

    async def settings(self) -> Sequence[Setting]:
        """The settings of the store."""
        return await self._list(Setting, "/setting")

    async def change_settings(self, **values: Value) -> Sequence[Setting]:
        """Change settings, in the settings file; None puts the default back."""
        return self._read_list(Setting, await self._transport.send("PUT", "/setting", body=values))

    async def grant_token(
        self,
        identity: str,
        role: Role,
        *,
        description: str = "",
        expires: int | None = None,
        scripts: tuple[str, ...] = (),
        tags: tuple[str, ...] = (),
    ) -> AppToken:
        """Make an app token; its `token` is shown this once. `expires` None = in a year."""
        wanted = {
            "identity": identity,
            "role": role,
            "description": description,
            "expires": expires,
            "scripts": scripts,
            "tags": tags,
        }
        body = wire.encode_settings(AppToken, wanted)
        return self._read(AppToken, await self._transport.send("POST", "/apptoken", body=body, again=False))

    async def tokens(self) -> Sequence[AppToken]:
        """Every app token that was granted, revoked and expired ones too; not those of jobs."""
        return await self._list(AppToken, "/apptoken")

    async def revoke_token(self, id: int) -> AppToken:
        """End a token at once."""
        again = Again()
        try:
            await self._transport.send("DELETE", f"/apptoken/{id}", on_again=again)
        except (Conflict, NotFound):
            if not again.happened:
                raise
        return next(token for token in await self.tokens() if token.id == id)

    async def audit(self, *, take: int = 100, since: int | None = None) -> Sequence[AuditEntry]:
        """Who did what, newest first."""
        asked = params(take=min(take, _ENTRIES), since=None if since is None else rfc3339(max(since, 1)))
        return await self._list(AuditEntry, "/audit", asked)
