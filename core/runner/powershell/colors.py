"""Colours of the console as escape sequences of a terminal."""

from __future__ import annotations

NAMES = (
    "Black", "DarkBlue", "DarkGreen", "DarkCyan", "DarkRed", "DarkMagenta", "DarkYellow", "Gray", "DarkGray", "Blue",
    "Green", "Cyan", "Red", "Magenta", "Yellow", "White",
)  # fmt: skip
_CODES = (30, 34, 32, 36, 31, 35, 33, 37, 90, 94, 92, 96, 91, 95, 93, 97)
#: the host's own, as the session is told: text in them has none
FOREGROUND, BACKGROUND = 7, 0


def number(name: str, default: int) -> int:
    """The number of a colour's name."""
    return NAMES.index(name) if name in NAMES else default


def paint(text: str, foreground: int, background: int) -> str:
    """The text in these colours; as it is where they are the host's own."""
    codes = []
    if foreground != FOREGROUND and 0 <= foreground < 16:
        codes.append(str(_CODES[foreground]))
    if background != BACKGROUND and 0 <= background < 16:
        codes.append(str(_CODES[background] + 10))
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes and text else text
