"""What all routes share: the service, the live parts, and how a route is put into the app and its description."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Path
from starlette.requests import Request
from starlette.responses import Response

from core import wire
from core.access import caller
from core.config import Settings
from core.service import Invalid, JobService, RunRequest

from .following import Following
from .guard import Guard, job_number
from .kept import Kept
from .live import Drain, unless_gone
from .problems import MEDIA_TYPE, Refused
from .roles import PREFIX
from .schemas import Schema, ref

T = TypeVar("T")
Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Response]])
BIGGEST = 2**63 - 1
JSON = "application/json"
_TEXTS = {
    400: "What was asked for cannot be done as it was asked",
    401: "No token, or one that is not known, revoked or expired",
    403: "The role, or what the token is restricted to, does not allow it",
    404: "There is no such thing",
    409: "The thing is not in a state for this",
    413: "The body is too large",
    429: "Too many wrong tokens came from this address",
    500: "Something unforeseen",
    503: "The service cannot do it now",
}
_RUN_ID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

JobKey = Annotated[
    str,
    Path(
        alias="id",
        pattern=rf"^([0-9]{{1,19}}|{_RUN_ID})$",
        description="The job's number, or its RunId.",
        openapi_examples={"number": {"value": "17"}},
    ),
]
Id = Annotated[int, Path(ge=0, le=BIGGEST, openapi_examples={"number": {"value": 7}})]


@dataclass(frozen=True, slots=True)
class Content:
    """A body, of a request or a response: its schema, an example, its media type."""

    schema: Schema
    example: Any = None
    media_type: str = JSON
    description: str = ""
    required: bool = True
    #: further media types that say the same
    also: tuple[str, ...] = ()
    more_examples: Mapping[str, Any] | None = None

    def described(self) -> dict[str, Any]:
        """The `content` of the description."""
        value: dict[str, Any] = {"schema": self.schema}
        if self.more_examples:
            value["examples"] = {name: {"value": example} for name, example in self.more_examples.items()}
        elif self.example is not None:
            value["example"] = self.example
        return dict.fromkeys((self.media_type, *self.also), value)


class Api:
    """The app of one service with all that its routes share."""

    def __init__(self, app: FastAPI, service: JobService, settings: Settings, guard: Guard, drain: Drain) -> None:
        self.app = app
        self.service = service
        self.settings = settings
        self.guard = guard
        self.drain = drain
        self.following = Following(service, drain)
        self.kept = Kept(service)

    def route(
        self,
        method: str,
        path: str,
        answer: Content | None,
        *,
        body: Content | None = None,
        errors: tuple[int, ...] = (),
        tag: str = "",
        prefix: str = PREFIX,
        headers: list[dict[str, Any]] | None = None,
    ) -> Callable[[Endpoint], Endpoint]:
        """Put an endpoint into the app; its docstring is the description, its name the operation's id.

        Every status that it can answer with is in the description: those of all routes, and `errors`.
        """
        status = 200 if answer is not None else 204
        problems = sorted({400, 401, 403, 429, 500, 503, *errors, *((413,) if body is not None else ())})
        responses: dict[int | str, dict[str, Any]] = {
            code: {"description": _TEXTS[code], "content": {MEDIA_TYPE: {"schema": ref("Problem")}}}
            for code in problems
        }
        if answer is not None:
            responses[200] = {"description": answer.description or "Done", "content": answer.described()}
        extra: dict[str, Any] = {}
        if body is not None:
            extra["requestBody"] = {
                "description": body.description,
                "content": body.described(),
                "required": body.required,
            }
        if headers:
            extra["parameters"] = headers

        def put(endpoint: Endpoint) -> Endpoint:
            summary, _, more = (endpoint.__doc__ or "").strip().partition("\n")
            self.app.router.add_api_route(
                prefix + path,
                endpoint,
                methods=[method],
                summary=summary.rstrip("."),
                description=" ".join(more.split()),
                operation_id=endpoint.__name__,
                tags=[tag] if tag else None,
                status_code=status,
                responses=responses,
                response_class=Response,
                response_model=None,
                openapi_extra=extra or None,
            )
            return endpoint

        return put

    async def job_id(self, key: str) -> int:
        """The number of the job that a path means. Raises NotFound."""
        return await job_number(self.service, key)

    async def unless_gone(self, request: Request, work: Awaitable[T]) -> T:
        """What the work gives. Raises Refused (503) when the server goes down before."""
        done: list[T] = []

        async def collect() -> bool:
            done.append(await work)
            return True

        if not await unless_gone(request, self.drain, collect()):
            raise Refused(503, "The server goes down; ask again in a second.", {"Retry-After": "1"})
        return done[0]

    async def begun(self, request: Request, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """The iterator with its first item fetched, so that an error still has a status of its own."""
        try:
            first = await self.unless_gone(request, anext(items))
        except StopAsyncIteration:
            return _empty()
        return _chain(first, items)


async def _empty() -> AsyncIterator[Any]:
    return
    yield


async def _chain(first: T, items: AsyncIterator[T]) -> AsyncIterator[T]:
    try:
        yield first
        async for item in items:
            yield item
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()


def answer(value: Any, status: int = 200) -> Response:
    """A value as the JSON of a response."""
    return Response(wire.dumps(wire.encode(value)), status, media_type=JSON)


def answer_json(value: Any) -> Response:
    """What is JSON already as a response."""
    return Response(wire.dumps(value), media_type=JSON)


def nothing() -> Response:
    """A response without a body."""
    return Response(status_code=204)


def idempotency_key(request: Request) -> str | None:
    """The request's Idempotency-Key. Raises Invalid for one that is none."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise Invalid("The Idempotency-Key must be 1 to 255 printable ASCII characters.")
    return key


def within_parent(wanted: RunRequest) -> RunRequest:
    """The request as a child of the job whose own token it comes with."""
    who = caller.get()
    return wanted if who is None or who.job is None else replace(wanted, parent_job=who.job)


IDEMPOTENCY_KEY: list[dict[str, Any]] = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "A second request with the same key, of the same identity, answers with the first one's job.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "example": "nightly-2026-11-24",
    }
]
