"""Routes about app tokens, and signing in with one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from core import wire
from core.access import AppToken, Role, caller
from core.service import Invalid

from .. import examples
from ..api import Api, Content, Id, answer
from ..bodies import an_object, needed_object, read_json
from ..guard import SIGN_IN, address_of, bearer
from ..problems import Refused
from ..schemas import list_of, ref

_LONGEST_NAME = 200
_GRANT = {
    "type": "object",
    "required": ["identity", "role"],
    "additionalProperties": False,
    "properties": {
        "identity": {"type": "string", "minLength": 1, "maxLength": _LONGEST_NAME},
        "role": ref("Role"),
        "description": {"type": "string"},
        "scripts": {"type": "array", "items": {"type": "string"}},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
_TOKEN_BODY = {
    "anyOf": [
        {"type": "object", "properties": {"token": {"type": "string", "minLength": 1}}, "required": ["token"]},
        {"type": "string", "minLength": 1},
        {"type": "null"},
    ]
}
_Name = Annotated[
    str,
    Path(
        min_length=1,
        max_length=_LONGEST_NAME,
        openapi_examples={"name": {"value": "ci"}},
    ),
]


def add(api: Api) -> None:
    """Put the routes into the app."""
    service = api.service

    @api.route(
        "POST",
        "/signin",
        Content(_caller(), examples.CALLER),
        body=Content(_TOKEN_BODY, {"token": "uat_…"}, required=False),
        tag="tokens",
    )
    async def sign_in(request: Request) -> Response:
        """Whose token this is. Open to everybody: it takes the token in its body, or as Bearer."""
        body = await read_json(request, 65536)
        if body is None:
            token: Any = bearer(request)
        else:
            given = {"token": body} if isinstance(body, str) else an_object(body)
            token = given.get("token", given.get("appToken"))
        if not isinstance(token, str) or not token:
            raise Refused(401, 'Give an app token: {"token": "…"}.', {"WWW-Authenticate": "Bearer"})
        return answer(api.guard.authenticate(token, address_of(request), SIGN_IN))

    @api.route("GET", "/apptoken", Content(list_of("AppToken"), examples.TOKEN and [examples.TOKEN]), tag="tokens")
    async def tokens() -> Response:
        """Every app token that was granted, also revoked and expired ones; their keys are shown never again."""
        return answer(await service.tokens())

    @api.route(
        "POST",
        "/apptoken",
        Content(ref("AppToken"), examples.GRANTED, description="The token; its `token` is shown this once."),
        body=Content(_GRANT, examples.GRANT, description="Who, and as what. `expiration` is a time to come, RFC 3339."),
        tag="tokens",
    )
    async def grant_token(request: Request) -> Response:
        """Grant an app token. Without an expiration it is valid for a year."""
        given = wire.decode_settings(AppToken, needed_object(await read_json(request)))
        for name in ("identity", "role"):
            if not given.get(name):
                raise Invalid(f'The body lacks {name}. Give {{"identity": "ci", "role": "Execute"}}.')
        identity, role = given.pop("identity"), given.pop("role")
        if len(identity) > _LONGEST_NAME:
            raise Invalid(f"The identity's name is longer than {_LONGEST_NAME} characters. Give a shorter one.")
        known = {name: given.pop(name) for name in ("description", "expires", "scripts", "tags") if name in given}
        if given:
            raise Invalid(
                f"A grant has no {next(iter(given))}; it has identity, role, description, expiration, scripts, tags."
            )
        return answer(await service.grant_token(identity, role, **known))

    @api.route("GET", "/apptoken/grant", Content(ref("AppToken"), examples.GRANTED), tag="tokens")
    async def grant_own_token() -> Response:
        """Grant a token to the identity that asks, with its role. It is shown this once."""
        me = caller.get()
        if me is None:
            raise Invalid("The local user needs no token. Name an identity: GET /api/v1/apptoken/grant/NAME.")
        return answer(await service.grant_token(me.identity, me.role))

    @api.route("GET", "/apptoken/grant/{identity}", Content(ref("AppToken"), examples.GRANTED), tag="tokens")
    async def grant_token_to(
        identity: Annotated[
            str, Path(min_length=1, max_length=_LONGEST_NAME, openapi_examples={"name": {"value": "ci"}})
        ],
        role: Annotated[Role, Query(description="The role of the token.")] = Role.Reader,
    ) -> Response:
        """Grant a token to an identity. It is shown this once."""
        return answer(await service.grant_token(identity, role))

    @api.route("DELETE", "/apptoken/{id}", Content(ref("AppToken"), examples.TOKEN), errors=(404, 409), tag="tokens")
    async def revoke_token(id: Id) -> Response:
        """End a token at once."""
        return answer(await service.revoke_token(id))


def _caller() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "identity": {"type": "string"},
            "role": ref("Role"),
            "tokenId": {"type": ["integer", "null"]},
            "scripts": {"type": "array", "items": {"type": "string"}},
            "tags": {"type": "array", "items": {"type": "string"}},
            "job": {"type": ["integer", "null"]},
        },
        "required": ["identity", "role"],
    }
