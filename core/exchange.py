"""What a client needs to put a question to a server and to understand the answer: parameters, lines, events."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

from core import query_string
from core.errors import Invalid, Unavailable
from core.journal.format import ELIDED
from core.model import Record

_LONGEST_LINE = 1 << 26


class Again:
    """Called when a request is sent a second time though the first may have been acted on."""

    happened = False

    def __call__(self) -> None:
        self.happened = True


def params(**named: object) -> list[tuple[str, str]]:
    """Parameters of a URL; those that are None are left out."""
    return [(name, str(value)) for name, value in named.items() if value is not None]


def streams(chosen: frozenset[int] | None) -> str | None:
    """The parameter that means these streams."""
    return None if chosen is None else query_string.write_streams(chosen)


def quoted(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="", errors="surrogateescape")


def last_number(record: Record) -> int:
    """The number of the last record that this one tells of: a gap tells of several."""
    return record.number + max(record.flags, 1) - 1 if record.stream == ELIDED else record.number


@contextlib.contextmanager
def understanding(name: str) -> Iterator[None]:
    """Turns an answer that is not what was asked for into a sentence."""
    try:
        yield
    except (Invalid, ValueError, KeyError, TypeError) as error:
        raise Unavailable(
            f"The answer of {name} is not understood: {error}. Is the server of another version?"
        ) from error


async def lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The lines of a body that comes in pieces; a last one without an end was cut off and is left out."""
    rest = b""
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise Unavailable("The server sends a line that does not end. Is there a proxy that alters the answer?")
        for line in whole:
            yield line.removesuffix(b"\r")


async def server_sent(pieces: AsyncIterator[bytes]) -> AsyncIterator[tuple[str, str, bytes]]:
    """Server-sent events: the name ("" where it has none), the id that counts then, the data.

    An id without data comes as well, with empty data and the name "id".
    """
    name, id, data = "", "", b""
    some = fresh = False
    async for line in lines(pieces):
        if not line:
            if some:
                yield name, id, data
            elif fresh:
                yield "id", id, b""
            name, data, some, fresh = "", b"", False, False
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data, some = data + b"\n" + value if some else value, True
        elif field == b"event":
            name = value.decode("utf-8", "replace")
        elif field == b"id":
            id, fresh = value.decode("utf-8", "replace"), True
