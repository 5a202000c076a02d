"""The sink for pipes and terminals, which can be opened a second time and then need no thread."""

import os
import select
from typing import Final

from minisup.host.loop import Loop
from minisup.host.output.sink import QueuedSink, Report

RETRY: Final = 0.01
"""Seconds until the next try on a descriptor that says it is writable and then takes nothing."""


class ReadySink(QueuedSink):
    """A second open file description of the same pipe or terminal: this one is ours alone and may be non-blocking.

    Raises OSError where the system does not let us open it (another user's, no /proc, a pipe without a reader).
    """

    def __init__(self, fd: int, name: str, loop: Loop, report: Report) -> None:
        super().__init__(fd, name, loop, report)
        self._own = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        self._rest = memoryview(b"")

    def write(self, data: bytes) -> None:
        if self.broken:
            return
        if self.size:
            self._add(data)
            return
        written = self._try(data)
        if written < len(data):
            self._rest = memoryview(data)[written:]
            self._added += len(self._rest)
            self._loop.on_writable(self._own, self._on_writable)

    def close(self) -> None:
        super().close()
        self._loop.forget(self._own)
        os.close(self._own)

    def _on_writable(self) -> None:
        if not self._push():
            # A terminal may call itself writable with less room than one character takes.
            self._loop.forget_writable(self._own)
            self._loop.at(self._loop.clock.monotonic() + RETRY, self._watch)
        elif not self.size:
            self._loop.forget_writable(self._own)
        self._tell_space()

    def _watch(self) -> None:
        if self.size:
            self._loop.on_writable(self._own, self._on_writable)

    def _push(self) -> bool:
        if not self._rest:
            self._rest = memoryview(self._next_batch())
        written = self._try(self._rest)
        self._rest = self._rest[written:]
        self._removed += written
        if self.broken:
            self.lost += sum(map(len, self._queue))
            self._queue.clear()
            self._removed = self._added
        return written > 0

    def _try(self, data: bytes | memoryview) -> int:
        try:
            written = os.write(self._own, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._failed(error, len(data))
            return len(data)
        if self._troubled:
            self._healed()
        return written

    def _wait_empty(self, deadline: float) -> None:
        poller = select.poll()
        poller.register(self._own, select.POLLOUT)
        while self.size and (remaining := deadline - self._loop.clock.monotonic()) > 0:
            poller.poll(remaining * 1000)
            self._push()
