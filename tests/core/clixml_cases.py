"""The golden CLIXML cases, and values as PowerShell said it reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True, slots=True)
class Case:
    """One value that PSSerializer wrote, and what PowerShell read back."""

    name: str
    depth: int
    clixml: str
    types: tuple[str, ...]
    reads: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.name}-{self.depth}"


def cases() -> list[Case]:
    """All of them."""
    with open(GOLDEN / "clixml" / "serializer.jsonl", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [Case(row["name"], row["depth"], row["clixml"], tuple(row["types"]), row["reads"]) for row in rows]


def documents() -> list[str]:
    """The documents alone."""
    return [case.clixml for case in cases()]
