"""Bringing a store of an older version up to this one. Migrations only add: who has the store open goes on.

Each step is what that version added, as it was then: it stays as it is when the tables change again.
"""

from __future__ import annotations

import contextlib

from core.config import Settings

from .database import SCHEMA_VERSION, connect, transaction

_COUNT = (
    "INSERT INTO tally (script_id, status, jobs) VALUES (coalesce(new.script_id, 0), new.status, 1)"
    " ON CONFLICT (script_id, status) DO UPDATE SET jobs = jobs + 1;"
)
_UNCOUNT = "UPDATE tally SET jobs = jobs - 1 WHERE script_id = coalesce(old.script_id, 0) AND status = old.status;"

#: version -> the statements that lead to it from the one before
_STEPS: dict[int, tuple[str, ...]] = {
    2: (
        "ALTER TABLE job ADD COLUMN request_key VARCHAR",
        "ALTER TABLE job ADD COLUMN changed BIGINT DEFAULT 0 NOT NULL",
        # Far behind every sequence that is drawn from the clock: nobody waits for changes so old.
        "UPDATE job SET changed = id",
        "CREATE INDEX job_changed ON job (changed)",
        "CREATE UNIQUE INDEX job_key ON job (identity, request_key) WHERE request_key IS NOT NULL",
        "CREATE INDEX job_script_id ON job (script_id, id)",
        "CREATE TABLE change (kind VARCHAR NOT NULL, thing INTEGER NOT NULL, sequence BIGINT NOT NULL,"
        " PRIMARY KEY (kind, thing))",
        "CREATE INDEX change_sequence ON change (sequence)",
        "CREATE TABLE tally (script_id INTEGER NOT NULL, status INTEGER NOT NULL, jobs INTEGER NOT NULL,"
        " PRIMARY KEY (script_id, status))",
        "INSERT INTO tally SELECT coalesce(script_id, 0), status, count(*) FROM job GROUP BY 1, 2",
        "CREATE TABLE token (id INTEGER NOT NULL, hash VARCHAR NOT NULL, identity VARCHAR NOT NULL,"
        " role VARCHAR NOT NULL, description VARCHAR NOT NULL, created BIGINT NOT NULL, expires BIGINT,"
        " last_used BIGINT, revoked BIGINT, scripts VARCHAR NOT NULL, tags VARCHAR NOT NULL,"
        " PRIMARY KEY (id), UNIQUE (hash))",
        f"CREATE TRIGGER job_added AFTER INSERT ON job BEGIN {_COUNT} END",
        "CREATE TRIGGER job_moved AFTER UPDATE OF status, script_id ON job"
        f" WHEN old.status <> new.status OR old.script_id IS NOT new.script_id BEGIN {_UNCOUNT} {_COUNT} END",
        f"CREATE TRIGGER job_removed AFTER DELETE ON job BEGIN {_UNCOUNT} END",
    ),
    3: (
        "CREATE INDEX job_duration ON job (CASE WHEN ended IS NULL"
        " THEN 9223372036854775807 - coalesce(started, created) ELSE ended - coalesce(started, ended) END, id)",
        "CREATE INDEX job_ended ON job (coalesce(ended, 9223372036854775807), id)",
        "CREATE INDEX job_environment ON job (environment, id)",
        "CREATE INDEX job_rerun ON job (rerun_of, id) WHERE rerun_of IS NOT NULL",
        "CREATE INDEX job_script_path ON job (script_path, id)",
        "CREATE INDEX job_started ON job (coalesce(started, created), id)",
        "CREATE INDEX job_source ON job (source, id)",
        "CREATE TABLE job_tag (tag VARCHAR NOT NULL, job INTEGER NOT NULL, PRIMARY KEY (tag, job)) WITHOUT ROWID",
        "INSERT OR IGNORE INTO job_tag (tag, job) SELECT value, job.id FROM job, json_each(job.tags)"
        " WHERE job.tags <> '[]'",
        "CREATE TRIGGER job_tagged AFTER INSERT ON job WHEN new.tags <> '[]' BEGIN"
        " INSERT OR IGNORE INTO job_tag (tag, job) SELECT value, new.id FROM json_each(new.tags); END",
        "CREATE TRIGGER job_untagged AFTER DELETE ON job WHEN old.tags <> '[]' BEGIN"
        " DELETE FROM job_tag WHERE tag IN (SELECT value FROM json_each(old.tags)) AND job = old.id; END",
    ),
}


def bring_up_to_date(settings: Settings) -> None:
    """Add to the store what versions since its own have added. Raises sqlite3.Error."""
    with contextlib.closing(connect(settings.database)) as connection, transaction(connection, settings.lock_timeout):
        # Looked up in the transaction: another process may have done it meanwhile.
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for step in range(version + 1, SCHEMA_VERSION + 1):
            for statement in _STEPS[step]:
                connection.execute(statement)
        if version < SCHEMA_VERSION:
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
