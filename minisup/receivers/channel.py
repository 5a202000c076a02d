"""The receiver's end of the socket: never blocks, neither on a minisup that is silent nor on one that does not read."""

import os
import select
from collections.abc import Iterable, Iterator
from typing import Final

from minisup.receivers.protocol import Lines, NonsenseError, Told, told

PIECE: Final = 1 << 16
MOST_UNREAD: Final = 4 << 20
"""Bytes that may wait for minisup to read them; who has as many receives nothing more."""

MOST_READ: Final = 64
"""Pieces read in a turn."""


class Channel:
    """One socket, as a descriptor. `closed`: the other end has gone, and with it the reason to go on."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._lines = Lines()
        self._unread = bytearray()
        self.closed = False

    @property
    def is_full(self) -> bool:
        """Whether minisup reads so slowly that nothing more is to be received for it."""
        return len(self._unread) > MOST_UNREAD

    def read(self) -> Iterator[Told]:
        """What minisup has said."""
        for _ in range(MOST_READ):
            try:
                data = os.read(self._descriptor, PIECE)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.closed = True
                return
            try:
                lines = self._lines.feed(data)
            except NonsenseError:
                continue
            yield from (found for found in map(told, lines) if found is not None)

    def send(self, line: bytes) -> None:
        """Say this, at once or later."""
        self._unread += line
        self._write()

    def wait(self, others: Iterable[int], seconds: float | None) -> None:
        """Wait until there is something to read here or from one of the others, or the time is over."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN | (select.POLLOUT if self._unread else 0))
        for other in others:
            poll.register(other, select.POLLIN)
        poll.poll(None if seconds is None else max(0.0, seconds) * 1000 + 1)  # never a moment too early
        self._write()

    def _write(self) -> None:
        while self._unread and not self.closed:
            try:
                sent = os.write(self._descriptor, memoryview(self._unread)[: 4 * PIECE].tobytes())
            except BlockingIOError:
                return
            except OSError:
                self.closed = True
                return
            del self._unread[:sent]
