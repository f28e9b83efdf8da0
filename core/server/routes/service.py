"""Routes about the service itself: alive, version, status, events, audit, settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from core import wire
from core.config import VERSION
from core.service import Event, Invalid, ServiceError
from core.times import nanoseconds

from .. import examples
from ..api import BIGGEST, Api, Content, answer, answer_json
from ..bodies import read_json
from ..live import SSE_ALIVE, LiveResponse, sse, sse_drain, sse_problem, with_keep_alives
from ..schemas import list_of, ref

_SSE = "text/event-stream"


def add(api: Api) -> None:
    """Put the routes into the app."""
    service = api.service

    @api.route("GET", "/alive", Content({"type": "object"}, {"alive": True}), tag="service")
    async def alive() -> Response:
        """Whether the server answers. Open to everybody."""
        return answer_json({"alive": True})

    @api.route("GET", "/version", Content({"type": "string"}, VERSION), tag="service")
    async def version() -> Response:
        """The version of jobdeck."""
        return answer_json(VERSION)

    @api.route("GET", "/status", Content(ref("ServiceStatus"), examples.STATUS), tag="service")
    async def status() -> Response:
        """Where the service keeps its data, and how it fares."""
        return answer(await service.status())

    @api.route(
        "GET",
        "/events",
        Content({"type": "string"}, sse(None, examples.EVENT, "1795500000123456").decode(), _SSE),
        headers=[
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "description": "Go on behind this event, like `since`.",
                "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
            }
        ],
        tag="service",
    )
    async def events(
        request: Request,
        since: Annotated[int | None, Query(ge=0, le=BIGGEST, description="Go on behind this sequence.")] = None,
    ) -> Response:
        """What changes, as server-sent events that can be resumed.

        Each says that something changed, calls say what. The id is the sequence: it ascends over every restart, and
        `Last-Event-ID` (or `since`) goes on behind it without a gap. `event: drain` ends the stream when the server
        goes down. Silence is filled with comments.
        """
        start = _place(request.headers.get("last-event-id"), since)
        changes = with_keep_alives(_changes(service.events(start)), SSE_ALIVE, api.drain, sse_drain())
        return LiveResponse(changes, _SSE, api.guard.still(request))

    @api.route("GET", "/audit", Content(list_of("AuditEntry"), examples.AUDIT), tag="tokens")
    async def audit(
        take: Annotated[int, Query(ge=0, le=100_000)] = 100,
        since: Annotated[str | None, Query(json_schema_extra={"format": "date-time"})] = None,
    ) -> Response:
        """Who did what, newest first."""
        return answer(await service.audit(take=take, since=None if since is None else _time(since)))

    @api.route("POST", "/groom", Content(ref("Groomed"), examples.GROOMED), tag="service")
    async def groom(
        dry: Annotated[bool, Query(description="Tell only what would go.")] = False,
        trust_clock: Annotated[
            bool, Query(alias="trustClock", description="A clock that is doubted, because it jumped ahead, is right.")
        ] = False,
    ) -> Response:
        """Remove the finished jobs that were kept long enough.

        How long is said by the setting `retention_days` and by the `maxHistory` of each script. It takes half a minute
        at most: while `more` is true there is more to groom.
        """
        return answer(await service.groom(dry=dry, trust_clock=trust_clock))

    @api.route("GET", "/setting", Content(list_of("Setting"), examples.SETTINGS), tag="service")
    async def settings() -> Response:
        """The settings of the store."""
        return answer(await service.settings())

    @api.route(
        "PUT",
        "/setting",
        Content(list_of("Setting"), examples.SETTINGS),
        body=Content(
            {
                "type": "object",
                "properties": {"max_running": {"type": ["integer", "null"], "minimum": 1, "maximum": 1_000_000}},
                "additionalProperties": False,
            },
            {"max_running": 50},
            description="Names and values, as GET tells them; null = the default.",
        ),
        tag="service",
    )
    async def change_settings(request: Request) -> Response:
        """Change settings, in the settings file. Engines that run take them over soon."""
        values = await read_json(request)
        if not isinstance(values, dict):
            raise Invalid('The body must be a JSON object of names and values, like {"max_running": 50}.')
        for name in values:
            if not name.isidentifier() or name == "self":
                raise Invalid(f"There is no setting {name!r}. GET /api/v1/setting lists them.")
        return answer(await service.change_settings(**values))


async def _changes(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    # What has no data is no event to a browser, but it sends the headers off and opens the stream.
    yield SSE_ALIVE
    try:
        async for event in events:
            yield sse(None, wire.encode(event), str(event.sequence))
    except ServiceError as error:
        yield sse_problem(error)
    finally:
        close: Any = getattr(events, "aclose", None)
        if close is not None:
            await close()


def _place(last: str | None, since: int | None) -> int | None:
    if last is None or last == "":
        return since
    if not (last.isascii() and last.isdigit()) or int(last) > BIGGEST:
        raise Invalid("The Last-Event-ID must be the id of an event: a number.")
    return int(last)


def _time(text: str) -> int:
    try:
        return nanoseconds(text)
    except ValueError:
        raise Invalid(f"since must be a time as of RFC 3339, like 2026-11-24T04:18:00Z, not {text!r}.") from None
