"""One key after the other: what a key does is done before the next one is looked at, however fast they come.

Textual hands a key to what has the focus and goes on; what the key does (the focus moves, a form is sent, a screen
opens) happens later. Keys that come in one go, as over a slow connection, went to the field before, and a form was sent
without its last letters.
"""

from __future__ import annotations

import logging
from collections import deque
from functools import partial

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.screen import Screen

log = logging.getLogger("jobdeck.tui")

#: seconds after which a key is not waited for any longer
_LONGEST = 2.0


class _Turn:
    """A key whose doing is awaited, and the screen that it came to."""

    def __init__(self, screen: Screen[object]) -> None:
        self.screen = screen


class KeyOrder(App[int]):
    """An application that takes keys and pasted text strictly one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self._held: deque[events.Event] = deque()
        self._turn: _Turn | None = None
        #: somebody looks whether the key that is waited for is ever done
        self._watched = False

    async def on_event(self, event: events.Event) -> None:
        """Keep a key back while the one before it is not done."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded or not self._screen_stack:
            await super().on_event(event)
        else:
            self._held.append(event)
            if self._turn is None:
                await self._next()
            else:
                self._watch(self._turn)

    def _watch(self, turn: _Turn) -> None:
        """See that keys which are held back are not held for ever."""
        if not self._watched:
            self._watched = True
            self.set_timer(_LONGEST, partial(self._hurry, turn))

    async def _hurry(self, turn: _Turn) -> None:
        self._watched = False
        if turn is self._turn:
            log.warning("a key was not done within %s s: the next one is taken", _LONGEST)
            await self._next()
        if self._held and self._turn is not None:
            self._watch(self._turn)

    async def _next(self) -> None:
        """Take the key that came first."""
        self._turn = None
        if not self._held:
            return
        turn = self._turn = _Turn(self.screen)
        target = self.focused or self.screen
        await super().on_event(self._held.popleft())
        await self._climb(target, turn)

    async def _climb(self, node: DOMNode, turn: _Turn) -> None:
        """Follow the key through the queues that it passes: of what had the focus, and of all that is around that."""
        above = node.parent
        while above is not None and not node.call_later(partial(self._climb_on, above, turn)):
            node, above = above, above.parent
        if above is None:
            await self._done(turn)

    async def _climb_on(self, node: DOMNode, turn: _Turn) -> None:
        if node is self:
            self.call_later(self._done, turn)
        else:
            await self._climb(node, turn)

    async def _done(self, turn: _Turn) -> None:
        if turn is not self._turn:
            return
        if self._screen_stack and self.screen is not turn.screen:
            # Another screen: once it is there it says what has the focus.
            turn.screen = self.screen
            await self._climb(self.screen, turn)
        else:
            await self._next()
