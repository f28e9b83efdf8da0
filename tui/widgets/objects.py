"""The Pipeline tab: the objects that a job sent, as a tree that opens level by level, or as a table."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from core.service import JobService, ServiceError
from tui import glyphs, keys
from tui.text import cut, one_line
from tui.widgets.looks import ground, ink
from tui.widgets.object_rows import PAGE, Item, alike
from tui.widgets.painted import neutral

#: bytes of objects that are fetched at once, about
_STEP = 2 << 20
_WIDEST = 40
_KINDS = ("key", "value", "null", "more", "type", "cursor", "hit", "head", "error")


class ObjectTree(Widget, can_focus=True):
    """Rows of objects. Fetches pages of them; decodes what is shown, opens what is asked for."""

    BINDINGS = [  # noqa: RUF012 (so Textual declares it)
        *keys.bindings("list"),
        *keys.bindings("objects"),
    ]
    COMPONENT_CLASSES = {f"objects--{name}" for name in _KINDS}  # noqa: RUF012
    DEFAULT_CSS = """
    ObjectTree { height: 1fr; width: 1fr; background: $background; color: $foreground; }
    ObjectTree > .objects--key { color: $text-primary; }
    ObjectTree > .objects--value { color: $text-success; }
    ObjectTree > .objects--null { color: $text-muted; }
    ObjectTree > .objects--error { color: $text-error; }
    ObjectTree > .objects--more { color: $text-accent; text-style: italic; }
    ObjectTree > .objects--type { color: $text-muted; }
    ObjectTree > .objects--cursor { background: $panel; }
    ObjectTree:focus > .objects--cursor { background: $primary 30%; }
    ObjectTree > .objects--hit { text-style: underline; }
    ObjectTree > .objects--head { color: $text-muted; text-style: bold; }
    """

    #: a table of properties instead of a tree
    table: reactive[bool] = reactive(False)

    class Moved(Message):
        """The cursor, or what there is, changed."""

        def can_replace(self, message: Message) -> bool:
            """Only the last one counts."""
            return isinstance(message, ObjectTree.Moved)

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

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._service: JobService | None = None
        self._job = 0
        #: how many objects the job has sent, and the numbers of those that the filter lets pass
        self.total = 0
        self.matching: list[int] | None = None
        self.wanted = ""
        self.roots: list[Item] = []
        self.rows: list[Item] = []
        self.cursor = 0
        self.top = 0
        self.across = 0
        self.columns: list[tuple[str, int]] = []
        self._drawn: list[Strip] = []
        self._base: Style | None = None
        self._styles: dict[str, Style] = {}

    # -- what there is ---------------------------------------------------------------------------------------------

    async def open(self, service: JobService, job: int, total: int) -> None:
        """Show the objects of a job, from the first. Raises ServiceError."""
        self._service, self._job, self.total = service, job, total
        self.roots = []
        self.cursor = self.top = 0
        await self._load(max(self.size.height, 24))

    async def grow(self, total: int) -> None:
        """The job has sent more. Raises ServiceError."""
        if total <= self.total:
            return
        self.total = total
        if self.matching is None:
            if len(self._objects) < max(self.size.height, 24):
                await self._load(max(self.size.height, 24))
            else:
                self._rest()
                self._flatten()

    @property
    def _objects(self) -> list[Item]:
        """Those that are here, without the row that stands for the rest."""
        return self.roots[:-1] if self.roots and self.roots[-1].more else self.roots

    async def _load(self, count: int) -> None:
        """Fetch the next `count` objects, or fewer when they are large."""
        if self._service is None:
            return
        items = list(self._objects)
        have = len(items)
        spent, step = 0, min(count, 8)
        while have < self._all and count > 0 and spent < _STEP:
            if self.matching is None:
                found = await self._service.objects(self._job, have, min(step, count))
                numbers: list[int] = list(range(have, have + len(found)))
            else:
                numbers = self.matching[have : have + 1]
                found = await self._service.objects(self._job, numbers[0], 1) if numbers else []
            if not found:
                break
            for number, record in zip(numbers, found, strict=False):
                item = Item(0, None, number)
                item.record = record
                items.append(item)
                spent += len(record.data)
            have += len(found)
            count -= len(found)
            step = max(1, min(PAGE, (_STEP - spent) * have // max(1, sum(len(r.data) for r in found) * 4)))
        self.roots = items
        self._rest()
        if self.table:
            self._measure()
        self._flatten()

    @property
    def _all(self) -> int:
        return self.total if self.matching is None else len(self.matching)

    def _rest(self) -> None:
        items = self._objects
        self.roots = items
        if len(items) < self._all:
            rest = Item(0, None)
            rest.more = self._all - len(items)
            self.roots = [*items, rest]

    def _flatten(self) -> None:
        here = self.rows[self.cursor] if self.cursor < len(self.rows) else None
        if self.table:
            self.rows = list(self.roots)
        else:
            self.rows = []
            for root in self.roots:
                self.rows += root.shown() if root.expanded else [root]
        if here is not None and (self.cursor >= len(self.rows) or self.rows[self.cursor] is not here):
            try:
                self.cursor = self.rows.index(here)
            except ValueError:
                self.cursor = max(0, min(self.cursor, len(self.rows) - 1))
        self._show()

    # -- filter ----------------------------------------------------------------------------------------------------

    async def filter(self, text: str) -> None:
        """Show only objects that hold a text somewhere; all for none. Raises ServiceError."""
        self.wanted = text
        if not text:
            self.matching = None
            self.roots = []
            await self._load(max(self.size.height, 24))
            return
        if self._service is None:
            return
        forms = {text.lower().encode(), json.dumps(text.lower())[1:-1].encode()}
        self.matching = []
        self.roots, self.rows = [], []
        self.cursor = self.top = 0
        at, step = 0, 16
        while at < self.total:
            found = await self._service.objects(self._job, at, step)
            if not found:
                break
            size = 0
            for place, record in enumerate(found):
                size += len(record.data)
                lowered = record.data.lower()
                if any(form in lowered for form in forms):
                    self.matching.append(at + place)
            at += len(found)
            step = max(1, min(2000, _STEP * len(found) // max(1, size)))
            if len(self._objects) < self.size.height:
                await self._load(self.size.height)
            else:
                self._rest()
                self._flatten()
        await self._load(0)

    # -- moving ----------------------------------------------------------------------------------------------------

    @property
    def current(self) -> Item | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def move(self, to: int) -> None:
        """Put the cursor on a row."""
        self.cursor = max(0, min(to, len(self.rows) - 1))
        self._show()
        # The rest of the list comes by itself when somebody arrives there.
        item = self.current
        if item is not None and item.more and item.parent is None:
            self._run(self._load(PAGE))

    @property
    def _height(self) -> int:
        return max(1, self.size.height - (1 if self.table else 0))

    def action_up(self) -> None:
        """One row up."""
        self.move(self.cursor - 1)

    def action_down(self) -> None:
        """One row down."""
        self.move(self.cursor + 1)

    def action_page_up(self) -> None:
        """A page up."""
        self.move(self.cursor - self._height + 1)

    def action_page_down(self) -> None:
        """A page down."""
        self.move(self.cursor + self._height - 1)

    def action_half_up(self) -> None:
        """Half a page up."""
        self.move(self.cursor - self._height // 2)

    def action_half_down(self) -> None:
        """Half a page down."""
        self.move(self.cursor + self._height // 2)

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
        elif item.expanded:
            self._collapse(item)
        elif item.parent is not None:
            self.move(self.rows.index(item.parent))

    def _shift(self, cells: int) -> None:
        widest = sum(width + 2 for _name, width in self.columns)
        self.across = max(0, min(self.across + cells, widest - self.size.width // 2))
        self._show()

    def _more(self, item: Item) -> None:
        if item.parent is None:
            self._run(self._load(PAGE))
        else:
            item.parent.load_more()
            self._flatten()

    def _expand(self, item: Item) -> None:
        if item.large:
            self._run(self._expand_large(item))
        elif item.opens:
            item.expand()
            self._flatten()

    async def _expand_large(self, item: Item) -> None:
        self.post_message(self.Moved())
        await asyncio.to_thread(item.decode)
        item.expand()
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
        self._measure()
        if not self.columns:
            self.post_message(self.Failed("These objects are not alike: there is no table of them."))
            return
        self.table = True

    def watch_table(self) -> None:
        """Other rows."""
        self.across = 0
        here = self.current
        if here is not None and self.rows:
            self.cursor = self.rows.index(here.root) if here.root in self.rows else self.cursor
        self._drawn = []
        self._flatten()
        self.refresh()

    def _measure(self) -> None:
        names = alike(self._objects[:200])
        widths = {name: cell_len(_safe(name)) for name in names}
        for item in self._objects[:200]:
            if item.large:
                continue
            for name, node in item.cells().items():
                if name in widths:
                    widths[name] = min(_WIDEST, max(widths[name], cell_len(_safe(node.summary))))
        self.columns = list(widths.items())

    # -- taking it along -------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        """Copy the value under the cursor."""
        item = self.current
        if item is None or item.more:
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

    def action_save(self) -> None:
        """Ask where to save the object under the cursor."""
        item = self.current
        if item is not None and not item.root.more:
            self.post_message(self.Asked("save", item.root.index))

    def action_save_all(self) -> None:
        """Ask where to save all objects."""
        if self.total:
            self.post_message(self.Asked("save"))

    def default_name(self, index: int | None) -> str:
        """A file to save to."""
        item = next((item for item in self._objects if item.index == (index or 0)), None)
        kind = "xml" if item is not None and item.record is not None and item.record.format == "clixml" else "json"
        name = f"job-{self._job}" + ("" if index is None else f"-object-{index}")
        return os.path.join(os.getcwd(), f"{name}.{kind}")

    # -- drawing ---------------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """More or fewer rows."""
        self._show()

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._base = None

    def _show(self) -> None:
        """Keep the cursor in view, and draw the rows that are not as they were."""
        height = self._height
        if self.cursor < self.top:
            self.top = self.cursor
        elif self.cursor >= self.top + height:
            self.top = self.cursor - height + 1
        self.top = max(0, min(self.top, len(self.rows) - height))
        base = self.rich_style
        if base != self._base:
            self._base, self._drawn = base, []
            self._styles.clear()
        drawn = [self._draw(y) for y in range(self.size.height)]
        for y, strip in enumerate(drawn):
            if y >= len(self._drawn) or self._drawn[y] != strip:
                self.refresh(Region(0, y, self.size.width, 1))
        self._drawn = drawn
        self.post_message(self.Moved())

    def render_line(self, y: int) -> Strip:
        """One row."""
        if self._base != self.rich_style:
            self._drawn = []
            self._styles.clear()
            self._base = self.rich_style
        return self._drawn[y] if y < len(self._drawn) else self._draw(y)

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = ink(self, f"objects--{name}")
        return style

    def _draw(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        if self.table:
            if y == 0:
                return self._draw_head(base, width)
            y -= 1
        number = self.top + y
        if number >= len(self.rows):
            return Strip.blank(width, base)
        item = self.rows[number]
        on = number == self.cursor
        row = ground(self, "objects--cursor") if on else base
        segments = self._draw_cells(item, row) if self.table else self._draw_item(item, row, width)
        strip = Strip(segments)
        if self.table:
            strip = strip.crop(self.across, self.across + width)
        return strip.adjust_cell_length(width, row)

    def _draw_head(self, base: Style, width: int) -> Strip:
        style = base + self._style("head")
        text = "".join(_fit(_safe(name), wide) + "  " for name, wide in self.columns)
        return Strip([Segment(text, style)]).crop(self.across, self.across + width).adjust_cell_length(width, style)

    def _draw_cells(self, item: Item, row: Style) -> list[Segment]:
        if item.more or item.large:
            return [Segment(item.summary, row + self._style("more"))]
        cells = item.cells()
        found = []
        for name, wide in self.columns:
            node = cells.get(name)
            text = _safe(node.summary) if node is not None else ""
            right = node is not None and node.kind == "value" and _is_number(text)
            style = row if node is None or node.kind != "null" else row + self._style("null")
            found.append(Segment(_fit(text, wide, right) + "  ", style))
        return found

    def _draw_item(self, item: Item, row: Style, width: int) -> list[Segment]:
        if item.record is not None and not item.large:
            item.decode()
        mark = f"{glyphs.mark(item.expanded)} " if item.opens else "  "
        found = [Segment("  " * item.depth + mark, row)]
        label = cut(_safe(item.label), max(8, width // 3))
        if label:
            found.append(Segment(label, row + self._style("key")))
            found.append(Segment("  " if item.parent is None else ": ", row))
        used = sum(cell_len(segment.text) for segment in found)
        told = cut(_safe(item.type), 24) if width >= 60 else ""
        room = width - used - (cell_len(told) + 2 if told else 0)
        kind = item.kind if item.kind in _KINDS else "value" if item.kind == "text" else ""
        style = row if not kind else row + self._style(kind)
        if self.wanted and self.wanted.lower() in item.summary.lower() and item.parent is not None:
            style += self._style("hit")
        found.append(Segment(cut(_safe(item.summary), max(1, room)), style))
        used = sum(cell_len(segment.text) for segment in found)
        if told:
            found.append(Segment(" " * max(1, width - used - cell_len(told) - 1), row))
            found.append(Segment(told + " ", row + self._style("type")))
        return found

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
        self.top = max(0, min(self.top + rows, len(self.rows) - self._height))
        self.move(max(self.top, min(self.cursor, self.top + self._height - 1)))


def _safe(text: str) -> str:
    line = one_line(text)
    return line if line.isascii() else neutral(line)


def _fit(text: str, width: int, right: bool = False) -> str:
    text = cut(text, width)
    space = " " * max(0, width - cell_len(text))
    return space + text if right else text + space


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
