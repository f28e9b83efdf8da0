"""What an engine is asked of the store rather than of one job: scripts, environments, tokens, settings, status."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.config import VERSION

from .changes import note
from .leader import leader_facts
from .shared import Shared

if TYPE_CHECKING:
    from core.access import AppToken, AuditEntry, Caller, Role
    from core.service import Environment, Parameter, Script, ScriptStatistics, ServiceStatus, Setting, Value

    from .catalogue import Catalogue
    from .looking import Looking
    from .tokens import Authenticator


class Administration:
    """This part of JobService, over what the parts of an engine share."""

    _looking: Looking

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._audit = shared.audit
        self._scripts: Catalogue | None = None
        self._authenticator: Authenticator | None = None

    @property
    def _catalogue(self) -> Catalogue:
        # Made when it is asked for: a look at jobs must not wait for it.
        if self._scripts is None:
            from .catalogue import Catalogue

            self._scripts = Catalogue(self._shared)
        return self._scripts

    # -- scripts and environments ----------------------------------------------------------------------------------

    async def scripts(self) -> Sequence[Script]:
        """All scripts, by name."""
        return await self._catalogue.scripts()

    async def script(self, script: int | str) -> Script:
        """One script by id, name or path."""
        return await self._catalogue.script(script)

    async def script_parameters(self, script: int | str) -> Sequence[Parameter]:
        """What the script asks for, read from its file as it is now."""
        return await self._catalogue.parameters(script)

    async def script_content(self, script: int | str) -> bytes:
        """The script's file as it is now."""
        return await self._catalogue.content(script)

    async def script_statistics(self) -> Sequence[ScriptStatistics]:
        """How the jobs of each script on record went."""
        return await self._catalogue.statistics()

    async def add_script(self, path: str, *, content: bytes | None = None, **settings: Value) -> Script:
        """Put a file on record; `settings` are fields of Script. With `content` it is kept here, named `path`."""
        with self._audit.act("add_script", f"script {path}") as act:
            script = await self._catalogue.add(path, content, settings)
            act.target = f"script {script.id} ({script.name})"
            return script

    async def change_script(self, script: int | str, *, content: bytes | None = None, **settings: Value) -> Script:
        """Change fields of a script, or the content of one that the service keeps itself."""
        what = ", ".join([*settings, *([] if content is None else ["content"])])
        with self._audit.act("change_script", f"script {script}: {what}") as act:
            changed = await self._catalogue.change(script, content, settings)
            act.target = f"script {changed.id} ({changed.name}): {what}"
            return changed

    async def remove_script(self, script: int | str) -> None:
        """Forget a script; its jobs stay."""
        with self._audit.act("remove_script", f"script {script}") as act:
            removed = await self._catalogue.remove(script)
            act.target = f"script {removed.id} ({removed.name})"

    async def environments(self) -> Sequence[Environment]:
        """Every environment, found or added."""
        return await self._catalogue.environments()

    async def add_environment(self, environment: Environment) -> Environment:
        """Add an environment."""
        with self._audit.act("add_environment", f"environment {environment.name}"):
            return await self._catalogue.add_environment(environment)

    async def change_environment(self, name: str, **settings: Value) -> Environment:
        """Change an environment; a found one becomes the user's own."""
        with self._audit.act("change_environment", f"environment {name}: {', '.join(settings)}"):
            return await self._catalogue.change_environment(name, settings)

    async def remove_environment(self, name: str) -> None:
        """Remove an environment that a user added."""
        with self._audit.act("remove_environment", f"environment {name}"):
            await self._catalogue.remove_environment(name)

    # -- who may do what -------------------------------------------------------------------------------------------

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
        from core.access import AppToken

        from .catalogue import change
        from .tokens import grant

        with self._audit.act("grant_token", f"token for {identity} ({role})") as act:
            wanted = AppToken(0, identity, role, description, expires=expires, scripts=scripts, tags=tags)
            token = await change(self._shared, lambda c: grant(c, wanted))
            act.target = f"token {token.id} for {token.identity} ({token.role})"
            return token

    async def tokens(self) -> Sequence[AppToken]:
        """Every app token that was granted, revoked and expired ones too; not those of jobs."""
        from .tokens import all_tokens

        return await self._shared.database.read(all_tokens)

    async def revoke_token(self, id: int) -> AppToken:
        """End a token at once."""
        from .catalogue import change
        from .tokens import revoke

        with self._audit.act("revoke_token", f"token {id}") as act:
            token = await change(self._shared, lambda c: revoke(c, id))
            act.target = f"token {id} of {token.identity} ({token.role})"
            return token

    def authenticate(self, text: str, address: str = "") -> Caller | str:
        """Who shows this token, or why it opens nothing, as a sentence. Raises Unavailable.

        Reads the database on the calling thread, which takes some microseconds.
        """
        return self._authentication().authenticate(text, address)

    def data_version(self) -> int:
        """A number that changes when anybody has committed anything. Takes some microseconds. Raises Unavailable."""
        return self._authentication().data_version()

    def _authentication(self) -> Authenticator:
        if self._authenticator is None:
            from .tokens import Authenticator, note_use

            def used(id: int, when: int) -> None:
                self._shared.database.post(lambda c: note_use(c, id, when))

            self._authenticator = Authenticator(self._shared.live.now.database, self._shared.store, used)
        return self._authenticator

    def _close_authenticator(self) -> None:
        if self._authenticator is not None:
            self._authenticator.close()

    async def audit(self, *, take: int = 100, since: int | None = None) -> Sequence[AuditEntry]:
        """Who did what, newest first."""
        return await asyncio.to_thread(self._audit.read, take, since)

    # -- the store itself ------------------------------------------------------------------------------------------

    async def status(self) -> ServiceStatus:
        """Where everything is and how it fares."""
        from core.service import ServiceStatus

        from .environment_catalog import problems
        from .retention import retention

        settings = self._shared.live.now
        leader = await self._shared.database.read(lambda c: leader_facts(c, self._shared.store))
        counted = await self._looking.counts()
        kept, held = await self._shared.database.read(lambda c: retention(c, settings.retention_days))
        return ServiceStatus(
            version=VERSION,
            data_directory=self._shared.store,
            config_file=settings.config_file,
            log_file=settings.log_file,
            leader=leader,
            counts={status.name: number for status, number in sorted(counted.items())},
            max_running=settings.max_running,
            problems=(*problems(self._shared.store), *([] if held is None else [held])),
            retention=kept,
        )

    async def settings(self) -> Sequence[Setting]:
        """The settings of the store."""
        from .settings import all_settings

        self._shared.live.refresh()
        return all_settings(self._shared.live.now)

    async def change_settings(self, **values: Value) -> Sequence[Setting]:
        """Change settings, in the settings file; None puts the default back. Engines that run take them over soon."""
        from .settings import change as change_file

        what = ", ".join(f"{name} = {'default' if value is None else value}" for name, value in values.items())
        with self._audit.act("change_settings", what):
            await asyncio.to_thread(change_file, self._shared.live.now, values)
            await self._shared.database.write(lambda c: note(c, "setting"))
            return await self.settings()
