"""What a query asks of jobs as a WHERE clause, led by the index that leaves the fewest jobs.

SQLite takes one index for a condition and cannot know which: it has no statistics that stay true while jobs come and
go. So how many jobs each indexed condition leaves is counted in its index, as far as that takes no time, and the others
are written so that no index answers them (`+column`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from core.service import FINISHED, UNFINISHED, Invalid, JobQuery, Status, Term

#: fields that are columns with an index of their own
_COLUMNS = ("identity", "environment", "source", "run_id")
_FIELDS = ("script", "tag", "text", *_COLUMNS)
#: order -> what it goes by in a job's row, as its index has it
ORDERED_BY = {
    "id": "id",
    "started": "coalesce(started, created)",
    "ended": "coalesce(ended, 9223372036854775807)",
    "duration": "CASE WHEN ended IS NULL THEN 9223372036854775807 - coalesce(started, created)"
    " ELSE ended - coalesce(started, ended) END",
}
#: jobs of each condition that are counted to find the rarest: few first, then more
_BOUNDS = (2_000, 20_000, 200_000)
#: jobs of a condition on several values that are put in order for one page
_SORTED = 20_000

#: names of scripts that one condition stands for
_MOST_NAMES = 100

#: the jobs that may hold one of some texts, by number; None = any may
Narrow = Callable[[sqlite3.Connection, Sequence[str]], "list[int] | None"]


class Condition(NamedTuple):
    """One condition, in the forms that it can be written in."""

    #: looked up in each row
    plain: str
    values: list[Any]
    #: answered by an index; "" = there is none
    indexed: str = ""
    #: the rows of that index, one per job: what comes behind FROM
    rows: str = ""
    #: whether the index gives its jobs in the order of their numbers
    ordered: bool = False


#: which jobs a caller may see; None = all
Allowed = Condition | None


def expand(statuses: frozenset[Status]) -> list[int]:
    """The numbers of statuses, groups (Active, Historical) resolved."""
    expanded: set[Status] = set()
    for status in statuses:
        if status is Status.Historical:
            expanded |= FINISHED
        elif status is Status.Active:
            expanded |= UNFINISHED
        else:
            expanded.add(status)
    return sorted(int(status) for status in expanded)


def narrowed(connection: sqlite3.Connection, query: JobQuery, narrow: Narrow | None) -> list[list[int]]:
    """For each text that jobs must hold, those that may, as far as an index knows."""
    if narrow is None:
        return []
    wanted = (term.values for term in query.terms if term.field == "text" and not term.negate)
    return [ids for values in wanted if (ids := narrow(connection, values)) is not None]


def where(
    connection: sqlite3.Connection, query: JobQuery, allowed: Allowed, among: Sequence[Sequence[int]] = (), *,
    paged: bool,
) -> tuple[str, list[Any]]:  # fmt: skip
    """The clause for these jobs, with its values. `among` = numbers of which each must be one.

    `paged` = for one page in the query's order, behind `query.before`; not for all. Raises Invalid for a field that is
    none.
    """
    conditions = [allowed] if allowed is not None else []
    if query.statuses:
        conditions.append(_column("status", expand(query.statuses)))
    conditions += [_term(_named(connection, term)) for term in query.terms]
    for column, number in (("parent_job", query.parent_job), ("rerun_of", query.rerun_of)):
        if number is not None:
            conditions.append(_column(column, [number]))
    if query.since is not None:
        conditions.append(Condition("created >= ?", [query.since]))
    if query.until is not None:
        conditions.append(Condition("created < ?", [query.until]))
    if query.hide_children:
        conditions.append(Condition("parent_job IS NULL", []))
    if paged and query.before is not None:
        conditions.append(Condition("id < ?" if query.descending else "id > ?", [query.before]))
    conditions += [_numbers(ids) for ids in among]
    written = _written(connection, conditions, paged, query.order_by == "id")
    return (" WHERE " + " AND ".join(written) if written else ""), [v for one in conditions for v in one.values]


def _written(
    connection: sqlite3.Connection, conditions: Sequence[Condition], paged: bool, by_number: bool
) -> list[str]:
    """Each condition in the form that makes them all together cheap."""
    candidates = [one for one in conditions if one.indexed]
    if len(candidates) == 1 and candidates[0].ordered and (by_number or not paged):
        return [one.indexed or one.plain for one in conditions]
    if len(conditions) == 1 and candidates and not paged and candidates[0].rows.startswith("job WHERE"):
        # Counted within the index, however many they are.
        return [candidates[0].indexed]
    leader, size = _rarest(connection, candidates)
    if paged and not by_number and (leader is None or size > _SORTED):
        # Along the order, then: what is wanted comes soon enough.
        return [one.plain for one in conditions]
    if leader is None or (paged and not leader.ordered and size > _SORTED):
        # All leave many jobs. Where one orders its jobs SQLite may go along it, or along the numbers.
        return [one.indexed if one.indexed and one.ordered else one.plain for one in conditions]
    return [one.indexed if one is leader else one.plain for one in conditions]


def _rarest(connection: sqlite3.Connection, candidates: Sequence[Condition]) -> tuple[Condition | None, int]:
    """The condition that leaves the fewest jobs, and how many, at most; None when all leave very many."""
    for bound in _BOUNDS if candidates else ():
        sizes = [_size(connection, one, bound) for one in candidates]
        size = min(sizes)
        if size < bound:
            return candidates[sizes.index(size)], size
    return None, 0


def _size(connection: sqlite3.Connection, condition: Condition, bound: int) -> int:
    """How many jobs a condition leaves, counted up to `bound`."""
    counted = f"SELECT count(*) FROM (SELECT 1 FROM {condition.rows} LIMIT {bound})"
    return int(connection.execute(counted, condition.values).fetchone()[0])


def marks(values: Sequence[Any]) -> str:
    """A place for each value, behind IN."""
    return ", ".join("?" * len(values))


def _column(column: str, values: Sequence[Any]) -> Condition:
    """A column that has one of some values, and an index (column, id)."""
    indexed = f"{column} IN ({marks(values)})"
    return Condition(f"+{indexed}", list(values), indexed, f"job WHERE {indexed}", len(values) == 1)


def _others(column: str, values: Sequence[str]) -> Condition:
    """A column that has none of some values, which are sorted: nearly all may have them, so go from one to the next."""
    ranges = [f"{column} < ?", *[f"{column} > ? AND {column} < ?"] * (len(values) - 1), f"{column} > ?"]
    ids = " UNION ALL ".join(f"SELECT id FROM job WHERE {one}" for one in ranges)
    twice = [value for value in values for _ in range(2)]
    return Condition(f"+{column} NOT IN ({marks(twice)})", twice, f"id IN ({ids})", f"({ids})")


def _numbers(ids: Sequence[int]) -> Condition:
    chosen = "SELECT value FROM json_each(?)"
    return Condition(f"+id IN ({chosen})", [json.dumps(ids)], f"id IN ({chosen})", "json_each(?)")


def _term(term: Term) -> Condition:
    """One condition of a query. Raises Invalid for a field that is none."""
    values = term.values if term.field == "text" else tuple(filter(_storable, term.values))
    if not values:
        condition = Condition("0", [])
    elif term.field == "script":
        condition = _script(values)
    elif term.field in _COLUMNS:
        condition = _column(term.field, values)
    elif term.field == "tag":
        tagged = f"tag IN ({marks(values)})"
        condition = Condition(
            f"EXISTS (SELECT 1 FROM job_tag WHERE {tagged} AND job = job.id)", list(values),
            f"id IN (SELECT job FROM job_tag WHERE {tagged})", f"job_tag WHERE {tagged}",
        )  # fmt: skip
    elif term.field == "text":
        condition = _text(values)
    else:
        raise Invalid(f"Jobs cannot be chosen by {term.field!r}; they can by {', '.join(_FIELDS)}.")
    if not term.negate:
        return condition._replace(plain=f"({condition.plain})")
    if term.field in _COLUMNS and values:
        return _others(term.field, sorted(values))
    return Condition(f"NOT ({condition.plain})", condition.values)


def _named(connection: sqlite3.Connection, term: Term) -> Term:
    """The same with the names of scripts in full: `backup` means `backup.sh` as well."""
    if term.field != "script":
        return term
    names = dict.fromkeys(term.values)
    for value in term.values:
        if not value or "." in value or "/" in value or not _storable(value):
            continue
        name: str | None = f"{value}."
        while len(names) < _MOST_NAMES:
            # The next one in the index: there are far fewer names than jobs. A slash is what comes behind a dot.
            found = connection.execute(
                "SELECT min(script) FROM job WHERE script > ? AND script < ?", (name, f"{value}/")
            )
            name = found.fetchone()[0]
            if name is None:
                break
            names[name] = None
    return replace(term, values=tuple(names))


def _script(values: Sequence[str]) -> Condition:
    """The name of a script, or where it lies: what has a slash may be either."""
    paths = [value for value in values if "/" in value]
    if not paths:
        return _column("script", values)
    plain = f"+script IN ({marks(values)}) OR +script_path IN ({marks(paths)})"
    indexed = plain.replace("+", "")
    return Condition(plain, [*values, *paths], f"({indexed})", f"job WHERE {indexed}")


def forms(text: str) -> tuple[str, ...]:
    """A text as it may stand in a row: as it is, in the cases that people write, and as it is written within JSON."""
    return tuple(dict.fromkeys(form for spelling in _spellings(text) for form in _forms_of(spelling)))


def _spellings(text: str) -> tuple[str, ...]:
    """A text in the cases that people write, as far as SQLite takes them for other letters: it folds ASCII alone."""
    if text.isascii():
        return (text,)
    spelled = (text, text.lower(), text.upper(), text.capitalize(), text.title())
    return tuple({_folded(each): each for each in reversed(spelled)}.values())


def _folded(text: str) -> str:
    """As SQLite folds it."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _forms_of(text: str) -> tuple[str, ...]:
    """As it is, and as it is written within JSON."""
    written = (text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1])
    return tuple(form for form in dict.fromkeys(written) if _storable(form))


def _storable(text: str) -> bool:
    """Whether SQLite can hold it: lone surrogates stand in JSON alone, as escapes."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _text(values: Sequence[str]) -> Condition:
    conditions: list[str] = []
    patterns: list[str] = []
    for spelling in (each for value in values for each in _spellings(value)):
        for form in _forms_of(spelling):
            columns = ("script", "notes", "parameters") if form == spelling else ("parameters",)
            conditions += [f"{column} LIKE ? ESCAPE '\\'" for column in columns]
            patterns += [_pattern(form)] * len(columns)
    return Condition(" OR ".join(conditions), patterns)


def _pattern(text: str) -> str:
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
