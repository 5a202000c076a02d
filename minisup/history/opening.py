"""Which book suits: on disk where there is a directory for it, else in memory, or none."""

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol

from minisup.history import FILE
from minisup.history.base import KEPT, Book, HostClock, KeptOutput, Say
from minisup.history.in_memory import Recent
from minisup.history.queue import Keeper

if TYPE_CHECKING:
    from minisup.history.writer import Scribe  # the keeper's thread loads it, and so SQLite


class HistoryOptions(Protocol):
    """The table `supervisor.history` of the configuration."""

    @property
    def keep(self) -> float:
        """Seconds."""

    @property
    def max_rows(self) -> int:
        """Rows; 0 for no history."""

    @property
    def output(self) -> str:
        """Of which runs: a key of `KEPT`."""

    @property
    def tail(self) -> int:
        """Bytes."""


def open_book(
    directory: str | None,
    options: HistoryOptions,
    tail: Callable[[str, int, int], bytes],
    clock: HostClock,
    say: Say,
    post: Callable[[Callable[[], None]], None],
) -> Book:
    """The history of a minisup whose state is in `directory`; None: in memory.

    `tail` gives what a run has printed (see `KeptOutput`); `post` makes a call in the thread of the loop.
    """
    if not options.max_rows:
        return Book()
    output = KeptOutput(KEPT[options.output], options.tail, tail)
    if directory is None:
        return Recent(output, clock, options.max_rows)
    file = os.path.abspath(os.path.join(directory, FILE))
    return Keeper(file, partial(_scribe, file, options, clock), output, clock, say, post)


def last_run(directory: str) -> int:
    """The highest run id in the history of a directory; 0: it has none."""
    file = os.path.join(directory, FILE)
    if not os.path.exists(file):
        return 0
    from minisup.history.reading import highest_run  # noqa: PLC0415 -- only when the directory has lost its run ids

    return highest_run(file)


def _scribe(file: str, options: HistoryOptions, clock: HostClock, say: Say) -> "Scribe":
    from minisup.history.store import Retention  # noqa: PLC0415 -- as above
    from minisup.history.writer import Scribe  # noqa: PLC0415 -- SQLite costs 1.5 MiB and 10 ms

    return Scribe(file, Retention(options.keep, options.max_rows), clock, say)
