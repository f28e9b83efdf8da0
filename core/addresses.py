"""Where a server is: a URL, or the path of a local socket. Standard library only."""

from __future__ import annotations

import os

from core.errors import Invalid

API = "/api/v1"


def socket_path(address: str) -> str | None:
    """The path of the local socket that an address means; None for a URL."""
    if address.startswith("unix:"):
        address = address.removeprefix("unix:").removeprefix("//")
    return os.path.abspath(address) if address.startswith(("/", "./", "../")) else None


def checked_url(address: str) -> str:
    """The URL of a server without what the client adds itself. Raises Invalid."""
    from urllib.parse import urlsplit

    address = address.strip()
    if "://" not in address:
        raise Invalid(f"{address!r} is no URL. Write http://{address} or https://{address}.")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise Invalid(f"{address!r} is no URL: {error}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c.isspace() for c in address):
        raise Invalid(f"{address!r} is no address of a server: it must read http://HOST:PORT or https://HOST.")
    if parts.username is not None:
        raise Invalid("The server's URL must not hold a user or token. Log in: jobdeck login URL.")
    del port
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(API)}".rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether a server's URL is of this computer."""
    import ipaddress
    from urllib.parse import urlsplit

    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
