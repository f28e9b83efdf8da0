"""Routes about what a job wrote: text, objects, errors, the journal's records, and following them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from core import wire
from core.frames import END, SIGN_OF_LIFE, frame
from core.frames import MEDIA_TYPE as FRAMES_TYPE
from core.journal import format as journal
from core.json_shapes import object_clixml, object_json
from core.query_string import read_streams
from core.service import Hit, Invalid, PipelineObject, Record, ServiceError
from core.times import nanoseconds, rfc3339

from .. import examples
from ..api import BIGGEST, Api, Content, JobKey, answer, answer_json
from ..live import SSE_ALIVE, LiveResponse, sse, sse_drain, sse_problem
from ..problems import problem_body, status_of
from ..rendering import TYPES, Frames, OutputEvents, output_record
from ..schemas import list_of, ref
from ..texts import console_text, entries

_CHUNK = 1 << 16
_OBJECTS = 500
_SSE = "text/event-stream"


def _streams(numbers: Iterable[int]) -> Any:
    """A parameter that chooses among these streams."""
    words = "|".join([journal.STREAM_NAMES[number] for number in numbers] + [str(number) for number in numbers])
    return Query(
        # Only told: streams are read by the same code for every face.
        json_schema_extra={"pattern": f"^(({words})(,({words}))*)?$"},
        description="Streams, by name or number, with commas between them; without it: all.",
        openapi_examples={"text": {"value": "stdout,stderr"}},
    )


Streams = Annotated[str | None, _streams(sorted(journal.STREAM_NAMES))]
TextStreams = Annotated[str | None, _streams(sorted(TYPES))]
Number = Annotated[int, Query(ge=0, le=BIGGEST)]
Place = Annotated[int, Query(ge=-BIGGEST, le=BIGGEST, description="A line; negative: from the end.")]
Count = Annotated[int, Query(ge=0, le=100_000)]
Flag = Annotated[bool, Query()]
Mark = Annotated[str | None, Query(pattern="^[0-9]{1,18}(~[0-9]{1,18}:[123])*$", description="Like Last-Event-ID.")]


def add(api: Api) -> None:
    """Put the routes into the app."""
    service = api.service

    @api.route(
        "GET",
        "/job/{id}/output",
        Content(_output_schema(), examples.OUTPUT),
        headers=[
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "description": "With `follow`: go on behind this event.",
                "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
            }
        ],
        errors=(404,),
        tag="output",
    )
    async def output(
        request: Request,
        key: JobKey,
        follow: Annotated[bool, Query(description="As server-sent events, while it is written.")] = False,
        streams: TextStreams = None,
        after: Annotated[
            str | None, Query(pattern="^[0-9]{1,18}(~[0-9:~]*)?$", description="Like Last-Event-ID.")
        ] = None,
    ) -> Response:
        """The text of all streams, one entry per line: `{type, message, data, timestamp}`.

        Type 0 is information and what the script wrote itself, 1 debug, 2 verbose, 3 warning, 4 error. With `follow` it
        is a stream of server-sent events, one per record as it came, with the record's place as id: `Last-Event-ID`
        goes on behind it, without a gap, also over restarts of the server. `event: end` comes when the job has ended,
        `event: drain` when the server goes down.
        """
        id = await api.job_id(key)
        wanted = _text_streams(streams)
        if not follow:
            there = await api.begun(request, service.records(id, streams=wanted | {journal.ELIDED}))
            return LiveResponse(_as_list(_entries(there)), "application/json")
        mark = request.headers.get("last-event-id") or after or "0"
        OutputEvents(mark)
        await service.job(id)
        events = _events(api, id, mark, wanted | {journal.ELIDED})
        return LiveResponse(events, _SSE, api.guard.still(request))

    @api.route("GET", "/job/{id}/log", Content(_log_schema(), examples.LOG), errors=(404,), tag="output")
    async def log(request: Request, key: JobKey) -> Response:
        """The whole text of all streams: `{log}`."""
        id = await api.job_id(key)
        wanted = journal.TEXT_STREAMS | {journal.ELIDED}
        there = await api.begun(request, service.records(id, streams=wanted))
        return LiveResponse(_gathered(_log(there)), "application/json")

    @api.route(
        "GET",
        "/job/{id}/records",
        Content({"type": "string", "format": "binary"}, None, FRAMES_TYPE),
        errors=(404,),
        tag="output",
    )
    async def records(
        request: Request, key: JobKey, after: Number = 0, streams: Streams = None, follow: Flag = False
    ) -> Response:
        """The records of the journal, as frames.

        A frame is little-endian `<QqIII`: number, time in ns, stream, flags, length; then the bytes. A frame of zeros
        is a sign of life; one with the flags 1 says that there are no more. A stream that stops without it was cut off:
        go on behind the last number.
        """
        id = await api.job_id(key)
        wanted = read_streams(streams)
        if follow:
            await service.job(id)
            frames = api.following.follow(id, Frames, str(after), wanted, SIGN_OF_LIFE)
            return LiveResponse(_until_the_end(api, frames), FRAMES_TYPE, api.guard.still(request))
        there = await api.begun(request, service.records(id, after=after, streams=wanted))
        return LiveResponse(_gathered(_frames(there)), FRAMES_TYPE)

    @api.route("GET", "/job/{id}/lines", Content(ref("LinePage"), examples.LINES), errors=(404,), tag="output")
    async def lines(
        key: JobKey,
        start: Place = 0,
        count: Annotated[int, Query(ge=0, le=10_000)] = 1000,
        streams: Streams = None,
        width: Annotated[int | None, Query(ge=0, le=1 << 30, description="Bytes to cut each line to.")] = None,
    ) -> Response:
        """Some lines of the text. `total` is null while nobody has counted them."""
        id = await api.job_id(key)
        return answer(await service.lines(id, start, count, read_streams(streams), width=width))

    @api.route("GET", "/job/{id}/lineAt", Content({"type": "integer"}, 0), errors=(404,), tag="output")
    async def line_at(
        key: JobKey,
        time: Annotated[str, Query(json_schema_extra={"format": "date-time"}, openapi_examples=_TIME_EXAMPLE)],
        streams: Streams = None,
    ) -> Response:
        """The number of the first line that came then or later."""
        id = await api.job_id(key)
        return answer_json(await service.line_at(id, _time(time), read_streams(streams)))

    @api.route(
        "GET",
        "/job/{id}/search",
        Content({"type": "string"}, json.dumps(examples.HIT), "application/jsonl"),
        errors=(404,),
        tag="output",
    )
    async def search(
        request: Request,
        key: JobKey,
        pattern: Annotated[str, Query(min_length=1, max_length=10_000, openapi_examples={"word": {"value": "error"}})],
        start: Number = 0,
        regex: Flag = False,
        ignore_case: Annotated[bool, Query(alias="ignoreCase")] = False,
        streams: Streams = None,
    ) -> Response:
        """Where a text stands, as JSON lines while it is found. Close the connection to stop it."""
        id = await api.job_id(key)
        found = service.search(
            id, pattern, start=start, regex=regex, ignore_case=ignore_case, streams=read_streams(streams)
        )
        return LiveResponse(_gathered(_hits(await api.begun(request, found))), "application/jsonl")

    @api.route(
        "GET", "/job/{id}/objects", Content(list_of("PipelineObject"), examples.OBJECTS), errors=(404,), tag="output"
    )
    async def objects(key: JobKey, start: Number = 0, count: Count = 100) -> Response:
        """Some pipeline objects, as the job sent them."""
        return answer(await service.objects(await api.job_id(key), start, count))

    @api.route(
        "GET",
        "/job/{id}/pipelineOutput",
        Content(_pipeline_schema(), examples.PIPELINE_OUTPUT),
        errors=(404,),
        tag="output",
    )
    async def pipeline_output(
        key: JobKey,
        form: Annotated[str, Query(alias="format", pattern="^(json|clixml)$")] = "json",
        start: Number = 0,
        count: Annotated[int | None, Query(ge=0, le=100_000, description="Without it: all.")] = None,
    ) -> Response:
        """The pipeline objects: `jsonData` is the object as a JSON text, `data` its CLIXML document.

        With `format=clixml` it is one CLIXML document of all of them, as `Import-Clixml` reads it.
        """
        id = await api.job_id(key)
        await service.job(id)
        found = _objects(api, id, start, count)
        if form == "json":
            return LiveResponse(_as_list(_pipeline(found)), "application/json")
        documents = [object_clixml(item) async for item in found]
        return Response(await asyncio.to_thread(_one_document, documents), media_type="application/xml")

    @api.route("GET", "/job/{id}/error", Content(list_of("ErrorRecord"), examples.ERRORS), errors=(404,), tag="output")
    async def errors(key: JobKey) -> Response:
        """The records of the error stream."""
        return answer(await service.errors(await api.job_id(key)))


# -- objects ---------------------------------------------------------------------------------------------------------


async def _objects(api: Api, id: int, start: int, count: int | None) -> AsyncIterator[PipelineObject]:
    left = BIGGEST if count is None else count
    while left > 0:
        page = await api.service.objects(id, start, min(left, _OBJECTS))
        for item in page:
            yield item
        if len(page) < _OBJECTS:
            return
        start += len(page)
        left -= len(page)


async def _pipeline(objects: AsyncIterator[PipelineObject]) -> AsyncIterator[Any]:
    async for item in objects:
        yield {
            "jsonData": object_json(item, wire=True),
            "data": object_clixml(item),
            "timestamp": rfc3339(item.time),
        }


def _one_document(documents: list[str]) -> str:
    from core.clixml.reader import read_streams
    from core.clixml.writer import write_streams

    return write_streams((None, value) for document in documents for _stream, value in read_streams(document))


# -- text ------------------------------------------------------------------------------------------------------------


async def _entries(records: AsyncIterator[Record]) -> AsyncIterator[Any]:
    """The original's output records."""
    async for stream, time, text in entries(records):
        yield output_record(stream, time, text)


async def _log(records: AsyncIterator[Record]) -> AsyncIterator[bytes]:
    """`{"log": "…"}`, written while it is read: a log may be larger than memory."""
    yield b'{"log":"'
    async for text in console_text(records):
        yield json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "replace")
    yield b'"}'


async def _as_list(items: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    """A JSON list, written while it is read."""
    parts: list[bytes] = [b"["]
    size, separator = 0, b""
    async for item in items:
        text = wire.dumps(item)
        parts += (separator, text)
        separator = b","
        size += len(text)
        if size >= _CHUNK:
            yield b"".join(parts)
            parts, size = [], 0
    yield b"".join([*parts, b"]"])


async def _events(api: Api, id: int, mark: str, wanted: frozenset[int]) -> AsyncIterator[bytes]:
    yield SSE_ALIVE
    try:
        async for chunk in api.following.follow(id, OutputEvents, mark, wanted, SSE_ALIVE):
            yield chunk
        if api.drain.begun():
            yield sse_drain()
            return
        job = await api.service.job(id)
        yield sse("end", {"id": id, "status": int(job.status), "exitCode": job.exit_code})
    except ServiceError as error:
        yield sse_problem(error)


# -- records and hits ------------------------------------------------------------------------------------------------


async def _frames(records: AsyncIterator[Record]) -> AsyncIterator[bytes]:
    """Records as frames, with the mark of the end behind them."""
    async for record in records:
        yield frame(record)
    yield END


async def _until_the_end(api: Api, frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The frames, with the mark of the end where it is the job's and not the server's."""
    async for chunk in frames:
        yield chunk
    if not api.drain.begun():
        yield END


async def _hits(hits: AsyncIterator[Hit]) -> AsyncIterator[bytes]:
    try:
        async for hit in hits:
            yield wire.dumps(wire.encode(hit)) + b"\n"
    except ServiceError as error:
        yield wire.dumps({"error": problem_body(status_of(error), str(error))}) + b"\n"


async def _gathered(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in larger chunks."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size >= _CHUNK:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


# -- parameters and schemas ------------------------------------------------------------------------------------------


def _text_streams(given: str | None) -> frozenset[int]:
    wanted = read_streams(given)
    if wanted is None:
        return frozenset(TYPES)
    if not wanted <= TYPES.keys():
        names = ", ".join(journal.STREAM_NAMES[stream] for stream in TYPES)
        raise Invalid(f"The output has the streams {names}; for others see records.")
    return wanted


def _time(text: str) -> int:
    try:
        return max(-BIGGEST, min(nanoseconds(text), BIGGEST))
    except ValueError:
        raise Invalid(f"time must be a time as of RFC 3339, like 2026-11-24T04:18:00Z, not {text!r}.") from None


_TIME_EXAMPLE: Any = {"time": {"value": "2026-11-24T04:18:00Z"}}


def _output_schema() -> dict[str, Any]:
    return {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "type": {"type": "integer", "enum": [0, 1, 2, 3, 4]},
                "message": {"type": "string"},
                "data": {"type": ["string", "null"]},
                "timestamp": {"type": ["string", "null"], "format": "date-time"},
            },
            "required": ["type", "message", "data", "timestamp"],
        },
    }


def _pipeline_schema() -> dict[str, Any]:
    properties = {"jsonData": {"type": "string"}, "data": {"type": "string"}, "timestamp": {"type": "string"}}
    return {"type": "array", "items": {"type": "object", "properties": properties, "required": list(properties)}}


def _log_schema() -> dict[str, Any]:
    return {"type": "object", "properties": {"log": {"type": "string"}}, "required": ["log"]}
