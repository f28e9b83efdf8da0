"""The objects that a job sent, as a tree that opens level by level, or as a table: how one moves and what one does."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Any

from textual import events
from textual.message import Message

from core.service import JobService, ServiceError
from tui import keys
from tui.widgets.object_canvas import ObjectCanvas
from tui.widgets.object_rows import PAGE, Item

#: seconds after which it is said that something is being read
_MOMENT = 0.1


class ObjectTree(ObjectCanvas, can_focus=True):
    """Rows of objects. Fetches pages of them; decodes what is shown, opens what is asked for."""

    BINDINGS = [  # noqa: RUF012 (so Textual declares it)
        *keys.bindings("list"),
        *keys.bindings("objects"),
    ]

    class Failed(Message):
        """Something could not be had; a sentence."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Asked(Message):
        """Somebody wants to filter, or to save: one object (its number) or all (None)."""

        def __init__(self, what: str, index: int | None = None) -> None:
            super().__init__()
            self.what = what
            self.index = index

    class Left(Message):
        """Escape: take the filter away, or leave."""

    # -- what there is ---------------------------------------------------------------------------------------------

    async def open(self, service: JobService, job: int, total: int) -> None:
        """Show the objects of a job, from the first. Raises ServiceError."""
        self.cursor = self.top = 0
        await self.list.open(service, job, total)

    async def grow(self, total: int) -> None:
        """The job has sent more. Raises ServiceError."""
        await self.list.grow(total)

    async def filter(self, text: str) -> None:
        """Show only objects that hold a text somewhere; all for none. Raises ServiceError."""
        self.cursor = self.top = 0
        await self.list.filter(text)

    def list_changed(self) -> None:
        """Rows anew; the cursor stays on what it is on."""
        self._flatten()

    def _flatten(self) -> None:
        here = self.rows[self.cursor] if self.cursor < len(self.rows) else None
        if self.table:
            self.rows = list(self.list.roots)
        else:
            self.rows = []
            for root in self.list.roots:
                self.rows += root.shown() if root.expanded else [root]
        if here is not None and (self.cursor >= len(self.rows) or self.rows[self.cursor] is not here):
            try:
                self.cursor = self.rows.index(here)
            except ValueError:
                self.cursor = max(0, min(self.cursor, len(self.rows) - 1))
        self.redraw()

    # -- moving ----------------------------------------------------------------------------------------------------

    @property
    def current(self) -> Item | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def move(self, to: int) -> None:
        """Put the cursor on a row."""
        self.cursor = max(0, min(to, len(self.rows) - 1))
        self.redraw()
        # The rest of the list comes by itself when somebody arrives there.
        item = self.current
        if item is not None and item.more and item.parent is None:
            self._run(self.list.load(PAGE))

    def action_up(self) -> None:
        """One row up."""
        self.move(self.cursor - 1)

    def action_down(self) -> None:
        """One row down."""
        self.move(self.cursor + 1)

    def action_page_up(self) -> None:
        """A page up."""
        self.move(self.cursor - self.page_height + 1)

    def action_page_down(self) -> None:
        """A page down."""
        self.move(self.cursor + self.page_height - 1)

    def action_half_up(self) -> None:
        """Half a page up."""
        self.move(self.cursor - self.page_height // 2)

    def action_half_down(self) -> None:
        """Half a page down."""
        self.move(self.cursor + self.page_height // 2)

    def action_first(self) -> None:
        """The first row."""
        self.move(0)

    def action_last(self) -> None:
        """The last row that is here."""
        self.move(len(self.rows) - 1)

    def action_open(self) -> None:
        """Open or close what is under the cursor."""
        item = self.current
        if item is None:
            return
        if item.more:
            self._more(item)
        elif self.table:
            self.table = False
            self._expand(item)
        elif item.expanded:
            self._collapse(item)
        else:
            self._expand(item)

    def action_expand(self) -> None:
        """Open it; when it is open, go into it."""
        item = self.current
        if self.table:
            self._shift(12)
        elif item is None:
            return
        elif item.more:
            self._more(item)
        elif item.expanded and item.children:
            self.move(self.cursor + 1)
        elif not item.expanded:
            self._expand(item)

    def action_collapse(self) -> None:
        """Close it; when it is closed, go to what it is in."""
        item = self.current
        if self.table:
            self._shift(-12)
        elif item is None:
            return
        elif item.reading is not None:
            item.reading.stopped = True
        elif item.expanded:
            self._collapse(item)
        elif item.parent is not None:
            self.move(self.rows.index(item.parent))

    def _shift(self, cells: int) -> None:
        widest = sum(width + 2 for _name, width in self.list.columns)
        self.across = max(0, min(self.across + cells, widest - self.size.width // 2))
        self.redraw()

    def _more(self, item: Item) -> None:
        if item.parent is None:
            self._run(self.list.load(PAGE))
        else:
            item.parent.load_more()
            self._flatten()

    def _expand(self, item: Item) -> None:
        if item.reading is not None:
            return
        if item.large:
            self._run(self._read(item, then=item.expand))
        elif item.opens:
            item.expand()
            self._flatten()

    async def _read(self, item: Item, then: Callable[[], None]) -> None:
        """Read something large on a thread, telling how far it is; then go on with it, unless somebody stopped it."""
        from core.clixml.tree import Reading, Stopped

        reading = Reading()
        work = asyncio.create_task(asyncio.to_thread(item.read, reading))
        try:
            # What takes no longer than that is not worth a word.
            await asyncio.wait({work}, timeout=_MOMENT)
            while not work.done():
                item.reading = reading
                self.redraw()
                await asyncio.wait({work}, timeout=2 * _MOMENT)
            with contextlib.suppress(Stopped):
                work.result()
                then()
        finally:
            # Also when the screen is left: the thread sees it at once.
            reading.stopped = True
            item.reading = None
        self._flatten()

    def _collapse(self, item: Item) -> None:
        item.expanded = False
        self._flatten()

    def _run(self, work: Any) -> None:
        async def guarded() -> None:
            try:
                await work
            except ServiceError as error:
                self.post_message(self.Failed(str(error)))

        self.run_worker(guarded(), group="objects")

    # -- the table -------------------------------------------------------------------------------------------------

    def action_table(self) -> None:
        """A table of the properties, where the objects are alike; the tree again."""
        if self.table:
            self.table = False
            return
        self.list.measure()
        if not self.list.columns:
            self.post_message(self.Failed("These objects are not alike: there is no table of them."))
            return
        self.table = True

    def watch_table(self) -> None:
        """Other rows."""
        self.across = 0
        if not self.table:
            self.list.columns = []
        here = self.current
        if here is not None and self.rows:
            self.cursor = self.rows.index(here.root) if here.root in self.rows else self.cursor
        self._drawn = []
        self._flatten()
        self.refresh()

    # -- taking it along -------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        """Copy the value under the cursor."""
        item = self.current
        if item is None or item.more:
            return
        if item.large:
            self._run(self._read(item, then=self.action_copy))
            return
        item.decode()
        text = item.text if item.text is not None else item.node.text() if item.node is not None else ""
        self._copy(text, "value")

    def action_copy_path(self) -> None:
        """Copy where it is."""
        item = self.current
        if item is not None and not item.more:
            self._copy(item.path, "path")

    def _copy(self, text: str, what: str) -> None:
        if len(text.encode("utf-8", "replace")) > 64 << 10:
            self.post_message(self.Failed("That is too much for the clipboard: save the object to a file."))
            return
        self.app.copy_to_clipboard(text)
        self.app.notify(f"Copied the {what}.", markup=False, timeout=3)

    def action_filter(self) -> None:
        """Ask which objects to show."""
        self.post_message(self.Asked("filter"))

    def action_leave(self) -> None:
        """Give up the filter, or leave."""
        self.post_message(self.Left())

    def action_save(self) -> None:
        """Ask where to save the object under the cursor."""
        item = self.current
        if item is not None and not item.root.more:
            self.post_message(self.Asked("save", item.root.index))

    def action_save_all(self) -> None:
        """Ask where to save all objects."""
        if self.list.total:
            self.post_message(self.Asked("save"))

    def default_name(self, index: int | None) -> str:
        """A file to save to."""
        item = next((item for item in self.list.here if item.index == (index or 0)), None)
        kind = "xml" if item is not None and item.record is not None and item.record.format == "clixml" else "json"
        name = f"job-{self.list.job}" + ("" if index is None else f"-object-{index}")
        return os.path.join(os.getcwd(), f"{name}.{kind}")

    # -- the mouse -------------------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """Choose a row; a click on its mark, or a second one, opens it."""
        y = event.y - (1 if self.table else 0)
        number = self.top + y
        if y < 0 or number >= len(self.rows):
            return
        item = self.rows[number]
        was = self.cursor
        self.move(number)
        if number < len(self.rows) and self.rows[number] is item:
            on_mark = not self.table and 2 * item.depth <= event.x < 2 * item.depth + 2
            if on_mark or (event.chain > 1 and was == number):
                self.action_open()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        event.stop()
        self._wheel(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel."""
        event.stop()
        self._wheel(-3)

    def _wheel(self, rows: int) -> None:
        self.top = max(0, min(self.top + rows, len(self.rows) - self.page_height))
        self.move(max(self.top, min(self.cursor, self.top + self.page_height - 1)))
