"""What was typed and not sent: kept while the application runs, so that escape destroys no work."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any
from weakref import WeakKeyDictionary

from textual.app import App

_DRAFTS: WeakKeyDictionary[App[Any], dict[Hashable, Any]] = WeakKeyDictionary()


def keep(app: App[Any], key: Hashable, draft: Any) -> None:
    """Keep a draft; None forgets it."""
    drafts = _DRAFTS.setdefault(app, {})
    if draft is None:
        drafts.pop(key, None)
    else:
        drafts[key] = draft


def find(app: App[Any], key: Hashable) -> Any:
    """The draft kept under the key, None when there is none."""
    return _DRAFTS.get(app, {}).get(key)
