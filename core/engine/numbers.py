"""Job numbers: ascending, and never used twice, even when the database is lost.

Each is drawn in a transaction of its own, before anything else is done with it: SQLite gives a rolled-back number out
again. The file `numbers` holds a mark that no number drawn has passed; it is raised by thousands.
"""

from __future__ import annotations

import os
import sqlite3

from core.service import Unavailable

from .paths import write_whole

_STEP = 1000


def high_water(store: str) -> int:
    """The mark in the file; 0 when there is none."""
    try:
        with open(os.path.join(store, "numbers"), encoding="ascii") as file:
            return int(file.read())
    except FileNotFoundError:
        return 0
    except ValueError as error:
        raise Unavailable(f"The file {os.path.join(store, 'numbers')} is damaged: it must hold one number.") from error


def draw(connection: sqlite3.Connection, store: str) -> int:
    """The next job number, within the transaction given."""
    row = connection.execute("SELECT value FROM sequence WHERE name = 'job'").fetchone()
    number = (row[0] if row else high_water(store)) + 1
    if number > high_water(store):
        write_whole(os.path.join(store, "numbers"), str(number + _STEP).encode("ascii"))
    connection.execute(
        "INSERT INTO sequence (name, value) VALUES ('job', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (number,),
    )
    return number
