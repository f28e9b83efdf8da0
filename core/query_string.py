"""Queries for jobs, and choices of streams, as the parameters of a URL. Standard library only.

`status=1,4&script=a.sh&script=b.sh&notTag=old`: a parameter that comes several times names alternatives. Conditions
of any kind, also two of one field, go as JSON: `term={"field":"text","values":["disk"]}`, as often as there are any.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from core import wire
from core.errors import Invalid
from core.journal.format import STREAM_NAMES, STREAM_NUMBERS
from core.model import ORDERS, JobQuery, Status, Term
from core.times import nanoseconds, rfc3339

TERM_FIELDS = ("script", "identity", "tag", "environment", "source", "text")
#: the original's names for the orders
_ORDER_WORDS = {
    **{order: order for order in ORDERS},
    "starttime": "started",
    "endtime": "ended",
    "createdtime": "id",
}
_TERMS = {field: (field, False) for field in TERM_FIELDS} | {
    f"not{field}": (field, True) for field in TERM_FIELDS
}  # lower case
_NUMBERS = {"take": "take", "skip": "skip", "before": "before", "parentjob": "parent_job", "rerunof": "rerun_of"}
_TIMES = ("since", "until")
_MOST = 2**63 - 1

Pairs = Iterable[tuple[str, str]]


def write_query(query: JobQuery) -> list[tuple[str, str]]:
    """The parameters that mean this query; what is as usual is left out."""
    usual = JobQuery()
    pairs = []
    if query.statuses:
        pairs.append(("status", ",".join(str(int(status)) for status in sorted(query.statuses))))
    pairs += [("term", json.dumps(wire.encode(term))) for term in query.terms]
    for name in _TIMES:
        time = getattr(query, name)
        if time is not None:
            # RFC 3339 has no time before year 1 and jobdeck no job from before 1970: the beginning means all of it.
            pairs.append((name, rfc3339(max(time, 1)) or ""))
    for name, field in (("parentJob", "parent_job"), ("rerunOf", "rerun_of"), ("before", "before")):
        if getattr(query, field) is not None:
            pairs.append((name, str(getattr(query, field))))
    if query.hide_children:
        pairs.append(("hideChildren", "true"))
    if query.order_by != usual.order_by:
        pairs.append(("orderBy", query.order_by))
    if not query.descending:
        pairs.append(("orderDirection", "Ascending"))
    if query.skip:
        pairs.append(("skip", str(query.skip)))
    return [*pairs, ("take", str(query.take))]


def read_query(pairs: Pairs) -> JobQuery:
    """The query that such parameters mean; others are left alone. Raises Invalid, with the parameter's name."""
    values: dict[str, object] = {}
    statuses: set[Status] = set()
    terms: list[Term] = []
    alternatives: dict[tuple[str, bool], list[str]] = {}
    for name, text in pairs:
        key = name.lower()
        if key in _TERMS:
            alternatives.setdefault(_TERMS[key], []).append(text)
        elif key == "term":
            terms.append(_term(text))
        elif key == "status":
            statuses.update(_status(word) for word in text.split(",") if word.strip())
        elif key in _NUMBERS:
            values[_NUMBERS[key]] = whole_number(name, text)
        elif key in _TIMES:
            values[key] = _time(name, text)
        elif key == "hidechildren":
            values["hide_children"] = boolean(name, text)
        elif key == "orderby":
            # A word that is none is refused by the service, as everywhere.
            values["order_by"] = _ORDER_WORDS.get(text.lower(), text)
        elif key == "orderdirection":
            values["descending"] = _descending(text)
    terms += [Term(field, tuple(texts), negate) for (field, negate), texts in alternatives.items()]
    return JobQuery(statuses=frozenset(statuses), terms=tuple(terms), **values)  # type: ignore[arg-type]


def write_streams(streams: Iterable[int]) -> str:
    """Streams as one parameter: their numbers."""
    return ",".join(map(str, sorted(streams)))


def read_streams(text: str | None) -> frozenset[int] | None:
    """The streams of such a parameter, by number or word; None (not given) means all of them."""
    if text is None:
        return None
    found = set()
    for word in filter(None, (part.strip().lower() for part in text.split(","))):
        number = STREAM_NUMBERS.get(word)
        if number is None and word.isascii() and word.isdigit() and (int(word) in STREAM_NAMES or int(word) == 0):
            number = int(word)
        if number is None:
            raise Invalid(f"There is no stream {word!r}: the streams are {', '.join(STREAM_NUMBERS)}.")
        found.add(number)
    return frozenset(found)


def whole_number(name: str, text: str) -> int:
    """A parameter that is a whole number."""
    if not re.fullmatch(r"-?[0-9]{1,19}", text.strip()) or abs(int(text)) > _MOST:
        raise Invalid(f"{name} must be a whole number, not {text!r}.")
    return int(text)


def boolean(name: str, text: str) -> bool:
    """A parameter that is true or false; alone, without a value, it is true."""
    word = text.strip().lower()
    if word not in ("", "true", "1", "false", "0"):
        raise Invalid(f"{name} must be true or false, not {text!r}.")
    return word in ("", "true", "1")


def _term(text: str) -> Term:
    try:
        return wire.decode(Term, json.loads(text), strict=True)
    except (ValueError, RecursionError, Invalid) as error:
        raise Invalid(f'term must be JSON like {{"field":"tag","values":["x"]}}: {error}') from error


def _status(word: str) -> Status:
    word = word.strip()
    for status in Status:
        if word.lower() == status.name.lower() or word == str(int(status)):
            return status
    known = ", ".join(f"{int(status)} ({status.name})" for status in Status)
    raise Invalid(f"There is no status {word!r}: {known}.")


def _time(name: str, text: str) -> int:
    try:
        return nanoseconds(text)
    except ValueError:
        raise Invalid(f"{name} must be a time as of RFC 3339, like 2026-11-24T04:18:00Z, not {text!r}.") from None


def _descending(text: str) -> bool:
    word = text.strip().lower()
    if word not in ("ascending", "descending", "asc", "desc"):
        raise Invalid(f"orderDirection must be Ascending or Descending, not {text!r}.")
    return word.startswith("desc")
