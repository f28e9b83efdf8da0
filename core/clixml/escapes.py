"""How CLIXML writes characters that XML cannot carry, and reads them back. Standard library only."""

from __future__ import annotations

import re

#: control characters, surrogates (an astral character is two), what XML has no place for, and what looks like an escape
_ESCAPED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\U00010000-\U0010ffff]|_(?=[xX])")
#: PowerShell's reader is XmlConvert.DecodeName: either case, 4 or 8 digits
_ESCAPE = re.compile(r"_[xX]([0-9a-fA-F]{4}|[0-9a-fA-F]{8})_")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MARKUP = re.compile("[&<>]")


def encode(text: str) -> str:
    """The text with PowerShell's escapes; markup characters are left for `markup` and `attribute`."""
    if text.isascii() and text.isprintable() and "_x" not in text and "_X" not in text:
        return text
    return _ESCAPED.sub(_escaped, text)


def decode(text: str) -> str:
    """The text that was meant: escapes resolved, pairs of surrogates joined, lone ones kept."""
    if "_x" not in text and "_X" not in text:
        return text
    decoded = _ESCAPE.sub(_meant, text)
    return join_surrogates(decoded) if _SURROGATE.search(decoded) else decoded


def markup(text: str) -> str:
    """What stands between two tags for this text; `encode` comes first."""
    if _MARKUP.search(text) is None:
        return text
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def attribute(text: str) -> str:
    """What stands between double quotes for this text; `encode` comes first."""
    return markup(text).replace('"', "&quot;")


def join_surrogates(text: str) -> str:
    """Pairs of surrogates become the character they stand for."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def code_units(text: str) -> list[int]:
    """The UTF-16 code units of a text, lone surrogates included."""
    data = text.encode("utf-16-le", "surrogatepass")
    return [int.from_bytes(data[place : place + 2], "little") for place in range(0, len(data), 2)]


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"_x{unit:04X}_" for unit in code_units(match.group()))


def _meant(match: re.Match[str]) -> str:
    code = int(match.group(1), 16)
    return chr(code) if code <= 0x10FFFF else match.group()
