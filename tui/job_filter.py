"""The language of the filter over jobs: `status:failed,running script:backup.sh !tag:nightly since:1d words`.

A word with a colon is a condition, its values separated by commas; `!` before it turns it round; any other word stands
somewhere in the script's name, the notes or the parameters. Quotes hold a value with spaces together. `by:duration`
orders the jobs, `!by:duration` the other way round. No Textual here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from core.model import ORDERS
from core.service import FINISHED, Invalid, JobQuery, Status, Term

#: what a person writes -> field of core.model.Term
_TERMS = {
    "script": "script", "user": "identity", "identity": "identity", "tag": "tag", "env": "environment",
    "environment": "environment", "source": "source", "text": "text",
}  # fmt: skip
#: in the order in which they are offered
FIELDS = ("status", "script", "user", "tag", "env", "source", "since", "until", "children", "parent", "by", "text")
SOURCES = ("cli", "tui", "api", "job", "schedule", "trigger")
_AGES = ("1h", "1d", "7d", "30d")
#: word -> statuses, beside the statuses' own names
_GROUPS = {
    "active": frozenset({Status.Active}),
    "finished": frozenset({Status.Historical}),
    "historical": frozenset({Status.Historical}),
    "waiting": frozenset({Status.WaitingOnFeedback}),
    "bad": frozenset({Status.Failed, Status.Error, Status.TimedOut}),
}
_STATUSES = {status.name.lower(): frozenset({status}) for status in Status} | _GROUPS
# Compiled when the first word is looked at: an empty filter at the start needs none.
_WORD = r'(?:[^\s"]|"(?:[^"\\]|\\.)*"?)+'
_VALUE = r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+'


#: a filter is a line that somebody writes; a page that was pasted would keep the store busy for minutes
LONGEST = 2_000
_MOST_WORDS = 100


class Filter(NamedTuple):
    """What a text asks for, and what in it is not understood: sentences."""

    text: str
    query: JobQuery
    problems: tuple[str, ...] = ()
    #: what was said of children: "below" their parents, in the list "as others", or nothing
    children: str = ""

    @property
    def empty(self) -> bool:
        """Whether every job is meant, in whatever order."""
        query = self.query
        usual = JobQuery(hide_children=query.hide_children, order_by=query.order_by, descending=query.descending)
        return query == usual


class _Reading:
    def __init__(self) -> None:
        self.terms: list[Term] = []
        self.statuses: frozenset[Status] | None = None
        self.not_statuses: frozenset[Status] = frozenset()
        self.since: int | None = None
        self.until: int | None = None
        self.parent: int | None = None
        self.children = ""
        self.order_by = "id"
        self.descending = True


def read(text: str) -> Filter:
    """What the text asks for. Nothing in it is an error that keeps the rest from holding."""
    reading = _Reading()
    problems: list[str] = []
    if len(text) > LONGEST:
        problems.append(f"The filter is too long: what stands behind {LONGEST:,} characters does not count.")
    wanted = words(text[:LONGEST])
    if len(wanted) > _MOST_WORDS:
        problems.append(f"The filter has too many words: those behind the first {_MOST_WORDS} do not count.")
    for word in wanted[:_MOST_WORDS]:
        try:
            _take(reading, word)
        except Invalid as problem:
            problems.append(str(problem))
    statuses = reading.statuses
    if reading.not_statuses:
        every = {status for status in Status if status not in (Status.Active, Status.Historical)}
        statuses = frozenset(_plain(statuses) if statuses is not None else every) - _plain(reading.not_statuses)
    if statuses is not None and not statuses:
        # Nothing has no status at all.
        reading.terms.append(Term("script", ()))
    # Children stand below their parents where all jobs are listed by number.
    narrow = bool(reading.terms or statuses or reading.since or reading.until or not _usual(reading))
    below = reading.children == "below" or (not reading.children and not narrow)
    query = JobQuery(
        statuses=statuses or frozenset(),
        terms=tuple(reading.terms),
        since=reading.since,
        until=reading.until,
        parent_job=reading.parent,
        hide_children=below and reading.parent is None,
        order_by=reading.order_by,
        descending=reading.descending,
    )
    return Filter(text, query, tuple(problems), reading.children)


def _usual(order: _Reading | JobQuery) -> bool:
    return order.order_by == "id" and order.descending


def _plain(statuses: Iterable[Status]) -> frozenset[Status]:
    plain: set[Status] = set()
    for status in statuses:
        if status is Status.Historical:
            plain |= FINISHED
        elif status is Status.Active:
            plain |= {one for one in Status if one not in FINISHED and one not in (Status.Active, Status.Historical)}
        else:
            plain.add(status)
    return frozenset(plain)


def _take(reading: _Reading, word: str) -> None:
    negate = word.startswith("!") and len(word) > 1
    name, colon, rest = word.removeprefix("!" if negate else "").partition(":")
    name = name.lower()
    known = name in FIELDS or name in _TERMS
    if not colon or (not known and (not name.isalpha() or rest.startswith("//"))):
        # A time of day or a URL is a text, not a condition.
        reading.terms.append(Term("text", (_unquoted(word.removeprefix("!") if negate else word),), negate))
        return
    values = tuple(value for part in re.findall(_VALUE, rest) if (value := _unquoted(part)))
    if name in _TERMS:
        if values:
            reading.terms.append(Term(_TERMS[name], values, negate))
        return
    if name not in FIELDS:
        from difflib import get_close_matches

        near = get_close_matches(name, FIELDS, 1)
        hint = f"Is it {near[0]}:? " if near else ""
        raise Invalid(f"There is no {name}: to filter by. {hint}There are {', '.join(FIELDS)}.")
    if not values:
        return
    if name == "status":
        chosen = frozenset(status for value in values for status in _status(value))
        if negate:
            reading.not_statuses |= chosen
        else:
            reading.statuses = chosen if reading.statuses is None else reading.statuses & chosen
        return
    if name == "by":
        _order(reading, values, descending=not negate)
        return
    if negate:
        other = {"since": "until", "until": "since"}.get(name)
        raise Invalid(f"!{name}: has no meaning." + (f" Use {other}:." if other else ""))
    if len(values) > 1:
        raise Invalid(f"{name}: takes one value.")
    _single(reading, name, values[0])


def _order(reading: _Reading, values: Sequence[str], *, descending: bool) -> None:
    order = values[0].lower()
    if len(values) > 1 or order not in ORDERS:
        raise Invalid(f"by: takes one of {', '.join(ORDERS)}; !by: turns the order round.")
    reading.order_by, reading.descending = order, descending


def _single(reading: _Reading, name: str, value: str) -> None:
    from tui import options

    if name == "since":
        reading.since = options.moment(value)
    elif name == "until":
        reading.until = options.moment(value)
    elif name == "parent":
        if not (value.isascii() and value.isdigit()) or len(value) > 18:
            raise Invalid(f"parent: takes the number of a job, not {value!r}.")
        reading.parent = int(value)
    elif value.lower() in ("below", "listed"):
        reading.children = value.lower()
    else:
        raise Invalid(f"children: is below (their parents) or listed (as others), not {value!r}.")


def _status(word: str) -> frozenset[Status]:
    word = word.lower()
    if word in _STATUSES:
        return _STATUSES[word]
    begun = [statuses for name, statuses in _STATUSES.items() if name.startswith(word)]
    if len(set(begun)) == 1:
        return begun[0]
    shown = ", ".join(status_words())
    raise Invalid(f"{word!r} is no status. There are {shown}.")


def status_words() -> list[str]:
    """The statuses as they are written in a filter."""
    names = [status.name.lower() for status in Status if status not in (Status.WaitingOnFeedback, Status.Historical)]
    return sorted([*names, "waiting", "finished", "bad"])


def _unquoted(text: str) -> str:
    if '"' not in text:
        return text
    return re.sub(r'"((?:[^"\\]|\\.)*)"?', lambda found: re.sub(r"\\(.)", r"\1", found[1]), text)


def quoted(value: str) -> str:
    """A value as it is written in a filter."""
    if re.fullmatch(r'[^\s",!][^\s",]*', value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Completion(NamedTuple):
    """What may stand at a place: `words` for the text between `start` and `end`."""

    start: int
    end: int
    words: tuple[str, ...]


def complete(text: str, cursor: int, known: Mapping[str, Sequence[str]]) -> Completion:
    """What may stand at the cursor. `known`: values by field ("script", "user", "tag", "env")."""
    start = cursor
    for found in re.finditer(_WORD, text):
        if found.start() <= cursor <= found.end():
            start = found.start()
    word = text[start:cursor]
    end = cursor
    while end < len(text) and not text[end].isspace():
        end += 1
    bang = "!" if word.startswith("!") else ""
    name, colon, rest = word.removeprefix("!").partition(":")
    if not colon:
        words = [f"{bang}{field}:" for field in FIELDS if field.startswith(name.lower())]
        return Completion(start, end, tuple(words))
    values, typed = _values(name.lower(), known), rest.rpartition(",")[2]
    taken = rest[: len(rest) - len(typed)]
    folded = typed.strip('"').lower()
    fitting = [value for value in values if value.lower().startswith(folded)]
    fitting += [value for value in values if folded in value.lower() and value not in fitting]
    return Completion(start, end, tuple(f"{bang}{name}:{taken}{quoted(value)}" for value in fitting[:50]))


def _values(name: str, known: Mapping[str, Sequence[str]]) -> Sequence[str]:
    fixed: dict[str, Sequence[str]] = {
        "status": status_words(), "source": SOURCES, "since": _AGES, "until": _AGES, "children": ("below", "listed"),
        "by": ORDERS,
    }  # fmt: skip
    alias = {"identity": "user", "environment": "env"}
    return fixed.get(name) or known.get(alias.get(name, name), ())


def with_word(text: str, word: str) -> str:
    """The filter with this condition, in the place of another of the same name (and the same `!`)."""
    name = word.partition(":")[0] + ":"
    return " ".join([*(old for old in re.findall(_WORD, text) if not old.startswith(name)), word])


def with_order(text: str, order_by: str, descending: bool) -> str:
    """The filter with another order; the usual one, the newest first, need not be said."""
    rest = [old for old in words(text) if not old.lower().startswith(("by:", "!by:"))]
    if (order_by, descending) != ("id", True):
        rest.append(f"{'' if descending else '!'}by:{order_by}")
    return " ".join(rest)


def without(text: str, word: str) -> str:
    """The filter without this word."""
    return " ".join(old for old in re.findall(_WORD, text) if old != word)


def words(text: str) -> list[str]:
    """The words of a filter."""
    return re.findall(_WORD, text) if text else []
