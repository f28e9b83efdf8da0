"""Errors as problem+json (RFC 9457): `{type, title, status, detail}`, where `detail` says what to do."""

from __future__ import annotations

import http
import json
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from core.service import Conflict, Forbidden, Invalid, NotFound, ServiceError, Unavailable

log = logging.getLogger("jobdeck.server")
MEDIA_TYPE = "application/problem+json"
_STATUS: dict[type[ServiceError], int] = {
    Invalid: 400,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Unavailable: 503,
}
_WHERE = {"query": "The query parameter", "path": "The path's", "header": "The header", "body": "The body's"}


class Refused(Exception):
    """A request that goes no further: its status, a sentence, and headers that belong to it."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The response for a status and a sentence."""
    body = json.dumps(problem_body(status, detail), ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, dict(headers or {}), media_type=MEDIA_TYPE)


def problem_body(status: int, detail: str) -> dict[str, Any]:
    """`{type, title, status, detail}`."""
    return {"type": "about:blank", "title": http.HTTPStatus(status).phrase, "status": status, "detail": detail}


def status_of(error: ServiceError) -> int:
    """The HTTP status that tells of an error of the service."""
    for kind in type(error).__mro__:
        if kind in _STATUS:
            return _STATUS[kind]
    return 500


def add_handlers(app: FastAPI) -> None:
    """Let every error of the app leave as problem+json; what nobody foresaw goes to the log with its traceback."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return problem(error.status, error.detail, error.headers)

    async def service_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ServiceError)
        headers = {"Retry-After": "5"} if isinstance(error, Unavailable) else None
        return problem(status_of(error), str(error), headers)

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return problem(404, f"There is no {request.url.path} here. /docs lists every path.")
        if error.status_code == 405:
            allowed = _methods_at(app, request)
            detail = f"{request.method} is not possible here; {', '.join(allowed)} can be used."
            return problem(405, detail, {"Allow": ", ".join(allowed)})
        return problem(error.status_code, str(error.detail), error.headers)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem(400, " ".join(map(_sentence, error.errors())))

    async def unforeseen(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        detail = "Something unforeseen happened; the server's log has the details. Tell whoever runs it."
        return problem(500, detail)

    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(ServiceError, service_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unforeseen)


def _methods_at(app: FastAPI, request: Request) -> list[str]:
    """Every method that can be used at the request's path: those of the first route that has this path."""
    routes = [route for route in app.router.routes if isinstance(route, APIRoute)]
    first = next((route.path for route in routes if route.matches(request.scope)[0] is not Match.NONE), None)
    return sorted(method for route in routes if route.path == first for method in route.methods or ())


def _sentence(error: Mapping[str, Any]) -> str:
    """What is wrong with one parameter, from what pydantic says of it."""
    place, *name = error["loc"]
    where = _WHERE.get(place, "The")
    given = error.get("input")
    if error["type"] == "missing":
        return f"{where} {'.'.join(map(str, name))} is missing: give it."
    message = str(error["msg"])
    told = f" ({_short(given)})" if isinstance(given, str | int | float) else ""
    return f"{where} {'.'.join(map(str, name))}{told} cannot be used: {message[:1].lower()}{message[1:]}."


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
