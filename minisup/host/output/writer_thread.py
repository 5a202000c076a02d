"""The sink for what can only be written by waiting: sockets, files, and pipes that may not be opened again.

The loop's thread appends to the queue, the sink's own thread takes batches from it and writes them. The lock guards
only who sleeps and who must wake whom.
"""

import os
import select
import signal
from _thread import allocate_lock, start_new_thread  # `threading` costs 0.4 MiB and adds nothing here
from collections import deque
from typing import Final

from minisup.host.loop import Callback, Loop
from minisup.host.output.sink import SLICE, QueuedSink, Report

LINGER: Final = 0.005
"""Seconds that bytes wait for company: waking the thread costs more than a short line is worth."""

START_RETRY: Final = 1.0
"""Seconds until another try to start a thread when the machine has none left."""


class ThreadSink(QueuedSink):
    """A descriptor with its own thread, started by the first byte. The thread dies with the process."""

    def __init__(self, fd: int, name: str, loop: Loop, report: Report) -> None:
        super().__init__(fd, name, loop, report)
        self._lock = allocate_lock()
        self._wake = allocate_lock()
        self._wake.acquire()
        self._asleep = False
        self._started = False
        self._lingering = False
        self._closed = False
        self._on_empty: list[Callback] = []
        self._chores: deque[Callback] = deque()  # for the thread, between two batches

    def write(self, data: bytes) -> None:
        if self.broken:
            return
        self._add(data)
        if self.size >= SLICE:
            self._hand_over()
        elif not self._lingering:
            self._lingering = True
            self._loop.at(self._loop.clock.monotonic() + LINGER, self._hand_over)

    def close(self) -> None:
        """End the thread; one that is in the middle of a write ends after it."""
        super().close()
        with self._lock:
            self._closed = self.broken = True
        self._hand_over()

    def _do_in_thread(self, chore: Callback) -> None:
        """Let the thread call `chore` before it writes on. Only for a thread that has been started."""
        self._chores.append(chore)
        self._hand_over()

    def _hand_over(self) -> None:
        self._lingering = False
        with self._lock:
            asleep, self._asleep = self._asleep, False
        if asleep:
            self._wake.release()
        elif not self._started:
            self._start()

    def _start(self) -> None:
        if self._closed:
            return
        self._started = True
        # Signals must reach the loop's thread: only there do they end a wait.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            start_new_thread(self._run, ())
        except RuntimeError:
            self._loop.at(self._loop.clock.monotonic() + START_RETRY, self._start)
            self._lacks_thread(True)
        else:
            self._lacks_thread(False)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _lacks_thread(self, lacking: bool) -> None:
        """The machine has no thread for it now, or has one: to be told when that changes."""

    def _wait_empty(self, deadline: float) -> None:
        self._hand_over()
        gate = allocate_lock()
        gate.acquire()
        with self._lock:
            if not self.size:
                return
            self._on_empty.append(gate.release)
        gate.acquire(timeout=max(0.0, deadline - self._loop.clock.monotonic()))

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closed:
            while self._chores:
                self._chores.popleft()()
            with self._lock:
                idle = self._asleep = not self._queue and not self._chores
                if idle:
                    for release in self._on_empty:
                        release()
                    self._on_empty.clear()
            if idle:
                self._wake.acquire()
            elif self._queue:
                self._put(self._next_batch())

    def _put(self, batch: bytes) -> None:
        rest = memoryview(batch)
        while rest:
            written = self._try(rest)
            rest = rest[written:]
            self._removed += written
        if self._waiting:
            self._post(self._tell_space)

    def _post(self, callback: Callback) -> None:
        if not self._closed:  # the loop may be gone, too
            self._loop.post(callback)

    def _try(self, data: memoryview) -> int:
        if self.broken:
            return len(data)
        try:
            written = os.write(self.fd, data)
        except BlockingIOError:  # somebody else made it non-blocking
            poller = select.poll()
            poller.register(self.fd, select.POLLOUT)
            poller.poll()
            return 0
        except OSError as problem:
            error = problem
            self._post(lambda: self._failed(error, len(data)))
            return len(data)
        if self._troubled:
            self._post(self._healed)
        return written
