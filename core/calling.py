"""Who calls, while a request is served. It stands alone, for every look asks it and few need more of `core.access`."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.access import Caller

#: the caller of the request being served; None = the user this process runs for
caller: ContextVar[Caller | None] = ContextVar("caller", default=None)
