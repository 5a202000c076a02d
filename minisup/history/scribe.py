"""Writes batches into the database and bears what can go wrong with it. Belongs to the thread of `keeper.py`.

Whatever is wrong costs rows, never runs: it is said once, tried again with the next batch, and said once when it is
over. Meanwhile rows are kept, as many as fit.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from minisup.core.messages import Record
from minisup.history.book import Clock, Say
from minisup.history.place import move_aside
from minisup.history.row import Row, own_peak, row_of
from minisup.history.store import Retention, Store, is_damaged

MOST_ROWS: Final = 10_000
"""Rows that are kept while they cannot be written; the oldest go first."""

MOST_OUTPUT: Final = 4 << 20
"""Characters of output that are kept with them; the oldest go first."""

LOOK: Final = 60.0
"""Seconds between two looks for rows that are too old."""


class Scribe:
    """The one writer of a database. `trouble` says that it could not be written lately."""

    def __init__(self, path: str, retention: Retention, clock: Clock, say: Say) -> None:
        self.trouble = False
        self.lost = 0  # rows
        self._path = path
        self._retention = retention
        self._clock = clock
        self._say = say
        self._store: Store | None = None
        self._rows: list[Row] = []
        self._looked: float | None = None

    def write(self, batch: Sequence[tuple[Record, bytes]], busy: Callable[[], bool]) -> None:
        """Write runs with their output, then delete what is too old or too much, until `busy`."""
        offset = self._clock.wall() - self._clock.monotonic()
        peak = own_peak()
        self._rows += [row_of(record, output, offset, peak) for record, output in batch]
        try:
            self._put()
            self._prune(busy)
        except (sqlite3.Error, OSError) as error:
            self._fail(error)

    def close(self) -> None:
        """Give the file back. What cannot be written now is lost, and that is said."""
        if self._rows:
            self.write((), lambda: True)
        if self._rows:
            self._say(f"{len(self._rows) + self.lost:,} runs are not in the history {self._path}", "warning")
        self._give_back()

    def _put(self) -> None:
        if self._store is not None and self._store.gone:
            self._give_back()
        if self._store is None:
            self._store = self._open()
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
        by_age = self._looked is None or now - self._looked >= LOOK
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
        self._keep_some()

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
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
