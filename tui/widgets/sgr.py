"""SGR, the escape sequences that colour text, as rich styles."""

from __future__ import annotations

from rich.color import Color
from rich.style import Style

_PLAIN = Style.null()
#: attribute by its number; conceal (8) and blink (5, 6) are left out: they hide text, or cost a repaint each moment
_ON = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike", 21: "underline2", 53: "overline"}
_OFF = {
    22: ("bold", "dim"), 23: ("italic",), 24: ("underline", "underline2"), 27: ("reverse",), 29: ("strike",),
    55: ("overline",),
}  # fmt: skip


class Pen:
    """The style that the sequences of one line have come to so far."""

    __slots__ = ("_attributes", "_background", "_colour", "style")

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._colour: Color | None = None
        self._background: Color | None = None
        self._attributes: dict[str, bool] = {}
        self.style = _PLAIN

    def take(self, parameters: str) -> None:
        """Take in one sequence, given what stands between `ESC [` and `m`. What is no SGR changes nothing."""
        groups = [[_number(part) for part in group.split(":")] for group in parameters.split(";")]
        at = 0
        while at < len(groups):
            code = groups[at][0]
            at += 1
            if code == 0:
                self._reset()
            elif code in (38, 48):
                colour, used = _extended(groups[at - 1][1:], groups[at:])
                at += used
                if colour is not None:
                    self._set(code == 48, colour)
            elif code == 39:
                self._colour = None
            elif code == 49:
                self._background = None
            elif 30 <= code <= 37 or 40 <= code <= 47:
                self._set(code >= 40, Color.from_ansi(code % 10))
            elif 90 <= code <= 97 or 100 <= code <= 107:
                self._set(code >= 100, Color.from_ansi(code % 10 + 8))
            elif code == 4 and groups[at - 1][1:] == [0]:
                self._attributes.pop("underline", None)
            elif code in _ON:
                self._attributes[_ON[code]] = True
            else:
                for name in _OFF.get(code, ()):
                    self._attributes.pop(name, None)
        if self._colour is None and self._background is None and not self._attributes:
            self.style = _PLAIN
        else:
            self.style = Style(color=self._colour, bgcolor=self._background, **self._attributes)  # type: ignore[arg-type]

    def _set(self, background: bool, colour: Color) -> None:
        if background:
            self._background = colour
        else:
            self._colour = colour


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0 if not text else -1


def _extended(within: list[int], behind: list[list[int]]) -> tuple[Color | None, int]:
    """The colour of 38 or 48 and how many groups behind it belong to it; in colons it has them within itself."""
    if within:
        values = within[:1] + within[2:] if within[:1] == [2] and len(within) > 4 else within
        used = 0
    else:
        values = [group[0] for group in behind[:4]]
        used = {5: 2, 2: 4}.get(values[0] if values else -1, 0)
    if values[:1] == [5] and len(values) > 1 and 0 <= values[1] <= 255:
        return Color.from_ansi(values[1]), used
    if values[:1] == [2] and len(values) > 3 and all(0 <= value <= 255 for value in values[1:4]):
        return Color.from_rgb(*values[1:4]), used
    return None, used
