"""The Details tab: what a job was given, what it ran, what became of it, and the jobs around it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from textual.message import Message

from core.json_shapes import parameter_value
from core.service import Job
from tui import clock, keys
from tui.glyphs import glyph, word
from tui.say import duration
from tui.text import cell_text
from tui.widgets.sheet import Parts, Sheet

#: lines of the script that are shown
_LINES = 5000


class Fact:
    """What a row belongs to: the whole text of its value, and the job it leads to."""

    __slots__ = ("job", "text")

    def __init__(self, text: str, job: int | None = None) -> None:
        self.text = text
        self.job = job


class Details(Sheet[Fact]):
    """Facts below headings; a job opens."""

    BINDINGS = keys.bindings("details")

    class Opened(Message):
        """Another job is to be shown."""

        def __init__(self, job: int) -> None:
            super().__init__()
            self.job = job

    def show_job(self, job: Job, around: Mapping[int, Job], reruns: Sequence[Job], content: bytes | None) -> None:
        """Tell of a job; `around`: parent and children by id; `content`: the script it ran, None = not here (yet)."""
        rows: list[tuple[Parts, Fact | None]] = []

        def head(title: str) -> None:
            if rows:
                rows.append(([("", "")], None))
            rows.append(([(title, "head")], None))

        def fact(name: str, value: Any, look: str = "") -> None:
            if value in (None, "", (), [], {}):
                return
            text = str(value)
            known = Fact(text)
            for number, line in enumerate(text.split("\n")):
                rows.append(([(f"  {name if not number else '':<17}", "key"), (" " + line, look)], known))

        def link(name: str, id: int) -> None:
            other = around.get(id)
            told = f"#{id}" if other is None else f"#{id} {other.script}"
            parts = [(f"  {name:<17} ", "key"), (cell_text(told), "link")]
            if other is not None:
                took = duration(other.started, other.ended or clock.now()) if other.started else ""
                parts.append((f"  {glyph(other.status)} {word(other.status)}  {took}", "muted"))
            rows.append((parts, Fact(str(id), id)))

        head("Parameters")
        if not job.parameters:
            rows.append(([("  none", "muted")], None))
        for name, value in job.parameters.items():
            plain = parameter_value(value)
            told = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=str)
            fact(cell_text(name), "(kept secret)" if value is None else told)
        head("Run")
        fact("status", f"{job.status.name}" + (f": {job.reason}" if job.reason else ""))
        fact("queued because", job.queue_reason)
        fact("exit code", job.exit_code)
        fact("signal", job.signal)
        for name, moment in (("created", job.created), ("started", job.started), ("ended", job.ended)):
            fact(name, _moment(moment))
        fact("environment", job.environment)
        fact("directory", job.working_directory)
        fact("identity", job.identity)
        fact("started by", job.source)
        fact("computer", job.computer_name)
        fact("process", job.process_id)
        fact("time limit", f"{job.timeout:g} s" if job.timeout else None)
        fact("error action", job.error_action)
        fact("attempt", job.attempt if job.attempt > 1 else None)
        fact("tags", ", ".join(job.tags))
        fact("notes", job.notes)
        fact("run id", job.run_id)
        fact("records", f"{job.records:,} of {job.bytes:,} bytes; {job.objects:,} objects")
        for remark in job.remarks:
            fact("remark", remark, "warn")
        if job.receipt:
            head("How it was ended")
            self._receipt(job.receipt, fact)
        if job.parent_job or job.children or job.rerun_of or reruns:
            head("Jobs around it")
            if job.parent_job:
                link("parent", job.parent_job)
            if job.rerun_of:
                link("rerun of", job.rerun_of)
            for again in reruns:
                link("run again as", again.id)
            for child in job.children:
                link("child", child)
        head("Script")
        fact("path", job.script_path)
        fact("git commit", job.git_commit)
        fact("content hash", job.content_hash)
        if content is not None:
            lines = content.decode("utf-8", "replace").split("\n")
            whole = Fact(content.decode("utf-8", "replace"))
            wide = len(str(len(lines)))
            for number, line in enumerate(lines[:_LINES], 1):
                rows.append(([(f"  {number:>{wide}} ", "muted"), (line.expandtabs(4), "")], whole))
            if len(lines) > _LINES:
                rows.append(([(f"  … {len(lines) - _LINES:,} more lines", "muted")], whole))
        self._keep_place(rows)

    def _keep_place(self, rows: list[tuple[Parts, Fact | None]]) -> None:
        """New facts are new objects: the row stays."""
        self.rows = rows
        self.move(self.cursor)

    @staticmethod
    def _receipt(receipt: Mapping[str, Any], fact: Any) -> None:
        for each in receipt.get("signalled") or ():
            fact("signalled", f"{each.get('name', '')} ({each.get('process_id')}) with {each.get('signal')}")
        if receipt.get("seconds") is not None:
            fact("took", f"{receipt['seconds']:.1f} s")
        survived = receipt.get("survived") or ()
        for each in survived:
            fact("survived", f"{each.get('name', '')} ({each.get('process_id')})", "bad")
        if not survived:
            fact("survived", "nothing")

    def action_open(self) -> None:
        """Open the job of the row."""
        fact = self.current
        if fact is not None and fact.job is not None:
            self.post_message(self.Opened(fact.job))

    def action_copy(self) -> None:
        """Copy the value of the row."""
        fact = self.current
        if fact is not None:
            self.app.copy_to_clipboard(fact.text[: 64 << 10])
            self.app.notify("Copied.", markup=False, timeout=3)


def _moment(time_: int | None) -> str | None:
    if not time_:
        return None
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time_ / 1e9)) + f".{time_ // 10**6 % 1000:03}"
