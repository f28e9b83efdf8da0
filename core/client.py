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
from core.client_catalogue import Catalogue
from core.errors import Conflict, ServiceError, Unavailable
from core.exchange import Again, last_number, params, server_sent, understanding
from core.exchange import lines as lines_of
from core.exchange import streams as streams_of
from core.model import (
    ErrorRecord,
    Event,
    Feedback,
    Groomed,
    Hit,
    Job,
    JobPage,
    JobQuery,
    Line,
    LinePage,
    PipelineObject,
    Record,
    RunRequest,
    Status,
    Usage,
)
from core.times import rfc3339
from core.transport import PATIENCE, Told, Transport, Trouble, problem

T = TypeVar("T")
#: one request waits so long (s) for a job's end: proxies cut what is silent for a minute
_WAIT_SLICE = 25.0
#: so many jobs, lines, objects are asked for at once
_JOBS, _LINES, _OBJECTS = 1000, 20_000, 2000
_EVENT_KINDS = ("job", "script", "environment", "setting")


class Client(Catalogue):
    """JobService at an address: `http(s)://HOST:PORT[/PATH]`, or the path of a local socket.

    `token`: an app token; over the local socket none is needed. `patience`: how long (s) a server that has answered
    before is waited for; `told` hears a sentence when it is waited for, and None once it is back.
    """

    def __init__(
        self, address: str, token: str | None = None, *, patience: float = PATIENCE, told: Told | None = None
    ) -> None:
        super().__init__(Transport(address, token, patience=patience, told=told))
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

    async def groom(self, *, dry: bool = False, trust_clock: bool = False) -> Groomed:
        """Remove the finished jobs that were kept long enough, or tell which would go (`dry`)."""
        asked = params(dry="true" if dry else None, trustClock="true" if trust_clock else None)
        # Sent again it goes on with what is left.
        return self._read(Groomed, await self._transport.send("POST", "/groom", params=asked))

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

    # -- what changes ----------------------------------------------------------------------------------------------

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
