"""Who may do what: identities, roles, app tokens, and the record of what they did. Standard library only."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from core.calling import caller

__all__ = ["AppToken", "AuditEntry", "Caller", "Role", "caller"]


class Role(enum.StrEnum):
    """What an identity may do."""

    #: everything
    Administrator = "Administrator"
    #: scripts and jobs, no settings, no tokens
    Operator = "Operator"
    #: run scripts, act on the jobs it started, look
    Execute = "Execute"
    #: look only
    Reader = "Reader"


@dataclass(frozen=True, slots=True)
class AppToken:
    """A key to the service. Only its hash is kept; `token`, the key itself, stands in the answer to the grant alone."""

    id: int
    identity: str
    role: Role
    description: str = ""
    created: int = 0
    expires: int | None = None
    last_used: int | None = None
    revoked: int | None = None
    #: names of the scripts and tags it is restricted to; both empty = no restriction
    scripts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    #: the job it was minted for, and dies with
    job: int | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf something is done. `address` is where the request came from, empty for this process itself."""

    identity: str
    role: Role = Role.Administrator
    address: str = ""
    token_id: int | None = None
    scripts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    #: the job whose own token this is
    job: int | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act: who did what to which thing, and how it came out ("done", or the refusal as a sentence)."""

    time: int
    identity: str
    role: str
    action: str
    target: str
    outcome: str
    address: str = ""
    token_id: int | None = None
