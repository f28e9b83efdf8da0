"""How a job ended, and what it is called."""

from __future__ import annotations

import os
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Outcome:
    """Everything that decides the end record."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._timeout = float(spec.get("timeout") or 0)
        #: "cancel", "timeout" or "error_action" once the job is being ended
        self.why: str | None = None
        self.by: str | None = None
        self.failed_to_start: str | None = None
        self.never_started = False
        self.settled = False
        #: why it failed where neither exit code nor signal tells; a sentence
        self.failure: str | None = None
        self._told = False
        self.exit_code: int | None = None
        self.signal: int | None = None
        self.remarks: list[str] = []
        #: error records that count for the status; the first one's message
        self.errors = 0
        self.first_error = ""
        self._dropped_records = 0
        self._dropped_bytes = 0

    def cancel(self, why: str, by: str | None) -> None:
        """It is being ended."""
        self.why = why
        self.by = by

    def remark(self, sentence: str) -> None:
        """Tell this once, at the end."""
        if sentence not in self.remarks:
            self.remarks.append(sentence)

    def error(self, message: str) -> None:
        """An error record that counts."""
        if not self.errors:
            self.first_error = message
        self.errors += 1

    def dropped(self, records: int, size: int) -> None:
        """This could not be recorded, and never will be: `size` bytes of output and others."""
        self._dropped_records += records
        self._dropped_bytes += size

    def settle(self, exit_code: int | None, failure: str | None) -> None:
        """The script ended with this code, whatever becomes of the process that ran it."""
        self._told = True
        self.exit_code = exit_code
        self.failure = failure

    def ended(self, code: int, status: int) -> None:
        """The main process ended, as waitid tells it."""
        if self._told:
            return
        if code == os.CLD_EXITED:
            self.exit_code = status
        else:
            self.signal = status

    def _status(self, warnings: int) -> tuple[str, str | None]:
        if self.why == "cancel":
            who = f"{self.by} canceled it" if self.by else "It was canceled"
            return "Canceled", f"{who} before it started." if self.never_started else f"{who}."
        if self.why == "timeout":
            return "TimedOut", f"It ran longer than its timeout of {self._timeout:g} s."
        if self.why == "error_action":
            return "Failed", f"It was stopped at its first error: {self.first_error}"
        if self.failed_to_start:
            return "Failed", self.failed_to_start
        if self.failure is not None:
            return "Failed", self.failure
        if self.signal is not None:
            try:
                name = signal.Signals(self.signal).name
            except ValueError:
                name = "a real-time signal"
            return "Failed", f"It was ended by signal {self.signal} ({name})."
        if self.exit_code != 0:
            return "Failed", None
        if self.errors:
            return "Error", None
        return ("Warning" if warnings else "Completed"), None

    def record(self, summary: dict[str, Any], receipt: dict[str, Any] | None) -> dict[str, Any]:
        """The end record."""
        if self._dropped_records or self._dropped_bytes:
            self.remark(
                f"{self._dropped_bytes} bytes of output and records were lost: the disk was full when the job ended."
            )
        status, reason = self._status(summary["warnings"])
        if self.failed_to_start:
            # the code with which our own child gave up is not the program's
            self.exit_code = None
        return {
            "status": status,
            "event": "end",
            "exit_code": self.exit_code,
            "signal": self.signal,
            "reason": reason,
            "receipt": receipt,
            "remarks": self.remarks,
            "ended": time.time_ns(),
            "summary": summary,
        }
