"""Client: JobService over HTTP, to a server's address or to the local socket.

What only looks is asked again when the server goes away under it, and what follows goes on behind the last that came,
so that a restart loses and doubles nothing. Of the acts only those are sent twice that cannot happen twice by it.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from core import frames, query_string, wire
from core.access import AppToken, AuditEntry, Role
from core.errors import Conflict, NotFound, ServiceError, Unavailable
from core.exchange import Again, last_number, params, quoted, server_sent, understanding
from core.exchange import lines as lines_of
from core.exchange import streams as streams_of
from core.model import (
    Environment,
    ErrorRecord,
    Event,
    Feedback,
    Hit,
    Job,
    JobPage,
    JobQuery,
    Line,
    LinePage,
    Parameter,
    PipelineObject,
    Record,
    RunRequest,
    Script,
    ScriptStatistics,
    ServiceStatus,
    Setting,
    Status,
    Usage,
    Value,
)
from core.times import rfc3339
from core.transport import PATIENCE, Params, Told, Transport, Trouble, problem

T = TypeVar("T")
#: one request waits so long (s) for a job's end: proxies cut what is silent for a minute
_WAIT_SLICE = 25.0
#: so many jobs, lines, objects, audit entries are asked for at once
_JOBS, _LINES, _OBJECTS, _ENTRIES = 1000, 20_000, 2000, 100_000
_EVENT_KINDS = ("job", "script", "environment", "setting")


class Client:
    """JobService at an address: `http(s)://HOST:PORT[/PATH]`, or the path of a local socket.

    `token`: an app token; over the local socket none is needed. `patience`: how long (s) a server that has answered
    before is waited for; `told` hears a sentence when it is waited for, and None once it is back.
    """

    def __init__(
        self, address: str, token: str | None = None, *, patience: float = PATIENCE, told: Told | None = None
    ) -> None:
        self._transport = Transport(address, token, patience=patience, told=told)
        self.address = self._transport.name
        self._token = token

    async def close(self) -> None:
        """Let go of the connections. Jobs go on."""
        await self._transport.close()

    async def sign_in(self) -> Mapping[str, Any]:
        """Whose token this is: `{identity, role, …}`. Raises Forbidden when it is nobody's."""
        answer = self._json(await self._transport.send("POST", "/signin", body={"token": self._token}))
        with understanding(self.address):
            return {**answer, "identity": str(answer["identity"]), "role": str(answer["role"])}

    # -- running ---------------------------------------------------------------------------------------------------

    async def run(self, request: RunRequest) -> Job:
        """Submit a job; asked again with the same key, the server gives the job that it has made."""
        headers = {"Idempotency-Key": request.key or str(uuid.uuid4())}
        body = wire.encode(replace(request, key=None))
        del body["key"]
        return self._read(Job, await self._transport.send("POST", "/job", body=body, headers=headers))

    async def rerun(self, id: int, *, identity: str | None = None) -> Job:
        """Run the same script again with the same parameters."""
        sent = await self._transport.send("POST", f"/job/{id}/rerun", params=params(identity=identity), again=False)
        return self._read(Job, sent)

    # -- looking ---------------------------------------------------------------------------------------------------

    async def jobs(self, query: JobQuery) -> JobPage:
        """One page of jobs, fetched in several where it is a large one."""
        found: list[Job] = []
        while True:
            part = replace(query, take=min(query.take - len(found), _JOBS))
            if found and query.order_by == "id":
                part = replace(part, before=found[-1].id, skip=0)
            elif found:
                part = replace(part, skip=query.skip + len(found))
            answer = await self._get("/job", [*query_string.write_query(part), ("total", "false")])
            with understanding(self.address):
                found += wire.decode_list(Job, answer["page"])
                more = bool(answer["more"])
            if not more or len(found) >= query.take or not answer["page"]:
                return JobPage(tuple(found), more)

    async def counts(self) -> Mapping[Status, int]:
        """How many jobs are in each status."""
        with understanding(self.address):
            return wire.decode_counts(await self._get("/job/counts"))

    async def count(self, query: JobQuery) -> int:
        """How many jobs a query has in all, whatever its page."""
        whole = replace(query, take=0, skip=0, before=None)
        with understanding(self.address):
            return int((await self._get("/job", query_string.write_query(whole)))["total"])

    async def job(self, id: int) -> Job:
        """One job with its children."""
        return await self._one(Job, f"/job/{id}")

    async def wait(self, id: int, timeout: float | None = None) -> Job:
        """The job once it is finished, or as it is after `timeout` seconds."""
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        while True:
            began = loop.time()
            left = _WAIT_SLICE if deadline is None else max(0.0, min(_WAIT_SLICE, deadline - began))
            job = await self._one(Job, f"/job/{id}/wait", params(timeout=f"{left:.3f}"))
            now = loop.time()
            if job.status.finished or (deadline is not None and now >= deadline):
                return job
            if now - began < left / 2:  # the server goes down and sends everybody home
                await asyncio.sleep(min(0.2, left))

    async def records(
        self, id: int, *, after: int = 0, streams: frozenset[int] | None = None, follow: bool = False
    ) -> AsyncIterator[Record]:
        """The journal's records behind number `after`, in order; `follow` goes on until the job has ended."""
        patience = self._transport.patience()
        while True:
            asked = params(after=after, streams=streams_of(streams), follow="true" if follow else None)
            unframer = frames.Unframer()
            try:
                async with self._transport.stream("GET", f"/job/{id}/records", params=asked) as pieces:
                    patience.heard()
                    async for piece in pieces:
                        patience.over()
                        for record in unframer.feed(piece):
                            after = last_number(record)
                            yield record
                if unframer.ended:
                    return
                trouble = Trouble(f"{self.address} broke off the records of job {id}.")
            except Trouble as met:
                trouble = met
            await patience.pause(trouble)

    async def lines(
        self, id: int, start: int, count: int, streams: frozenset[int] | None = None, *, width: int | None = None
    ) -> LinePage:
        """`count` lines from line `start`; a negative start counts from the end."""
        found: list[Line] = []
        while True:
            part = min(count - len(found), _LINES)
            asked = params(start=start, count=part, streams=streams_of(streams), width=width)
            page = await self._one(LinePage, f"/job/{id}/lines", asked)
            found += page.lines
            if len(page.lines) < part or len(found) >= count:
                return LinePage(tuple(found), page.total)
            start = page.lines[-1].number + 1

    async def line_at(self, id: int, time: int, streams: frozenset[int] | None = None) -> int:
        """The number of the first line that came at `time` or later; the number of lines when none did."""
        asked = params(time=rfc3339(max(time, 1)), streams=streams_of(streams))
        with understanding(self.address):
            return int(await self._get(f"/job/{id}/lineAt", asked))

    async def search(
        self,
        id: int,
        pattern: str,
        *,
        start: int = 0,
        regex: bool = False,
        ignore_case: bool = False,
        streams: frozenset[int] | None = None,
    ) -> AsyncIterator[Hit]:
        """Where the text stands, from line `start` on, in order."""
        patience = self._transport.patience()
        behind = (start, -1)
        while True:
            asked = params(
                pattern=pattern,
                start=behind[0],
                regex="true" if regex else None,
                ignoreCase="true" if ignore_case else None,
                streams=streams_of(streams),
            )
            try:
                async with self._transport.stream("GET", f"/job/{id}/search", params=asked) as pieces:
                    patience.heard()
                    async for line in lines_of(pieces):
                        patience.over()
                        hit = self._hit(line)
                        # Begun again, a search starts with the line that it was in.
                        if (hit.line, hit.start) > behind:
                            behind = (hit.line, hit.start)
                            yield hit
                return
            except Trouble as trouble:
                await patience.pause(trouble)

    def _hit(self, line: bytes) -> Hit:
        with understanding(self.address):
            value = json.loads(line)
            if isinstance(value, dict) and (error := value.get("error")):
                raise problem(int(error["status"]), json.dumps(error).encode(), self.address)
            return wire.decode(Hit, value)

    async def objects(self, id: int, start: int = 0, count: int = 100) -> Sequence[PipelineObject]:
        """`count` pipeline objects from the `start`-th on."""
        found: list[PipelineObject] = []
        while True:
            part = min(count - len(found), _OBJECTS)
            asked = params(start=start + len(found), count=part)
            page = await self._list(PipelineObject, f"/job/{id}/objects", asked)
            found += page
            if len(page) < part or len(found) >= count:
                return found

    async def errors(self, id: int) -> Sequence[ErrorRecord]:
        """The records of the error stream."""
        return await self._list(ErrorRecord, f"/job/{id}/error")

    async def feedback(self, id: int) -> Sequence[Feedback]:
        """Every question the job asked, the open one last."""
        return await self._list(Feedback, f"/job/{id}/feedback")

    async def job_content(self, id: int) -> bytes:
        """The copy of the script that the job ran."""
        return await self._transport.send("GET", f"/job/{id}/content")

    async def usage(self, id: int) -> Usage | None:
        """What the job's process tree uses now; None when it does not run on the server's computer."""
        answer = await self._get(f"/job/{id}/usage")
        with understanding(self.address):
            return None if answer is None else wire.decode(Usage, answer)

    # -- acting on jobs --------------------------------------------------------------------------------------------

    async def answer(
        self,
        id: int,
        text: str | None = None,
        *,
        fields: Mapping[str, str] | None = None,
        feedback: int | None = None,
        identity: str | None = None,
    ) -> Job:
        """Answer the open question, or that numbered one, with a text or with its several fields."""
        if feedback is None:
            # With its number the same answer cannot be given to the next question.
            feedback = (await self.job(id)).feedback
        path = f"/job/{id}/feedback" if feedback is None else f"/job/{id}/feedback/{feedback}"
        body: dict[str, Any] = {"response": text} if fields is None else {"fields": dict(fields)}
        again = Again()
        try:
            sent = await self._transport.send(
                "POST", path, params=params(identity=identity), body=body, again=feedback is not None, on_again=again
            )
        except Conflict:
            if again.happened and await self._is_answered(id, feedback, text, fields):
                return await self.job(id)
            raise
        return self._read(Job, sent)

    async def _is_answered(
        self, id: int, number: int | None, text: str | None, fields: Mapping[str, str] | None
    ) -> bool:
        """Whether a question has the answer that was given just now, over a connection that was lost."""
        for question in await self.feedback(id):
            if question.id == number and question.complete:
                return question.secret or fields is not None or question.response == text
        return False

    async def cancel(self, id: int, *, identity: str | None = None) -> Job:
        """Ask the job to end; it does within the grace time."""
        again = Again()
        try:
            sent = await self._transport.send(
                "POST", f"/job/{id}/cancel", params=params(identity=identity), on_again=again
            )
        except Conflict:
            if again.happened and (job := await self.job(id)).status in (Status.Canceled, Status.Canceling):
                return job
            raise
        return self._read(Job, sent)

    async def delete(self, id: int) -> None:
        """Remove a finished job with all its records."""
        await self._gone(f"/job/{id}")

    async def send_input(self, id: int, chunks: AsyncIterator[bytes]) -> None:
        """Feed the standard input of a job that was run with `standard_input="pipe"`."""
        begun = False

        async def pieces() -> AsyncIterator[bytes]:
            nonlocal begun
            async for piece in chunks:
                begun = True
                yield piece

        async def once() -> bytes:
            await self._transport.upload(f"/job/{id}/input", pieces())
            return b""

        patience = self._transport.patience()
        while True:
            try:
                await once()
                return
            except Trouble as trouble:
                if begun or trouble.sent:
                    raise Unavailable(f"{trouble} What was on its way to the input of job {id} is lost.") from trouble
                await patience.pause(trouble)

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

    async def events(self, since: int | None = None) -> AsyncIterator[Event]:
        """What changes from now on, or what has changed behind `since`, and on; it does not end by itself."""
        patience = self._transport.patience()
        begun = False
        while True:
            try:
                async with self._transport.stream("GET", "/events", params=params(since=since)) as pieces:
                    patience.heard()
                    if begun and since is None:
                        # Nothing had come yet to go on behind: whatever may have changed meanwhile is told as changed.
                        for kind in _EVENT_KINDS:
                            yield Event(0, kind)
                    begun = True
                    async for name, sequence, data in server_sent(pieces):
                        patience.over()
                        if sequence.isdigit():
                            since = int(sequence)
                        if name == "problem":
                            raise self._told_problem(data)
                        if name in ("", "message"):
                            with understanding(self.address):
                                event = wire.decode(Event, json.loads(data))
                            since = event.sequence
                            yield event
                trouble = Trouble(f"{self.address} broke off its events.")
            except Trouble as met:
                trouble = met
            await patience.pause(trouble)

    def _told_problem(self, data: bytes) -> ServiceError:
        with understanding(self.address):
            return problem(int(json.loads(data)["status"]), data, self.address)

    # -- answers ---------------------------------------------------------------------------------------------------

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
