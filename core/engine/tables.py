"""The tables of the store, as SQLModel says them.

`schema.sql` is their DDL, and a test holds the two equal: verbs that live for 50 ms create and read the store without
importing an ORM that takes ten times as long. Times are nanoseconds since the epoch, UTC; JSON columns are text.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, text
from sqlmodel import Field, SQLModel


class JobRow(SQLModel, table=True):
    """One job: an index entry over its directory, from which it can be made again."""

    __tablename__ = "job"
    __table_args__ = (
        Index("job_run", "run_id", unique=True),
        Index("job_status", "status", "id"),
        Index("job_script", "script", "id"),
        Index("job_identity", "identity", "id"),
        Index("job_created", "created"),
        Index("job_parent", "parent_job", "id", sqlite_where=text("parent_job IS NOT NULL")),
        Index("job_unfinished", "id", sqlite_where=text("status IN (0, 1, 4, 6)")),
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


def ddl() -> str:
    """The statements that make the tables and their indexes, one per line group, ending in semicolons."""
    from sqlalchemy.dialects import sqlite
    from sqlalchemy.schema import CreateIndex, CreateTable

    statements = []
    for table in SQLModel.metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=sqlite.dialect())).strip())
        statements.extend(
            str(CreateIndex(index).compile(dialect=sqlite.dialect())).strip()
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        )
    return "".join("\n".join(line.rstrip() for line in s.splitlines()) + ";\n" for s in statements)


if __name__ == "__main__":
    print(ddl(), end="")
