"""Requests to jobdeck's service from a script: over the store's own socket, or to a server.

Inside a job nothing needs to be given: the socket lies in the job's store, and the job vouches for its scripts. When
nothing listens there, an engine is started. What is broken off is asked again; nothing is started twice by that.
Python 3.8+, standard library only.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import struct
import time
from urllib.parse import quote, urlencode, urlsplit

from _jobdeck_channel import Channel, JobdeckError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator, Mapping, Optional, Tuple, Union

API = "/api/v1"
#: how long (s) a service that is away is waited for, and a new engine to begin to listen
PATIENCE = 60.0
_START_AGAIN = 10.0
#: a server that has never answered is waited for so long (s)
_FIRST = 2.0
#: one request waits so long (s) for a job to end
WAIT_SLICE = 25.0
_HEADER = struct.Struct("<QqIII")


class Away(Exception):
    """The service did not answer. `sent`: it may have acted on the request. `nobody`: none listens there."""

    def __init__(self, why: str, sent: bool, nobody: bool = False) -> None:
        super().__init__(why)
        self.sent = sent
        self.nobody = nobody


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a local socket, however long its path is."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("jobdeck", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        directory = -1
        address = self._path
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if len(os.fsencode(address)) > 107:
                directory = os.open(os.path.dirname(address), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                address = "/proc/self/fd/%d/%s" % (directory, os.path.basename(address))
            self.sock.settimeout(self.timeout)
            self.sock.connect(address)
        finally:
            if directory >= 0:
                os.close(directory)


class Service:
    """The service that a script reaches: `in_job` over its job's socket, else a server's or the user's own."""

    def __init__(self, channel: Optional[Channel]) -> None:
        self._channel = channel
        self._token: Optional[str] = None
        self._socket: Optional[str] = None
        self._url = urlsplit("")
        self._engine_started = 0.0
        self._reached = False
        server = os.environ.get("JOBDECK_SERVER")
        if channel is not None:
            store = os.environ.get("JOBDECK_STORE")
            if not store:
                raise JobdeckError("JOBDECK_STORE is not set: it says where this job's service is. Do not unset it.")
            self._socket = os.path.join(store, "api.sock")
        elif server:
            self._token = (os.environ.get("JOBDECK_TOKEN") or "").strip() or None
            self._set_server(server)
        else:
            self._socket = os.path.join(own_store(), "api.sock")
        self.name = self._socket or server or ""

    def _set_server(self, server: str) -> None:
        if server.startswith(("/", "unix:")):
            path = server[5:] if server.startswith("unix:") else server
            self._socket = path[2:] if path.startswith("//") else path
            return
        self._url = urlsplit(server.rstrip("/"))
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            raise JobdeckError("JOBDECK_SERVER is %r; it must read http://HOST:PORT or https://HOST." % server)

    @property
    def local(self) -> bool:
        """Whether the service is on this computer, so that paths mean the same to both."""
        return self._socket is not None

    # --- requests

    def get(self, path: str, **params: Any) -> Any:
        """The JSON that stands at a path."""
        return self.request("GET", path, params)

    def request(
        self,
        method: str,
        path: str,
        params: Optional[Mapping[str, Any]] = None,
        body: Any = None,
        headers: Optional[Mapping[str, str]] = None,
        again: bool = True,
    ) -> Any:
        """The JSON of an answer. `again`: it may be asked twice though the first may have been acted on."""
        raw = self.patiently(lambda: self._once(method, path, params, body, headers), again)
        return json.loads(raw.decode("utf-8")) if raw else None

    def patiently(self, once: Callable[[], Any], again: bool = True) -> Any:
        """What `once` gives, tried until the patience is at its end."""
        pause = 0.02
        until: Optional[float] = None
        while True:
            try:
                return once()
            except Away as met:
                away = met
            if away.sent and not again:
                raise JobdeckError("%s Whether it was done is not known: look before you do it again." % away)
            now = time.monotonic()
            if until is None:
                until = now + (PATIENCE if self._reached or self._socket else _FIRST)
            if now >= until:
                raise JobdeckError(str(away))
            if self._socket and away.nobody:
                self._start_engine()
            time.sleep(min(pause, until - now))
            pause = min(pause * 1.5, 1.0)

    def records(self, id: int, streams: str, follow: bool) -> Iterator[Tuple[int, int, bytes]]:
        """(stream, flags, bytes) of a job's records, each once, whatever happens to the service meanwhile."""
        after = 0
        while True:
            params = {"after": after, "streams": streams, "follow": "true" if follow else "false"}

            def begin(params: Mapping[str, Any] = params) -> http.client.HTTPResponse:
                return self._begin("GET", "/job/%d/records" % id, params, None, None)

            answer = self.patiently(begin)
            try:
                while True:
                    header = _exactly(answer, _HEADER.size)
                    number, _when, stream, flags, length = _HEADER.unpack(header)
                    data = _exactly(answer, length)
                    if number:
                        # a gap tells of several records
                        after = number + max(flags, 1) - 1 if stream == 0 else number
                        yield stream, flags, data
                    elif flags == 1:
                        return
            except Away:
                time.sleep(0.05)
            finally:
                answer.close()

    def _once(
        self,
        method: str,
        path: str,
        params: Optional[Mapping[str, Any]],
        body: Any,
        headers: Optional[Mapping[str, str]],
    ) -> bytes:
        answer = self._begin(method, path, params, body, headers)
        try:
            return answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Away("The answer of %s broke off (%s)." % (self.name, _said(error)), True) from None
        finally:
            answer.close()

    def _begin(
        self,
        method: str,
        path: str,
        params: Optional[Mapping[str, Any]],
        body: Any,
        headers: Optional[Mapping[str, str]],
    ) -> http.client.HTTPResponse:
        given = {name: value for name, value in (params or {}).items() if value is not None}
        target = self._url.path + API + path + ("?" + urlencode(given) if given else "")
        sent = {"Connection": "close"}
        sent.update(headers or {})
        token = self._own_token()
        if token:
            sent["Authorization"] = "Bearer " + token
        content = None
        if body is not None:
            content = json.dumps(body).encode("ascii")
            sent["Content-Type"] = "application/json"
        connection = self._connection()
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise Away(self._nobody(error), False, True) from None
        try:
            connection.request(method, target, content, sent)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Away("The connection to %s was lost (%s)." % (self.name, _said(error)), True) from None
        if answer.status >= 300:
            self._raise(answer)
        self._reached = True
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        if self._socket:
            return _SocketConnection(self._socket, PATIENCE)
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=PATIENCE)
        return http.client.HTTPConnection(host, port, timeout=PATIENCE)

    def _own_token(self) -> Optional[str]:
        if self._token is None and self._channel is not None:
            # Asked for when it is needed: it is in no environment and no file.
            self._token = str(self._channel.request({"type": "token"}).get("value"))
        return self._token

    def _nobody(self, error: OSError) -> str:
        return "No jobdeck answers at %s (%s)." % (self.name, error.strerror or error)

    def _raise(self, answer: http.client.HTTPResponse) -> None:
        try:
            detail = str(json.loads(answer.read().decode("utf-8"))["detail"])
            if answer.status == 503 and answer.getheader("Retry-After") == "1":
                # it goes down and has done nothing: the next one is to be asked
                raise Away(detail, False)
            raise JobdeckError(detail)
        except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
            if answer.status in (502, 503, 504):
                raise Away("%s does not reach its jobdeck (%d)." % (self.name, answer.status), True) from None
            raise JobdeckError(
                "%s answered %d %s, which is no answer of jobdeck." % (self.name, answer.status, answer.reason)
            ) from None
        finally:
            answer.close()

    # --- an engine where there is none

    def _start_engine(self) -> None:
        now = time.monotonic()
        if self._engine_started and now - self._engine_started < _START_AGAIN:
            return
        self._engine_started = now
        store = os.path.dirname(self._socket or "")
        start_engine(store, "The service of %s does not run, and cannot be started" % store)


def start_engine(store: str, trouble: str) -> None:
    """Start `jobdeck serve --local` on a store, in a session of its own; nothing of this process stays with it."""
    import shutil

    python = os.environ.get("JOBDECK_PYTHON")
    program = [python, "-P", "-m", "tui"] if python else [shutil.which("jobdeck") or ""]
    if not program[0]:
        raise JobdeckError("%s: there is no `jobdeck` on PATH. Start it: jobdeck serve --local" % trouble)
    kept = ("JOBDECK_HOME", "JOBDECK_MAX_RUNNING", "JOBDECK_CANCEL_GRACE", "JOBDECK_LOCK_TIMEOUT", "JOBDECK_MAX_DEPTH")
    variables = {
        name: value
        for name, value in os.environ.items()
        # PYTHON*: the engine's interpreter is not this script's
        if name in kept or not name.startswith(("JOBDECK_", "PYTHON"))
    }
    variables["JOBDECK_ROLE"] = "engine"
    variables["PATH"] = path_without_helper(variables.get("PATH", os.defpath))
    if os.path.realpath(own_store()) != os.path.realpath(store):
        variables["JOBDECK_HOME"] = store
    try:
        os.posix_spawn(
            "/bin/sh",
            # a shell in between changes the directory and lets go of us
            ["sh", "-c", 'cd / && "$@" &', "sh", *program, "serve", "--local"],
            variables,
            file_actions=[(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_RDWR, 0) for descriptor in (0, 1, 2)],
            setsid=True,
        )
    except (OSError, NotImplementedError) as error:
        raise JobdeckError("%s: %s." % (trouble, error)) from None


def path_without_helper(path: str) -> str:
    """A PATH without what a runner puts in front of it."""
    helper = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "runner", "bin")
    return os.pathsep.join(part for part in path.split(os.pathsep) if os.path.realpath(part) != helper)


def own_store() -> str:
    """The data directory of this user's own store, as `jobdeck` finds it."""
    home = os.environ.get("JOBDECK_HOME")
    if home:
        return os.path.abspath(os.path.expanduser(home))
    import sys

    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Application Support/jobdeck")
    data = (os.environ.get("XDG_DATA_HOME") or "").strip() or os.path.expanduser("~/.local/share")
    return os.path.join(data, "jobdeck")


def quoted(name: Union[int, str]) -> str:
    """A name as one part of a path."""
    return quote(str(name), safe="")


def _exactly(answer: http.client.HTTPResponse, size: int) -> bytes:
    parts = []
    try:
        while size:
            part = answer.read(size)
            if not part:
                raise Away("The records broke off.", True)
            parts.append(part)
            size -= len(part)
    except (OSError, http.client.HTTPException) as error:
        raise Away("The records broke off (%s)." % _said(error), True) from None
    return b"".join(parts)


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
