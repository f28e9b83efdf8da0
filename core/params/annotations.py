"""From a Python annotation and default, as syntax, to a parameter."""

from __future__ import annotations

import ast

from core.service import Parameter, Value

_SIMPLE = {
    "str": "string", "int": "integer", "float": "number", "bool": "boolean", "Decimal": "number", "complex": "string",
    "Path": "file", "PurePath": "file", "PosixPath": "file", "PathLike": "file", "TextIO": "file", "BinaryIO": "file",
    "IO": "file", "FilePath": "file", "DirectoryPath": "file",
    "date": "date", "datetime": "datetime",
    "dict": "object", "Dict": "object", "Mapping": "object", "MutableMapping": "object", "OrderedDict": "object",
    "TypedDict": "object", "object": "string", "Any": "string",
    "Secret": "secret", "SecretStr": "secret", "SecretBytes": "secret",
}  # fmt: skip
_LISTS = frozenset(
    {"list", "List", "tuple", "Tuple", "set", "Set", "frozenset", "FrozenSet", "Sequence", "Iterable", "Collection",
     "MutableSequence", "AbstractSet", "deque", "Iterator"}
)  # fmt: skip
_ENUMS = frozenset({"Enum", "StrEnum", "IntEnum", "Flag", "IntFlag"})


class Names:
    """What the names of a module mean that annotations may use: its enumerations and its aliases."""

    def __init__(self, tree: ast.Module) -> None:
        self.enums: dict[str, dict[str, Value]] = {}
        self.aliases: dict[str, ast.expr] = {}
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and any(_last(base) in _ENUMS for base in node.bases):
                self.enums[node.name] = _members(node)
            elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                self.aliases[node.targets[0].id] = node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                self.aliases[node.target.id] = node.value
            elif node.__class__.__name__ == "TypeAlias":
                name, value = getattr(node, "name", None), getattr(node, "value", None)
                if isinstance(name, ast.Name) and isinstance(value, ast.expr):
                    self.aliases[name.id] = value

    def choices(self, enum: str) -> tuple[str, ...]:
        """The words for an enumeration's members: their values when all are text, else their names."""
        members = self.enums[enum]
        if members and all(isinstance(value, str) for value in members.values()):
            return tuple(members.values())
        return tuple(members)


class _Meaning:
    """What an annotation says."""

    __slots__ = ("choices", "help", "item", "optional", "type")

    def __init__(self, type: str = "", item: str = "string", choices: tuple[str, ...] = ()) -> None:
        self.type = type
        self.item = item
        self.choices = choices
        self.optional = False
        self.help = ""


def describe(name: str, annotation: ast.expr | None, default: ast.expr | None, help: str, names: Names) -> Parameter:
    """The parameter `name: annotation = default`; a default that is no literal is unknown (None) but not missing."""
    meaning = _meaning(annotation, names, 0)
    value = literal(default, names) if default is not None else None
    if isinstance(value, Choice):
        if not meaning.choices and value.enum in names.enums:
            meaning.choices = names.choices(value.enum)
            meaning.type = "string"
        value = value.text
    kind, item = meaning.type, meaning.item
    if not kind:
        kind, item = _from_value(value)
    if kind == "boolean" and value is False:
        kind = "switch"
    if kind == "list" and isinstance(value, tuple | set | frozenset):
        value = list(value)
    if kind == "file" and value == "":
        value = None
    return Parameter(
        name,
        kind,
        mandatory=default is None and not meaning.optional,
        default=value if _is_json(value) else None,
        choices=meaning.choices,
        help=help or meaning.help,
        item_type=item,
    )


class Choice:
    """A literal that is a member of an enumeration; `text` is how it is chosen."""

    __slots__ = ("enum", "text")

    def __init__(self, enum: str, text: str) -> None:
        self.enum = enum
        self.text = text


def literal(node: ast.expr | None, names: Names | None = None) -> Value:
    """The value of a literal, of `Path("…")`, of a constant of the module or of an enumeration's member; else None."""
    if node is None:
        return None
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    if isinstance(node, ast.Call) and _last(node.func) in ("Path", "PurePath", "PosixPath", "Decimal", "str", "int"):
        if len(node.args) == 1 and not node.keywords:
            return literal(node.args[0], names)
        return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Add | ast.Sub | ast.Pow):
        return _arithmetic(node, names)
    if names is None:
        return None
    if isinstance(node, ast.Name) and node.id in names.aliases:
        alias = names.aliases[node.id]
        return None if isinstance(alias, ast.Name) else literal(alias, names) if alias is not node else None
    if isinstance(node, ast.Attribute) and node.attr == "value":
        member = literal(node.value, names)
        return member.text if isinstance(member, Choice) else None
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names.enums:
        members = names.enums[node.value.id]
        if node.attr in members:
            position = list(members).index(node.attr)
            return Choice(node.value.id, names.choices(node.value.id)[position])
    return None


def _arithmetic(node: ast.BinOp, names: Names | None) -> Value:
    """`24 * 60 * 60` and the like, with bounds so that no source can make it dear."""
    left, right = literal(node.left, names), literal(node.right, names)
    if not isinstance(left, int | float) or not isinstance(right, int | float) or max(abs(left), abs(right)) > 1e15:
        return None
    if isinstance(node.op, ast.Mult):
        return left * right
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    return left**right if 0 <= right <= 64 and abs(left) <= 1000 else None


def _meaning(node: ast.expr | None, names: Names, depth: int) -> _Meaning:
    if node is None or depth > 8:
        return _Meaning()
    if isinstance(node, ast.Constant):
        if node.value is None:
            nothing = _Meaning()
            nothing.optional = True
            return nothing
        if isinstance(node.value, str):
            try:
                return _meaning(ast.parse(node.value.strip(), mode="eval").body, names, depth + 1)
            except (SyntaxError, ValueError):
                return _Meaning()
        return _Meaning()
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([node.left, node.right], names, depth)
    if isinstance(node, ast.Subscript):
        return _subscript(node, names, depth)
    name = _last(node)
    if name in names.enums:
        return _Meaning("string", choices=names.choices(name))
    if isinstance(node, ast.Name) and name in names.aliases and not isinstance(names.aliases[name], ast.Call):
        return _meaning(names.aliases[name], names, depth + 1)
    if name in _LISTS:
        return _Meaning("list")
    if name == "Optional":
        return _Meaning()
    return _Meaning(_SIMPLE.get(name, "string"))


def _subscript(node: ast.Subscript, names: Names, depth: int) -> _Meaning:
    name = _last(node.value)
    inner = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Optional":
        meaning = _meaning(inner[0], names, depth + 1)
        meaning.optional = True
        return meaning
    if name == "Union":
        return _union(inner, names, depth)
    if name == "Literal":
        return _literals(inner)
    if name == "Annotated":
        meaning = _meaning(inner[0], names, depth + 1)
        texts = [extra.value for extra in inner[1:] if isinstance(extra, ast.Constant) and isinstance(extra.value, str)]
        meaning.help = texts[0] if texts else ""
        return meaning
    if name in ("Final", "Required", "NotRequired"):
        return _meaning(inner[0], names, depth + 1)
    if name in _LISTS:
        item = _meaning(inner[0], names, depth + 1)
        item_type = item.type if item.type not in ("", "list", "secret", "credential") else "string"
        return _Meaning("list", "object" if item.type == "list" else item_type, item.choices)
    return _Meaning(_SIMPLE.get(name, "string"))


def _union(members: list[ast.expr], names: Names, depth: int) -> _Meaning:
    meanings = [_meaning(member, names, depth + 1) for member in members]
    real = [meaning for meaning in meanings if meaning.type]
    optional = any(meaning.optional for meaning in meanings)
    if not real:
        result = _Meaning()
    elif len({meaning.type for meaning in real}) == 1:
        result = real[0]
        result.choices = tuple(choice for meaning in real for choice in meaning.choices)
    elif {meaning.type for meaning in real} == {"integer", "number"}:
        result = _Meaning("number")
    elif {meaning.type for meaning in real} == {"string", "file"}:
        result = _Meaning("file")
    else:
        result = _Meaning("string")
    result.optional = optional
    return result


def _literals(nodes: list[ast.expr]) -> _Meaning:
    values = [literal(node) for node in nodes]
    meaning = _Meaning("string")
    meaning.optional = None in values
    values = [value for value in values if value is not None]
    if values and all(isinstance(value, bool) for value in values):
        meaning.type = "boolean"
        return meaning
    if values and all(isinstance(value, int) for value in values):
        meaning.type = "integer"
    meaning.choices = tuple(str(value) for value in values)
    return meaning


def _from_value(value: Value) -> tuple[str, str]:
    """Type and item type that a default lets suppose."""
    if isinstance(value, bool):
        return "boolean", "string"
    if isinstance(value, int):
        return "integer", "string"
    if isinstance(value, float):
        return "number", "string"
    if isinstance(value, list | tuple | set):
        items = {_from_value(item)[0] for item in value}
        return "list", items.pop() if len(items) == 1 else "string"
    if isinstance(value, dict):
        return "object", "string"
    return "string", "string"


def _members(node: ast.ClassDef) -> dict[str, Value]:
    members: dict[str, Value] = {}
    for statement in node.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name) and not target.id.startswith("_"):
                value = literal(statement.value)
                is_auto = isinstance(statement.value, ast.Call) and _last(statement.value.func) == "auto"
                str_enum = any(_last(base) == "StrEnum" for base in node.bases)
                members[target.id] = target.id.lower() if is_auto and str_enum else value
    return members


def _is_json(value: Value) -> bool:
    if value is None or isinstance(value, str | bool | int | float):
        return not (isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))))
    if isinstance(value, list):
        return all(_is_json(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    return False


def _last(node: ast.expr) -> str:
    """The last name of `a.b.c`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
