"""Work beside a widget that a newer piece of work of the same kind takes the place of."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, cast

from textual.dom import DOMNode


def beside(node: DOMNode, group: str, work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> None:
    """Run `work(*arguments)` as a worker of the node; what was under way in the group is given up.

    The coroutine is made when it begins: one that is given up before that leaves nothing behind.
    """
    node.run_worker(cast(Any, partial(work, *arguments)), exclusive=True, group=group)
