"""The names of types as people say them."""

from __future__ import annotations

import re

#: types within types that are told
_DEEPEST = 16
_GENERIC = re.compile(r"`\d+\[(\[.*\])\]")


def short_type(name: str, deep: int = 0) -> str:
    """``System.Collections.Generic.List`1[[System.String, …]]`` as `List<String>`; without what stands behind `, `."""
    if deep > _DEEPEST:
        return "…"
    generic = _GENERIC.search(name)
    if generic is None:
        head, bracket, rest = name.split(", ", 1)[0].partition("[")
        return head.rpartition(".")[2] + bracket + rest
    arguments = [short_type(part, deep + 1) for part in _arguments(generic.group(1))]
    behind = name[generic.end() :].split(", ", 1)[0].rstrip(",")
    return f"{short_type(name[: generic.start()])}<{', '.join(arguments)}>{behind}"


def _arguments(text: str) -> list[str]:
    """The parts between the outer brackets of `[A, …],[B, …]`."""
    parts: list[str] = []
    depth = start = 0
    for place, letter in enumerate(text):
        if letter == "[":
            depth += 1
            start = place + 1 if depth == 1 else start
        elif letter == "]":
            depth -= 1
            if depth == 0:
                parts.append(text[start:place])
    return parts
