"""The words of a call of `jobdeck-job`: its options, and what stands plainly."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Sequence, Tuple


class Misuse(Exception):
    """A wrong call; the text is a sentence."""


def split(words: Sequence[str], flags: Sequence[str], values: Sequence[str]) -> Tuple[List[str], Dict[str, List[str]]]:
    """(plain words, {option: [values]}) of a command's words; -- ends the options."""
    plain: List[str] = []
    options: Dict[str, List[str]] = {}
    words = list(words)
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            plain.extend(words)
            break
        if word in flags:
            options[word] = [""]
        elif word in values or (equals and word.startswith("--") and name in values):
            if not (equals and name in values):
                name = word
                if not words:
                    raise Misuse(f"{word} needs a value.")
                value = words.pop(0)
            options.setdefault(name, []).append(value)
        elif word.startswith("-") and len(word) > 1 and not is_number(word):
            raise Misuse(f"There is no option {word} here; put -- before a text that begins with a dash.")
        else:
            plain.append(word)
    return plain, options


def is_number(text: str) -> bool:
    """Whether it is a number, infinite ones among them."""
    try:
        return float(text) == float(text)
    except ValueError:
        return False
