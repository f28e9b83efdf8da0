"""What one takes along of a job's output: into the clipboard, a file, or $PAGER."""

from __future__ import annotations

import asyncio
import os
from typing import NamedTuple

from textual.app import SuspendNotSupported

from core.service import Job, JobService, ServiceError
from tui import output_files
from tui.text import one_line
from tui.widgets.ask_bar import AskBar
from tui.widgets.output import OutputView

#: what a terminal is told to put into the clipboard at most: some take no more than about 74 KB
_CLIPBOARD = 64 << 10
#: bytes of lines that are ever put together
_MOST = 64 << 20
#: seconds between two words on how far it is
_MOMENT = 0.5


class Said(NamedTuple):
    """How it went, in a sentence; "" where there is nothing to say."""

    text: str
    wrong: bool = False
    title: str = ""


class Taking:
    """Takes what a view shows or has marked; asks and tells in a bar below it."""

    def __init__(self, view: OutputView, ask: AskBar) -> None:
        self._view = view
        self._ask = ask
        #: the file that exists: given once more, it is overwritten
        self._saving: str | None = None
        self._told = 0.0

    async def copy(self, service: JobService, job: Job, streams: frozenset[int]) -> Said:
        """The selected lines, or the line of the current hit, or the one at the top. Raises ServiceError."""
        view = self._view
        if view.lines is None:
            return Said("")
        selected = view.screen.get_selected_text()
        if view.cursor is None and selected:
            text = selected
        else:
            await view.settle()
            current = view.search.current if view.search is not None else None
            here = current[0] if current is not None else view.top
            ends = sorted((view.cursor, view.mark)) if view.cursor is not None and view.mark is not None else None
            first, last = ends or (here, here)
            text = await _text_of(service, job.id, streams, first, last)
        view.mark = view.cursor = None
        view.redraw()
        if len(text.encode("utf-8", "replace")) > _CLIPBOARD:
            return _beside_the_clipboard(text, job.id)
        view.app.copy_to_clipboard(text)
        return Said(f"Copied {text.count(chr(10)) + 1:,} lines." if "\n" in text else "Copied the line.")

    def default_path(self, job: Job) -> str:
        """Where the output is saved unless somebody says otherwise."""
        self._saving = None
        name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in one_line(job.script))
        return os.path.join(os.getcwd(), f"{name}-{job.id}.txt")

    async def save(self, service: JobService, job: Job, streams: frozenset[int], text: str) -> Said | None:
        """Write the output to a file; None where the bar says why not, and asks on."""
        ask = self._ask
        path = os.path.abspath(os.path.expanduser(text.strip()))
        if os.path.isdir(path):
            ask.note("That is a directory: give the name of a file.", wrong=True)
            return None
        if os.path.exists(path) and self._saving != path:
            self._saving = path
            ask.note("It exists. Enter again overwrites it.", wrong=True)
            return None
        ask.note("saving…")
        try:
            size = await output_files.save(service, job.id, streams, path, self._saved)
        except OSError as error:
            ask.note(f"Cannot be written: {error.strerror}.", wrong=True)
            return None
        except ServiceError as error:
            ask.note(one_line(error), wrong=True)
            return None
        return Said(f"{size:,} bytes in {path}", title="Saved")

    def _saved(self, size: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told >= _MOMENT:
            self._told = now
            self._ask.note(f"{size:,} bytes")

    async def page(self, service: JobService, job: Job, streams: frozenset[int]) -> Said:
        """Leave the screen to $PAGER with the output. Raises ServiceError."""
        app = self._view.app
        problem: str | None = None
        try:
            # What is drawn meanwhile would wait for a terminal that is not ours, for ever once there is enough of it.
            with app.batch_update(), app.suspend():
                problem = await output_files.page(service, job.id, streams)
        except SuspendNotSupported:
            problem = "This terminal cannot be left to another program."
        finally:
            app.refresh()
        return Said(problem or "", wrong=True)


async def _text_of(service: JobService, id: int, streams: frozenset[int], first: int, last: int) -> str:
    parts: list[str] = []
    size = 0
    while first <= last and size < _MOST:
        found = await service.lines(id, first, min(500, last + 1 - first), streams)
        if not found.lines:
            break
        for line in found.lines:
            parts.append(line.data.decode("utf-8", "replace").rstrip("\r"))
            size += len(line.data)
        first += len(found.lines)
    return "\n".join(parts)


def _beside_the_clipboard(text: str, id: int) -> Said:
    path = os.path.join(os.path.expanduser("~"), f"job-{id}-selection.txt")
    try:
        with open(path, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError as error:
        return Said(f"{path} cannot be written: {error.strerror}.", wrong=True)
    return Said(f"Too much for the clipboard: it is in {path}.")
