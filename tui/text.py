"""The one door between what came from outside and a terminal: text is never an escape sequence.

`Door` lets the output of a job pass, statefully, record by record: letters, line ends, tabs and colours (SGR). Every
other escape sequence and control character is taken out. `one_line` makes a name or a sentence safe for a table cell.
"""

from __future__ import annotations

import codecs
import re

RESET = "\x1b[0m"

#: what may need work: C0 without tab, line feed and carriage return; DEL; C1
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
#: a control sequence as far as it goes: parameters, intermediates, final byte
_CSI = re.compile("[\x30-\x3f]*[\x20-\x2f]*")
_SGR = re.compile("[0-9;:]*\\Z")
_STRING_END = re.compile("\x07|\x1b\\\\|\x9c|\x1b(?=[^\\\\])|[\x18\x1a]")
#: longer parameters than this are no colour that anybody sends
_LONGEST = 256

_PLAIN = 0
_ESCAPE = 1
_SEQUENCE = 2
_STRING = 3
_INTERMEDIATE = 4


class Door:
    """Filters one stream of bytes for a terminal. Keeps its state between calls: sequences may be cut anywhere."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._state = _PLAIN
        self._held = ""
        #: colours are on: whoever writes something else must write `RESET` first
        self.coloured = False

    @property
    def plain(self) -> bool:
        """Whether it is not within a sequence."""
        return self._state == _PLAIN

    def pass_bytes(self, data: bytes, final: bool = False) -> str:
        """What of `data` may reach the terminal. Bytes that are no UTF-8 come out as U+FFFD."""
        text = self._decoder.decode(data, final)
        if self._state == _PLAIN and _CONTROL.search(text) is None:
            return text
        return self._filter(text)

    def _filter(self, text: str) -> str:
        out: list[str] = []
        position, end = 0, len(text)
        while position < end:
            if self._state == _PLAIN:
                found = _CONTROL.search(text, position)
                if found is None:
                    out.append(text[position:])
                    break
                out.append(text[position : found.start()])
                position = found.end()
                self._control(found.group())
            elif self._state == _ESCAPE:
                position = self._escape(text, position)
            elif self._state == _SEQUENCE:
                position = self._sequence(text, position, out)
            elif self._state == _INTERMEDIATE:
                if not "\x20" <= text[position] <= "\x2f":
                    self._state = _PLAIN
                    # a control character in the place of the final byte is looked at by itself
                    position -= text[position] < "\x20"
                position += 1
            else:
                position = self._string(text, position)
        return "".join(out)

    def _control(self, character: str) -> None:
        if character == "\x1b":
            self._state = _ESCAPE
        elif character == "\x9b":
            self._state, self._held = _SEQUENCE, ""
        elif character in "\x90\x98\x9d\x9e\x9f":
            self._state, self._held = _STRING, ""

    def _escape(self, text: str, position: int) -> int:
        character = text[position]
        if character == "[":
            self._state, self._held = _SEQUENCE, ""
        elif character in "]PX^_":
            self._state, self._held = _STRING, ""
        elif "\x20" <= character <= "\x2f":
            self._state = _INTERMEDIATE
        elif character < "\x20" or character == "\x7f":
            self._state = _PLAIN
            return position
        else:
            self._state = _PLAIN
        return position + 1

    def _sequence(self, text: str, position: int, out: list[str]) -> int:
        found = _CSI.match(text, position)
        assert found is not None
        self._held = (self._held + found.group())[: _LONGEST + 1]
        position = found.end()
        if position == len(text):
            return position
        final = text[position]
        self._state = _PLAIN
        if not "\x40" <= final <= "\x7e":
            return position
        if final == "m" and len(self._held) <= _LONGEST and _SGR.match(self._held):
            out.append(f"\x1b[{self._held}m")
            self.coloured = bool(self._held.strip("0;"))
        return position + 1

    def _string(self, text: str, position: int) -> int:
        if self._held == "\x1b":
            # the escape at the end of the last piece: its backslash, or the start of something new
            self._held = ""
            self._state = _PLAIN if text[position] == "\\" else _ESCAPE
            return position + (text[position] == "\\")
        self._held = ""
        found = _STRING_END.search(text, position)
        if found is None:
            self._held = "\x1b" if text.endswith("\x1b") else ""
            return len(text)
        self._state = _ESCAPE if found.group() == "\x1b" else _PLAIN
        return found.end()


#: controls, and the characters that turn the direction of the text around them
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


def one_line(text: object) -> str:
    """Any text as one line without control characters, for a table cell or a sentence."""
    plain = text if isinstance(text, str) else str(text)
    if _UNSAFE.search(plain) is None:
        return plain
    return _UNSAFE.sub(
        lambda found: " " if found.group().strip(" \t\r\n") == "" else "\N{REPLACEMENT CHARACTER}", plain
    )


def many_lines(text: str) -> str:
    """Any text with its lines, tabs and colours, and nothing else a terminal would act on."""
    door = Door()
    passed = door.pass_bytes(text.encode("utf-8", "replace"), True)
    return passed + RESET if door.coloured else passed


def width(text: str) -> int:
    """How many columns a line of text takes on a terminal."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def cut(text: str, columns: int) -> str:
    """The text if it fits into so many columns, else its beginning and an ellipsis."""
    if width(text) <= columns:
        return text
    kept = ""
    for character in text:
        if width(kept + character) > columns - 1:
            break
        kept += character
    return kept + "\N{HORIZONTAL ELLIPSIS}" if columns > 0 else ""


def pad(text: str, columns: int, right: bool = False) -> str:
    """The text cut and filled to exactly so many columns."""
    text = cut(text, columns)
    space = " " * (columns - width(text))
    return space + text if right else text + space


#: characters that take no room but change what stands beside them: terminals and we would count differently
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2064\u206a-\u206f\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff]"
)


def cell_text(text: object) -> str:
    """Any text for one line of a grid: safe, and as wide as it is counted."""
    plain = one_line(text)
    return plain if plain.isascii() else _INVISIBLE.sub("", plain)


def fit(text: str, columns: int, right: bool = False, *, shrink: bool = False) -> str:
    """A `cell_text` cut (with an ellipsis) and filled to so many columns; with `shrink` it is not filled."""
    if columns <= 0:
        return ""
    if text.isascii():
        size = len(text)
        if size > columns:
            text, size = text[: columns - 1] + "\N{HORIZONTAL ELLIPSIS}", columns
    else:
        from rich.cells import cell_len, set_cell_size

        size = cell_len(text)
        if size > columns:
            # `set_cell_size` fills with a space where a wide character does not fit.
            text, size = set_cell_size(text, columns - 1) + "\N{HORIZONTAL ELLIPSIS}", columns
    if shrink or size == columns:
        return text
    space = " " * (columns - size)
    return space + text if right else text + space


def middle(text: str, columns: int) -> str:
    """A path cut in its middle: its end tells most."""
    if len(text) <= columns or columns < 5:
        return text
    head = (columns - 1) // 3
    return text[:head] + "\N{HORIZONTAL ELLIPSIS}" + text[len(text) - (columns - 1 - head) :]


def thousands(number: int) -> str:
    """A count for people: 1,204,331."""
    return f"{number:,}"


def size(count: float) -> str:
    """Bytes for people: 34 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
