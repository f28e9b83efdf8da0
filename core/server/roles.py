"""Which role a route asks for at least: the one table of it. A route that is not in it cannot be made."""

from __future__ import annotations

from core.access import Role

PREFIX = "/api/v1"
_RANK = {Role.Reader: 0, Role.Execute: 1, Role.Operator: 2, Role.Administrator: 3}

#: method and path -> the least role; None = open to everybody
LEAST: dict[str, Role | None] = {
    "GET /docs": None,
    "GET /metrics": Role.Reader,
    "GET /api/v1/openapi.json": None,
    "GET /api/v1/alive": None,
    "POST /api/v1/signin": None,
    "GET /api/v1/version": Role.Reader,
    "GET /api/v1/status": Role.Reader,
    "GET /api/v1/events": Role.Reader,
    "GET /api/v1/job": Role.Reader,
    "POST /api/v1/job": Role.Execute,
    "GET /api/v1/job/counts": Role.Reader,
    "GET /api/v1/job/{id}": Role.Reader,
    "DELETE /api/v1/job/{id}": Role.Operator,
    "GET /api/v1/job/{id}/wait": Role.Reader,
    "GET /api/v1/job/{id}/records": Role.Reader,
    "GET /api/v1/job/{id}/lines": Role.Reader,
    "GET /api/v1/job/{id}/lineAt": Role.Reader,
    "GET /api/v1/job/{id}/search": Role.Reader,
    "GET /api/v1/job/{id}/objects": Role.Reader,
    "GET /api/v1/job/{id}/pipelineOutput": Role.Reader,
    "GET /api/v1/job/{id}/output": Role.Reader,
    "GET /api/v1/job/{id}/log": Role.Reader,
    "GET /api/v1/job/{id}/error": Role.Reader,
    "GET /api/v1/job/{id}/feedback": Role.Reader,
    "POST /api/v1/job/{id}/feedback": Role.Execute,
    "POST /api/v1/job/{id}/feedback/{number}": Role.Execute,
    "POST /api/v1/job/{id}/cancel": Role.Execute,
    "POST /api/v1/job/{id}/rerun": Role.Execute,
    "PUT /api/v1/job/{id}/input": Role.Execute,
    "GET /api/v1/job/{id}/content": Role.Reader,
    "GET /api/v1/job/{id}/usage": Role.Reader,
    "GET /api/v1/script": Role.Reader,
    "POST /api/v1/script": Role.Operator,
    "PUT /api/v1/script": Role.Operator,
    "GET /api/v1/script/statistics": Role.Reader,
    "GET /api/v1/script/path/{full_path:path}": Role.Reader,
    "POST /api/v1/script/path/{full_path:path}": Role.Execute,
    "GET /api/v1/script/{id}": Role.Reader,
    "PUT /api/v1/script/{id}": Role.Operator,
    "POST /api/v1/script/{id}": Role.Execute,
    "DELETE /api/v1/script/{id}": Role.Operator,
    "GET /api/v1/script/{id}/parameter": Role.Reader,
    "GET /api/v1/script/{id}/content": Role.Reader,
    "PUT /api/v1/script/{id}/content": Role.Operator,
    "GET /api/v1/environment": Role.Reader,
    "POST /api/v1/environment": Role.Administrator,
    "PUT /api/v1/environment/{name}": Role.Administrator,
    "DELETE /api/v1/environment/{name}": Role.Administrator,
    "GET /api/v1/setting": Role.Administrator,
    "PUT /api/v1/setting": Role.Administrator,
    "GET /api/v1/apptoken": Role.Administrator,
    "POST /api/v1/apptoken": Role.Administrator,
    "GET /api/v1/apptoken/grant": Role.Administrator,
    "GET /api/v1/apptoken/grant/{identity}": Role.Administrator,
    "DELETE /api/v1/apptoken/{id}": Role.Administrator,
    "GET /api/v1/audit": Role.Administrator,
    "POST /api/v1/groom": Role.Administrator,
}

#: what Execute may do with the jobs of its own identity alone
OWN = frozenset(
    {
        "POST /api/v1/job/{id}/feedback",
        "POST /api/v1/job/{id}/feedback/{number}",
        "POST /api/v1/job/{id}/cancel",
        "POST /api/v1/job/{id}/rerun",
        "PUT /api/v1/job/{id}/input",
    }
)


def least_role(method: str, path: str) -> Role | None:
    """The least role for a route. Raises LookupError for a route that the table does not know."""
    key = f"{method} {path}"
    if key not in LEAST:
        raise LookupError(f"The route {key} has no role: say in core/server/roles.py who may use it.")
    return LEAST[key]


def suffices(role: Role, least: Role) -> bool:
    """Whether `role` may do what `least` may."""
    return _RANK[role] >= _RANK[least]
