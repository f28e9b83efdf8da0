"""What the parts of one engine share."""

from __future__ import annotations

from dataclasses import dataclass

from .audit import Audit
from .database import Database
from .paths import job_directory
from .reading import Reading
from .settings import Live


@dataclass(frozen=True, slots=True)
class Shared:
    """One engine's name, its settings as they are now, and its open things."""

    name: str
    live: Live
    database: Database
    reading: Reading
    audit: Audit

    @property
    def store(self) -> str:
        """The data directory."""
        return self.live.now.data_directory

    def directory(self, id: int) -> str:
        """The directory of one job."""
        return job_directory(self.store, id)
