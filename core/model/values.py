"""The values that go through jobdeck: parameters, answers of settings, what scripts emit.

Times are nanoseconds since the epoch, UTC; what is not known yet is None. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: A parameter's or a pipeline object's value: anything JSON can say, or a `Clixml`.
Value = Any


@dataclass(frozen=True, slots=True)
class Clixml:
    """A value given as one CLIXML document: PowerShell gets it undecoded, other environments its simple value."""

    document: str
