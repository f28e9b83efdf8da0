"""The facts of a job above its tabs: how it stands, what it runs, progress, and what its processes use."""

from __future__ import annotations

import time

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from core.service import Job, Status, Usage
from tui import clock, glyphs
from tui.glyphs import LOOKS, glyph
from tui.job_columns import bar
from tui.say import duration
from tui.text import cell_text, fit, size, thousands
from tui.widgets.looks import ink
from tui.widgets.sparkline import Spark

_LOOKS = {look: f"job--{look.partition('--')[2]}" for look in LOOKS.values()}


class JobHeader(Widget):
    """Two lines; a third with the progress and the use of processor and memory while it runs."""

    COMPONENT_CLASSES = {  # noqa: RUF012 (so Textual declares it)
        "job--muted", "job--live", "job--good", "job--bad", "job--ask", "job--warn", "job--name",
    }  # fmt: skip
    DEFAULT_CSS = """
    JobHeader { height: 2; padding: 0 1; background: $surface; color: $foreground; }
    JobHeader.-live { height: 3; }
    JobHeader.-stale { opacity: 60%; }
    JobHeader > .job--name { text-style: bold; }
    JobHeader > .job--muted { color: $text-muted; }
    JobHeader > .job--live { color: $accent; }
    JobHeader > .job--good { color: $success; }
    JobHeader > .job--bad { color: $error; }
    JobHeader > .job--ask { color: $warning; text-style: bold; }
    JobHeader > .job--warn { color: $warning; }
    """
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.job: Job | None = None
        self.usage: Usage | None = None
        self._processor = Spark(top=100.0)
        self._memory = Spark()
        #: what each line showed: letters and looks
        self._cells: dict[int, list[tuple[str, str]]] = {}

    def show(self, job: Job) -> None:
        """Tell of the job as it is now."""
        if job != self.job:
            self.job = job
            self.set_class(not job.status.finished, "-live")
            self._change()

    def measure(self, usage: Usage | None) -> None:
        """What it uses now."""
        self.usage = usage
        if usage is not None:
            self._processor.add(usage.cpu_percent)
            self._memory.add(usage.memory_bytes)
        self._change()

    def tick(self) -> None:
        """A second passed."""
        self._change()

    def _change(self) -> None:
        """Draw the cells that are not as they were: a clock that goes on costs a few bytes a second."""
        width = self.size.width
        for y in range(self.size.height):
            cells = [(letter, name) for text, name in self._line(y, width) for letter in text]
            before = self._cells.get(y)
            self._cells[y] = cells
            if before is None or len(before) != len(cells) or _wide(cells) or _wide(before):
                self.refresh(Region(0, y, width, 1))
                continue
            changed = [x for x, (old, new) in enumerate(zip(before, cells, strict=True)) if old != new]
            if changed:
                self.refresh(Region(changed[0], y, changed[-1] + 1 - changed[0], 1))

    def _style(self, name: str) -> Style:
        return ink(self, f"job--{name}") if name else Style.null()

    def render_line(self, y: int) -> Strip:
        """One of the lines."""
        width, base = self.size.width, self.rich_style
        parts = self._line(y, width)
        return Strip([Segment(text, base + self._style(name)) for text, name in parts]).adjust_cell_length(width, base)

    def _line(self, y: int, width: int) -> list[tuple[str, str]]:
        job = self.job
        if job is None:
            return [("Loading …" if y == 0 else "", "muted")]
        return (self._first, self._second, self._third)[y](job, width) if y < 3 else []

    def _first(self, job: Job, width: int) -> list[tuple[str, str]]:
        status = "Waiting for an answer" if job.status is Status.WaitingOnFeedback else job.status.name
        took = duration(job.started, job.ended or clock.now()) if job.started else ""
        right = [(took, "live" if not job.status.finished else ""), (f"  #{job.id}", "muted")]
        room = width - sum(len(text) for text, _name in right)
        told = f"{glyph(job.status)} {status}"
        parts = [(told, _LOOKS[LOOKS[job.status]].partition("--")[2]), ("  ", "")]
        left = room - len(told) - 2
        name = fit(cell_text(job.script), max(8, left - 2), shrink=True)
        parts.append((name, "name"))
        why = self._why(job)
        # one column stays between it and what stands on the right
        space = left - len(name) - len(_dot()) - 1
        if why and space > 6:
            parts.append((_dot() + fit(cell_text(why), space, shrink=True), "muted"))
        used = Strip([Segment(text) for text, _name in parts]).cell_length
        return [*parts, (" " * max(1, room - used), ""), *right]

    def _why(self, job: Job) -> str:
        if job.status is Status.Queued:
            return job.queue_reason or ""
        if not job.status.finished:
            return ""
        told = []
        if job.signal:
            told.append(f"signal {job.signal}")
        elif job.exit_code is not None:
            told.append(f"exit code {job.exit_code}")
        if job.reason:
            told.append(job.reason)
        return _dot().join(told)

    def _second(self, job: Job, width: int) -> list[tuple[str, str]]:
        then = time.localtime((job.started or job.created) / 1e9)
        today = then[:3] == time.localtime(clock.now() / 1e9)[:3]
        when = time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S", then)
        told = [f"{'started' if job.started else 'created'} {when}"]
        if job.ended:
            told.append("ended " + time.strftime("%H:%M:%S", time.localtime(job.ended / 1e9)))
        told += [job.environment, f"{job.identity} ({job.source})"]
        if job.errors:
            told.append(f"{thousands(job.errors)} error{'' if job.errors == 1 else 's'}")
        if job.warnings:
            told.append(f"{thousands(job.warnings)} warning{'' if job.warnings == 1 else 's'}")
        if job.attempt > 1:
            told.append(f"attempt {job.attempt}")
        if job.computer_name:
            told.append(f"on {job.computer_name}")
        return [(fit(_dot().join(cell_text(each) for each in told if each), width, shrink=True), "muted")]

    def _third(self, job: Job, width: int) -> list[tuple[str, str]]:
        parts: list[tuple[str, str]] = []
        right = self._use(18 if width >= 110 else 5)
        room = width - sum(len(text) for text, _name in right) - 1
        if job.percent_complete is not None and job.percent_complete >= 0:
            percent = max(0.0, min(100.0, job.percent_complete))
            parts += [(bar(percent, max(8, min(30, width // 10))), "live"), (f" {percent:3.0f}%  ", "")]
        told = [job.activity, job.status_description, job.current_operation]
        if job.seconds_remaining is not None and job.seconds_remaining >= 0:
            told.append(f"{job.seconds_remaining:.0f} s left")
        used = sum(len(text) for text, _name in parts)
        words = fit(cell_text(": ".join(each for each in told if each)), max(0, room - used), shrink=True)
        parts.append((words, "muted"))
        used = Strip([Segment(text) for text, _name in parts]).cell_length
        return [*parts, (" " * max(1, room + 1 - used), ""), *right]

    def _use(self, wide: int) -> list[tuple[str, str]]:
        usage = self.usage
        if usage is None or not self._processor.values:
            return []
        processes = f" {usage.processes} proc" if usage.processes > 1 else ""
        return [
            ("CPU ", "muted"), (self._processor.text(wide), "live"), (f" {usage.cpu_percent:4.0f}%  ", ""),
            ("MEM ", "muted"), (self._memory.text(wide), "live"), (f" {size(usage.memory_bytes):>6}", ""),
            (processes, "muted"),
        ]  # fmt: skip


def _wide(cells: list[tuple[str, str]]) -> bool:
    """Whether a letter stands in another cell than its number says."""
    return cell_len("".join(letter for letter, _look in cells)) != len(cells)


def _dot() -> str:
    return " · " if glyphs.UNICODE else "  "
