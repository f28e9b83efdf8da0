"""The footer: one line with the keys that matter here, from the one table of keys."""

from __future__ import annotations

from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import ActiveBinding
from textual.strip import Strip
from textual.widget import Widget

from tui.key_names import NO_KEY, shown
from tui.keys import BY_ID, first


class KeyLine(Widget):
    """Keys with what they do, the most useful first, as many as there is room for."""

    COMPONENT_CLASSES = {"keyline--key", "keyline--label", "keyline--off"}  # noqa: RUF012
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._places: list[tuple[int, int, str]] = []
        self._shown: list[tuple[str, str, bool, str]] = []

    def on_mount(self) -> None:
        """Draw anew whenever other keys count."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._look())

    def _look(self) -> None:
        wanted = self.keys()
        if wanted != self._shown:
            self.refresh()

    def keys(self) -> list[tuple[str, str, bool, str]]:
        """(key, label, enabled, id) of what is to be shown, in its order."""
        here: dict[str, dict[str, ActiveBinding]] = {}
        focused = self.screen.focused
        typing = focused is not None and focused.check_consume_key("x", "x")
        for active in self.screen.active_bindings.values():
            key = BY_ID.get(active.binding.id or "")
            if (
                key is None
                or not key.footer
                or active.binding.key == NO_KEY
                or (typing and len(shown(active.binding.key)) == 1)
            ):
                # Not for here; or it would be typed.
                continue
            here.setdefault(key.id, {})[active.binding.key] = active
        labels = getattr(self.screen, "key_labels", {})
        for opens, id in getattr(self.screen, "key_meanings", {}).items():
            # One entry for both: the key that comes first, for what it does here.
            if (keys := here.pop(opens, None)) and id in here:
                act = next(iter(here[id].values()))
                here[id] = {key: active._replace(enabled=act.enabled) for key, active in keys.items()}
                labels = {id: act.binding.description, **labels}
        ordered = []
        for id in sorted(here, key=lambda id: BY_ID[id].footer):
            press = first(id, here[id])
            active = here[id][press]
            ordered.append((shown(press), labels.get(id, active.binding.description), active.enabled, id))
        return ordered

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        base = self.rich_style
        if y:
            return Strip.blank(width, base)
        segments = [Segment(" ", base)]
        self._places = []
        at = 1
        wanted = self._shown = self.keys()
        for key, label, enabled, id in _fitting(wanted, width - 1):
            size = len(key) + len(label) + 3
            style = Style.null() if enabled else self._part("keyline--off")
            segments.append(Segment(key, base + self._part("keyline--key") + style))
            segments.append(Segment(f" {label}  ", base + self._part("keyline--label") + style))
            self._places.append((at, at + size, id))
            at += size
        return Strip(segments).adjust_cell_length(width, base)

    def _part(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)

    async def on_click(self, event: events.Click) -> None:
        """A click on a key is that key."""
        for begin, end, id in self._places:
            if begin <= event.x < end:
                for active in list(self.screen.active_bindings.values()):
                    if active.binding.id == id and active.enabled:
                        await self.app.run_action(active.binding.action, default_namespace=active.node)
                        return


def _fitting(wanted: list[tuple[str, str, bool, str]], width: int) -> list[tuple[str, str, bool, str]]:
    def size(item: Any) -> int:
        return len(item[0]) + len(item[1]) + 3

    chosen = list(wanted)
    while chosen and sum(map(size, chosen)) > width:
        # From the end, but help is the key to all that is not shown.
        for at in range(len(chosen) - 1, -1, -1):
            if chosen[at][3] != "app.help" or len(chosen) == 1:
                del chosen[at]
                break
    return chosen
