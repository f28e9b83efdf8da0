"""The help for each parameter in a docstring: Google's, NumPy's and Sphinx's way of writing it."""

from __future__ import annotations

import re

_FIELD = re.compile(
    r":(?:param|parameter|arg|argument|key|keyword)\s+(?:[^:\s]+\s+)*\*{0,2}(?P<name>\w+)\s*:\s*(?P<help>.*)"
)
_GOOGLE = re.compile(r"(?P<name>\*{0,2}\w+)\s*(?:\((?P<type>[^()]*(?:\([^()]*\)[^()]*)*)\))?\s*:\s*(?P<help>.*)")
_NUMPY = re.compile(r"(?P<names>\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?")
_SECTIONS = frozenset(
    {"args", "arguments", "parameters", "params", "keyword args", "keyword arguments", "other parameters"}
)


def parameter_help(doc: str) -> dict[str, str]:
    """Name of a parameter → its help on one line. `doc` is a docstring with its indentation removed."""
    lines = doc.expandtabs().splitlines()
    found = _fields(lines)
    for number, line in enumerate(lines):
        title = line.strip().rstrip(":").lower()
        if title not in _SECTIONS:
            continue
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if below.strip() and not below.strip().strip("-="):
            found.update(_section(lines[number + 2 :], _indent(line), numpy=True))
        elif line.strip().endswith(":"):
            found.update(_section(lines[number + 1 :], _indent(line), numpy=False))
    return found


def _fields(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    depth = 0
    for line in lines:
        match = _FIELD.match(line.strip())
        if match:
            name, depth = match["name"], _indent(line)
            found[name] = match["help"].strip()
        elif name and line.strip() and _indent(line) > depth:
            found[name] = f"{found[name]} {line.strip()}".strip()
        else:
            name = ""
    return found


def _section(lines: list[str], outer: int, *, numpy: bool) -> dict[str, str]:
    """The entries of one section; a line that is indented less than them, or a new title, ends it."""
    found: dict[str, str] = {}
    names: list[str] = []
    base: int | None = None
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        indent = _indent(line)
        below = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if numpy and below and not below.strip("-="):
            break
        if base is None:
            base = indent
        if indent < base or (not numpy and indent <= outer):
            break
        if indent > base:
            for name in names:
                found[name] = f"{found[name]} {line.strip()}".strip()
            continue
        match = (_NUMPY if numpy else _GOOGLE).fullmatch(line.strip())
        if match is None:
            names = []
            continue
        names = re.findall(r"\w+", match["names"]) if numpy else [match["name"].lstrip("*")]
        for name in names:
            found[name] = "" if numpy else match["help"].strip()
    return found


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
