"""Where the parts of a large JSON text stand, found without decoding it: a level at a time, in little memory.

A text of 100 MB, of which `json.loads` makes a gigabyte of objects, is looked at as bytes. Only brackets outside of
strings count; what stands between them is decoded when somebody looks at it.
"""

from __future__ import annotations

import re
from array import array

from core.clixml.tree import Reading
from core.errors import Invalid

#: of so many members the place of one is kept
EVERY = 64
#: a member of more bytes than this has its end kept, so that nobody looks for it again
LONG = 64 << 10
_OPEN = b"[{"
_SPACE = re.compile(rb"[ \t\r\n]*")
_SCALAR = re.compile(rb"[^ \t\r\n,\]}]+")
#: what stands before the next bracket: at most some megabytes at once, so that others have their turn
_BETWEEN = re.compile(rb'(?:[^"\[\]{}]{1,65536}+|"(?:[^"\\]|\\.){0,65536}+"){0,64}+([\[\]{}]?)', re.DOTALL)
_STRING = re.compile(rb'"(?:[^"\\]|\\.){0,65536}+"', re.DOTALL)
_SIMPLE = rb'(?:"[^"\\]{0,1000}+"|[-+.0-9eE]{1,40}+|true|false|null)'
_BLANK = rb"[ \t\r\n]{0,1000}+"
#: so many members at once, where all of them are short and hold no others
_ITEMS = re.compile(rb"(?:%b%b%b,){%d}" % (_BLANK, _SIMPLE, _BLANK, EVERY))
_MEMBERS = re.compile(rb'(?:%b"[^"\\]{0,1000}+"%b:%b%b%b,){%d}' % (_BLANK, _BLANK, _BLANK, _SIMPLE, _BLANK, EVERY))


class Places:
    """The members of one list or object: how many, and where to look for them."""

    __slots__ = ("count", "ends", "kept")

    def __init__(self) -> None:
        self.count = 0
        #: where every 64th member begins
        self.kept = array("Q")
        #: where long values end, by the number of the member
        self.ends: dict[int, int] = {}


def skip_space(data: bytes, at: int) -> int:
    """Behind blanks and line ends."""
    found = _SPACE.match(data, at)
    assert found is not None
    return found.end()


def behind(data: bytes, at: int, reading: Reading | None = None) -> int:
    """The place behind the value that begins at `at`. Raises Invalid where it has no end, Stopped."""
    first = data[at : at + 1]
    if first == b'"':
        return _behind_string(data, at)
    if first not in (b"[", b"{"):
        found = _SCALAR.match(data, at)
        if found is None:
            raise Invalid(f"This is no JSON: there is no value at byte {at:,}.")
        return found.end()
    depth, at = 1, at + 1
    while True:
        between = _BETWEEN.match(data, at)
        assert between is not None
        bracket, moved = between.group(1), between.end() > at
        at = between.end()
        if bracket:
            depth += 1 if bracket in _OPEN else -1
            if not depth:
                return at
        elif data[at : at + 1] == b'"':
            at = _behind_string(data, at)
        elif not moved:
            raise Invalid("This is no JSON: it ends within a value.")
        if reading is not None:
            reading.at(at)


def _behind_string(data: bytes, at: int) -> int:
    found = _STRING.match(data, at)
    if found is not None:
        return found.end()
    end = at
    while (end := data.find(b'"', end + 1)) >= 0:
        slashes = end
        while data[slashes - 1] == 0x5C:
            slashes -= 1
        if (end - slashes) % 2 == 0:
            return end + 1
    raise Invalid("This is no JSON: a text in it has no end.")


def value_of(data: bytes, at: int, named: bool) -> tuple[int, int]:
    """Where the name of the member at `at` ends (`at` itself in a list), and where its value begins. Raises Invalid."""
    if not named:
        return at, at
    if data[at : at + 1] != b'"':
        raise Invalid(f"This is no JSON: there is no name at byte {at:,}.")
    name = _behind_string(data, at)
    colon = skip_space(data, name)
    if data[colon : colon + 1] != b":":
        raise Invalid(f"This is no JSON: there is no colon at byte {colon:,}.")
    return name, skip_space(data, colon + 1)


def next_member(data: bytes, at: int) -> int:
    """The beginning of the member behind the one that ends at `at`; -1 where that was the last. Raises Invalid."""
    at = skip_space(data, at)
    if data[at : at + 1] == b",":
        return skip_space(data, at + 1)
    if data[at : at + 1] in (b"]", b"}"):
        return -1
    raise Invalid(f"This is no JSON: byte {at:,} should be a comma or the end.")


def places(data: bytes, start: int, reading: Reading) -> Places:
    """The members of the list or object that begins at `start`. Raises Invalid, Stopped."""
    found = Places()
    named = data[start : start + 1] == b"{"
    run = _MEMBERS if named else _ITEMS
    at = skip_space(data, start + 1)
    if data[at : at + 1] == (b"}" if named else b"]"):
        return found
    while at >= 0:
        reading.at(at)
        if found.count % EVERY == 0:
            found.kept.append(at)
            simple = run.match(data, at)
            if simple is not None:
                found.count += EVERY
                at = skip_space(data, simple.end())
                continue
        _name, value = value_of(data, at, named)
        end = behind(data, value, reading)
        if end - value > LONG:
            found.ends[found.count] = end
        found.count += 1
        at = next_member(data, end)
    return found
