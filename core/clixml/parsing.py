"""XML from outside to elements, with every door shut: no entity, no DTD, no network, bounded size and depth."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from core.errors import Invalid

NAMESPACE = "http://schemas.microsoft.com/powershell/2004/04"
#: bytes of one document; parsed it takes about eleven times as much memory
LARGEST = 64 * 1024 * 1024
#: elements and attributes of one document, which then takes less than 1 GB
MOST_PARTS = 3_000_000
#: objects within objects; PowerShell stops at 50
DEEPEST = 64
_PREFIX = re.compile(rb"\xef\xbb\xbf|\s+|#< CLIXML\r?\n")
_UTF8 = re.compile(rb"\s*<(?:\?xml[^>]*encoding=[\"'](?i:utf-8)[\"']|(?!\?xml[^>]*encoding))")
_TOO_LARGE = etree.ErrorTypes.ERR_RESOURCE_LIMIT


def parse(document: bytes | str, *, largest: int = LARGEST) -> etree._Element:
    """The root element. Raises Invalid for what is no well-formed XML, has a DOCTYPE, or is too large or too deep."""
    data = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else document
    if len(data) > largest:
        raise Invalid(
            f"This CLIXML document has {len(data) // 1_000_000} MB; at most {largest // 1_000_000} MB are read."
            " Have the script emit smaller objects."
        )
    while match := _PREFIX.match(data):
        data = data[match.end() :]
    if len(data) > MOST_PARTS and _parts(data) > MOST_PARTS:
        raise Invalid(f"This CLIXML document has more than {MOST_PARTS:,} elements, which is more than is read.")
    try:
        root = etree.fromstring(data, _SAFE)
    except etree.XMLSyntaxError as error:
        root = _parse_long_text(data, error)
    except ValueError as error:
        raise Invalid(f"This is no CLIXML: {error}.") from None
    information: Any = root.getroottree().docinfo
    if information.doctype:
        raise Invalid("This CLIXML has a DOCTYPE, which no PowerShell writes: it is not read.")
    return root


def _parts(data: bytes) -> int:
    """How many elements and attributes there are at most."""
    return data.count(b"<") - data.count(b"</") + data.count(b'="') + data.count(b"='")


def _parser(huge: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=huge,
        remove_comments=True,
        remove_pis=True,
        # collect_ids stays on: switching it off makes libxml2 open the file that a DOCTYPE names (seen with lxml 6.1)
    )


#: making one takes as long as reading a small document
_SAFE = _parser(False)


def _parse_long_text(data: bytes, error: etree.XMLSyntaxError) -> etree._Element:
    """Once more without libxml2's limits, when a text of more than 10 MB was all that was wrong."""
    message = str(error)
    if "depth" in message:
        raise Invalid("This CLIXML is nested deeper than PowerShell can write it: it is not read.") from None
    code: Any = getattr(error, "code", None)
    limited = code == _TOO_LARGE or "huge" in message.casefold()
    if not limited or len(data) < 10_000_000 or not _UTF8.match(data) or b"\0" in data[:4]:
        raise Invalid(f"This is no CLIXML: {_sentence(message)}") from None
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise Invalid("This CLIXML has a DOCTYPE, which no PowerShell writes: it is not read.") from None
    try:
        return etree.fromstring(data, _parser(True))
    except etree.XMLSyntaxError as second:
        raise Invalid(f"This is no CLIXML: {_sentence(str(second))}") from None


def _sentence(message: str) -> str:
    # libxml2 names the file, which there is none of
    message = message.split("\n", 1)[0].partition(" (<string>")[0]
    return message if message.endswith(".") else message + "."


def plain_tag(element: etree._Element) -> str:
    """The tag without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def between(element: etree._Element, start: int, stop: int) -> list[etree._Element]:
    """The child elements from number `start` to before `stop`."""
    parent: Any = element
    found: list[etree._Element] = parent[max(0, start) : max(0, start, stop)]
    return found
