"""The tables of the store, as SQLModel says them.

`schema.sql` is their DDL, and a test holds the two equal: verbs that live for 50 ms create and read the store without
importing an ORM that takes ten times as long. Times are nanoseconds since the epoch, UTC; JSON columns are text.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, text
from sqlmodel import Field, SQLModel

from .conditions import ORDERED_BY


class JobRow(SQLModel, table=True):
    """One job: an index entry over its directory, from which it can be made again."""

    __tablename__ = "job"
    __table_args__ = (
        Index("job_run", "run_id", unique=True),
        Index("job_status", "status", "id"),
        Index("job_script", "script", "id"),
        Index("job_script_path", "script_path", "id"),
        Index("job_identity", "identity", "id"),
        Index("job_environment", "environment", "id"),
        Index("job_source", "source", "id"),
        *(Index(f"job_{order}", text(ORDERED_BY[order]), "id") for order in ("started", "ended", "duration")),
        Index("job_rerun", "rerun_of", "id", sqlite_where=text("rerun_of IS NOT NULL")),
        Index("job_created", "created"),
        Index("job_parent", "parent_job", "id", sqlite_where=text("parent_job IS NOT NULL")),
        Index("job_unfinished", "id", sqlite_where=text("status IN (0, 1, 4, 6)")),
        Index("job_script_id", "script_id", "id"),
        Index("job_changed", "changed"),
        Index("job_key", "identity", "request_key", unique=True, sqlite_where=text("request_key IS NOT NULL")),
    )

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    run_id: str
    status: int
    #: ordinal of the last state record that is in this row; 0 = only queued
    state_seq: int
    #: the engine that starts or started the job; null = nobody has yet
    claim: str | None
    script: str
    script_id: int | None
    script_path: str
    content_hash: str
    git_commit: str | None
    environment: str
    parameters: str
    identity: str
    computer_name: str
    process_id: int | None
    created: int = Field(sa_type=BigInteger)
    started: int | None = Field(sa_type=BigInteger)
    ended: int | None = Field(sa_type=BigInteger)
    exit_code: int | None
    signal: int | None
    reason: str | None
    parent_job: int | None
    parent_line_number: int | None
    attempt: int
    rerun_of: int | None
    error_action: str
    timeout: float
    working_directory: str
    tags: str
    notes: str
    source: str
    records: int
    bytes: int
    objects: int
    errors: int
    warnings: int
    feedback: int | None
    activity: str | None
    current_operation: str | None
    status_description: str | None
    percent_complete: float | None
    seconds_remaining: float | None
    receipt: str | None
    remarks: str
    #: the key of the request that made it, where it had one: the same request again gives this job
    request_key: str | None
    #: the sequence of the last change of what is told of it
    changed: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))


class JobTagRow(SQLModel, table=True):
    """That a job has a tag: kept by triggers, for a look into the JSON of a million rows takes too long."""

    __tablename__ = "job_tag"
    __table_args__ = ({"sqlite_with_rowid": False},)

    tag: str = Field(primary_key=True)
    job: int = Field(primary_key=True)


class ScriptRow(SQLModel, table=True):
    """A script on record."""

    __tablename__ = "script"
    __table_args__ = (Index("script_name", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str
    path: str = Field(unique=True)
    #: the other fields of core.service.Script, as JSON
    settings: str
    created: int = Field(sa_type=BigInteger)
    changed: int = Field(sa_type=BigInteger)


class ChangeRow(SQLModel, table=True):
    """The last change of a thing that has no `changed` of its own: a script, an environment, a job that was deleted."""

    __tablename__ = "change"
    __table_args__ = (Index("change_sequence", "sequence"),)

    #: as core.service.Event has it
    kind: str = Field(primary_key=True)
    #: its number; 0 = no one thing is meant
    thing: int = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger)


class TallyRow(SQLModel, table=True):
    """How many jobs of a script are in a status: kept by triggers, for counting a million jobs takes too long."""

    __tablename__ = "tally"

    #: 0 = of no script on record
    script_id: int = Field(primary_key=True)
    status: int = Field(primary_key=True)
    jobs: int


class TokenRow(SQLModel, table=True):
    """An app token. The key itself is nowhere; `hash` is its SHA-256."""

    __tablename__ = "token"

    id: int | None = Field(default=None, primary_key=True)
    hash: str = Field(unique=True)
    identity: str
    role: str
    description: str
    created: int = Field(sa_type=BigInteger)
    expires: int | None = Field(sa_type=BigInteger)
    last_used: int | None = Field(sa_type=BigInteger)
    revoked: int | None = Field(sa_type=BigInteger)
    #: names, as JSON
    scripts: str
    tags: str


class EnvironmentRow(SQLModel, table=True):
    """An environment that a user added or changed; found ones are not stored."""

    __tablename__ = "environment"

    name: str = Field(primary_key=True)
    #: the fields of core.service.Environment, as JSON
    settings: str


class ProbeRow(SQLModel, table=True):
    """What a candidate interpreter said when it was tried: a cache."""

    __tablename__ = "probe"

    key: str = Field(primary_key=True)
    result: str


class SequenceRow(SQLModel, table=True):
    """The last number drawn of each kind."""

    __tablename__ = "sequence"

    name: str = Field(primary_key=True)
    value: int


class LeaderRow(SQLModel, table=True):
    """The engine that leads, or none. Its beat is the modification time of leader.lock."""

    __tablename__ = "leader"

    id: int = Field(primary_key=True)
    engine: str
    process_id: int
    boot_id: str
    since: int = Field(sa_type=BigInteger)


class FactRow(SQLModel, table=True):
    """Single facts about the store, such as the boot it was last used in."""

    __tablename__ = "fact"

    key: str = Field(primary_key=True)
    value: str


_COUNT = (
    "INSERT INTO tally (script_id, status, jobs) VALUES (coalesce(new.script_id, 0), new.status, 1)"
    " ON CONFLICT (script_id, status) DO UPDATE SET jobs = jobs + 1;"
)
_UNCOUNT = "UPDATE tally SET jobs = jobs - 1 WHERE script_id = coalesce(old.script_id, 0) AND status = old.status;"
#: each on one line, for schema.sql is split at the ends of lines
TRIGGERS = (
    f"CREATE TRIGGER job_added AFTER INSERT ON job BEGIN {_COUNT} END",
    "CREATE TRIGGER job_moved AFTER UPDATE OF status, script_id ON job"
    f" WHEN old.status <> new.status OR old.script_id IS NOT new.script_id BEGIN {_UNCOUNT} {_COUNT} END",
    f"CREATE TRIGGER job_removed AFTER DELETE ON job BEGIN {_UNCOUNT} END",
    "CREATE TRIGGER job_tagged AFTER INSERT ON job WHEN new.tags <> '[]' BEGIN"
    " INSERT OR IGNORE INTO job_tag (tag, job) SELECT value, new.id FROM json_each(new.tags); END",
    "CREATE TRIGGER job_untagged AFTER DELETE ON job WHEN old.tags <> '[]' BEGIN"
    " DELETE FROM job_tag WHERE tag IN (SELECT value FROM json_each(old.tags)) AND job = old.id; END",
)


def ddl() -> str:
    """The statements that make tables, indexes and triggers, one per line group, ending in semicolons."""
    from sqlalchemy.dialects import sqlite
    from sqlalchemy.schema import CreateIndex, CreateTable

    statements = []
    for table in SQLModel.metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=sqlite.dialect())).strip())
        statements.extend(
            str(CreateIndex(index).compile(dialect=sqlite.dialect())).strip()
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        )
    statements.extend(TRIGGERS)
    return "".join("\n".join(line.rstrip() for line in s.splitlines()) + ";\n" for s in statements)


if __name__ == "__main__":
    print(ddl(), end="")
