"""Writes batches into the database and bears what can go wrong with it. Belongs to the thread of `queue.py`.

Whatever is wrong costs rows, never runs: it is said once, tried again with the next batch, and said once when it is
over. Meanwhile rows are kept, as many as fit.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from minisup.core.messages import Record
from minisup.history.base import HostClock, Say
from minisup.history.place import move_aside
from minisup.history.row import Row, own_peak, row_of
from minisup.history.steady_clock import Steady
from minisup.history.store import Retention, Store, is_damaged

MOST_ROWS: Final = 10_000
"""Rows that are kept while they cannot be written; the oldest go first."""

MOST_OUTPUT: Final = 4 << 20
"""Characters of output that are kept with them; the oldest go first."""

LOOK: Final = 60.0
"""Seconds between two looks for rows that are too old."""


TRY_AGAIN: Final = (sqlite3.Error, OSError, MemoryError)
"""What may be over when the next batch is written: the rows are kept until then."""

BAD_ROW: Final = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
"""Of these, what would come again."""


class Scribe:
    """The one writer of a database. `trouble` says that it could not be written lately."""

    def __init__(self, path: str, retention: Retention, clock: HostClock, say: Say) -> None:
        self.trouble = False
        self.lost = 0  # rows
        self._path = path
        self._retention = retention
        self._clock = clock
        self._say = say
        self._store: Store | None = None
        self._rows: list[Row] = []
        self._looked: float | None = None
        self._steady = Steady(clock)

    def write(self, batch: Sequence[tuple[Record, bytes]], busy: Callable[[], bool]) -> None:
        """Write runs with their output, then delete what is too old or too much, until `busy`."""
        try:
            self._add(batch)
            self._put()
            self._prune(busy)
        except Exception as error:  # noqa: BLE001 -- whatever one batch brings, the next one is written
            self._fail(error)

    def close(self) -> None:
        """Give the file back. What cannot be written now is lost, and that is said."""
        if self._rows:
            self.write((), lambda: True)
        if self._rows:
            self._say(f"{len(self._rows) + self.lost:,} runs are not in the history {self._path}", "warning")
        self._give_back()

    def _add(self, batch: Sequence[tuple[Record, bytes]]) -> None:
        offset = self._clock.wall() - self._clock.monotonic()
        peak = own_peak()
        self.lost += len(batch)  # until they are here: there may be no memory for them
        self._rows += [row_of(record, output, offset, peak) for record, output in batch]
        self.lost -= len(batch)

    def _put(self) -> None:
        if self._store is not None and self._store.gone:
            self._give_back()
        if self._store is None:
            self._store = self._open()
            self._steady.begin(self._store.newest())
        self._store.write(self._rows)
        self._rows = []
        if self.trouble:
            self.trouble = False
            lost = f"{self.lost:,} runs are missing in it" if self.lost else "no run is missing in it"
            self._say(f"the history {self._path} can be written again; {lost}", "info")
            self.lost = 0

    def _open(self) -> Store:
        try:
            store = Store(self._path, self._retention)
        except sqlite3.Error as error:
            if not is_damaged(error):
                raise
            self._move_aside()
            store = Store(self._path, self._retention)
        if store.network:
            self._say(f"the history {self._path} is on {store.network}: slow, and readers may delay it", "warning")
        return store

    def _prune(self, busy: Callable[[], bool]) -> None:
        assert self._store is not None
        now = self._clock.monotonic()
        steady = self._steady.look()
        by_age = steady and (self._looked is None or now - self._looked >= LOOK)
        while self._store.prune(self._clock.wall(), by_age=by_age):
            if busy():
                return
        if by_age:
            self._looked = now

    def _fail(self, error: Exception) -> None:
        self._give_back()
        if is_damaged(error):
            try:
                self._move_aside()
                self._put()
            except (sqlite3.Error, OSError) as another:
                error = another
                self._give_back()
            else:
                return
        if not self.trouble:
            self.trouble = True
            self._say(f"cannot write the history {self._path}: {_words(error)}; runs go on", "warning")
        if isinstance(error, TRY_AGAIN) and not isinstance(error, BAD_ROW):
            self._keep_some()
        else:  # one of the rows is what SQLite does not take: it must not stand in the way of the others
            self.lost += len(self._rows)
            self._rows = []

    def _keep_some(self) -> None:
        excess = max(0, len(self._rows) - MOST_ROWS)
        self.lost += excess
        del self._rows[:excess]
        room = MOST_OUTPUT
        for place in range(len(self._rows) - 1, -1, -1):
            room -= len(self._rows[place].output or "")
            if room < 0:
                self._rows[place] = self._rows[place]._replace(output=None)

    def _move_aside(self) -> None:
        name = move_aside(self._path)
        self._say(f"the history was damaged: it is kept as {name}, and a new one begins", "warning")

    def _give_back(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            try:
                store.close()
            except sqlite3.Error:
                pass  # it is broken; it will be opened anew


def _words(error: Exception) -> str:
    """What the system said, without the file that it said it of: that may be one of minisup's own."""
    if isinstance(error, MemoryError):
        return "no memory is left"
    if not isinstance(error, TRY_AGAIN):
        return f"internal error: {type(error).__name__}: {error}"
    return getattr(error, "strerror", None) or str(error)
