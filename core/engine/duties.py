"""What the engine that leads does beside leading: it answers on the local socket, grooms, and keeps the text index."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from .shared import Shared

if TYPE_CHECKING:
    from core.server.guard import Service
    from core.server.local import LocalApi

    from .grooming import Groomer
    from .text_index import TextIndexing

log = logging.getLogger("jobdeck.engine")


class Duties:
    """The duties of one engine, `service`. One that `stays` lives long enough to keep the text index."""

    def __init__(self, service: Service, shared: Shared, *, stays: bool) -> None:
        self._service = service
        self._shared = shared
        self._stays = stays
        self._local: LocalApi | None = None
        self._local_failed = False
        self._groomer: Groomer | None = None
        self._text_indexing: TextIndexing | None = None
        self._leading = False

    @property
    def connections(self) -> int:
        """How many clients are connected to the local socket."""
        return 0 if self._local is None else self._local.connections

    @property
    def requests(self) -> int:
        """How many requests came over the local socket so far."""
        return 0 if self._local is None else self._local.requests

    @property
    def grooming(self) -> bool:
        """Whether a round of grooming is under way."""
        return self._groomer is not None and self._groomer.busy

    async def answer(self, wanted: bool) -> None:
        """Answer on the local socket, or no longer; also when another's took its place meanwhile."""
        if self._local is not None and (not wanted or self._local.replaced()):
            local, self._local = self._local, None
            await local.close()
        if wanted and self._local is None:
            # What serves is imported at the first connection.
            from core.server.local import LocalApi

            local = LocalApi(self._service, self._shared.live.now)
            try:
                await local.open()
            except OSError as error:
                # A full disk, for one: leading goes on, and the next beat tries again.
                log.log(logging.DEBUG if self._local_failed else logging.WARNING, "no local socket: %s", error)
                self._local_failed = True
            else:
                self._local, self._local_failed = local, False

    def tend(self, leading: bool) -> None:
        """At each beat: groom and index while this engine leads."""
        self._leading = leading
        if leading or self._groomer is not None:
            self.groomer().tend(leading)
        if leading and self._stays and self._text_indexing is None:
            from .text_index import TextIndexing

            self._text_indexing = TextIndexing(
                self._shared.database, self._shared.store, self._shared.live.now.lock_timeout, lambda: self._leading
            )

    def groomer(self) -> Groomer:
        """Who grooms."""
        if self._groomer is None:
            from .grooming import Groomer

            self._groomer = Groomer(self._shared)
        return self._groomer

    async def close(self) -> None:
        """End them; nobody calls `tend` any more."""
        if self._text_indexing is not None:
            await self._text_indexing.close()
        if self._groomer is not None:
            await self._groomer.close()
