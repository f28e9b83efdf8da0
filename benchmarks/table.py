"""One line of a benchmark: a figure of jobdeck's beside its floor, measured in the same run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`value` and `floor` are in `unit`; `target` is the ratio (or the figure, without a floor) asked for."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    floor_name: str = ""
    target: str = ""

    @property
    def ratio(self) -> float | None:
        """Value over floor."""
        return None if not self.floor else self.value / self.floor


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def markdown(rows: list[Row]) -> str:
    """The rows as a table."""
    lines = ["| what | jobdeck | floor | ratio | asked for |", "|--|--:|--:|--:|--|"]
    for row in rows:
        floor = "" if row.floor is None else f"{_number(row.floor)} {row.unit} ({row.floor_name})"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        lines.append(f"| {row.name} | {_number(row.value)} {row.unit} | {floor} | {ratio} | {row.target} |")
    return "\n".join(lines) + "\n"
