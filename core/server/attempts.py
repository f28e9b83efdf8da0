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
#: so often one and the same wrong token may come in that time: that is no guessing, but a program with an old token
REPEATED = 64
_ADDRESSES = 10_000
_TOKENS = 10_000


class Attempts:
    """Who gave wrong tokens lately. An address that gave too many may only use tokens that were right before.

    So a program with a wrong token locks out nobody else on its computer or behind its proxy, and learns nothing
    by going on. Memory is bounded: the addresses and tokens not seen for longest are forgotten first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: by address, and whether it was signing in
        self._wrong: OrderedDict[tuple[str, bool], _Window] = OrderedDict()
        self._right: OrderedDict[bytes, None] = OrderedDict()

    def wait(self, address: str, token: str, *, login: bool = False) -> int:
        """Seconds that this address has to wait before the token is looked at; 0 = none."""
        window = self._wrong.get((_network(address), login))
        if window is None or window.weight < ALLOWED or _digest(token) in self._right:
            return 0
        left = window.until - self._clock()
        return int(left) + 1 if left > 0 else 0

    def right(self, token: str) -> None:
        """The token was right."""
        digest = _digest(token)
        self._right[digest] = None
        self._right.move_to_end(digest)
        if len(self._right) > _TOKENS:
            self._right.popitem(last=False)

    def wrong(self, address: str, token: str, *, login: bool = False) -> bool:
        """The token was wrong; whether this failure is still one of those that are worth a line in the audit record.

        `login`: it was given to sign in with, which no program does again and again. This is counted by itself.
        """
        digest = _digest(token)
        self._right.pop(digest, None)
        place = (_network(address), login)
        now = self._clock()
        window = self._wrong.pop(place, None)
        if window is None or now >= window.until:
            window = _Window(now + WINDOW)
        self._wrong[place] = window
        if len(self._wrong) > _ADDRESSES:
            self._wrong.popitem(last=False)
        again = digest in window.tokens and not login
        worth = window.weight < ALLOWED and not again
        window.weight += ALLOWED / REPEATED if again else 1
        if len(window.tokens) < ALLOWED:
            window.tokens.add(digest)
        return worth


class _Window:
    """The wrong tokens of one address in one window."""

    __slots__ = ("tokens", "until", "weight")

    def __init__(self, until: float) -> None:
        self.until = until
        self.weight = 0.0
        self.tokens: set[bytes] = set()


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
