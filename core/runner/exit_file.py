"""exit.json: the end, written whole, in space that was taken while there was some.

`exit.json.new` holds zeros until the job starts, then a word that it did.
"""

from __future__ import annotations

import os

from core.runner.recorder import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


#: bytes that are there even when the disk is full
SPACE = 4096


class ExitFile:
    """`exit.json.new` from the start, `exit.json` after `write`."""

    __slots__ = ("_directory", "_fd", "reserved")

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._fd = -1
        self.reserved = False
        self.reserve()

    def reserve(self) -> None:
        """Take the space; if the disk has none now, `reserved` stays false and it can be called again."""
        try:
            if self._fd < 0:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
                self._fd = os.open(os.path.join(self._directory, "exit.json.new"), flags, 0o600)
            os.posix_fallocate(self._fd, 0, SPACE)
            self.reserved = True
        except OSError:
            # told by the journal, which cannot be written either; taken when there is space again
            self.reserved = False

    def mark(self, boot_id: str) -> bool:
        """Say on the disk itself that the job starts now, whatever the journal has by then; False if that fails."""
        if not self.reserved:
            return False
        try:
            os.pwrite(self._fd, to_json({"boot_id": boot_id}), 0)
            os.fdatasync(self._fd)
        except OSError:
            return False
        return True

    def write(self, end: dict[str, Any]) -> None:
        """Put `end` there as exit.json; lists in it are cut if there is only the reserved space. OSError.

        It is not waited for until it is on the disk itself: the journal's last record, which is, says the same.
        """
        if self._fd < 0:
            self.reserve()
        try:
            self._put(to_json(end))
        except OSError:
            self._put(fit(end))
        os.rename(os.path.join(self._directory, "exit.json.new"), os.path.join(self._directory, "exit.json"))
        os.close(self._fd)
        self._fd = -1

    def _put(self, data: bytes) -> None:
        done = 0
        while done < len(data):
            done += os.pwrite(self._fd, data[done:], done)
        os.ftruncate(self._fd, len(data))


def fit(end: dict[str, Any]) -> bytes:
    """`end` in at most SPACE bytes: the receipt's lists, then the remarks, then the progress are cut."""
    end = dict(end)
    summary = dict(end.get("summary") or {})
    end["summary"] = summary
    receipt = end.get("receipt")
    if receipt:
        end["receipt"] = receipt = dict(receipt)
    while len(data := to_json(end)) > SPACE:
        if receipt and receipt["signalled"]:
            receipt["signalled"] = receipt["signalled"][: len(receipt["signalled"]) // 2]
        elif receipt and len(receipt["survived"]) > 1:
            receipt["survived"] = receipt["survived"][: len(receipt["survived"]) // 2]
        elif summary.get("remarks"):
            summary["remarks"] = []
        elif summary.get("progress") or summary.get("feedback") or summary.get("state"):
            summary.update(progress={}, feedback=None, state={})
        elif end.get("remarks"):
            end["remarks"] = [remark[:200] for remark in end["remarks"][-4:-1]] if len(end["remarks"]) > 1 else []
        elif end.get("reason") and len(end["reason"]) > 200:
            end["reason"] = end["reason"][:200]
        else:
            break
    return data
