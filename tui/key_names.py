"""Names of keys: as people write them, and as Textual knows them."""

from __future__ import annotations

import re
import unicodedata

#: the name of a key that no terminal sends: what has been given no key
NO_KEY = "no_key"

_NONE = "there is no such key: they are written like x, space, F5, ctrl+x"

#: what a terminal sends for other keys as well, and which
_SAME = {
    "ctrl+i": "tab",
    "ctrl+m": "enter",
    "ctrl+left_square_bracket": "escape",
    "ctrl+h": "backspace",
    "newline": "ctrl+j",
}

_SHOWN = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "comma": ",",
    "asterisk": "*",
    "escape": "esc",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "home": "Home",
    "end": "End",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "full_stop": ".",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "exclamation_mark": "!",
    "number_sign": "#",
    "percent_sign": "%",
    "dollar_sign": "$",
}

_READ = {shown.lower(): name for name, shown in _SHOWN.items()} | {
    "page_up": "pageup",
    "page_down": "pagedown",
    "pgdown": "pagedown",
    "del": "delete",
    "ins": "insert",
    "return": "enter",
    "spacebar": "space",
    "bspace": "backspace",
}

_SPECIAL = {
    *("escape", "enter", "tab", "space", "backspace", "insert", "delete"),
    *("home", "end", "pageup", "pagedown", "up", "down", "left", "right"),
}
_MODIFIERS = {"ctrl": "ctrl", "control": "ctrl", "c": "ctrl", "shift": "shift", "alt": "alt", "meta": "alt"}


def shown(key: str) -> str:
    """A key's name as people write it: `/`, `ctrl+p`, `esc`; of no key, nothing."""
    if key == NO_KEY:
        return ""
    if key.startswith("f") and key[1:].isdigit():
        return key.upper()
    return _SHOWN.get(key) or _character(key) or key


def read_key(text: str) -> str:
    """Textual's name of a key that a person wrote. Raises ValueError with a clause that says what is wrong."""
    *before, last = _parts(text.strip() or text)
    modifiers = []
    for word in before:
        if word.lower() not in _MODIFIERS:
            raise ValueError(_NONE)
        modifiers.append(_MODIFIERS[word.lower()])
    name = _base(last)
    if name is None:
        raise ValueError(_NONE)
    if "shift" in modifiers and len(name) == 1 and name.isalpha() and "ctrl" not in modifiers:
        modifiers.remove("shift")
        name = name.upper()
    elif modifiers and len(name) == 1:
        # Terminals do not tell a letter from its capital with ctrl.
        name = name.lower()
    whole = "+".join([*(word for word in ("alt", "ctrl", "shift") if word in modifiers), name])
    if whole in _SAME:
        raise ValueError(f"it is the same as {shown(_SAME[whole])} to a terminal")
    return whole


def types(key: str) -> bool:
    """Whether pressing the key in a field types something."""
    return "+" not in key and (key == "space" or _character(key) is not None)


def _parts(text: str) -> list[str]:
    if text.endswith("+") and text != "+":
        return [*text[:-1].removesuffix("+").split("+"), "+"]
    return [text] if text == "+" else text.split("+")


def _base(word: str) -> str | None:
    from textual.keys import _character_to_key

    lower = word.lower()
    if lower in _READ:
        return _READ[lower]
    if lower in _SPECIAL or re.fullmatch(r"f([1-9]|1\d|2[0-4])", lower):
        return lower
    character = word if len(word) == 1 else _character(lower)
    return _character_to_key(character) if character is not None and character.isprintable() else None


def _character(name: str) -> str | None:
    """The character that a key's name means: `slash` → `/`."""
    if len(name) == 1:
        return name
    from textual.keys import ASCII_KEY_NAMES, KEY_NAME_REPLACEMENTS, KEY_TO_UNICODE_NAME

    if name in ASCII_KEY_NAMES.values():
        return None
    full = {short: long for long, short in KEY_NAME_REPLACEMENTS.items()}.get(name, name)
    for spelling in (KEY_TO_UNICODE_NAME.get(full, full), full.replace("_", " "), full.replace("_", "-")):
        try:
            character = unicodedata.lookup(spelling)
        except KeyError:
            continue
        # Of the thousands of characters with a name, these are on keyboards.
        return character if "!" <= character <= "~" else None
    return None
