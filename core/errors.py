"""The errors of the service. Each text is a whole sentence for a person and says what to do."""

from __future__ import annotations


class ServiceError(Exception):
    """Something a person must know; the text is a whole sentence and says what to do."""


class NotFound(ServiceError):
    """There is no such job, script, environment or feedback."""


class Invalid(ServiceError):
    """What was asked for cannot be done as it was asked: a wrong parameter, a missing file."""


class Conflict(ServiceError):
    """The thing is not in a state for this: already answered, already finished, still running."""


class Forbidden(ServiceError):
    """The caller may not do this: the role, or the scripts and tags its token is restricted to, do not allow it."""


class Unavailable(ServiceError):
    """The service cannot do it now: full disk, locked or damaged store, lost server."""
