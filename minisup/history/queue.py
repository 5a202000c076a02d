"""From the loop to the database: a bounded queue, and one thread that writes what is in it.

Rule 1: the loop never waits. What the queue cannot take is dropped and counted.
Rule 2: the thread sleeps until there is a row, then waits a moment for company: rows are written in batches.
Rule 3: the thread is started by the first run that ends, and SQLite is loaded there: the first start waits for neither.
"""

import signal
from _thread import allocate_lock, start_new_thread  # `threading` costs 0.4 MiB and adds nothing here
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from minisup.core.messages import Record
from minisup.history.base import Book, HostClock, KeptOutput, Say

if TYPE_CHECKING:
    from minisup.history.writer import Scribe

LINGER: Final = 0.25
"""Seconds that a row waits for company; with the writing itself it is in the database within half a second."""

PAUSE: Final = 5.0
"""Seconds between two attempts while the database cannot be written."""

MOST_ROWS: Final = 10_000
"""Rows in the queue: three seconds of the fastest jobs, about 4 MiB."""

MOST_OUTPUT: Final = 4 << 20
"""Bytes of output in the queue; above that rows are kept without theirs."""

Waiting = tuple[Record, bytes]


NO_THREAD: Final = "the system gives minisup no thread (ulimit -v or -u, pids.max)"


class Keeper(Book):
    """The history on disk. `make_scribe` is called in the thread; `post` makes a call in the loop's thread."""

    def __init__(
        self,
        file: str,
        make_scribe: Callable[[Say], "Scribe"],
        output: KeptOutput,
        clock: HostClock,
        say: Say,
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self.file = file
        self.dropped = 0  # rows that the queue could not take
        self._make_scribe = make_scribe
        self._output = output
        self._clock = clock
        self._say = say
        self._post = post
        self._queue: deque[Waiting] = deque()
        self._put = self._taken = 0  # bytes of output; the second belongs to the thread
        self._lock = allocate_lock()
        self._wake = _closed_gate()
        self._hurry = _closed_gate()
        self._done = _closed_gate()
        self._asleep = False
        self._started = self._threadless = False
        self._closing = False
        self._words: deque[tuple[str, str]] = deque()

    def add(self, record: Record) -> None:
        """See `Book`."""
        if len(self._queue) >= MOST_ROWS:
            if not self.dropped:
                self._say(f"the history {self.file} cannot keep up: it leaves out runs; runs go on", "warning")
            self.dropped += 1
            return
        output = self._output(record)
        if output:
            if self._put - self._taken > MOST_OUTPUT:
                output = b""
            self._put += len(output)
        self._queue.append((record, output))
        if self._asleep or not self._started:
            self._rouse()

    def finish(self) -> None:
        """See `Book`."""
        if self._started and not self._closing:
            self._closing = True
            self._hurry.release()
            self._rouse()

    def wait(self, deadline: float) -> None:
        """See `Book`."""
        if self._started:
            if self._done.acquire(timeout=max(0.0, deadline - self._clock.monotonic())):
                self._done.release()  # whoever asks again finds it done
            self._tell()

    def document(self) -> dict[str, Any]:
        """See `Book`; `dropped` counts rows that could not be kept."""
        return {**super().document(), "dropped": self.dropped}

    def _rouse(self) -> None:
        if not self._started:
            self._start()
            return
        with self._lock:
            asleep, self._asleep = self._asleep, False
        if asleep:
            self._wake.release()

    def _start(self) -> None:
        # Signals must reach the loop's thread: only there do they end a wait.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            start_new_thread(self._run, ())
            self._started = True
        except RuntimeError:  # the machine has no thread left: the next row tries again
            if not self._threadless:
                self._threadless = True
                self._say(f"cannot write the history {self.file} yet: {NO_THREAD}; each run tries again", "warning")
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _tell(self) -> None:
        while self._words:
            self._say(*self._words.popleft())

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            scribe = self._scribe()
            while scribe is not None and self._await_rows():
                if not self._closing:
                    self._hurry.acquire(timeout=PAUSE if scribe.trouble else LINGER)
                self._write(scribe)
            if scribe is not None:
                scribe.close()
        except Exception as error:  # noqa: BLE001 -- a defect of minisup costs the history, not the jobs
            self._pass_on(f"the history has ended: internal error: {type(error).__name__}: {error}", "error")
        finally:
            self._done.release()

    def _scribe(self) -> "Scribe | None":
        """Who writes, as soon as the machine lets it be loaded: it may have no descriptor left. None: too late."""
        troubled = False
        while True:
            try:
                scribe = self._make_scribe(self._pass_on)
            except (OSError, ImportError, MemoryError) as error:
                if not troubled:
                    why = getattr(error, "strerror", None) or str(error) or "no memory is left"
                    self._pass_on(f"cannot write the history {self.file} yet: {why}; runs go on", "warning")
                troubled = True
            else:
                if troubled:
                    self._pass_on(f"the history {self.file} is written", "info")
                return scribe
            if self._closing:
                return None
            self._hurry.acquire(timeout=PAUSE)

    def _write(self, scribe: "Scribe") -> None:
        try:
            scribe.write(self._batch(), lambda: bool(self._queue))
        except MemoryError:
            pass  # not even for the words: this batch is lost, and the next one may have more luck

    def _await_rows(self) -> bool:
        """Sleep until there are rows; false when there will be none any more."""
        with self._lock:
            self._asleep = True  # before the look: whoever adds a row later sees it
            if self._queue or self._closing:
                self._asleep = False
            asleep = self._asleep
        if asleep:
            self._wake.acquire()
        return bool(self._queue) or not self._closing

    def _batch(self) -> list[Waiting]:
        batch = [self._queue.popleft() for _ in range(len(self._queue))]
        self._taken += sum(len(output) for _, output in batch)
        return batch

    def _pass_on(self, sentence: str, level: str) -> None:
        self._words.append((sentence, level))
        self._post(self._tell)


def _closed_gate() -> Any:  # noqa: ANN401 -- the type of a lock has no public name before Python 3.13
    gate = allocate_lock()
    gate.acquire()
    return gate
