"""HTTP to a jobdeck server, over TCP or its local socket: what is sent again when the server goes away, and for how
long; every refusal and every trouble as an error of the service.

httpx is imported when the first connection is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.addresses import API, checked_url, is_loopback, socket_path
from core.errors import Conflict, Forbidden, Invalid, NotFound, ServiceError, Unavailable

if TYPE_CHECKING:
    import httpx

#: how long (s) a server is waited for that has answered before, and one that never has
PATIENCE = 60.0
FIRST_PATIENCE = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
#: seconds of trouble after which a person is told
_TOLD_AFTER = 1.0
#: the same for a server that has never answered: it may have just been started, or its address is wrong
_FIRST_TOLD_AFTER = 0.2
#: seconds until an answer must have begun; what streams says that it is alive more often
_ANSWER = 60.0
_SOCKET_PATH = 107

Params = Sequence[tuple[str, str]]
Told = Callable[[str | None], None]

_ERRORS: dict[int, type[ServiceError]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: Invalid,
    422: Invalid,
}


class Trouble(Exception):
    """A request without an answer. `sent`: the server may have acted on it. `hopeless`: trying again cannot help."""

    def __init__(self, why: str, *, sent: bool = True, hopeless: bool = False) -> None:
        super().__init__(why)
        self.sent = sent
        self.hopeless = hopeless


class Transport:
    """Requests to one server. `told` hears a sentence when the server is being waited for, and None once it is back."""

    def __init__(
        self, address: str, token: str | None = None, *, patience: float = PATIENCE, told: Told | None = None
    ) -> None:
        self.socket = socket_path(address)
        self.base = "http://jobdeck" if self.socket else checked_url(address)
        self.name = self.socket or self.base
        self._token = token
        if token is not None and (not token.isascii() or not token.isprintable() or " " in token):
            raise Invalid("The token holds characters that no token has. Copy it again, without quotes or line ends.")
        self._patience = patience
        self._told = told
        self._http: httpx.AsyncClient | None = None
        self._directory: int | None = None
        #: the server has answered at least once
        self.reached = False
        self._away = False

    # -- the connection --------------------------------------------------------------------------------------------

    @property
    def http(self) -> httpx.AsyncClient:
        """The connection pool."""
        if self._http is None:
            import httpx

            headers = {"Accept": "application/json, */*"}
            if self._token:
                headers["Authorization"] = f"Bearer {self._token}"
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
            timeout = httpx.Timeout(_ANSWER, connect=10.0, pool=None)
            transport = None
            if self.socket:
                transport = httpx.AsyncHTTPTransport(uds=self._short_path(self.socket), limits=limits)
            self._http = httpx.AsyncClient(
                base_url=self.base,
                headers=headers,
                timeout=timeout,
                limits=limits,
                transport=transport,
                # Proxies are for other computers.
                trust_env=not self.socket and not is_loopback(self.base),
                verify=_trust() if self.base.startswith("https:") else True,
            )
        return self._http

    def _short_path(self, path: str) -> str:
        """A path to the socket that fits into an address."""
        if len(os.fsencode(path)) <= _SOCKET_PATH:
            return path
        directory, name = os.path.split(path)
        try:
            self._directory = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise Unavailable(f"{directory} cannot be opened: {error.strerror}.") from error
        return f"/proc/self/fd/{self._directory}/{name}"

    async def close(self) -> None:
        """Let go of the connections."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()
        if self._directory is not None:
            os.close(self._directory)
            self._directory = None

    # -- requests --------------------------------------------------------------------------------------------------

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Params = (),
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        again: bool = True,
        timeout: float = _ANSWER,
        on_again: Callable[[], None] | None = None,
    ) -> bytes:
        """The body of the answer. Raises ServiceError.

        `again`: the request may be sent a second time though the first may have been acted on; `on_again` hears of it.
        """
        content = None if body is None else json.dumps(body).encode()
        sent = dict(headers or {})
        if content is not None:
            sent["Content-Type"] = "application/json"

        async def once() -> bytes:
            with self._troubles():
                response = await self.http.request(
                    method, API + path, params=list(params), content=content, headers=sent, timeout=timeout
                )
            self._check(response, response.content)
            return response.content

        return await self.patiently(once, again=again, on_again=on_again)

    async def patiently(
        self,
        once: Callable[[], Awaitable[bytes]],
        *,
        again: bool = True,
        on_again: Callable[[], None] | None = None,
        patience: Patience | None = None,
    ) -> bytes:
        """What `once` gives, tried until the patience is at its end."""
        patience = patience or self.patience()
        while True:
            try:
                result = await once()
            except Trouble as trouble:
                if trouble.sent:
                    if not again:
                        raise Unavailable(
                            f"{trouble} Whether it was done is not known: look before you do it again."
                        ) from trouble
                    if on_again is not None:
                        on_again()
                await patience.pause(trouble)
            else:
                patience.over()
                return result

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, path: str, *, params: Params = (), headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of the answer in pieces as they come. Raises ServiceError, and Trouble, also between the pieces."""
        with self._troubles():
            async with self.http.stream(
                method, API + path, params=list(params), headers=dict(headers or {})
            ) as response:
                if response.status_code >= 300:
                    self._check(response, await response.aread())
                self._check(response, b"")
                yield response.aiter_bytes()

    async def upload(self, path: str, chunks: AsyncIterator[bytes]) -> None:
        """PUT a body in pieces as they come. Raises ServiceError, and Trouble."""
        import httpx

        with self._troubles():
            timeout = httpx.Timeout(None, connect=10.0)
            response = await self.http.request("PUT", API + path, content=chunks, timeout=timeout)
        self._check(response, response.content)

    def patience(self) -> Patience:
        """How long to go on trying, from the first trouble on."""
        return Patience(
            lambda: self._patience if self.reached else min(self._patience, FIRST_PATIENCE),
            self._tell,
            _TOLD_AFTER if self.reached else _FIRST_TOLD_AFTER,
        )

    def _tell(self, sentence: str | None) -> None:
        """Say once that the server is away, however many requests wait for it, and once that it is back."""
        if self._told is not None and self._away != (sentence is not None):
            self._away = not self._away
            self._told(sentence)

    # -- what came of them -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _troubles(self) -> Any:
        import httpx

        try:
            yield
        except (httpx.TransportError, httpx.InvalidURL, httpx.StreamError) as error:
            raise self._trouble(error) from error

    def _trouble(self, error: Exception) -> Trouble:
        """What an error of httpx means."""
        import socket

        import httpx

        causes = list(_causes(error))
        unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return Trouble(
                    f"The certificate of {self.name} is not trusted: {cause.verify_message.rstrip('.')}. Give its "
                    "authority with SSL_CERT_FILE=FILE, or use the name that the certificate is made for.",
                    sent=False,
                    hopeless=True,
                )
            if isinstance(cause, ssl.SSLError) and cause.reason in ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL"):
                plain = "http" + self.base.removeprefix("https")
                return Trouble(
                    f"{self.name} does not speak TLS. Is it {plain} ?", sent=False, hopeless=not self.reached
                )
            if isinstance(cause, socket.gaierror):
                host = self.http.base_url.host
                return Trouble(
                    f"No computer is called {host}. Check the address {self.name}.",
                    sent=False,
                    # Others (there is no network yet) may pass.
                    hopeless=cause.errno == socket.EAI_NONAME and not self.reached,
                )
            if isinstance(cause, PermissionError):
                return Trouble(
                    f"{self.name} may not be opened by this user: it is another's.", sent=False, hopeless=True
                )
            if unsent and isinstance(cause, FileNotFoundError | ConnectionRefusedError):
                return Trouble(self._nobody(), sent=False)
        if unsent:
            why = "it takes no connection" if not isinstance(error, httpx.ConnectTimeout) else "no answer in 10 s"
            return Trouble(f"{self.name} cannot be reached: {why} ({_said(error)}).", sent=False)
        if isinstance(error, httpx.TimeoutException):
            return Trouble(f"{self.name} has not answered in time.")
        if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError | httpx.InvalidURL):
            return Trouble(f"{self.name} cannot be asked: {_said(error)}.", sent=False, hopeless=True)
        hint = "" if self.reached or self.socket or self.base.startswith("https") else " Should it be https:// ?"
        return Trouble(f"The connection to {self.name} was lost ({_said(error)}).{hint}")

    def _nobody(self) -> str:
        if self.socket:
            return f"No jobdeck listens at {self.socket}. `jobdeck serve` and the terminal application do."
        return f"Nothing answers at {self.base}. Check the address, and that `jobdeck serve` runs there."

    def _check(self, response: httpx.Response, body: bytes) -> None:
        """Raise what the status means; Trouble for that of a proxy whose server is away."""
        status = response.status_code
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if 200 <= status < 300:
            if kind == "text/html":
                raise Unavailable(f"What answers at {self.name} is a web page, not jobdeck's API. Check the address.")
            self.reached = True
            return
        if kind == "application/problem+json":
            self.reached = True
            error = problem(status, body, self.name, with_token=self._token is not None)
            if status == 503 and response.headers.get("retry-after") == "1":
                # It goes down and has done nothing: the next one is to be asked.
                raise Trouble(str(error), sent=False)
            raise error
        if 300 <= status < 400:
            where = response.headers.get("location", "elsewhere").partition(API)[0]
            raise Unavailable(f"{self.name} sends to {where}: give that address, if you trust it with the token.")
        if status in (502, 503, 504):
            raise Trouble(f"{self.name} is a proxy whose jobdeck does not answer ({status}).", sent=status != 503)
        if status == 404:
            raise Unavailable(f"There is no jobdeck at {self.name}: {API} is not found there. Check the address.")
        raise Unavailable(f"{self.name} answered {status} {response.reason_phrase}, which is no answer of jobdeck.")


class Patience:
    """Pauses between attempts, longer and longer, until the time is up. Begins with the first trouble.

    `seconds`: how long it is then; `told` as in `Transport`, after `told_after` seconds.
    """

    def __init__(self, seconds: Callable[[], float], told: Told, told_after: float = _TOLD_AFTER) -> None:
        self._seconds = seconds
        self._told = told
        self._told_after = told_after
        self._began: float | None = None
        self._until = 0.0
        self._pause = _FIRST_PAUSE

    async def pause(self, trouble: Trouble) -> None:
        """Wait before the next attempt. Raises Unavailable when there shall be none."""
        now = asyncio.get_running_loop().time()
        if self._began is None:
            self._began, self._until = now, now + self._seconds()
        left = self._until - now
        if trouble.hopeless or left <= 0:
            waited = f" It was tried for {now - self._began:.0f} s." if now - self._began > _TOLD_AFTER else ""
            raise Unavailable(f"{trouble}{waited}") from trouble
        pause = min(self._pause, left)
        if now + pause - self._began >= self._told_after:
            self._told(f"{trouble} Trying again for {left:.0f} s.")
        await asyncio.sleep(pause)
        self._pause = min(self._pause * 1.7, _LONGEST_PAUSE)

    def heard(self) -> None:
        """The server answers again."""
        self._told(None)

    def over(self) -> None:
        """All goes well: the next trouble begins anew."""
        self.heard()
        self._began = None
        self._pause = _FIRST_PAUSE


def problem(status: int, body: bytes, name: str, *, with_token: bool = False) -> ServiceError:
    """The error that a problem+json stands for."""
    try:
        detail = str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"{name} answered {status} and did not say why."
    if status == 401:
        where = "" if name.startswith("/") else f" {name}"
        how = f"Log in: jobdeck login{where} (or give the token as JOBDECK_TOKEN)."
        detail = f"{detail} {how}" if with_token else f"{name} asks for an app token. {how}"
    return _ERRORS.get(status, Unavailable)(detail)


def _trust() -> ssl.SSLContext:
    """The authorities of this computer, or of SSL_CERT_FILE."""
    return ssl.create_default_context()


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")
