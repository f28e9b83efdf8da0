"""Routes about jobs as wholes: run, list, look at, wait for, cancel, rerun, delete, answer, feed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Path, Query
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from core import wire
from core.access import Role, caller
from core.query_string import boolean, read_query
from core.service import Invalid, RunRequest, Status

from .. import examples
from ..api import (
    BIGGEST,
    IDEMPOTENCY_KEY,
    Api,
    Content,
    JobKey,
    answer,
    answer_json,
    idempotency_key,
    nothing,
    within_parent,
)
from ..bodies import MOST_PARAMETERS, needed_object, read_json
from ..problems import Refused
from ..roles import suffices
from ..schemas import list_of, ref

_TERMS = ("script", "identity", "tag", "environment", "source", "text")
_MOST_TAKEN = 1000
_LONGEST_WAIT = 3600.0

Identity = Annotated[
    str | None,
    Query(max_length=200, description="In whose name; only an Administrator may act in another's."),
]


def add(api: Api) -> None:
    """Put the routes into the app."""
    service = api.service

    @api.route("GET", "/job", Content(_page(), examples.PAGE), headers=_query_parameters(), tag="jobs")
    async def jobs(request: Request) -> Response:
        """A page of jobs, newest first.

        A parameter that comes twice means either of its values; `term` says what the others cannot. `before` pages by
        key (the number of the last job seen), `skip` by number. `more` tells of further jobs; `total` counts them all
        and may be left out with `total=false`, which is faster.
        """
        return await api.kept.answer(("page", request.scope["query_string"]), lambda: page_of(request))

    async def page_of(request: Request) -> tuple[bytes, bool]:
        pairs = request.query_params.multi_items()
        counted = True
        for name, text in pairs:
            if name.lower() == "total":
                counted = boolean(name, text)
            elif name.lower() not in _KNOWN:
                raise Invalid(f"There is no query parameter {name!r} here. There are: {', '.join(_NAMES)}.")
        query = read_query(pairs)
        if not 0 <= query.take <= _MOST_TAKEN:
            raise Invalid(f"take must be from 0 to {_MOST_TAKEN}; page on with before or skip.")
        numbers = {"skip": query.skip, "before": query.before, "parentJob": query.parent_job, "rerunOf": query.rerun_of}
        for name, value in numbers.items():
            if value is not None and not 0 <= value <= BIGGEST:
                raise Invalid(f"{name} must be from 0 to {BIGGEST}.")
        query = replace(query, since=_bounded(query.since), until=_bounded(query.until))
        page = await service.jobs(query)
        body: dict[str, Any] = {"page": wire.encode(page.jobs)}
        if counted:
            body["total"] = await service.count(query)
        return wire.dumps(body | {"more": page.more}), True

    @api.route("GET", "/job/counts", Content({"type": "object"}, examples.COUNTS), tag="jobs")
    async def counts() -> Response:
        """How many jobs are in each status."""
        return answer_json(wire.encode_counts(await service.counts()))

    @api.route(
        "POST",
        "/job",
        Content(ref("Job"), examples.JOB),
        body=Content(ref("RunRequest"), examples.RUN, description="What to run: `script` or `path`, and how."),
        headers=IDEMPOTENCY_KEY,
        errors=(404, 409),
        tag="jobs",
    )
    async def run(request: Request) -> Response:
        """Run a script, by number, name or path, with everything that can be said of a run; answers with the job."""
        given = needed_object(await read_json(request))
        wanted = wire.decode(RunRequest, {"source": "api"} | given, strict=True)
        if len(wanted.parameters) > MOST_PARAMETERS:
            raise Invalid(f"{len(wanted.parameters)} parameters are too many; {MOST_PARAMETERS} are taken.")
        who = caller.get()
        if who is not None and not suffices(who.role, Role.Operator):
            for name, value in (
                ("variables", wanted.variables),
                ("extraVariables", wanted.extra_variables),
                ("workingDirectory", wanted.working_directory),
            ):
                if value:
                    raise Refused(403, f"{name} asks for the role Operator; {who.identity} has the role {who.role}.")
        return answer(await service.run(within_parent(replace(wanted, key=idempotency_key(request)))))

    @api.route("GET", "/job/{id}", Content(ref("Job"), examples.JOB), errors=(404,), tag="jobs")
    async def job(key: JobKey) -> Response:
        """One job with the numbers of its children."""

        async def one() -> tuple[bytes, bool]:
            found = await service.job(await api.job_id(key))
            # An unfinished one is as its journal says, whatever the store knows of it yet.
            return wire.dumps(wire.encode(found)), found.status.finished

        return await api.kept.answer(("job", key), one)

    @api.route("DELETE", "/job/{id}", None, errors=(404, 409), tag="jobs")
    async def delete(key: JobKey) -> Response:
        """Remove a finished job with all its records."""
        await service.delete(await api.job_id(key))
        return nothing()

    @api.route("GET", "/job/{id}/wait", Content(ref("Job"), examples.JOB), errors=(404,), tag="jobs")
    async def wait(
        request: Request,
        key: JobKey,
        timeout: Annotated[float, Query(ge=0, le=_LONGEST_WAIT, description="Seconds.")] = 60.0,
    ) -> Response:
        """The job once it is finished, or as it is when the time is over."""
        id = await api.job_id(key)
        return answer(await api.unless_gone(request, service.wait(id, timeout)))

    @api.route("POST", "/job/{id}/cancel", Content(ref("Job"), examples.JOB), errors=(404, 409), tag="jobs")
    async def cancel(key: JobKey, identity: Identity = None) -> Response:
        """Ask the job to end; it does within the grace time."""
        return answer(await service.cancel(await api.job_id(key), identity=identity))

    @api.route("POST", "/job/{id}/rerun", Content(ref("Job"), examples.JOB), errors=(404, 409), tag="jobs")
    async def rerun(key: JobKey, identity: Identity = None) -> Response:
        """Run the same script again with the same parameters; answers with the new job."""
        return answer(await service.rerun(await api.job_id(key), identity=identity))

    @api.route("GET", "/job/{id}/feedback", Content(list_of("Feedback"), examples.FEEDBACK), errors=(404,), tag="jobs")
    async def feedback(key: JobKey) -> Response:
        """Every question that the job asked, the open one last."""
        return answer(await service.feedback(await api.job_id(key)))

    async def respond(request: Request, key: str, number: int | None, identity: str | None) -> Response:
        given = needed_object(await read_json(request))
        text, fields = given.get("response"), given.get("fields")
        if (text is None) == (fields is None):
            raise Invalid('Answer with {"response": "text"}, or with {"fields": {"name": "text"}} where it asks so.')
        if text is not None and not isinstance(text, str):
            raise Invalid("The response must be a text.")
        if fields is not None and not _texts(fields):
            raise Invalid("The fields must be an object of names and texts.")
        id = await api.job_id(key)
        return answer(await service.answer(id, text, fields=fields, feedback=number, identity=identity))

    response = Content(_RESPONSE, {"response": "Yes"}, more_examples={
        "text": {"response": "Yes"}, "fields": {"fields": {"user": "eve", "days": "3"}}
    })  # fmt: skip

    @api.route(
        "POST", "/job/{id}/feedback", Content(ref("Job"), examples.JOB), body=response, errors=(404, 409), tag="jobs"
    )
    async def answer_feedback(request: Request, key: JobKey, identity: Identity = None) -> Response:
        """Answer the open question."""
        return await respond(request, key, None, identity)

    @api.route(
        "POST",
        "/job/{id}/feedback/{number}",
        Content(ref("Job"), examples.JOB),
        body=response,
        errors=(404, 409),
        tag="jobs",
    )
    async def answer_numbered_feedback(
        request: Request,
        key: JobKey,
        number: Annotated[int, Path(ge=0, le=BIGGEST, openapi_examples={"first": {"value": 1}})],
        identity: Identity = None,
    ) -> Response:
        """Answer that question, so that an answer never meets another one."""
        return await respond(request, key, number, identity)

    @api.route(
        "PUT",
        "/job/{id}/input",
        None,
        body=Content({"type": "string", "format": "binary"}, None, "application/octet-stream", required=False),
        errors=(404, 409),
        tag="jobs",
    )
    async def send_input(request: Request, key: JobKey) -> Response:
        """Feed the standard input of a job that was run with `standardInput: pipe`.

        The end of the body is the end of file.
        """
        try:
            await service.send_input(await api.job_id(key), _chunks(request))
        except ClientDisconnect:
            raise Refused(400, "The input ended before it was whole.") from None
        return nothing()

    @api.route("GET", "/job/{id}/usage", Content(_or_null("Usage"), examples.USAGE), errors=(404,), tag="jobs")
    async def usage(key: JobKey) -> Response:
        """What the job's process tree uses now; null when it does not run on the server's computer."""
        return answer(await service.usage(await api.job_id(key)))

    @api.route(
        "GET",
        "/job/{id}/content",
        Content({"type": "string", "format": "binary"}, None, "application/octet-stream"),
        errors=(404,),
        tag="jobs",
    )
    async def job_content(key: JobKey) -> Response:
        """The copy of the script that the job ran."""
        content = await service.job_content(await api.job_id(key))
        return Response(content, media_type="application/octet-stream")


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _bounded(time: int | None) -> int | None:
    return None if time is None else max(-BIGGEST, min(time, BIGGEST))


def _or_null(name: str) -> dict[str, Any]:
    return {"anyOf": [ref(name), {"type": "null"}]}


def _page() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"page": list_of("Job"), "total": {"type": "integer"}, "more": {"type": "boolean"}},
        "required": ["page", "more"],
    }


_RESPONSE = {
    "oneOf": [
        {
            "type": "object",
            "properties": {"response": {"type": "string"}},
            "required": ["response"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {"fields": {"type": "object", "additionalProperties": {"type": "string"}}},
            "required": ["fields"],
        },
    ]
}


def _query_parameters() -> list[dict[str, Any]]:
    """What the list of jobs takes, as its description says it."""
    number = {"type": "integer", "minimum": 0, "maximum": BIGGEST}
    time = {"type": "string", "format": "date-time"}
    words = "|".join([status.name for status in Status] + [str(int(status)) for status in Status])
    several = f"^(({words})(,({words}))*)?$"
    found = [
        _parameter("take", number | {"maximum": _MOST_TAKEN}, "How many", 50),
        _parameter("skip", number, "Leave out so many", 0),
        _parameter("before", number, "Go on behind this job"),
        _parameter(
            "orderBy", {"type": "string", "enum": ["Id", "StartTime", "EndTime", "Duration"]}, "The order", "Id"
        ),
        _parameter(
            "orderDirection", {"type": "string", "enum": ["Ascending", "Descending"]}, "Its direction", "Descending"
        ),
        _parameter("status", {"type": "string", "pattern": several}, "Statuses, by name or number", "Running,4"),
        _parameter("since", time, "Created then or later"),
        _parameter("until", time, "Created before"),
        _parameter("parentJob", number, "Started by this job"),
        _parameter("rerunOf", number, "A rerun of this job"),
        _parameter("hideChildren", {"type": "boolean"}, "Without jobs that jobs started"),
        _parameter("total", {"type": "boolean"}, "Whether to count them all", True),
    ]
    term = {"type": "string", "contentMediaType": "application/json"}
    example = '{"field":"tag","values":["a,b"],"negate":false}'
    found.append(_parameter("term", term, "Any condition, as JSON", example))
    for name in _TERMS:
        for key in (name, f"not{name.title()}"):
            what = "none of these" if key != name else "one of these"
            found.append(_parameter(key, {"type": "string"}, f"Its {name} is {what}; given again: another one"))
    return found


def _parameter(name: str, schema: dict[str, Any], description: str, example: Any = None) -> dict[str, Any]:
    parameter = {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
    return parameter | ({} if example is None else {"example": example})


_NAMES = [parameter["name"] for parameter in _query_parameters()]
_KNOWN = frozenset(name.lower() for name in _NAMES)
