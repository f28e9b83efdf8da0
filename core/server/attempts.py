"""Failed log-ins, counted per address: whoever guesses has to wait."""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

#: so many wrong tokens of one address within WINDOW seconds; more are refused until the window is over
ALLOWED = 10
WINDOW = 60.0
_ADDRESSES = 10_000
_TOKENS = 10_000


class Attempts:
    """Who gave wrong tokens lately. An address that gave too many may only use tokens that were right before.

    So a program with a wrong token locks out nobody else on its computer or behind its proxy, and learns nothing
    by going on. Memory is bounded: the addresses and tokens not seen for longest are forgotten first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: network -> (wrong tokens, when the window ends)
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._right: OrderedDict[bytes, None] = OrderedDict()

    def wait(self, address: str, token: str) -> int:
        """Seconds that this address has to wait before the token is looked at; 0 = none."""
        count, until = self._wrong.get(_network(address), (0, 0.0))
        left = until - self._clock()
        if count < ALLOWED or left <= 0 or _digest(token) in self._right:
            return 0
        return int(left) + 1

    def right(self, token: str) -> None:
        """The token was right."""
        digest = _digest(token)
        self._right[digest] = None
        self._right.move_to_end(digest)
        if len(self._right) > _TOKENS:
            self._right.popitem(last=False)

    def wrong(self, address: str, token: str) -> bool:
        """The token was wrong; whether this failure is still one of those that are worth a line in the audit log."""
        self._right.pop(_digest(token), None)
        network = _network(address)
        count, until = self._wrong.pop(network, (0, 0.0))
        now = self._clock()
        if now >= until:
            count, until = 0, now + WINDOW
        self._wrong[network] = (count + 1, until)
        if len(self._wrong) > _ADDRESSES:
            self._wrong.popitem(last=False)
        return count < ALLOWED


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _network(address: str) -> str:
    """The address; for IPv6 its /64, which one computer has whole."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
