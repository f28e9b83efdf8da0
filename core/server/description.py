"""The API's description (OpenAPI 3.1) and the page that shows it, which loads nothing from anywhere else."""

from __future__ import annotations

import base64
import hashlib
import os
from functools import cache
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse, Response

from core import wire

from .api import Api, Content
from .roles import LEAST, OWN, PREFIX
from .schemas import components

_TEXT = """\
Run scripts as jobs, and see what came of them. Every request carries an app token: `Authorization: Bearer TOKEN`
(`jobdeck token grant NAME --role ROLE` makes one). Errors are problem+json; their `detail` says what to do. Keys of
bodies are taken in either case. Times are RFC 3339, UTC.
"""
_TAGS = {
    "jobs": "Run, list, look at, wait for, cancel, answer, delete.",
    "output": "What jobs wrote, and following it.",
    "scripts": "Scripts on record; running them as the original does.",
    "environments": "What runs scripts.",
    "tokens": "App tokens, signing in, the record of who did what.",
    "service": "The service itself.",
}


def add(api: Api, root: str) -> None:
    """Put the routes into the app."""
    whole: list[bytes] = []

    @api.route("GET", "/openapi.json", Content({"type": "object"}), tag="service")
    async def openapi() -> Response:
        """This description."""
        if not whole:
            whole.append(wire.dumps(describe(api, root)))
        return Response(whole[0], media_type="application/json")

    @api.route("GET", "/docs", Content({"type": "string"}, None, "text/html"), tag="service", prefix="")
    async def docs() -> Response:
        """This description as a page."""
        page, policy = _page()
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})


def describe(api: Api, root: str) -> dict[str, Any]:
    """The description as JSON."""
    document = get_openapi(
        title="jobdeck",
        version="1",
        openapi_version="3.1.0",
        description=_TEXT,
        routes=api.app.router.routes,
        tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
        servers=[{"url": root}] if root else None,
    )
    document.setdefault("components", {})
    document["components"]["schemas"] = components()
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "An app token."}
    }
    for route in api.app.router.routes:
        if isinstance(route, APIRoute):
            method = next(iter(route.methods or ()))
            _complete(document["paths"][route.path_format][method.lower()], f"{method} {route.path}")
    return document


def _complete(operation: dict[str, Any], key: str) -> None:
    """Say who may, and leave out what no route answers."""
    least = LEAST[key]
    # Wrong parameters are told as problems with status 400 here.
    operation["responses"].pop("422", None)
    if least is None:
        for status in ("403",) if key.startswith("POST") else ("401", "403", "429"):
            operation["responses"].pop(status, None)
        operation["security"] = []
        return
    operation["security"] = [{"token": []}]
    operation["x-least-role"] = str(least)
    who = f"Asks for the role {least}" + ("; Execute acts on its own jobs alone." if key in OWN else ".")
    operation["description"] = f"{operation.get('description', '')} {who}".strip()


@cache
def _page() -> tuple[str, str]:
    """The page, and the policy that lets nothing but its own script and style run."""
    here = os.path.dirname(__file__)
    parts = {}
    for name in ("docs.css", "docs.js"):
        with open(os.path.join(here, name), encoding="utf-8") as file:
            parts[name] = file.read()
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>jobdeck: REST</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{parts['docs.css']}</style></head>"
        f'<body><main id="page" data-source="{PREFIX.lstrip("/")}/openapi.json"><p>…</p></main>'
        f"<script>{parts['docs.js']}</script></body></html>"
    )
    hashes = {name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for name, text in parts.items()}
    policy = (
        f"default-src 'none'; script-src 'sha256-{hashes['docs.js']}'; style-src 'sha256-{hashes['docs.css']}'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy
