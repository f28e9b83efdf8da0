"""One parsed CLIXML document: where its objects and type names stand, and the parts of an object's element."""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

from core.clixml.escapes import decode
from core.clixml.parsing import between, plain_tag
from core.errors import Invalid

#: elements that hold items
LISTS = frozenset({"LST", "QUE", "STK", "IE"})


class Document:
    """One parsed document, and where its objects and type names stand, once somebody asks."""

    def __init__(self, root: etree._Element) -> None:
        self.root = root
        self._objects: dict[str, etree._Element] | None = None
        self._types: dict[str, tuple[str, ...]] = {}

    def object(self, number: str) -> etree._Element | None:
        """The object that a reference means."""
        return self.index().get(number)

    def types(self, element: etree._Element) -> tuple[str, ...]:
        """The type names of an object."""
        for child in element:
            tag = plain_tag(child)
            if tag == "TN":
                return tuple([decode(name.text or "") for name in child])
            if tag == "TNRef":
                self.index()
                return self._types.get(child.get("RefId", ""), ())
            if tag != "ToString":
                break
        return ()

    def index(self) -> dict[str, etree._Element]:
        """The objects by their numbers; the type names are known then, too."""
        if self._objects is None:
            objects: dict[str, etree._Element] = {}
            for element in self.root.iter("{*}Obj", "{*}TN"):
                number = element.get("RefId")
                if number is None:
                    continue
                if plain_tag(element) == "TN":
                    self._types[number] = tuple([decode(name.text or "") for name in element])
                else:
                    objects.setdefault(number, element)
            self._objects = objects
        return self._objects


class Shape:
    """The parts of an object's element."""

    __slots__ = ("adapted", "base", "extended", "to_string")

    def __init__(self, element: etree._Element) -> None:
        self.base: etree._Element | None = None
        self.adapted: etree._Element | None = None
        self.extended: etree._Element | None = None
        self.to_string: str | None = None
        for child in element:
            tag = plain_tag(child)
            if tag == "Props":
                self.adapted = child
            elif tag == "MS":
                self.extended = child
            elif tag == "ToString":
                self.to_string = decode(child.text or "")
            elif tag not in ("TN", "TNRef"):
                self.base = child

    @property
    def base_tag(self) -> str:
        return plain_tag(self.base) if self.base is not None else ""

    @property
    def items(self) -> int:
        """How many items or entries it holds."""
        if self.base is None or (self.base_tag not in LISTS and self.base_tag != "DCT"):
            return 0
        return len(self.base)

    @property
    def properties(self) -> int:
        return sum(len(part) for part in (self.adapted, self.extended) if part is not None)

    def property_elements(self, numbers: range) -> Iterable[etree._Element]:
        """Those with these numbers, the type's own first."""
        own = len(self.adapted) if self.adapted is not None else 0
        if self.adapted is not None:
            yield from between(self.adapted, numbers.start, min(numbers.stop, own))
        if self.extended is not None:
            yield from between(self.extended, numbers.start - own, numbers.stop - own)


def target(document: Document, element: etree._Element) -> etree._Element:
    """The object that a `<Ref>` means. Raises Invalid when there is none."""
    found = document.object(element.get("RefId", ""))
    if found is None:
        raise Invalid(f"This refers to an object {element.get('RefId')!r} that is not in the document.")
    return found
