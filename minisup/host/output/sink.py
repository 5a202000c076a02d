"""Where output goes: minisup's own stdout and stderr, which somebody else may stop reading.

Rule 1: `write` never waits. What cannot be written yet is kept, and `full` tells the readers of jobs to pause.
Rule 2: O_NONBLOCK is never set on a descriptor that minisup was given: the flag belongs to the open file description,
which jobs and the user's shell share. A pipe or a terminal is opened a second time instead (see `ReadySink`).
Rule 3: output that nobody can take any more is thrown away, said once, and harms no job.

`docs/decisions/0004-writer-threads.md` has the reasons and the measurements.
"""

import errno
import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Final

from minisup.host.loop import Callback, Loop

FULL: Final = 1 << 20
"""Bytes of memory kept for a slow reader, after which what feeds the sink is no longer read."""

LOW: Final = FULL // 2
"""Bytes below which a sink that was full has space again."""

SLICE: Final = 1 << 17
"""Bytes given to the system in one call: what bounds a turn, and how coarse a thread's progress is."""

FLUSH_LIMIT: Final = 1.0
"""Seconds that an exit waits for a slow reader."""

ITEM: Final = 64
"""Bytes of memory that a queued piece costs beside its own: many short lines are as bounded as few long ones."""

PASSING: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM, errno.ENOBUFS})
"""Errors that cost the output at hand and may be over by the next one. All others break the sink for good."""

Report = Callable[[str, OSError | None], None]
"""Told, in the loop's thread, the sink's name and the error that starts to cost output; None: it takes output again."""


class Sink(ABC):
    """A descriptor that takes bytes in order. All methods belong to the loop's thread."""

    terminal = False
    """Whether somebody looks, whose terminal what jobs print must not command."""

    def __init__(self, fd: int, name: str, loop: Loop, report: Report) -> None:
        self.fd = fd
        self.name = name
        self.dropped = 0  # own lines that `offer` refused
        self.lost = 0  # bytes that errors have cost
        self.broken = False
        self._troubled = False
        self._loop = loop
        self._report = report
        self._waiting: list[Callback] = []

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes of memory that wait for the reader."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Take `data`, whatever its size; the caller looks at `full` first."""

    @abstractmethod
    def _wait_empty(self, deadline: float) -> None:
        """Wait until nothing is left to write, at most until `deadline`, monotonic."""

    def close(self) -> None:
        """Give back what the sink opened itself. What is still queued is lost."""
        self._waiting.clear()

    @property
    def full(self) -> bool:
        """Whether those who can wait should."""
        return self.size >= FULL

    def offer(self, data: bytes) -> bool:
        """Take `data` unless the sink is full: then it is counted in `dropped` and forgotten."""
        if self.broken or self.full:
            self.dropped += 1
            return False
        self.write(data)
        return True

    def when_space(self, callback: Callback) -> None:
        """Call `callback` once, in a later turn of the loop, when less than half of what `full` means is kept."""
        self._waiting.append(callback)
        self._tell_space()

    def flush(self, deadline: float) -> bool:
        """Wait for the reader, at most until `deadline` (monotonic) and `FLUSH_LIMIT`; whether all has been written."""
        if self.size:
            self._wait_empty(min(deadline, self._loop.clock.monotonic() + FLUSH_LIMIT))
        return not self.size

    def _tell_space(self) -> None:
        if self._waiting and self.size < LOW:
            self._loop.post(self._call_waiting)

    def _call_waiting(self) -> None:
        if self.size < LOW:
            waiting, self._waiting = self._waiting, []
            for callback in waiting:
                callback()

    def _failed(self, error: OSError, lost: int) -> None:
        self.lost += lost
        if error.errno not in PASSING:
            self.broken = True
        if not self._troubled:
            self._troubled = True
            self._report(self.name, error)

    def _healed(self) -> None:
        if self._troubled and not self.broken:
            self._troubled = False
            self._report(self.name, None)


class DirectSink(Sink):
    """A memory device: it cannot block."""

    size = 0

    def write(self, data: bytes) -> None:
        if self.broken:
            return
        try:
            os.write(self.fd, data)
        except OSError as error:
            self._failed(error, len(data))
        else:
            if self._troubled:
                self._healed()

    def _wait_empty(self, deadline: float) -> None:
        """Nothing is ever kept."""


class NullSink(Sink):
    """Output that nobody wants."""

    size = 0
    full = False

    def __init__(self, loop: Loop) -> None:
        super().__init__(-1, "none", loop, lambda _name, _error: None)

    def write(self, data: bytes) -> None:
        """Take it and forget it."""

    def _wait_empty(self, deadline: float) -> None:
        """Nothing is ever kept."""


class QueuedSink(Sink):
    """A sink that keeps what cannot be written at once.

    Of the two counters one belongs to those who add, the other to those who write: no lock guards them.
    """

    def __init__(self, fd: int, name: str, loop: Loop, report: Report) -> None:
        super().__init__(fd, name, loop, report)
        self._queue: deque[bytes] = deque()
        self._added = 0
        self._removed = 0

    @property
    def size(self) -> int:
        return self._added - self._removed

    def _add(self, data: bytes) -> None:
        self._added += len(data) + ITEM
        self._queue.append(data)

    def _next_batch(self) -> bytes:
        """Take about `SLICE` bytes, at least one piece, off the queue; they count until they are written."""
        queue = self._queue
        batch = [queue.popleft()]
        size = len(batch[0])
        while queue and size < SLICE:
            batch.append(queue.popleft())
            size += len(batch[-1])
        self._removed += ITEM * len(batch)
        return b"".join(batch) if len(batch) > 1 else batch[0]
