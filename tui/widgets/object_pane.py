"""The Pipeline tab: the objects, what is shown of them above, and a bar below that filters or saves."""

from __future__ import annotations

import os

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from core.service import Job, JobService, ServiceError
from tui import object_files
from tui.text import cell_text, thousands
from tui.widgets.ask_bar import AskBar
from tui.widgets.beside import beside
from tui.widgets.objects import ObjectTree


class ObjectPane(Vertical):
    """Shows the objects of one job, and more of them as they come."""

    DEFAULT_CSS = """
    ObjectPane { height: 1fr; }
    ObjectPane > .objects--line { height: 1; padding: 0 1; background: $surface; color: $text-muted; }
    ObjectPane.-stale ObjectTree { opacity: 60%; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.line = Static("", classes="objects--line")
        self.objects = ObjectTree(id="object-tree")
        self.ask = AskBar()
        self.service: JobService | None = None
        self.job: Job | None = None
        self._saving: str | None = None
        self._index: int | None = None
        self._opened = False

    def compose(self) -> ComposeResult:
        """A line, the objects, questions."""
        yield self.line
        yield self.objects
        yield self.ask

    async def show(self, service: JobService, job: Job) -> None:
        """Show the objects there are now. Raises ServiceError."""
        self.service, self.job = service, job
        if not self._opened:
            self._opened = True
            try:
                await self.objects.open(service, job.id, job.objects)
            except ServiceError:
                self._opened = False
                raise
        else:
            await self.objects.grow(job.objects)
        self._tell()

    def on_object_canvas_moved(self) -> None:
        """Tell where the cursor is."""
        self._tell()

    def _tell(self) -> None:
        tree = self.objects
        if self.job is None:
            told = "Loading …"
        elif not tree.list.total:
            told = "0 objects"
            tree.tell(
                "No objects" if self.job.status.finished else "No objects yet",
                "",
                "PowerShell  what the script outputs",
                "Python      jobdeck.emit(value)",
                "Shells      jobdeck-job emit JSON",
            )
        else:
            tree.tell(f"No object holds “{tree.list.wanted}”", "", "esc  shows all again")
            told = f"{thousands(tree.list.total)} object{'' if tree.list.total == 1 else 's'}"
            if tree.list.matching is not None:
                told = f"{thousands(len(tree.list.matching))} of {told} with “{tree.list.wanted}”"
            item = tree.current
            if item is not None and not item.more:
                told += f"   {item.path}"
                if item.node is not None and item.node.full_type not in ("", item.type):
                    told += f"   {item.node.full_type}"
        self.line.update(Text(cell_text(told), no_wrap=True, overflow="ellipsis"))

    def on_object_tree_failed(self, event: ObjectTree.Failed) -> None:
        """Say it."""
        self.app.notify(cell_text(event.text), severity="warning", markup=False, timeout=6)

    def on_object_tree_asked(self, event: ObjectTree.Asked) -> None:
        """Ask for the text, or the file."""
        if event.what == "filter":
            self.ask.ask("filter", "/", self.objects.list.wanted, hint="only objects that hold this text")
        else:
            self._saving, self._index = None, event.index
            label = "Save all to" if event.index is None else f"Save [{event.index}] to"
            self.ask.ask("save", label, self.objects.default_name(event.index), hint=".json, .xml (CliXml) or .csv")

    def on_ask_bar_typed(self, event: AskBar.Typed) -> None:
        """Filter while it is typed."""
        if event.kind == "filter":
            beside(self, "ask", self._filter, event.text)

    def on_ask_bar_left(self, event: AskBar.Left) -> None:
        """Never mind."""
        self.ask.close()
        self.objects.focus()
        if event.kind == "filter":
            beside(self, "ask", self._filter, "")

    def on_ask_bar_given(self, event: AskBar.Given) -> None:
        """Keep the filter, or save."""
        if event.kind == "filter":
            self.ask.close()
            self.objects.focus()
        elif event.kind == "save":
            beside(self, "ask", self._save, event.text)

    async def on_object_tree_left(self) -> None:
        """Take the filter away; where there is none, leave the screen."""
        if self.objects.list.wanted:
            beside(self, "ask", self._filter, "")
        else:
            await self.screen.run_action("back")

    async def _filter(self, text: str) -> None:
        try:
            await self.objects.filter(text)
        except ServiceError as error:
            self.ask.note(cell_text(error), wrong=True)
        self._tell()

    async def _save(self, text: str) -> None:
        if self.service is None or self.job is None:
            return
        path = os.path.abspath(os.path.expanduser(text.strip()))
        if os.path.exists(path) and self._saving != path:
            self._saving = path
            wrong = "That is a directory." if os.path.isdir(path) else "It exists. Enter again overwrites it."
            self.ask.note(wrong, wrong=True)
            return
        self.ask.note("saving…")
        try:
            count = await object_files.save(self.service, self.job.id, self._index, path)
        except OSError as error:
            self.ask.note(f"Cannot be written: {error.strerror}.", wrong=True)
            return
        except ServiceError as error:
            self.ask.note(cell_text(error), wrong=True)
            return
        self.ask.close()
        self.objects.focus()
        told = f"{thousands(count)} object{'' if count == 1 else 's'} in {path}"
        self.app.notify(cell_text(told), title="Saved", markup=False, timeout=6)
