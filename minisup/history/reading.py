"""The history as everybody but its writer sees it: opened read-only, with or without a minisup at work."""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from itertools import starmap
from typing import Any, Final, NamedTuple

from minisup.errors import MinisupError
from minisup.history.place import check_regular
from minisup.history.row import UNWELL, Row, storable
from minisup.history.store import MIGRATIONS, VERSION, create, insert

PATIENCE: Final = 3.0
"""Seconds to wait for a writer that keeps readers out: on a network file system only."""

UNWELL_ROWS: Final = f"outcome IN ({', '.join(repr(str(outcome)) for outcome in sorted(UNWELL))})"
"""The condition of the index `unwell`, which is used where it is asked for."""

Place = tuple[str, int | None]
"""A program and the number of one of its slots; None: all of them."""


class HistoryError(MinisupError):
    """There is no history, or it cannot be read."""


MESSAGES: Final = 3
"""The first schema that knows the message of a run."""

LOOK_AGAIN = 0.01
"""Seconds between two looks at a database that is just being made."""


class Wanted(NamedTuple):
    """Which rows; None: any. `since` and `until` are seconds since 1970, of the start. `limit` 0: all of them."""

    places: tuple[Place, ...] | None = None
    outcomes: frozenset[str] | None = None
    since: float | None = None
    until: float | None = None
    slower_than: float | None = None
    run: int | None = None
    message: str | None = None
    limit: int = 50


def open_file(path: str) -> sqlite3.Connection:
    """The database at `path`, for reading. Raises HistoryError."""
    try:
        check_regular(path)
        with open(path, "rb"):
            pass  # SQLite does not say which of the many reasons it had
        database = sqlite3.connect(_uri(path, "mode=ro"), uri=True, timeout=PATIENCE, isolation_level=None)
    except OSError as error:
        raise HistoryError(f"cannot read the history {path}: {_advice(error)}") from None
    except sqlite3.Error as error:
        raise unreadable(path, error) from None
    try:
        version = _version(database)
    except sqlite3.Error as error:
        database.close()
        raise unreadable(path, error) from None
    if version != VERSION and version not in MIGRATIONS:  # rows of an older one have fewer columns
        database.close()
        raise HistoryError(
            f"cannot read the history {path}: it has schema {version}, this minisup knows {VERSION}; "
            "use the version of minisup that wrote it"
        )
    return database


def _version(database: sqlite3.Connection) -> int:
    """The schema. A minisup that has just started may not have written it yet: that takes a moment."""
    deadline = time.monotonic() + PATIENCE
    while True:
        version = int(database.execute("PRAGMA user_version").fetchone()[0])
        if version or time.monotonic() > deadline:
            return version
        time.sleep(LOOK_AGAIN)


def in_memory(runs: Iterable[dict[str, Any]]) -> sqlite3.Connection:
    """A database of the runs that a minisup without a directory has told."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    create(database)
    insert(database, [_row(run) for run in runs])
    return database


def unreadable(path: str, error: sqlite3.Error) -> HistoryError:
    """The error for what SQLite says while it reads."""
    return HistoryError(
        f"cannot read the history {path}: {error}\n"
        "  a running minisup moves a damaged file aside by itself; if none runs, move it away and start one"
    )


def select(database: sqlite3.Connection, wanted: Wanted) -> Iterator[Row]:
    """The newest rows that are wanted, oldest first, in the order in which the runs started."""
    if wanted.message is not None and _version(database) < MESSAGES:
        return  # nobody has noted any
    conditions, values = conditions_of(wanted)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    query = f"SELECT * FROM run{_index(wanted)}{where} ORDER BY run"
    if wanted.limit:
        query = f"SELECT * FROM ({query} DESC LIMIT {wanted.limit:d}) ORDER BY run"
    yield from starmap(Row, database.execute(query, values))


def conditions_of(wanted: Wanted) -> tuple[list[str], list[object]]:
    """The conditions of a query and the values of their question marks."""
    conditions: list[str] = []
    values: list[object] = []
    if wanted.places is not None:
        conditions.append(f"({' OR '.join(_place(place, values) for place in wanted.places) or 'FALSE'})")
    if wanted.outcomes is not None:
        if _only_unwell(wanted):
            conditions.append(UNWELL_ROWS)
        if wanted.outcomes != UNWELL:
            conditions.append(f"outcome IN ({', '.join('?' * len(wanted.outcomes))})")
            values += sorted(wanted.outcomes)
    for condition, value in (
        ("started >= ?", wanted.since),
        ("started < ?", wanted.until),
        ("duration > ?", wanted.slower_than),
        ("run = ?", wanted.run),
        ("message = ?", wanted.message),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    return conditions, values


def programs(database: sqlite3.Connection) -> list[str]:
    """The names of all programs that have rows, found by leaps along the index."""
    leaps = """
        WITH RECURSIVE found (name) AS (
            SELECT min(program) FROM run
            UNION ALL SELECT (SELECT min(program) FROM run WHERE program > name) FROM found WHERE name IS NOT NULL
        ) SELECT name FROM found WHERE name IS NOT NULL"""
    return [name for (name,) in database.execute(leaps)]


def slots(database: sqlite3.Connection, program: str) -> list[int]:
    """The numbers of the slots of a program that have rows."""
    return [slot for (slot,) in database.execute("SELECT DISTINCT slot FROM run WHERE program = ?", (program,))]


def highest_run(path: str) -> int:
    """The highest run id in the database at `path`; 0: there is none, or it cannot be read."""
    try:
        database = open_file(path)
        (highest,) = database.execute("SELECT max(run) FROM run").fetchone()
        database.close()
    except (HistoryError, sqlite3.Error):
        return 0
    return int(highest or 0)


def _place(place: Place, values: list[object]) -> str:
    program, slot = place
    values.append(program)
    if slot is None:
        return "program = ?"
    values.append(slot)
    return "program = ? AND slot = ?"


def _index(wanted: Wanted) -> str:
    """Which index helps; elsewhere the newest rows come first anyway, and soon fill the limit."""
    if wanted.run is not None:
        return ""
    if _only_unwell(wanted):
        return " INDEXED BY unwell"
    if wanted.places is not None and len(wanted.places) == 1:
        return " INDEXED BY by_program"
    return " NOT INDEXED"


def _only_unwell(wanted: Wanted) -> bool:
    return bool(wanted.outcomes) and frozenset(wanted.outcomes or ()) <= UNWELL


def _row(run: dict[str, Any]) -> Row:
    from minisup.core.policy.timestamp import seconds_of  # noqa: PLC0415 -- a file has numbers

    program, _, slot = str(run["slot"]).rpartition(":")
    started = seconds_of(run["started"])
    known = {name: run[name] for name in Row._fields if name in run}
    output = run["output"] and storable(run["output"])
    return Row(**{**known, "program": program, "slot": int(slot), "started": started, "output": output})


def _uri(path: str, options: str) -> str:
    for character in "%?#":
        path = path.replace(character, f"%{ord(character):02x}")
    return f"file:{path}?{options}"


def _advice(error: OSError) -> str:
    text = error.strerror or str(error)
    if isinstance(error, FileNotFoundError):
        return f"{text}\n  nothing has run yet, or its state_dir is elsewhere: name the configuration with -c FILE"
    if isinstance(error, PermissionError):
        return f"{text}\n  only its owner may read what jobs print: run this as the user that runs minisup"
    return text
