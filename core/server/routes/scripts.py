"""Routes about scripts: on record, their content and parameters, and running them as the original does."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from core.service import Invalid, NotFound, Script

from .. import examples
from ..api import BIGGEST, IDEMPOTENCY_KEY, Api, Content, answer, answer_json, idempotency_key, nothing, within_parent
from ..bodies import MOST_CONTENT, needed_object, read, read_json, run_request, settings_of
from ..paths import SLASH
from ..schemas import list_of, ref

ScriptKey = Annotated[
    str,
    Path(
        alias="id",
        min_length=1,
        max_length=4096,
        description="The script's number; or its name, or its path with %2F for the slashes.",
        openapi_examples={"number": {"value": "7"}},
    ),
]
FullPath = Annotated[
    str,
    Path(
        min_length=1,
        max_length=4096,
        description="The script's path, or its name.",
        openapi_examples={"name": {"value": "backup.sh"}},
    ),
]


def add(api: Api) -> None:
    """Put the routes into the app."""
    service = api.service

    @api.route("GET", "/script", Content(list_of("Script"), [examples.SCRIPT]), tag="scripts")
    async def scripts() -> Response:
        """All scripts, by name."""
        return answer(await service.scripts())

    @api.route(
        "POST",
        "/script",
        Content(ref("Script"), examples.SCRIPT),
        body=Content(
            _script_body() | {"anyOf": [{"required": ["fullPath"]}, {"required": ["name"]}]},
            {"fullPath": "hello.sh", "content": "echo hello\n"},
        ),
        errors=(404, 409),
        tag="scripts",
    )
    async def add_script(request: Request) -> Response:
        """Put a script on record: a file of the server, or, with `content`, one that the service keeps itself."""
        given = needed_object(await read_json(request, 2 * MOST_CONTENT))
        content = _content(given)
        path = given.pop("fullPath") if "fullPath" in given else given.get("name")
        if not isinstance(path, str) or not path:
            raise Invalid('Say which script: {"fullPath": "/srv/backup.sh"}, or a name with its content.')
        return answer(await service.add_script(path, content=content, **_settings(given)))

    async def change(given: dict[str, Any], script: int | str) -> Response:
        content = _content(given)
        path = given.get("fullPath", "/")
        if not isinstance(path, str) or not path.startswith("/"):
            raise Invalid("The fullPath must be a path from the root, like /srv/backup.sh.")
        if given.pop("id", script) != script and isinstance(script, int):
            raise Invalid("The body's id is another script's. A script keeps its id: leave it out.")
        return answer(await service.change_script(script, content=content, **_settings(given)))

    @api.route(
        "PUT",
        "/script",
        Content(ref("Script"), examples.SCRIPT),
        body=Content(_script_body("id"), {"id": 7, "timeOut": 1.5}),
        errors=(404, 409),
        tag="scripts",
    )
    async def change_script(request: Request) -> Response:
        """Change a script: its id, and the fields that are to be others."""
        given = needed_object(await read_json(request, 2 * MOST_CONTENT))
        id = given.get("id")
        if isinstance(id, float) and id.is_integer():
            id = given["id"] = int(id)
        if isinstance(id, bool) or not isinstance(id, int) or not 0 <= id <= BIGGEST:
            raise Invalid('Say which script: {"id": 7, …}.')
        return await change(given, id)

    @api.route("GET", "/script/statistics", Content(list_of("ScriptStatistics"), examples.STATISTICS), tag="scripts")
    async def script_statistics() -> Response:
        """How the jobs of each script on record went."""
        return answer(await service.script_statistics())

    @api.route(
        "GET", "/script/path/{full_path:path}", Content(ref("Script"), examples.SCRIPT), errors=(404,), tag="scripts"
    )
    async def script_at(full_path: FullPath) -> Response:
        """One script by its path or name."""
        return answer(await find(full_path))

    @api.route(
        "POST",
        "/script/path/{full_path:path}",
        Content({"type": "integer"}, 17, description="The job's number."),
        body=_context(),
        headers=IDEMPOTENCY_KEY,
        errors=(404, 409),
        tag="scripts",
    )
    async def run_script_at(request: Request, full_path: FullPath) -> Response:
        """Run the script at a path: query parameters become parameters of the script, as texts; `Environment` too."""
        return await start(request, await find(full_path))

    @api.route("GET", "/script/{id}", Content(ref("Script"), examples.SCRIPT), errors=(404,), tag="scripts")
    async def script(key: ScriptKey) -> Response:
        """One script."""
        return answer(await service.script(_key(key)))

    @api.route(
        "PUT",
        "/script/{id}",
        Content(ref("Script"), examples.SCRIPT),
        body=Content(_script_body(), {"timeOut": 1.5}),
        errors=(404, 409),
        tag="scripts",
    )
    async def change_one_script(request: Request, key: ScriptKey) -> Response:
        """Change a script: the fields that are to be others."""
        return await change(needed_object(await read_json(request, 2 * MOST_CONTENT)), _key(key))

    @api.route(
        "POST",
        "/script/{id}",
        Content({"type": "integer"}, 17, description="The job's number."),
        body=_context(),
        headers=IDEMPOTENCY_KEY,
        errors=(404, 409),
        tag="scripts",
    )
    async def run_script(request: Request, key: ScriptKey) -> Response:
        """Run a script; answers with the job's number alone.

        The body is empty, `{}` or a JobContext; or plain parameters, `{"parameters": {"name": value}}`, or a list of
        `{name, type, value}`. A value that is a CLIXML document reaches PowerShell undecoded, other environments get
        its simple value. Query parameters become parameters of the script, as texts.
        """
        return await start(request, await service.script(_key(key)))

    async def start(request: Request, script: Script) -> Response:
        body = await read_json(request)
        query = request.query_params.multi_items()
        wanted = run_request(script.id, body, query, idempotency_key(request))
        return answer_json((await service.run(within_parent(wanted))).id)

    async def find(path: str) -> Script:
        path = path.replace(SLASH, "/")
        try:
            return await service.script(path)
        except NotFound:
            if path.startswith("/"):
                raise
            # A slash at the beginning is what URLs lose most easily.
            try:
                return await service.script("/" + path)
            except NotFound:
                pass
            raise

    @api.route("DELETE", "/script/{id}", None, errors=(404, 409), tag="scripts")
    async def remove_script(key: ScriptKey) -> Response:
        """Forget a script; its jobs stay."""
        await service.remove_script(_key(key))
        return nothing()

    @api.route(
        "GET",
        "/script/{id}/parameter",
        Content(list_of("Parameter"), examples.PARAMETERS),
        errors=(404,),
        tag="scripts",
    )
    async def script_parameters(key: ScriptKey) -> Response:
        """What the script asks for, read from its file as it is now."""
        return answer(await service.script_parameters(_key(key)))

    @api.route(
        "GET",
        "/script/{id}/content",
        Content({"type": "string", "format": "binary"}, None, "application/octet-stream"),
        errors=(404,),
        tag="scripts",
    )
    async def script_content(key: ScriptKey) -> Response:
        """The script's file as it is now."""
        return Response(await service.script_content(_key(key)), media_type="application/octet-stream")

    @api.route(
        "PUT",
        "/script/{id}/content",
        Content(ref("Script"), examples.SCRIPT),
        body=Content({"type": "string", "format": "binary"}, None, "application/octet-stream", required=False),
        errors=(404, 409),
        tag="scripts",
    )
    async def change_script_content(request: Request, key: ScriptKey) -> Response:
        """Change the content of a script that the service keeps itself: the body is the new one."""
        content = await read(request, MOST_CONTENT)
        return answer(await service.change_script(_key(key), content=content))


def _key(key: str) -> int | str:
    """The number, name or path that a path means."""
    if key.isascii() and key.isdigit():
        number = int(key)
        if number > BIGGEST:
            raise NotFound(f"There is no script {key}. GET /api/v1/script lists them.")
        return number
    return key.replace(SLASH, "/")


def _content(given: dict[str, Any]) -> bytes | None:
    """Take the content out of a body."""
    text, coded = given.pop("content", None), given.pop("contentBase64", None)
    if text is not None and coded is not None:
        raise Invalid("Give the content once: as content or as contentBase64.")
    for name, value in (("content", text), ("contentBase64", coded)):
        if value is not None and not isinstance(value, str):
            raise Invalid(f"{name} must be a text.")
    try:
        if coded is not None:
            return base64.b64decode(coded, validate=True)
        return None if text is None else text.encode()
    except (binascii.Error, ValueError):
        raise Invalid("The content cannot be read: contentBase64 must be base64, content must be UTF-8.") from None


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    settings = settings_of(Script, given)
    for name in ("id", "created", "changed"):
        if name in settings:
            raise Invalid(f"{name} is the service's own; leave it out.")
    return settings


def _context() -> Content:
    names = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"Name": {"type": "string"}, "Value": {}, "IsVariable": {"type": "boolean"}},
            "required": ["Name"],
        },
    }
    schema = {
        "anyOf": [
            {"type": "string", "const": ""},
            {
                "type": "object",
                "properties": {"JobParameters": names, "Environment": {"type": ["string", "null"]}},
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {"parameters": {"type": "object"}, "environment": {"type": ["string", "null"]}},
                "additionalProperties": False,
            },
        ]
    }
    return Content(
        schema,
        required=False,
        also=("application/json-patch+json",),
        description="Nothing, a JobContext, or plain parameters. Keys in either case.",
        more_examples={"nothing": {}, "JobContext": examples.JOB_CONTEXT, "plain": examples.PLAIN},
    )


def _script_body(*required: str) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "id": {"type": "integer", "minimum": 0, "maximum": BIGGEST},
        "fullPath": {"type": "string", "minLength": 1},
        "name": {"type": "string", "minLength": 1},
        "content": {"type": ["string", "null"], "description": "The file, where the service keeps it itself."},
        "description": {"type": "string"},
        "notes": {"type": "string"},
        "environment": {"type": ["string", "null"]},
        "timeOut": {"type": "number", "minimum": 0, "description": "Minutes; 0 = never."},
        "concurrentJobs": {"type": "integer", "minimum": 1},
        "tags": {"type": "array", "items": {"type": "string"}},
    }
    if "id" not in required:
        del properties["id"]
    whole: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return whole | ({"required": list(required)} if required else {})
