"""The one place where a request is let in: whose it is, and whether the role suffices for the route."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, runtime_checkable

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core.access import AuditEntry, Caller, Role
from core.access import caller as the_caller
from core.service import JobQuery, JobService, NotFound, Term

from .attempts import Attempts
from .problems import Refused
from .roles import LEAST, OWN, least_role, suffices

#: what a caller of an open route is: nobody, who may look at nothing
_NOBODY = Caller("", Role.Reader, scripts=("\0",))
#: the action of signing in
SIGN_IN = "sign_in"
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="jobdeck"'}


@runtime_checkable
class Authenticator(Protocol):
    """What the server asks of a service beyond JobService: whose token this is."""

    def authenticate(self, text: str, address: str = "") -> Caller | str:
        """The caller a token stands for, or why it stands for nobody, as a sentence."""


class Service(JobService, Authenticator, Protocol):
    """A JobService that knows its tokens."""


class Guard:
    """Lets requests in. `local`: who gives no token is the user of this process, whose socket it is."""

    def __init__(self, service: Service, note: Callable[[AuditEntry], None], *, local: bool) -> None:
        self._service = service
        self._note = note
        self._local = local
        self.attempts = Attempts()

    def enter(self, request: Request, least: Role | None, action: str) -> None:
        """Set `core.access.caller` for the request. Raises Refused: 401, 403, 429."""
        if least is None:
            the_caller.set(_NOBODY)
            return
        token = bearer(request)
        if token is None:
            if not self._local:
                raise Refused(401, _NO_TOKEN, _CHALLENGE)
            the_caller.set(None)
            return
        caller = self.authenticate(token, address_of(request), action)
        if not suffices(caller.role, least):
            detail = f"This asks for the role {least}; the token of {caller.identity} has the role {caller.role}."
            self._refused(caller.identity, caller.role, action, request.url.path, detail, caller)
            raise Refused(403, detail)
        the_caller.set(caller)

    async def own(self, request: Request, key: str, action: str) -> None:
        """Hold Execute to the jobs of its own identity. Raises Refused (403), NotFound."""
        caller = the_caller.get()
        if caller is None or caller.role is not Role.Execute:
            return
        job = await self._service.job(await job_number(self._service, key))
        if job.identity != caller.identity:
            detail = (
                f"Job {job.id} is {job.identity}'s; {caller.identity} may act on its own jobs alone. The role Operator "
                "may act on all."
            )
            self._refused(caller.identity, caller.role, action, request.url.path, detail, caller)
            raise Refused(403, detail)

    def still(self, request: Request) -> Callable[[], bool]:
        """Tells whether the request would still be let in: what is revoked or expired must not be followed on."""
        token, address = bearer(request), address_of(request)
        if token is None:
            return lambda: True
        return lambda: not isinstance(self._service.authenticate(token, address), str)

    def authenticate(self, token: str, address: str, action: str) -> Caller:
        """Whose token this is. Raises Refused: 401, or 429 for an address that gave too many wrong ones."""
        login = action == SIGN_IN
        seconds = self.attempts.wait(address, token, login=login)
        if seconds:
            detail = f"Too many wrong tokens came from {address or 'here'}. Try again in {seconds} seconds."
            raise Refused(429, detail, {"Retry-After": str(seconds)})
        found = self._service.authenticate(token, address)
        if isinstance(found, str):
            if self.attempts.wrong(address, token, login=login):
                self._refused("", "", action, "", found, None, address)
            raise Refused(401, found, _CHALLENGE | {"WWW-Authenticate": _INVALID})
        self.attempts.right(token)
        return found

    def _refused(
        self, identity: str, role: str, action: str, target: str, why: str, caller: Caller | None, address: str = ""
    ) -> None:
        token_id = None
        if caller is not None:
            address, token_id = caller.address, caller.token_id
        self._note(AuditEntry(time.time_ns(), identity, role, action, target, why, address, token_id))


_INVALID = 'Bearer realm="jobdeck", error="invalid_token"'
_NO_TOKEN = (
    "Give an app token: the header `Authorization: Bearer TOKEN`. `jobdeck token grant NAME --role ROLE` makes one."
)


async def job_number(service: JobService, key: str) -> int:
    """The number of the job that a path means by number or RunId. Raises NotFound."""
    if "-" in key:
        page = await service.jobs(JobQuery(terms=(Term("run_id", (key.lower(),)),), take=1))
        if page.jobs:
            return page.jobs[0].id
    elif key.isascii() and key.isdigit() and int(key) < 2**63:
        return int(key)
    raise NotFound(f"There is no job {key}. GET /api/v1/job lists the jobs.")


def bearer(request: Request) -> str | None:
    """The token of the request's Authorization header; None without one. Raises Refused for another scheme."""
    given = request.headers.get("authorization")
    if given is None:
        return None
    scheme, _, token = given.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Refused(401, "The Authorization header must read: Bearer TOKEN.", _CHALLENGE)
    return token


def address_of(request: Request) -> str:
    """Where the request comes from; empty over the local socket."""
    return request.client.host if request.client is not None else ""


def _words_beside(path: str) -> frozenset[str]:
    """The words that are paths of their own in the place of this path's id: `counts` for /job/{id}."""
    before, _, last = path.rpartition("/")
    if last != "{id}":
        return frozenset()
    others = (key.partition(" ")[2].rpartition("/") for key in LEAST)
    return frozenset(word for beside, _, word in others if beside == before and not word.startswith("{"))


def guarded(guard: Guard) -> type[APIRoute]:
    """The class of the app's routes: none is made without a role, none is entered without it."""

    class GuardedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            answer = super().get_route_handler()
            method = next(iter(self.methods or ()))
            least = least_role(method, self.path)
            owned = f"{method} {self.path}" in OWN
            action = self.operation_id or self.name
            words = _words_beside(self.path)

            async def enter(request: Request) -> Response:
                if words and request.path_params.get("id") in words:
                    # A path of its own, which does not know this method, and no job or script of that name.
                    raise HTTPException(405)
                guard.enter(request, least, action)
                if owned:
                    await guard.own(request, request.path_params["id"], action)
                return await answer(request)

            return enter

    return GuardedRoute
