"""App tokens: random keys to the service of which only the SHA-256 is kept; and the tokens that jobs have.

`Authenticator` tells who shows a token. It reads the database itself, on the caller's thread: some microseconds.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core.access import AppToken, Caller, Role
from core.runner.token import JOB_PREFIX, PREFIX, job_token
from core.service import UNFINISHED, Conflict, Invalid, NotFound, Unavailable

from .database import connect_for_reading, explain
from .outcome import read_spec
from .paths import job_directory

_YEAR = 365 * 86_400 * 1_000_000_000
#: a token's last use is written down no more often than this
_USED = 60 * 1_000_000_000
_JOB_TOKEN = re.compile(re.escape(JOB_PREFIX) + r"([1-9][0-9]{0,18})_([0-9a-f]{64})")
_COLUMNS = (
    "identity", "role", "description", "created", "expires", "last_used", "revoked", "scripts", "tags", "hash",
)  # fmt: skip


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _token_of_row(row: sqlite3.Row) -> AppToken:
    values = dict(row)
    del values["hash"]
    values["role"] = Role(values["role"])
    for name in ("scripts", "tags"):
        values[name] = tuple(json.loads(values[name]))
    return AppToken(**values)


def grant(connection: sqlite3.Connection, wanted: AppToken) -> AppToken:
    """Make a token of what is wanted; the answer alone holds it. Raises Invalid."""
    now = time.time_ns()
    identity = wanted.identity.strip()
    if not identity or not identity.isprintable():
        raise Invalid("A token needs the name of whoever is to use it.")
    try:
        role = Role(wanted.role)
    except ValueError:
        raise Invalid(f"There is no role {wanted.role!r}. There are: {', '.join(Role)}.") from None
    expires = now + _YEAR if wanted.expires is None else wanted.expires
    if not now < expires < 2**63:
        raise Invalid("The token would have expired already. Give a time to come.")
    token = PREFIX + secrets.token_urlsafe(32)
    made = replace(wanted, identity=identity, role=role, created=now, expires=expires, token=token)
    values: dict[str, Any] = {name: getattr(made, name) for name in _COLUMNS if name != "hash"}
    values |= {"role": role.value, "scripts": json.dumps(made.scripts), "tags": json.dumps(made.tags)}
    values["hash"] = _hash(token)
    cursor = connection.execute(
        f"INSERT INTO token ({', '.join(_COLUMNS)}) VALUES ({', '.join(':' + name for name in _COLUMNS)})", values
    )
    assert cursor.lastrowid is not None
    return replace(made, id=cursor.lastrowid)


def all_tokens(connection: sqlite3.Connection) -> list[AppToken]:
    """Every token that was granted, by number, without the keys."""
    return [_token_of_row(row) for row in connection.execute("SELECT * FROM token ORDER BY id")]


def revoke(connection: sqlite3.Connection, id: int) -> AppToken:
    """End a token. Raises NotFound, Conflict when it is revoked already."""
    row = connection.execute("SELECT * FROM token WHERE id = ?", (max(min(id, 2**62), 0),)).fetchone()
    if row is None:
        raise NotFound(f"There is no token {id}. `jobdeck token list` shows them.")
    if row["revoked"] is not None:
        raise Conflict(f"Token {id} ({row['identity']}) is revoked already.")
    now = time.time_ns()
    connection.execute("UPDATE token SET revoked = ? WHERE id = ?", (now, id))
    return replace(_token_of_row(row), revoked=now)


def note_use(connection: sqlite3.Connection, id: int, when: int) -> None:
    """Write down when a token was used last."""
    connection.execute(
        "UPDATE token SET last_used = ? WHERE id = ? AND (last_used IS NULL OR last_used < ?)", (when, id, when)
    )


class Authenticator:
    """Who shows which token. `used(id, time)` is called, at most once a minute for each, when one was used."""

    def __init__(self, database: str, store: str, used: Callable[[int, int], None]) -> None:
        self._path = database
        self._store = store
        self._used = used
        self._noted: dict[int, int] = {}
        self._connection: sqlite3.Connection | None = None
        self._turn = threading.Lock()

    def authenticate(self, text: str, address: str = "") -> Caller | str:
        """The caller who shows this token, or why it opens nothing, as a sentence. Raises Unavailable."""
        text = text.strip()
        try:
            with self._turn:
                connection = self._open()
                job = _JOB_TOKEN.fullmatch(text)
                if job:
                    return self._of_job(connection, int(job[1]), text, address)
                return self._of_app(connection, text, address)
        except sqlite3.Error as error:
            raise explain(error, self._path) from error

    def data_version(self) -> int:
        """A number that changes when anybody has committed anything. Raises Unavailable."""
        try:
            with self._turn:
                return int(self._open().execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error as error:
            raise explain(error, self._path) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect_for_reading(self._path)
        return self._connection

    def _of_app(self, connection: sqlite3.Connection, text: str, address: str) -> Caller | str:
        row = connection.execute("SELECT * FROM token WHERE hash = ?", (_hash(text),)).fetchone()
        if row is None:
            return "This token is not known here. `jobdeck token grant` makes one."
        token = _token_of_row(row)
        now = time.time_ns()
        if token.revoked is not None:
            return "This token was revoked. Ask for another one."
        if token.expires is not None and token.expires <= now:
            return "This token has expired. Ask for another one."
        if now - max(token.last_used or 0, self._noted.get(token.id, 0)) > _USED:
            self._noted[token.id] = now
            self._used(token.id, now)
        return Caller(token.identity, token.role, address, token.id, token.scripts, token.tags)

    def _of_job(self, connection: sqlite3.Connection, id: int, text: str, address: str) -> Caller | str:
        row = connection.execute("SELECT run_id, status FROM job WHERE id = ?", (min(id, 2**63 - 1),)).fetchone()
        try:
            real = row is not None and hmac.compare_digest(job_token(self._store, id, row["run_id"]), text)
        except (OSError, ValueError) as error:
            raise Unavailable(f"The token of job {id} cannot be checked: {error}") from error
        if not real:
            return "This token is not known here: it is that of a job, but of none on record."
        if row["status"] not in UNFINISHED:
            return f"This token was that of job {id}, which has ended."
        spec = read_spec(job_directory(self._store, id)) or {}
        who = spec.get("caller") or {"identity": spec.get("identity", ""), "role": Role.Administrator.value}
        return Caller(
            who["identity"],
            Role(who["role"]),
            address,
            who.get("token_id"),
            tuple(who.get("scripts", ())),
            tuple(who.get("tags", ())),
            id,
        )

    def close(self) -> None:
        """Let go of the database."""
        with self._turn:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
