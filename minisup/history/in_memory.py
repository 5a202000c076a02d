"""The history of a minisup that has no directory for it: the last runs, in memory."""

from collections import deque
from typing import Any, Final

from minisup.core.messages import Record
from minisup.core.model import Seconds
from minisup.history.base import Book, HostClock, KeptOutput
from minisup.history.row import document, own_peak, row_of

MOST_ROWS: Final = 1000

MOST_OUTPUT: Final = 1 << 20
"""Bytes of output that are kept in all; the oldest goes first."""


class Recent(Book):
    """The last `MOST_ROWS` runs, or fewer. Rows are made when somebody asks: a run pays for an append."""

    def __init__(self, output: KeptOutput, clock: HostClock, max_rows: int = MOST_ROWS) -> None:
        self._output = output
        self._clock = clock
        self._records: deque[tuple[Record, Seconds]] = deque(maxlen=min(max_rows, MOST_ROWS))
        self._outputs: dict[int, bytes] = {}  # by run, oldest first
        self._size = 0

    def add(self, record: Record) -> None:
        """See `Book`."""
        self._records.append((record, self._clock.wall() - self._clock.monotonic()))
        output = self._output(record)
        if output:
            self._outputs[record.run] = output
            self._size += len(output)
            self._forget()

    def document(self) -> dict[str, Any]:
        """See `Book`."""
        peak = own_peak()
        rows = [row_of(record, self._outputs.get(record.run, b""), offset, peak) for record, offset in self._records]
        return {"file": None, "runs": [document(row) for row in rows]}

    def _forget(self) -> None:
        while self._size > MOST_OUTPUT or len(self._outputs) > MOST_ROWS:
            self._size -= len(self._outputs.pop(next(iter(self._outputs))))
