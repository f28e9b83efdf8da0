"""`jobdeck serve`: an engine and its REST over TCP, until a signal ends it; jobs go on."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Iterator

from core.config import VERSION, Settings
from core.service import Invalid, Unavailable

from .app import create_app
from .connection import Connection
from .logs import log_to_stderr
from .uvicorn_server import QuietServer, configuration

log = logging.getLogger("jobdeck.server")
#: seconds for what is being answered when the server ends
GRACE = 5.0


async def serve(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 5000,
    *,
    certificate: str | None = None,
    key: str | None = None,
    root_path: str = "",
    log_format: str = "lines",
    access_log: bool = False,
    proxies: str = "",
) -> None:
    """Serve until SIGTERM or SIGINT. Raises ServiceError for what keeps it from starting.

    `certificate`, `key`: files in PEM; with them it speaks TLS. `proxies`: whose X-Forwarded-For counts, with commas.
    """
    from core.engine.engine import Engine
    from core.engine.limits import take_open_files

    if root_path and not root_path.startswith("/"):
        raise Invalid(f"--root-path {root_path} must begin with a slash, like /jobdeck.")
    files = _tls(certificate, key)
    take_open_files()
    sockets = await listen(host, port)
    try:
        log_to_stderr(log_format, access=access_log)
        engine = await Engine.open(settings, "stay")
    except BaseException:
        for one in sockets:
            one.close()
        raise
    try:
        app = create_app(engine, settings, root_path=root_path)
        server = QuietServer(
            configuration(
                app,
                Connection,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=proxies,
                timeout_keep_alive=60,
                **files,
            )
        )
        ended = asyncio.Event()
        with _signals(ended):
            await server.startup(sockets=sockets)
            _tell(host, sockets, bool(files), root_path)
            notify("READY=1")
            await ended.wait()
            log.info("The server ends: no new requests, jobs go on.")
            notify("STOPPING=1")
            app.state.drain.begin()
            await server.stop(sockets, GRACE)
            app.state.api.following.close()
    finally:
        await engine.close()
    log.info("The server has ended.")


def _tls(certificate: str | None, key: str | None) -> dict[str, str]:
    """What uvicorn is told of TLS. Raises Invalid for files that are none."""
    if certificate is None and key is None:
        return {}
    if certificate is None or key is None:
        raise Invalid("TLS needs both files: --cert FILE and --key FILE.")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, lambda: "")
    except (OSError, ValueError) as error:
        raise Invalid(
            f"{certificate} and {key} cannot be used for TLS ({getattr(error, 'strerror', None) or error}). Give a "
            "certificate and its key in PEM, the key without a pass phrase."
        ) from error
    return {"ssl_certfile": certificate, "ssl_keyfile": key}


async def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on every address of a host. Raises Invalid, Unavailable."""
    if not 0 <= port <= 65535:
        raise Invalid(f"The port is {port}; it must be from 0 (any) to 65535.")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        raise Invalid(
            f"There is no host {host!r} here: {getattr(error, 'strerror', error)}. Give an address."
        ) from None
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _name, address in dict.fromkeys(found):
            one = socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol)
            sockets.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
            one.listen(512)
            one.setblocking(False)
    except OSError as error:
        for one in sockets:
            one.close()
        raise _not_listening(host, port, error) from error
    return sockets


def _not_listening(host: str, port: int, error: OSError) -> Unavailable:
    where = f"{host or 'any address'} port {port}"
    if error.errno == errno.EADDRINUSE:
        return Unavailable(
            f"Another program listens on {where} already, perhaps another `jobdeck serve`. End it, or give another "
            "--port."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return Unavailable(f"You may not listen on {where}; ports below 1024 are root's. Give another --port.")
    if error.errno == errno.EADDRNOTAVAIL:
        return Unavailable(f"{host} is no address of this computer. Give one that is as --host.")
    return Unavailable(f"Nothing can listen on {where}: {error.strerror}.")


def _tell(host: str, sockets: list[socket.socket], tls: bool, root: str) -> None:
    scheme = "https" if tls else "http"
    addresses = [one.getsockname() for one in sockets]
    urls = [f"{scheme}://{f'[{name[0]}]' if ':' in name[0] else name[0]}:{name[1]}{root}" for name in addresses]
    log.info("jobdeck %s serves %s (process %s)", VERSION, ", ".join(urls), os.getpid())
    if all(ipaddress.ip_address(name[0].partition("%")[0]).is_loopback for name in addresses):
        return
    log.warning(
        "%s can be reached from other computers: whoever has a token of it can run the scripts of user %s here. %s",
        ", ".join(urls),
        os.environ.get("USER") or os.getuid(),
        "Traffic is encrypted."
        if tls
        else "Traffic, tokens included, is NOT encrypted: give --cert and --key, or stay on 127.0.0.1 behind a proxy.",
    )


@contextlib.contextmanager
def _signals(ended: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def end() -> None:
        if ended.is_set():
            # Somebody insists: what is still being answered is cut off.
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def notify(state: str) -> None:
    """Tell systemd, where it is what started us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
            told.connect(address)
            told.sendall(state.encode())
    except OSError as error:
        print(f"jobdeck: systemd could not be told: {error}", file=sys.stderr)
