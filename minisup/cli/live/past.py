"""What was before the screen was opened: the last hour of the history, read once, aside, while the screen is there."""

import sqlite3
import threading
import time
from collections.abc import Sequence

from minisup.cli.live.rates import BARS, STEP
from minisup.control.client import Client
from minisup.errors import MinisupError

Counts = dict[str, list[int]]


class LastHour:
    """Runs by program and five minutes, oldest first, the running one last; the history may be unknown here."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self._found: tuple[Counts, float] | None = None
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def take(self) -> tuple[Counts, float] | None:
        """What was found, and when (monotonic); once. None: nothing yet, or nothing any more."""
        found, self._found = self._found, None
        return found

    def _look(self) -> None:
        try:
            with Client(self._paths) as minisup:
                answer = minisup.history()
            now = time.monotonic()
            self._found = counted(answer, time.time() - now % STEP), now
        except (MinisupError, sqlite3.Error, OSError):
            pass  # no history, or one that cannot be read from here: the bars begin now


def counted(answer: dict[str, object], current: float) -> Counts:
    """The counts in what `history` answers; `current` is when the running step began, seconds since 1970."""
    from minisup.history.reading import in_memory, open_file  # noqa: PLC0415 -- as above
    from minisup.history.recent import ended_lately  # noqa: PLC0415 -- SQLite, while the first picture is drawn

    file, runs = answer["file"], answer["runs"]
    assert isinstance(runs, list)
    database = in_memory(runs) if file is None else open_file(str(file))
    try:
        return ended_lately(database, current - (BARS - 1) * STEP, STEP, BARS)
    finally:
        database.close()
