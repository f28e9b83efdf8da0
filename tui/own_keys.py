"""The keys that a user gives to verbs: what can be had of them, and a sentence for everything that cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tui.key_names import NO_KEY, read_key, shown, types
from tui.keys import BY_ID, KEYS, Key

#: groups of keys that work at the same time: a key means one thing in each of these
_TOGETHER: tuple[frozenset[str], ...] = tuple(
    frozenset(groups.split())
    for groups in (
        "app list jobs",
        "app filter",
        "app list scripts",
        "app list settings",
        "app list job output",
        "app list source",
        "app list job objects",
        "app list job errors",
        "app list job details",
        "app form",
        "app feedback",
        "list views",
        "quit",
        "confirm",
        "help",
    )
)

#: these stay with what they do as the table says: the ways out, and what every terminal's user counts on
FIXED = frozenset({"escape", "enter", "tab", "shift+tab", "ctrl+q", "ctrl+c"})


@dataclass(frozen=True, slots=True)
class Wish:
    """That a verb shall have these keys."""

    id: str
    #: as it was found: names of keys with commas between, "" for none; anything else is refused
    keys: object
    #: where that stands, as a sentence begins: "config.toml, line 3"
    where: str
    #: it was chosen on the screen, which told there what that means
    chosen: bool = False


@dataclass(slots=True)
class OwnKeys:
    """What became of the wishes."""

    #: of each verb that has not its usual keys: which it has, as Textual names them
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: sentences about what is ignored and about verbs left without a key, unless that was chosen on the screen
    problems: list[str] = field(default_factory=list)
    #: all of that, and lesser losses, by the verb
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def keymap(self) -> dict[str, str]:
        """As Textual takes it."""
        return {id: ",".join(keys) or NO_KEY for id, keys in self.keys.items()}

    def of(self, id: str) -> tuple[str, ...]:
        """The keys of a verb."""
        return self.keys.get(id, usual(id))

    def tell(self, id: str, sentence: str, chosen: bool = False) -> None:
        """Keep a sentence about a verb."""
        if not chosen:
            self.problems.append(sentence)
        self.notes[id] = f"{self.notes.get(id, '')} {sentence}".strip()

    def holders(self, key: str, id: str) -> list[Key]:
        """The other verbs that have this key where the verb `id` works."""
        return [other for other in KEYS if other.id != id and together(other.id, id) and key in self.of(other.id)]


def usual(id: str) -> tuple[str, ...]:
    """The keys that the table gives to a verb."""
    return tuple(BY_ID[id].keys.split(","))


def together(one: str, other: str) -> bool:
    """Whether two verbs work on the same screen at the same time."""
    pair = {BY_ID[one].group, BY_ID[other].group}
    if pair == {"list", "output"} and "list.open" in (one, other):
        # There is nothing to open in the output.
        return False
    return any(pair <= groups for groups in _TOGETHER)


def wishes(table: object, lines: Mapping[str, int], file: str = "config.toml") -> tuple[list[Wish], list[str]]:
    """What a table `[keys]` wishes, and a sentence where it is no table. `lines` says where a verb stands."""
    if table is None:
        return [], []
    if not isinstance(table, Mapping):
        return [], [f'{file}: keys is ignored. It must be a table: [keys], and below it "jobs.cancel" = "ctrl+x".']
    found = []
    for id, keys in _flat(table):
        line = f", line {lines[id]}" if id in lines else ""
        found.append(Wish(id, keys, f"{file}{line}"))
    return found, []


def _flat(table: Mapping[str, object], before: str = "") -> list[tuple[str, object]]:
    # TOML reads `jobs.cancel = "x"` without quotes as a table in a table: both are meant alike.
    pairs: list[tuple[str, object]] = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{before}{name}.")
        else:
            pairs.append((f"{before}{name}", value))
    return pairs


def resolve(wished: Iterable[Wish]) -> OwnKeys:
    """Give what can be given, in order: who comes first has a key; the user's wishes go before the table."""
    own = OwnKeys()
    stands: dict[str, Wish] = {}
    refused: list[tuple[Wish, str]] = []
    for wish in wished:
        if wish.id in stands:
            continue
        keys, wrong = _read(wish)
        free = []
        for key in keys:
            holder = next((id for id in own.keys if key in own.keys[id] and together(id, wish.id)), None)
            if holder is None:
                free.append(key)
            else:
                wrong.append((key, f"{holder} has it on the same screen ({stands[holder].where})"))
        if wish.id in BY_ID and (free or not wrong):
            kept = [key for key in usual(wish.id) if key in FIXED and key not in free]
            if kept and not free:
                wrong.append(("", f"nothing would be left that does it: {shown(kept[0])} cannot be taken away"))
            own.keys[wish.id] = (*free, *kept)
            stands[wish.id] = wish
        refused += [(wish, f"{wish.where}: {_named(key, wish.id)} is ignored, as {clause}") for key, clause in wrong]
    lost = _make_room(own, stands)
    for wish, sentence in refused:
        names = " ".join(shown(key) for key in own.of(wish.id)) if wish.id in BY_ID else ""
        end = f". It has {names}." if names else "?" if ". Is it" in sentence else "."
        own.tell(wish.id, sentence + end, wish.chosen)
    for id, sentence, chosen in lost:
        own.tell(id, sentence, chosen)
    return own


def _named(keys: object, id: str) -> str:
    if id not in BY_ID:
        return f'"{id}"'
    if isinstance(keys, str):
        return f'"{shown(keys)}" for {id}'
    return f"{keys!r} for {id}"


def _read(wish: Wish) -> tuple[list[str], list[tuple[object, str]]]:
    """The keys of a wish; and each thing that cannot be, with a clause that says why."""
    if wish.id not in BY_ID:
        from difflib import get_close_matches

        near = get_close_matches(wish.id, BY_ID, 1)
        return [], [("", "no key has this name" + (f". Is it {near[0]}" if near else ""))]
    if not isinstance(wish.keys, str):
        return [], [(wish.keys, 'it is no text: write it like "x" or "x,F5"')]
    keys: list[str] = []
    wrong: list[tuple[object, str]] = []
    # A comma by itself is that key; between others it parts them.
    for name in [","] if wish.keys.strip() == "," else wish.keys.split(",") if wish.keys.strip() else []:
        try:
            key = read_key(name)
        except ValueError as error:
            wrong.append((name.strip(), str(error)))
            continue
        if key in FIXED and key not in usual(wish.id):
            wrong.append((key, "it has a meaning everywhere"))
        elif BY_ID[wish.id].priority and types(key):
            wrong.append((key, "it could not be typed into fields any more: take one like ctrl+x or F5"))
        elif key not in keys:
            keys.append(key)
    return keys, wrong


def _make_room(own: OwnKeys, stands: Mapping[str, Wish]) -> list[tuple[str, str, bool]]:
    """What a user gave to one verb, the others of the table lose.

    Gives those that are left without any, with a sentence, and whether that was chosen on the screen.
    """
    given = dict(own.keys)
    bare = []
    for verb in KEYS:
        if verb.id in given:
            continue
        takers = {
            key: id for key in usual(verb.id) if key not in FIXED for id in given
            if key in given[id] and together(id, verb.id)
        }  # fmt: skip
        if not takers:
            continue
        own.keys[verb.id] = tuple(key for key in usual(verb.id) if key not in takers)
        taken = ", ".join(f"{shown(key)} is {id}'s now ({stands[id].where})" for key, id in takers.items())
        if own.keys[verb.id]:
            own.notes[verb.id] = f"{taken}."
        else:
            chosen = all(stands[id].chosen for id in takers.values())
            bare.append((verb.id, f'{verb.id} has no key left: {taken}. Give it one, or "" in [keys].', chosen))
    return bare
