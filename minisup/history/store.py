"""The database file, as its one writer has it open. Everything here may wait: it belongs to a thread.

Rule 1: a batch is written as a whole or not at all.
Rule 2: nothing is deleted that retention does not name.
Rule 3: old rows are deleted in pieces, so that no transaction is long.
"""

import os
import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Final, NamedTuple

from minisup.file_system import network_file_system
from minisup.history.place import check_regular
from minisup.history.row import Row

VERSION: Final = 3
"""Of the schema, in `PRAGMA user_version`."""

MIGRATIONS: Final = {
    1: "ALTER TABLE run ADD COLUMN delay REAL",
    2: ";\n".join(
        f"ALTER TABLE run ADD COLUMN {column}"
        for column in ("message TEXT", "receives INTEGER", "wait REAL", "boot REAL")
    ),
}
"""What makes a database of a version one of the next. A new column stands last, so that old rows only end sooner."""

CHUNK: Final = 25
"""Rows in one statement: each one gives up the interpreter, and has to wait for the loop to get it back."""

PIECE: Final = 2000
"""The most rows that are deleted in one transaction."""

PATIENCE: Final = 5.0
"""Seconds to wait for another process that holds the database locked."""

CACHE: Final = 512
"""KiB of pages that are kept in memory."""

DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Retention(NamedTuple):
    """How much is remembered: seconds, and rows."""

    keep: float
    max_rows: int


def is_damaged(error: Exception) -> bool:
    """Whether the file is no database any more, so that trying again would not help."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED


class Store:
    """An open database. All methods raise sqlite3.Error or OSError when they cannot do their work."""

    def __init__(self, path: str, retention: Retention) -> None:
        self.path = path
        self.retention = retention
        self.network = network_file_system(os.path.dirname(path) or ".")
        self._file = _make(path)
        self._database = _connect(path, "DELETE" if self.network else "WAL")
        try:
            (self.rows,) = self._database.execute("SELECT count(*) FROM run").fetchone()
        except BaseException:
            self._database.close()
            raise

    @property
    def gone(self) -> bool:
        """Whether somebody has removed or replaced the file: what is written would be lost."""
        try:
            return _identity(os.stat(self.path)) != self._file
        except OSError:
            return True

    def newest(self) -> float | None:
        """When the run that started last has ended, wall clock; None: there are no rows."""
        query = "SELECT started + ifnull(duration, 0) FROM run ORDER BY run DESC LIMIT 1"
        found = self._database.execute(query).fetchone()
        return float(found[0]) if found else None

    def write(self, rows: Sequence[Row]) -> None:
        """Add the rows, all or none."""
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            before = database.total_changes
            insert(database, rows)
            database.execute("COMMIT")
        except BaseException:
            _roll_back(database)
            raise
        self.rows += database.total_changes - before

    def prune(self, now: float, *, by_age: bool) -> bool:
        """Delete a piece of what is too old or too much; whether there may be more. `now` is the wall clock."""
        excess = self.rows - self.retention.max_rows
        if excess > 0:
            self._delete("SELECT run FROM run ORDER BY run LIMIT ?", min(excess, PIECE))
            return bool(excess > PIECE)
        if not by_age:
            return False
        # Ids are in the order of the starts; a run's age counts from its end.
        oldest = f"SELECT run FROM run ORDER BY run LIMIT {PIECE}"
        old = f"SELECT run FROM run WHERE run IN ({oldest}) AND started + ifnull(duration, 0) < ?"
        return self._delete(old, now - self.retention.keep) > 0

    def close(self) -> None:
        """Write everything to its place and give the file back."""
        self._database.close()

    def _delete(self, which: str, argument: float) -> int:
        deleted: int = self._database.execute(f"DELETE FROM run WHERE run IN ({which})", (argument,)).rowcount
        self.rows -= deleted
        return deleted


def _make(path: str) -> tuple[int, int]:
    """Make the file if there is none, for its owner alone: jobs print what they like. Returns what it is known by."""
    check_regular(path)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        return _identity(os.fstat(file))
    finally:
        os.close(file)


def _connect(path: str, journal: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    try:
        (mode,) = database.execute(f"PRAGMA journal_mode = {journal}").fetchone()
        if mode.upper() != journal:
            database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(f"PRAGMA cache_size = -{CACHE}")
        _prepare(database)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    while version in MIGRATIONS:
        database.executescript(
            f"BEGIN IMMEDIATE;\n{MIGRATIONS[version]};\nPRAGMA user_version = {version + 1};\nCOMMIT;"
        )
        version += 1
    if version == VERSION:
        return
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if version or tables:
        raise sqlite3.OperationalError(f"it is not a history of this version of minisup (schema {version})")
    create(database)


def create(database: sqlite3.Connection) -> None:
    """Make the tables in an empty database."""
    with open(os.path.join(os.path.dirname(__file__), "schema.sql"), encoding="utf-8") as file:
        schema = file.read()
    database.executescript(f"BEGIN;\n{schema}\nPRAGMA user_version = {VERSION};\nCOMMIT;")


def insert(database: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Add rows, within whatever transaction there is."""
    whole = len(rows) - len(rows) % CHUNK
    for start in range(0, whole, CHUNK):
        database.execute(_INSERT_CHUNK, tuple(chain.from_iterable(rows[start : start + CHUNK])))
    database.executemany(_INSERT_ONE, rows[whole:])


def _insertion(count: int) -> str:
    columns = Row._fields
    one = f"({', '.join('?' * len(columns))})"
    # A run that is found lost may be here already: minisup was killed before it had forgotten that it was running.
    newer = ", ".join(f"{column} = excluded.{column}" for column in columns[1:])
    update = f"ON CONFLICT (run) DO UPDATE SET {newer} WHERE excluded.outcome <> 'lost'"
    return f"INSERT INTO run VALUES {', '.join([one] * count)} {update}"


_INSERT_ONE: Final = _insertion(1)
_INSERT_CHUNK: Final = _insertion(CHUNK)


def _roll_back(database: sqlite3.Connection) -> None:
    try:
        if database.in_transaction:
            database.execute("ROLLBACK")
    except sqlite3.Error:
        pass  # the first error is the one to tell


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
