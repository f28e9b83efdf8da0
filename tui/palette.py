"""The command palette: everything that a key does here, jobs by number, scripts by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.binding import ActiveBinding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from core.service import ServiceError
from tui.key_names import shown
from tui.keys import BY_ID, KEYS, TITLES, first
from tui.text import cell_text

if TYPE_CHECKING:
    from tui.app import JobdeckApp

#: keys that make no sense as a command
_NOT = frozenset({"list", "filter", "confirm", "help"})


class Commands(Provider):
    """What the palette offers on the screen below it."""

    @property
    def _deck(self) -> JobdeckApp:
        return cast("JobdeckApp", self.app)

    def _commands(self) -> list[tuple[str, str, Callable[[], Awaitable[object]]]]:
        """(name, help, act) of every key that does something here."""
        here: dict[str, dict[str, ActiveBinding]] = {}
        for active in self.screen.active_bindings.values():
            key = BY_ID.get(active.binding.id or "")
            if key is not None and key.group not in _NOT and active.enabled and key.id != "app.palette":
                here.setdefault(key.id, {})[active.binding.key] = active
        found: list[tuple[str, str, Callable[[], Awaitable[object]]]] = []
        # In the table's order, what is special to the screen first.
        for key in sorted((BY_ID[id] for id in here), key=lambda key: (key.group == "app", KEYS.index(key))):
            press = first(key.id, here[key.id])
            active = here[key.id][press]
            act = partial(self.app.run_action, active.binding.action, default_namespace=active.node)
            pressed = f"  [{shown(press)}]" if shown(press) else ""
            found.append((f"{TITLES[key.group]}: {key.label}", f"{key.help}{pressed}", act))
        themes = sorted(self.app.available_themes)
        return [*found, *((f"Theme: {name}", "change the colours", partial(self._theme, name)) for name in themes)]

    async def _theme(self, name: str) -> None:
        self._deck.choose_theme(name)

    async def discover(self) -> Hits:
        """Everything, before anything is typed."""
        for name, help, act in self._commands():
            yield DiscoveryHit(Content(name), act, text=name, help=Content(help))  # type: ignore[arg-type]

    async def search(self, query: str) -> Hits:
        """What matches, with jobs and scripts."""
        matcher = self.matcher(query)
        for name, help, act in self._commands():
            if (score := matcher.match(name)) > 0:
                yield Hit(score, matcher.highlight(name), act, text=name, help=Content(help))  # type: ignore[arg-type]
        try:
            word = query.removeprefix("#")
            if word.isascii() and word.isdigit() and len(word) < 18:
                job = await self._deck.service.job(int(word))
                name = f"Job {job.id}: {cell_text(job.script)}, {job.status.name}"
                yield Hit(1.0, Content(name), partial(self._open, "job", job.id), text=name)
            for script in await self._deck.service.scripts():
                name = f"Run {cell_text(script.name)}"
                if (score := matcher.match(name)) > 0:
                    yield Hit(
                        score, Content(name), partial(self._run, script.id), text=name,
                        help=Content(cell_text(script.description or script.path)),  # type: ignore[arg-type]
                    )  # fmt: skip
        except ServiceError:
            # No such job, or nobody to ask: there is nothing to offer.
            return

    async def _open(self, screen: str, id: int) -> None:
        self._deck.open(screen, id)

    async def _run(self, script: int) -> None:
        self._deck.open("run", script=script)
