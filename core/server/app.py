"""The app: REST over a JobService, with its roles, its limits, its description and its figures."""

from __future__ import annotations

import logging
import time
from email.utils import formatdate
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.access import AuditEntry
from core.config import Settings

from . import description, figures
from .api import Api
from .guard import Guard, Service, guarded
from .live import Drain
from .paths import settle
from .problems import add_handlers
from .routes import environments, jobs, output, scripts, service, tokens

access_log = logging.getLogger("jobdeck.access")
# Who wants lines of it raises the level; the engine's own log is none of it.
access_log.setLevel(logging.WARNING)


def create_app(service_: Service, settings: Settings, *, local: bool = False, root_path: str = "") -> FastAPI:
    """The app over a service that also knows its tokens (`authenticate`).

    `local`: who comes without a token is the user of this process; only for a socket that nobody else can reach.
    `root_path`: what a proxy puts before every path, like `/jobdeck`. `app.state.drain.begin()` ends what is live.
    """
    root_path = root_path.rstrip("/")
    if root_path and not root_path.startswith("/"):
        raise ValueError(f"a root path begins with a slash: {root_path!r}")
    app = FastAPI(
        title="jobdeck",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    drain = Drain()
    counted = figures.Figures()
    guard = Guard(service_, lambda entry: _note(settings, entry), local=local)
    app.router.route_class = guarded(guard)
    api = Api(app, service_, settings, guard, drain)
    for module in (service, jobs, output, scripts, environments, tokens):
        module.add(api)
    figures.add(api, counted)
    description.add(api, root_path)
    add_handlers(app)
    app.state.drain = drain
    app.state.api = api
    app.add_middleware(_Outermost, root=root_path, counted=counted)
    return app


def _note(settings: Settings, entry: AuditEntry) -> None:
    from core.engine.audit import record

    record(settings.data_directory, entry)


class _Outermost:
    """What every request passes first: its path, and behind it the figures and the line in the log."""

    def __init__(self, app: ASGIApp, root: str, counted: figures.Figures) -> None:
        self._app = app
        self._root = root
        self._counted = counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        settle(scope, self._root)
        begun = time.perf_counter()
        status = 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS, (b"date", _date())]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            seconds = time.perf_counter() - begun
            route: Any = scope.get("route")
            self._counted.note(scope["method"], getattr(route, "path", "other"), status, seconds)
            if access_log.isEnabledFor(logging.INFO):
                _tell(scope, status, seconds)


#: nothing that is answered here may be kept by others or taken for something else
_HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


def _date() -> bytes:
    """The time as HTTP says it, written anew each second."""
    global _written
    now = int(time.time())
    if _written[0] != now:
        _written = (now, formatdate(now, usegmt=True).encode())
    return _written[1]


_written = (0, b"")


def _tell(scope: Scope, status: int, seconds: float) -> None:
    client = scope.get("client")
    facts = {
        "address": client[0] if client else "local",
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
    }
    access_log.info(
        "%(address)s %(method)s %(path)s %(status)s %(milliseconds)s ms",
        facts,
        extra={"facts": facts},
    )
