"""A line of output as it is drawn: only letters, as wide as they are counted, all of them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from tests.tui.test_text import HOSTILE
from tui.widgets.painted import Painted, paint

PIECES = [
    *HOSTILE,
    "日本語".encode(),
    "👨‍👩‍👧".encode(),
    "e\u0301".encode(),
    b"\t",
    b"\r",
    b"abc ",
    "\ue000\u2028".encode(),
    b"\x1b[K",
]
lines = st.lists(
    st.sampled_from(PIECES) | st.binary(max_size=6).map(lambda data: data.replace(b"\n", b"")), max_size=8
).map(b"".join)


def harmless(text: str) -> bool:
    return not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for letter in text)


@given(lines)
def test_only_letters_are_drawn(data: bytes) -> None:
    painted = paint(data)
    assert harmless(painted.text.replace("\N{SOFT HYPHEN}", ""))
    assert painted.cells == sum(cell_len(letter) for letter in painted.text)
    for start, end, style in painted.spans:
        assert 0 <= start <= end <= len(painted.text) and isinstance(style, Style)


@given(lines, st.integers(2, 9))
def test_wrapped_rows_hold_the_whole_line(data: bytes, width: int) -> None:
    painted = paint(data)
    starts = painted.rows(width)
    rows = [painted.text[start:stop] for start, stop in zip(starts, [*starts[1:], None], strict=True)]
    assert "".join(rows) == painted.text
    assert all(cell_len(row) <= width for row in rows)
    assert len(rows) == 1 or all(rows)


@given(lines, st.integers(0, 30))
def test_cells_and_letters_lead_to_each_other(data: bytes, cell: int) -> None:
    painted = paint(data)
    index = painted.index(cell)
    assert 0 <= index <= len(painted.text)
    assert painted.cell(index) >= min(cell, painted.cells)
    if index:
        assert painted.cell(index - 1) < max(cell, 1) or cell_len(painted.text[index - 1]) == 0


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"plain", "plain"),
        (b"", ""),
        (b"done\r", "done"),
        (b"10%\r20%\r100% ok", "100% ok"),
        (b"a long one\rshort", "shortg one"),
        (b"a long one\r\x1b[Kshort", "short"),
        (b"a\tb", "a       b"),
        (b"a\x1b]0;title\x07b\x1b[2Jc", "abc"),
        ("a\u202eb\u200bc".encode(), "a\N{REPLACEMENT CHARACTER}bc"),
        (b"[/markup] [red]", "[/markup] [red]"),
    ],
)
def test_a_line_is_shown_as_a_console_leaves_it(data: bytes, shown: str) -> None:
    assert paint(data).text == shown


@pytest.mark.parametrize(
    ("codes", "style"),
    [
        (b"31", "color(1)"),
        (b"1;32", "bold color(2)"),
        (b"38;5;208", "color(208)"),
        (b"38;2;1;2;3", "#010203"),
        (b"38:2::1:2:3", "#010203"),
        (b"48:5:9", "on color(9)"),
        (b"97;104", "color(15) on color(12)"),
        (b"7;3;4;9", "reverse italic underline strike"),
        (b"8", ""),
        (b"5", ""),
        (b"31;0", ""),
        (b"1;22", ""),
        (b"38;5", ""),
        (b"999999999", ""),
    ],
)
def test_colours_of_the_job(codes: bytes, style: str) -> None:
    painted = paint(b"\x1b[" + codes + b"mx\x1b[0my")
    assert painted.text == "xy"
    assert painted.spans == (((0, 1, Style.parse(style)),) if style else ())


def test_what_lies_on_top_is_drawn_on_top() -> None:
    painted = paint(b"ab\x1b[31mcd")
    segments = painted.segments(0, 4, Style(), [(1, 3, Style(bold=True))])
    assert [segment.text for segment in segments] == ["a", "b", "c", "d"]
    assert [segment.style for segment in segments] == [
        Style(), Style(bold=True), Style.parse("color(1) bold"), Style.parse("color(1)"),
    ]  # fmt: skip


def test_marks_stay_with_their_letter() -> None:
    painted = Painted("e\u0301" * 5)
    assert painted.cells == 5
    assert painted.rows(2) == [0, 4, 8]
