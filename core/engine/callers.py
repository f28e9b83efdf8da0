"""On whose behalf the engine acts, and what a caller with a restricted token may touch.

Roles are the server's affair. Which scripts and tags a token is restricted to is looked at here, for only here is it
known what a request means. Tags of a request count for nothing: whoever asks could write them.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from core.calling import caller
from core.service import Forbidden

from .conditions import Condition, marks

if TYPE_CHECKING:
    from core.access import Caller
    from core.service import Job, Script


@cache
def user_name() -> str:
    """Who this process runs for."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def acting() -> Caller:
    """The caller of the request being served; the user of this process where there is none."""
    from core.access import Caller, Role

    return caller.get() or Caller(user_name(), Role.Administrator)


def restricted() -> Caller | None:
    """The caller of the request being served, where it may touch some scripts only; else None."""
    who = caller.get()
    return who if who is not None and is_restricted(who) else None


def identity_of(explicit: str | None) -> str:
    """Who an act is to be told of; somebody else may be named by an administrator alone."""
    from core.access import Role

    who = acting()
    return explicit if explicit and who.role is Role.Administrator else who.identity


def is_restricted(who: Caller) -> bool:
    """Whether the caller may touch some scripts only."""
    return bool(who.scripts or who.tags)


def _allows(who: Caller, name: str, path: str, tags: tuple[str, ...]) -> bool:
    named = any(path == entry if "/" in entry else name == entry for entry in who.scripts)
    return named or bool(set(who.tags) & set(tags))


def _allowed(who: Caller) -> str:
    parts = [", ".join(names) for names in (who.scripts, [f"tag {tag}" for tag in who.tags]) if names]
    return "; ".join(parts)


def check_run(who: Caller, script: Script) -> None:
    """Raises Forbidden when the caller may not run the script. Its `id` is 0 when it is not on record."""
    if script.id == 0 and who.role in ("Execute", "Reader"):
        raise Forbidden(
            f"{who.identity} may run scripts that are on record only, and {script.path} is not. Somebody with the role"
            " Operator can add it: jobdeck scripts add FILE"
        )
    if is_restricted(who) and (script.id == 0 or not _allows(who, script.name, script.path, script.tags)):
        raise Forbidden(
            f"This token may not run {script.name}: it is restricted to {_allowed(who)}. Ask for another token."
        )


def may_see(who: Caller, script: Script) -> bool:
    """Whether the script is one of those that the caller is restricted to."""
    return not is_restricted(who) or _allows(who, script.name, script.path, script.tags)


def check_all(who: Caller) -> None:
    """Raises Forbidden for a restricted caller: what it asks for touches every job."""
    if is_restricted(who):
        raise Forbidden(f"This token may not touch all jobs: it is restricted to {_allowed(who)}.")


def check_add(who: Caller, path: str) -> None:
    """Raises Forbidden for a restricted caller: tags that it wrote itself would open any script to it."""
    if is_restricted(who):
        raise Forbidden(f"This token may not add {path}: it is restricted to {_allowed(who)}.")


def check_script(who: Caller, script: Script) -> None:
    """Raises Forbidden when the script is none of those that the caller is restricted to."""
    if not may_see(who, script):
        raise Forbidden(f"This token may not see {script.name}: it is restricted to {_allowed(who)}.")


def check_job(who: Caller, job: Job) -> None:
    """Raises Forbidden when the job is of no script that the caller is restricted to."""
    if is_restricted(who) and not _allows(who, job.script, job.script_path, job.tags):
        raise Forbidden(f"This token may not touch job {job.id}: it is restricted to {_allowed(who)}.")


def check_own(who: Caller, job: Job) -> None:
    """Raises Forbidden when the caller may act on jobs that it started only, and the job is another's."""
    if who.role == "Execute" and job.identity != who.identity:
        raise Forbidden(f"Job {job.id} was started by {job.identity}: {who.identity} may act on jobs of its own only.")


def condition(who: Caller | None) -> Condition | None:
    """What jobs a caller (as `restricted` gives it) may see; None = all."""
    if who is None:
        return None
    columns = {
        "script": [entry for entry in who.scripts if "/" not in entry],
        "script_path": [entry for entry in who.scripts if "/" in entry],
    }
    plain, indexed, ids, rows = [], [], [], []
    for column, entries in columns.items():
        if entries:
            one = f"{column} IN ({marks(entries)})"
            plain.append(f"+{one}")
            indexed.append(one)
            ids.append(f"SELECT id FROM job WHERE {one}")
            rows.append(f"job WHERE {one}")
    if who.tags:
        tagged = f"tag IN ({marks(who.tags)})"
        plain.append(f"EXISTS (SELECT 1 FROM job_tag WHERE {tagged} AND job = job.id)")
        ids.append(f"SELECT job AS id FROM job_tag WHERE {tagged}")
        indexed.append(f"id IN ({ids[-1]})")
        rows.append(f"job_tag WHERE {tagged}")
    values = [*columns["script"], *columns["script_path"], *who.tags]
    if len(ids) == 1:
        return Condition(plain[0], values, indexed[0], rows[0], not who.tags and len(values) == 1)
    once, twice = " UNION ".join(ids), " UNION ALL ".join(ids)
    return Condition(f"({' OR '.join(plain)})", values, f"id IN ({once})", f"({twice})", False)
