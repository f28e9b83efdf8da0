"""Numbers in XML's form, as .NET writes and reads them. Standard library only."""

from __future__ import annotations

import re
import struct
from decimal import ROUND_HALF_EVEN, Context, Decimal

from core.errors import Invalid

_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_SPECIAL = {
    "INF": float("inf"), "-INF": float("-inf"), "NaN": float("nan"), "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}  # fmt: skip
#: what 96 bits hold
DECIMAL_LIMIT = 2**96 - 1
_ROUNDING = Context(prec=29, rounding=ROUND_HALF_EVEN)
#: longer texts are no number that .NET writes
_LONGEST = 1000


def parse_integer(text: str) -> int:
    """A whole number. Raises Invalid."""
    text = text.strip()
    if not _INTEGER.fullmatch(text) or len(text) > _LONGEST:
        raise Invalid(f"'{text[:60]}' is no whole number.")
    return int(text)


def parse_float(text: str) -> float:
    """A number with a point, or INF, -INF, NaN. Raises Invalid."""
    text = text.strip()
    if text in _SPECIAL:
        return _SPECIAL[text]
    if not _FLOAT.fullmatch(text) or len(text) > _LONGEST:
        raise Invalid(f"'{text[:60]}' is no number.")
    return float(text)


def parse_decimal(text: str) -> Decimal:
    """A decimal of at most 29 digits; further ones are rounded, as .NET does. Raises Invalid."""
    text = text.strip()
    if not _DECIMAL.fullmatch(text) or len(text) > _LONGEST:
        raise Invalid(f"'{text[:60]}' is no decimal number.")
    value = Decimal(text)
    if fits_decimal(value):
        return value
    value = round_decimal(value)
    if not fits_decimal(value):
        raise Invalid(f"'{text[:60]}' is larger than a Decimal can be.")
    return value


def fits_decimal(value: Decimal) -> bool:
    """Whether .NET's Decimal can hold it as it is."""
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or exponent < -28:
        return False
    whole = int("".join(map(str, digits)) or "0")
    return whole * 10 ** max(exponent, 0) <= DECIMAL_LIMIT if exponent <= 28 else whole == 0


def round_decimal(value: Decimal) -> Decimal:
    """The nearest that .NET's Decimal can hold, if any."""
    for precision in (29, 28):
        rounded = value.normalize(Context(prec=precision)) if value else Decimal(0)
        exponent = rounded.as_tuple().exponent
        if isinstance(exponent, int) and exponent < -28:
            rounded = rounded.quantize(Decimal(1).scaleb(-28), context=_ROUNDING)
        if fits_decimal(rounded):
            return rounded
    return value


def double_text(value: float) -> str:
    """A Double as XmlConvert writes it: the shortest digits that read back equal."""
    return _text(float.__repr__(value), 17)


def single_text(value: float) -> str:
    """A Single as XmlConvert writes it: the shortest digits that read back equal in 32 bits."""
    if value != value or value in (float("inf"), float("-inf")):
        return _text(float.__repr__(value), 9)
    wanted = struct.pack("<f", value)
    for digits in range(1, 10):
        text = f"{value:.{digits - 1}e}"
        try:
            if struct.pack("<f", float(text)) == wanted:
                return _text(text, 9)
        except OverflowError:
            continue  # rounded up past the largest Single: more digits are needed
    raise AssertionError("nine digits always do")


def _text(shortest: str, most: int) -> str:
    """.NET's form of Python's digits: an exponent where the point stands behind `most` places or 5 before."""
    if shortest in ("inf", "-inf", "nan"):
        return {"inf": "INF", "-inf": "-INF", "nan": "NaN"}[shortest]
    mantissa, _, exponent = shortest.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, rest = mantissa.lstrip("-").partition(".")
    digits = whole + rest
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    if not digits:
        return f"{sign}0"
    if point > most or point < -4 + 1:
        power = point - 1
        head = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        return f"{sign}{head}E{'-' if power < 0 else '+'}{abs(power):02}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return sign + digits + "0" * (point - len(digits))
    return f"{sign}{digits[:point]}.{digits[point:]}"
