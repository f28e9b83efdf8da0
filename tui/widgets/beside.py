"""Work beside a widget or a screen."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, cast

from textual.css.query import NoMatches
from textual.dom import DOMNode

log = logging.getLogger("jobdeck.tui")


def beside(node: DOMNode, group: str, work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> None:
    """Run `work(*arguments)` as a worker of the node; a newer piece of work of the same group takes its place.

    The coroutine is made when it begins: one that is given up before that leaves nothing behind.
    """
    node.run_worker(cast(Any, partial(_there, work, *arguments)), exclusive=True, group=group)


async def _there(work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> None:
    await while_there(work(*arguments))


async def while_there(work: Awaitable[None]) -> None:
    """Do the work of a node. It may come to its end while the node goes: then its widgets are not there any more."""
    try:
        await work
    except NoMatches:
        log.warning("what was to be shown had no place any more", exc_info=True)
