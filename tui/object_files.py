"""Pipeline objects into a file: JSON, CliXml or CSV, by the file's ending. Whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import os
from collections.abc import AsyncIterator, Callable
from typing import IO, Any

from core import exact_json
from core.errors import Invalid
from core.service import JobService, PipelineObject

ENDINGS = (".json", ".xml", ".clixml", ".csv")
_PAGE = 200
#: bytes of objects that are asked for at once, about
_STEP = 4 << 20


async def save(service: JobService, id: int, index: int | None, path: str) -> int:
    """Write one object, or all (`index` None), to a file; how many. Raises Invalid, OSError, ServiceError."""
    ending = os.path.splitext(path)[1].lower()
    write = {".json": _json, ".xml": _clixml, ".clixml": _clixml, ".csv": _csv}.get(ending)
    if write is None:
        raise Invalid("The ending of the file's name says how to write: .json, .xml (CliXml) or .csv.")
    partial = f"{path}.part"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
            count = await write(file, lambda: _objects(service, id, index), index is not None)
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise
    return count


async def _objects(service: JobService, id: int, index: int | None) -> AsyncIterator[PipelineObject]:
    at, step = index or 0, 1 if index is not None else 8
    while found := await service.objects(id, at, step):
        for each in found:
            yield each
        if index is not None:
            return
        at += len(found)
        size = sum(len(each.data) for each in found)
        step = max(1, min(_PAGE, _STEP * len(found) // max(1, size)))


Source = Callable[[], AsyncIterator[PipelineObject]]


def plain_value(each: PipelineObject) -> Any:
    """An object's plain value, secrets left out. Raises Invalid for one that cannot be read."""
    if each.format == "clixml":
        from core.clixml.plain import plain
        from core.clixml.reader import read

        return plain(read(each.data))
    try:
        return exact_json.loads(each.data)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"Object {each.number} is no JSON that can be read: {error}.") from error


async def _json(file: IO[str], source: Source, one: bool) -> int:
    count = 0
    async for each in source():
        value = await asyncio.to_thread(plain_value, each)
        text = await asyncio.to_thread(exact_json.dumps, value, 2 if one else None)
        file.write(text if one else (",\n " if count else "[") + text)
        count += 1
    file.write("\n" if one else "]\n" if count else "[]\n")
    return count


async def _clixml(file: IO[str], source: Source, one: bool) -> int:
    from core.clixml.reader import read
    from core.clixml.writer import write_streams

    values = []
    async for each in source():
        if one and each.format == "clixml":
            file.write(each.data.decode("utf-8", "replace"))
            return 1
        value = await asyncio.to_thread(read, each.data) if each.format == "clixml" else plain_value(each)
        values.append((None, value))
    file.write(await asyncio.to_thread(write_streams, values))
    return len(values)


async def _csv(file: IO[str], source: Source, one: bool) -> int:
    names: dict[str, None] = {}
    async for each in source():
        names |= dict.fromkeys(_row(await asyncio.to_thread(plain_value, each)))
    writer = csv.DictWriter(file, list(names), restval="")
    writer.writeheader()
    count = 0
    async for each in source():
        row = _row(await asyncio.to_thread(plain_value, each))
        # An object that came meanwhile may have other properties.
        writer.writerow({name: _cell(value) for name, value in row.items() if name in names})
        count += 1
    return count


def _row(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"value": value}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return exact_json.dumps(value)
