"""Nothing that came from outside reaches a terminal as anything but text and colours, wherever it is cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.text import Door, one_line

HOSTILE = [
    b"\x1b]0;title\x07", b"\x1b]52;c;aGk=\x1b\\", b"\x1b[2J", b"\x1b[?1049h", b"\x1bc", b"\x9b2J", b"\xc2\x9b2J",
    b"\x1bP1$r\x1b\\", b"\x1b[6n", b"\x07\x08\x7f\x00", b"\x1b(0", b"\x1b]8;;http://x\x07link\x1b]8;;\x07", b"\xff\xfe",
    b"\x1b[31mred\x1b[0m", b"plain\r\n", b"[/markup]", "\u202eabc".encode(), b"\x1b[38;5;1mx", b"\x1b[", b"\x1b",
]  # fmt: skip
_COLOUR = re.compile("\x1b\\[[0-9;:]*m")


def passes(text: str) -> bool:
    """Whether a text holds nothing a terminal would obey, colours and line ends apart."""
    return not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", _COLOUR.sub("", text))


@given(st.lists(st.sampled_from(HOSTILE) | st.binary(max_size=8), max_size=8), st.lists(st.integers(0, 40), max_size=6))
def test_only_text_and_colours_pass(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    door = Door()
    passed, before = "", 0
    for cut in [*sorted(cuts), len(data)]:
        passed += door.pass_bytes(data[before:cut])
        before = max(before, min(cut, len(data)))
    assert passes(passed + door.pass_bytes(b"", final=True))


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"a\x1b[31mred\x1b[0m\tb\r\n", "a\x1b[31mred\x1b[0m\tb\r\n"),
        (b"a\x1b]0;title\x07b", "ab"),
        (b"a\x1b[2Jb\x1b[Hc", "abc"),
        ("é👩‍👩‍👧".encode(), "é👩‍👩‍👧"),
    ],
)
def test_text_stays_as_it_is(data: bytes, shown: str) -> None:
    assert Door().pass_bytes(data, final=True) == shown
    slowly = Door()
    assert "".join(slowly.pass_bytes(data[at : at + 1]) for at in range(len(data))) == shown


@given(st.text(max_size=60))
def test_a_name_is_one_harmless_line(text: str) -> None:
    assert passes(one_line(text)) and not set("\r\n\t") & set(one_line(text))
