"""The read end of one pipe: bounded reads while its run goes on, an exact last read when it has ended."""

import os
from collections import deque
from collections.abc import Callable, MutableMapping
from fcntl import ioctl
from termios import FIONREAD
from typing import Any, Final

from minisup.host.loop import Loop
from minisup.host.output.longlines import LongLines, Taken
from minisup.host.output.sink import FULL, Sink
from minisup.host.output.tails import Tail

CHUNK: Final = 1 << 16
"""Bytes read at once: what a pipe holds unless somebody enlarged it."""

TURN: Final = 4
"""Chunks read from one pipe before the others get their turn; one only while the sink lags behind."""

RESUMED: Final = 64
"""Pipes that are read in one turn when their sink has space again."""

_COUNT: Final = memoryview(bytearray(4)).cast("i")
"""Where the system counts the bytes in a pipe."""


class Feed:
    """A sink and the streams that wait for it, first come first served."""

    __slots__ = ("_asked", "_waiting", "sink")

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._waiting: deque[Stream] = deque()
        self._asked = False

    def add(self, stream: "Stream") -> None:
        """Read `stream` again when the sink has space."""
        self._waiting.append(stream)
        self._ask()

    def _ask(self) -> None:
        if not self._asked:
            self._asked = True
            self.sink.when_space(self._resume)

    def _resume(self) -> None:
        self._asked = False
        for _ in range(min(len(self._waiting), RESUMED)):
            if self.sink.full:
                break
            self._waiting.popleft().resume()
        if self._waiting:
            self._ask()


class Stream:
    """What one run writes to one of its descriptors. Read until its end, also when the run is long over."""

    __slots__ = (
        "_blocked",
        "_chunk",
        "_feed",
        "_held",
        "_lines",
        "_loop",
        "_name",
        "_on_settled",
        "_owed",
        "_run",
        "_tail",
        "_watched",
        "fd",
    )

    def __init__(self, loop: Loop, feed: Feed, lines: LongLines, tail: Tail, run: int, name: str, fd: int) -> None:
        self.fd = fd  # -1 when it has ended
        self._loop = loop
        self._feed = feed
        self._lines = lines
        self._tail = tail
        self._run = run
        self._name = name
        self._chunk = min(CHUNK, FULL // lines.growth)
        self._watched = False
        self._blocked = False  # in the feed's queue
        self._owed = 0  # bytes that the run left in the pipe when it ended
        self._on_settled: Callable[[], None] | None = None
        self._held: MutableMapping[Stream, Any] | None = None

    def watch(self) -> None:
        """Read whenever there is something to read, until the end."""
        if self.fd >= 0 and not self._watched and not self._blocked:
            self._watched = True
            self._loop.on_readable(self.fd, self._turn)

    def finish(self, held: "MutableMapping[Stream, Any]", on_settled: Callable[[], None]) -> bool:
        """The run is over. Read what it left; true if the sink cannot take all of it now: `on_settled` is called later.

        A stream that others hold open is read on. It takes itself out of `held` at its end.
        """
        if self.fd < 0 or self._reaches_end():
            return False
        self._owed = self._unread()
        settled = self._settle()
        if self.fd >= 0:
            self._held = held
        if not settled:
            self._on_settled = on_settled
        return not settled

    @property
    def owes(self) -> bool:
        """Whether what the run itself wrote has not been taken yet."""
        return self._owed > 0

    def resume(self) -> None:
        """The sink has space again."""
        self._blocked = False
        if self._owed:
            if self._settle() and (told := self._on_settled):
                self._on_settled = None
                told()
        elif self.fd >= 0:
            self._turn()
            self.watch()

    def close(self) -> None:
        """Give the descriptor back; what is still in the pipe is lost."""
        if self.fd >= 0:
            self._unwatch()
            os.close(self.fd)
            self.fd = -1
            if self._held is not None:
                self._held.pop(self, None)

    def _turn(self) -> None:
        for _ in range(TURN):
            if self._must_wait():
                self._block()
                return
            if self._pull() < self._chunk or self._feed.sink.size:
                return

    def _reaches_end(self) -> bool:
        """What most runs leave is short and its pipe is theirs alone: read it and the end, and ask nothing."""
        if self._blocked or self._feed.sink.full:
            return False
        size = self._pull()
        return size == 0 or (0 < size < self._chunk and not self._feed.sink.full and self._pull() == 0)

    def _settle(self) -> bool:
        while self._owed > 0:
            if self._must_wait():
                self._block()
                return False
            size = self._pull()
            self._owed = self._owed - size if size > 0 else 0
        self._owed = 0
        self._emit(self._lines.end())
        if self.fd >= 0 and not self._must_wait():
            self._pull()  # is it the end, too?
        self.watch()
        return True

    def _must_wait(self) -> bool:
        """Whether there is something that the sink cannot take. A mere end never waits: its pipe can be closed."""
        return self._feed.sink.full and self._unread() > 0

    def _pull(self) -> int:
        """Read once; returns the bytes read, 0 at the end, -1 if there is nothing now."""
        try:
            chunk = os.read(self.fd, self._chunk)
        except BlockingIOError:
            return -1
        if not chunk:
            self._emit(self._lines.end())
            self.close()
            return 0
        self._emit(self._lines.take(chunk))
        return len(chunk)

    def _emit(self, taken: Taken) -> None:
        forward, kept = taken
        if kept:
            self._tail.keep(self._run, self._name, self._loop.clock.wall(), kept)
        if forward:
            self._feed.sink.write(forward)

    def _unread(self) -> int:
        ioctl(self.fd, FIONREAD, _COUNT)
        return _COUNT[0]

    def _block(self) -> None:
        self._unwatch()
        if not self._blocked:
            self._blocked = True
            self._feed.add(self)

    def _unwatch(self) -> None:
        if self._watched:
            self._watched = False
            self._loop.forget_readable(self.fd)
