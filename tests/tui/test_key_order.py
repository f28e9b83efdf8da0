"""Keys are taken one after the other, and none of them keeps the others for ever."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events

from tests.tui.conftest import Deck, until
from tests.tui.test_run_screen import app_of
from tui import key_order
from tui.key_order import KeyOrder


async def test_keys_that_are_never_done_do_not_keep_the_next_ones(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_self: KeyOrder, _turn: Any) -> None:
        return

    async with deck() as pilot:
        app = app_of(pilot)
        await pilot.pause()
        monkeypatch.setattr(key_order, "_LONGEST", 0.05)
        monkeypatch.setattr(KeyOrder, "_done", never)
        for _ in range(6):
            app.post_message(events.Key("down", None))
        await until(pilot, lambda: bool(app._held))
        await until(pilot, lambda: not app._held)
