"""What the supervisor knows of the history: a book to which it adds a line for each run. This one keeps nothing."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from minisup.core.messages import Record
from minisup.core.model import Outcome
from minisup.history.row import UNWELL

KEPT: Final = {"failed": UNWELL, "all": frozenset(Outcome), "none": frozenset[Outcome]()}
"""The outcomes whose output is kept, by the value of `history.output`."""

Say = Callable[[str, str], None]
"""Told a sentence for minisup's log, and its level."""


class HostClock(Protocol):
    """The host's two clocks."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        ...

    def wall(self) -> float:
        """Seconds since 1970."""
        ...


class KeptOutput(NamedTuple):
    """What is kept of what runs print: of which outcomes, how many bytes, and where it comes from.

    `tail` takes a slot, a run and a number of bytes, and returns the last lines that the run has printed.
    """

    of: frozenset[Outcome]
    limit: int
    tail: Callable[[str, int, int], bytes]

    def __call__(self, record: Record) -> bytes:
        """What is kept of the output of this run."""
        return self.tail(record.slot, record.run, self.limit) if record.outcome in self.of else b""


class Book:
    """Forgets everything. The others keep rows in memory (`in_memory.py`) or on disk (`queue.py`)."""

    file: str | None = None
    """The database, if there is one."""

    def add(self, record: Record) -> None:
        """A run has ended. Never waits and never fails."""

    def finish(self) -> None:
        """No more runs will be added: begin to write what is left."""

    def wait(self, deadline: float) -> None:
        """After `finish`: wait until all is written, at most until `deadline`, monotonic."""

    def document(self) -> dict[str, Any]:
        """The answer of the method `history`: the database to read, or the rows that are kept in memory."""
        return {"file": self.file, "runs": []}
