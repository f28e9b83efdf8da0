# ruff: noqa: E501 (tables)
"""What a job prints, in a real terminal: any bytes, and the mouse."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.end_to_end.command import Command
from tests.end_to_end.server import serving
from tests.end_to_end.tmux import Tmux
from tui.widgets.painted import paint

#: what terminals act on, whole and in part, and what has a width they do not agree on
PIECES = st.sampled_from([
    b"\x1b]0;EVIL\x07", b"\x1b]2;EVIL\x1b\\", b"\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", b"\x1b]52;c;RVZJTA==\x07",
    b"\x1b[2J", b"\x1b[H", b"\x1b[5;5HEVIL", b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000h", b"\x1b[3g", b"\x1bc", b"\x1b[!p",
    b"\x1b[8;10;10t", b"\x1b[21t", b"\x1b[6n", b"\x1b[c", b"\x1bP+q544e\x1b\\", b"\x1b_Gi=1;AAAA\x1b\\", b"\x1b(0qqq\x1b(B",
    b"\x1b[31m", b"\x1b[38;5;208m", b"\x1b[48;2;1;2;3m", b"\x1b[0m", b"\x1b[8m", b"\x1b[", b"\x1b]", b"\x1b", b"\x9b2J", b"\xc2\x9b2J",
    b"[red]", b"[/]", b"[@click=app.quit]x[/]", b"\\[", b"{x}", b"%s", b"\r", b"\r50%", b"\x08\x08", b"\t", b"\x07", b"\x00",
    b"\x0b", b"\x0c", b"\x0e", b"\x0f", b"\x7f", b"\xff\xfe", b"\xed\xa0\x80", b"\xc3",
    *(text.encode() for text in (
        "\u202eevil\u202c", "\u2066x\u2069", "\u200b", "\u200d", "\ufeff", "e\u0301", "z" + "\u0301" * 40, "日本語", "👩\u200d👩\u200d👧",
        "🇩🇪", "👍🏽", "❤\ufe0f", "\u2028", "\u0085", "\u0600", "ไทย", "क्षि", "한글", "\u1100\u1161", "｡", "\U000e0041", "\ufdd0", "￼",
    )),
    b"word ", b"another word ", b"x" * 90, b"line of plain text",
])  # fmt: skip
LINES = st.lists(st.one_of(st.lists(PIECES, max_size=12).map(b"".join), st.binary(max_size=40)), max_size=14)


@pytest.fixture
def window(jobdeck: Command, tmp_path: Path) -> Iterator[Tmux]:
    """A terminal of 80x24 with the application in it."""
    one = Tmux(jobdeck, tmp_path / "tmux", size=(80, 24))
    yield one
    one.close()


def test_any_bytes_of_a_job_are_letters_in_the_terminal(jobdeck: Command, window: Tmux) -> None:
    window.jobdeck()
    window.until("No job has run yet")
    state = window.state()
    count = 0

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(LINES)
    def shown(lines: list[bytes]) -> None:
        nonlocal count
        count += 1
        data = b"\n".join(line.replace(b"\n", b" ") for line in lines)
        (jobdeck.directory / "data").write_bytes(data)
        jobdeck.script(f"p{count}.sh", "#!/bin/sh\ncat data; echo; echo THE-END\n")
        jobdeck("run", f"p{count}.sh", "--detach")
        window.until(rf"Completed +p{count}\.sh")
        window.press("Home", "Enter")
        screen = window.until(rf"p{count}\.sh(.|\n)*^THE-END")
        rows = screen.split("\n")
        assert rows[0].startswith(" jobdeck") and "1 Output" in rows[3] and "Search" in rows[23], screen
        # Every line stands where it belongs, as it is painted, and none has moved another.
        for place, line in enumerate([*data.split(b"\n"), b"THE-END"]):
            painted = paint(line)
            assert _plain(rows[5 + place]) == _plain(painted.text[: painted.index(79)]), (place, line, screen)
        for key in ("t", "w", "w", "t", "t"):
            window.press(key)
        screen = window.until(r"^THE-END")
        assert screen.split("\n")[5:23] == rows[5:23]
        window.press("2", "4")
        window.until("Parameters")
        assert window.state() == state
        window.press("Escape")
        window.until(rf"Completed +p{count}\.sh")

    shown()
    assert window.state() == state and count >= 15


def _plain(row: str) -> str:
    """The letters whose cells every terminal agrees on: tmux keeps or joins marks of other writing as it likes."""
    return "".join(letter for letter in row if letter.isascii()).rstrip()


def test_the_mouse(jobdeck: Command, window: Tmux) -> None:
    jobdeck.script(
        "many.sh",
        "#!/bin/bash\nfor i in $(seq 1 500); do echo line $i; done\n"
        'jobdeck-job emit \'{"name": "one", "inner": {"deep": 1}}\'\n',
    )
    jobdeck("run", "many.sh", "--detach")
    window.jobdeck()
    window.until(r"Completed|Error")
    window.mouse(0, 20, 5, "M")
    window.press("Enter")
    screen = window.until(r"line 500")
    # The wheel: three rows a notch.
    first = _first(screen)
    window.mouse(64, 20, 12, "M")
    window.until(rf"^line {first - 3}\b")
    window.mouse(65, 20, 12, "M")
    window.until(rf"^line {first}\b")
    # The bar: taken hold of at its lower end, pulled to the top and beyond, and back to the middle.
    window.mouse(0, 80, 23, "M")
    window.mouse(32, 80, 3, "M")
    window.until(r"^line 1 ")
    window.mouse(32, 80, 14, "M")
    window.mouse(0, 80, 14, "m")
    middle = _first(window.gone(r"^line 1 "))
    assert 200 < middle < 300, middle
    # What is pulled over is marked, and copied as text.
    window.mouse(0, 1, 8, "M")
    window.mouse(32, 5, 10, "M")
    window.mouse(0, 5, 10, "m")
    window.type("y")
    window.until("Copied")
    at = middle + 2
    assert window.clipboard() == f"line {at}\nline {at + 1}\nline "
    # Tabs, what opens, and a letter of the streams.
    window.mouse(0, 18, 4, "M")
    window.mouse(0, 18, 4, "m")
    window.until(r"1 object")
    window.mouse(0, 1, 6, "M")
    window.mouse(0, 1, 6, "m")
    screen = window.until(r"inner: ")
    row = next(number for number, text in enumerate(screen.split("\n"), 1) if "inner: " in text)
    window.mouse(0, 3, row, "M")
    window.mouse(0, 3, row, "m")
    window.until(r"deep: 1")
    window.mouse(0, 1, 6, "M")
    window.mouse(0, 1, 6, "m")
    window.gone(r"inner: ")


def _first(screen: str) -> int:
    """The number of the first line in the output."""
    return int(screen.split("\n")[5].split()[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_restarts_while_a_job_prints_loses_and_doubles_nothing(
    jobdeck: Command, tmp_path: Path, number: signal.Signals
) -> None:
    with serving(tmp_path / "server") as server:
        jobdeck.variables |= {"JOBDECK_SERVER": server.url, "JOBDECK_TOKEN": server.token()}
        jobdeck.script("count.sh", "#!/bin/bash\nfor i in $(seq 1 2000); do echo number $i; sleep 0.003; done\n")
        window = Tmux(jobdeck, tmp_path / "tmux", size=(100, 24))
        try:
            window.jobdeck()
            window.until("No job has run yet")
            jobdeck("run", "count.sh", "--detach")
            window.until(r"Running +count\.sh")
            window.press("Home", "Enter")
            window.until(r"^number \d+")
            for _ in range(2):
                server.end(number)
                window.until("lost|retry|connect")
                server.start()
                window.gone("lost, retrying")
            screen = window.until(r"1,983-2,000 of 2,000")
            rows = screen.split("\n")[5:23]
            assert [row.split()[:2] for row in rows] == [["number", str(place)] for place in range(1983, 2001)]
            assert "Completed" in screen
            # Also what was never on the screen.
            window.press("C-g")
            window.type("990")
            window.press("Enter")
            screen = window.until(r"^number 990\b")
            assert _first(screen) == 990
        finally:
            window.close()


def test_a_pager_over_a_job_that_prints_gives_the_terminal_back(jobdeck: Command, window: Tmux) -> None:
    jobdeck.script("live.sh", "#!/bin/bash\nwhile :; do echo tick $((i++)); sleep 0.02; done\n")
    pager = jobdeck.directory / "pager.sh"
    pager.write_text("#!/bin/sh\necho the pager: $(wc -l) lines\nread answer </dev/tty\n")
    pager.chmod(0o755)
    jobdeck.variables["PAGER"] = str(pager)
    id = jobdeck.json("run", "live.sh", "--detach")["id"]
    window.enter(f"export PAGER={pager}")
    window.jobdeck()
    window.until(r"Running +live\.sh")
    window.press("Enter")
    window.until(r"^tick 1\d\d")
    window.type("o")
    window.until(r"the pager: \d+ lines")
    # Long enough for what is drawn meanwhile to be too much, were it drawn.
    written = jobdeck.json("job", str(id))["records"]
    deadline = time.monotonic() + 30
    while jobdeck.json("job", str(id))["records"] < written + 150:
        assert time.monotonic() < deadline
    assert "tick" not in window.screen().split("the pager")[1]
    window.press("Enter")
    window.until(r"1 Output(.|\n)*^tick \d+")
    window.type("w")
    window.until("wrap")
    jobdeck("cancel", str(id))
