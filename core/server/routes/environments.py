"""Routes about environments: what runs scripts."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from core import wire
from core.service import Environment, Invalid

from .. import examples
from ..api import Api, Content, answer, nothing
from ..bodies import needed_object, read_json, settings_of
from ..schemas import list_of, ref

_Name = Annotated[str, Path(min_length=1, max_length=200, openapi_examples={"name": {"value": "Traced sh"}})]
_BODY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "path"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "path": {"type": "string", "minLength": 1},
        "arguments": {
            "type": "array",
            "items": {"type": "string"},
            "description": "`{scriptPath}` is where the script's path goes; a PowerShell needs none.",
        },
        "kind": {"enum": ["command", "python", "powershell"], "description": "Without it the program's name tells."},
        "variables": {"type": "object", "additionalProperties": {"type": "string"}},
        "modules": {
            "type": "array",
            "items": {"type": "string"},
            "description": "PowerShell: imported before the script.",
        },
        "startupScript": {"type": ["string", "null"], "description": "PowerShell: runs before the script."},
        "warmRunners": {"type": ["integer", "null"], "minimum": 0, "description": "PowerShell: kept ready."},
    },
}


def add(api: Api) -> None:
    """Put the routes into the app."""
    service = api.service

    @api.route("GET", "/environment", Content(list_of("Environment"), [examples.ENVIRONMENT]), tag="environments")
    async def environments() -> Response:
        """Every environment, found or added."""
        return answer(await service.environments())

    @api.route(
        "POST",
        "/environment",
        Content(ref("Environment"), examples.ENVIRONMENT),
        body=Content(_BODY, examples.ADDED_ENVIRONMENT),
        errors=(409,),
        tag="environments",
    )
    async def add_environment(request: Request) -> Response:
        """Add an environment: a PowerShell, a Python, or any command line with `{scriptPath}` where the script goes."""
        given = needed_object(await read_json(request)) | {"found": False}
        return answer(await service.add_environment(wire.decode(Environment, given, strict=True)))

    @api.route(
        "PUT",
        "/environment/{name}",
        Content(ref("Environment"), examples.ENVIRONMENT),
        body=Content(_BODY | {"required": []}, {"arguments": ["-x", "{scriptPath}"]}),
        errors=(404, 409),
        tag="environments",
    )
    async def change_environment(name: _Name, request: Request) -> Response:
        """Change an environment; a found one becomes the user's own."""
        given = needed_object(await read_json(request))
        if str(given.pop("name", name)).lower() != name.lower():
            raise Invalid("An environment keeps its name. Add another one, and remove this one.")
        return answer(await service.change_environment(name, **settings_of(Environment, given)))

    @api.route("DELETE", "/environment/{name}", None, errors=(404, 409), tag="environments")
    async def remove_environment(name: _Name) -> Response:
        """Remove an environment that a user added."""
        await service.remove_environment(name)
        return nothing()
