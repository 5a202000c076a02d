"""One thread waits here for everything: readable pipes, clients, signals, posted calls and timers. There is no tick.

Linux's epoll is used directly: `selectors` adds a mapping and two objects an event, and minisup runs on Linux only.
"""

import heapq
import os
import select
from collections import deque
from collections.abc import Callable
from itertools import count

from minisup.host.clock import Clock

Callback = Callable[[], None]

MAX_EVENTS = 64
"""File descriptors served in one turn: what bounds the time until signals are looked at again."""

TURN = 0.05
"""Seconds that a turn gives to exits, and as many to timers. On a busy machine one start may take 20 ms: who asks for
something must not wait for all of them."""


class Timer:
    """A call that will be made once; `cancel` makes it never."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callback) -> None:
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """Forget the call. Harmless when it has been made."""
        self.callback = None


class Loop:
    """Callbacks by file descriptor, by time, and from other threads."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._epoll = select.epoll()
        self._readers: dict[int, Callback] = {}
        self._writers: dict[int, Callback] = {}
        self._posted: deque[Callback] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._tie = count()
        self._wake_read, self.wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.on_readable(self._wake_read, self._drain_wake)

    def on_readable(self, fd: int, callback: Callback) -> None:
        """Call `callback` in each turn in which `fd` is readable, at its end or broken."""
        self._readers[fd] = callback
        self._update(fd)

    def on_writable(self, fd: int, callback: Callback) -> None:
        """Call `callback` in each turn in which `fd` can take bytes or is broken."""
        self._writers[fd] = callback
        self._update(fd)

    def forget_readable(self, fd: int) -> None:
        """No longer watch `fd` for reading. Harmless when it is not watched."""
        if self._readers.pop(fd, None):
            self._update(fd)

    def forget_writable(self, fd: int) -> None:
        """No longer watch `fd` for writing. Harmless when it is not watched."""
        if self._writers.pop(fd, None):
            self._update(fd)

    def forget(self, fd: int) -> None:
        """Watch `fd` no more; to be called before it is closed."""
        self.forget_readable(fd)
        self.forget_writable(fd)

    def post(self, callback: Callback) -> None:
        """Call `callback` in the next turn. The one method that any thread may call."""
        self._posted.append(callback)
        self.wake()

    def wake(self) -> None:
        """End the current wait."""
        try:
            os.write(self.wake_write, b"\0")
        except BlockingIOError:
            pass  # the pipe is full of wake-ups: one of them will do

    def at(self, due: float, callback: Callback) -> Timer:
        """Call `callback` once, at `due` on the monotonic clock or as soon after as the loop gets to it."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (due, next(self._tie), timer))
        return timer

    def after(self, delay: float, callback: Callback) -> Timer:
        """Call `callback` once, `delay` seconds from now."""
        return self.at(self.clock.monotonic() + delay, callback)

    def wait(self, due: float | None) -> list[tuple[int, int]]:
        """Wait until something is ready, at most until `due` (None: for ever); returns what `serve` takes."""
        timers = self._timers
        while timers and timers[0][2].callback is None:
            heapq.heappop(timers)
        if timers and (due is None or timers[0][0] < due):
            due = timers[0][0]
        timeout = None if due is None else max(0.0, due - self.clock.monotonic())
        if self._posted:
            timeout = 0.0
        return self._epoll.poll(timeout, MAX_EVENTS)

    def serve(self, ready: list[tuple[int, int]], now: float) -> None:
        """Make the calls for what is ready, what was posted before this turn, and the timers due by `now`."""
        for fd, events in ready:
            self._dispatch(fd, events)
        for _ in range(len(self._posted)):
            self._posted.popleft()()
        timers = self._timers
        for _ in range(len(timers)):
            if not timers or timers[0][0] > now:
                break
            callback = heapq.heappop(timers)[2].callback
            if callback is not None:
                callback()

    def close(self) -> None:
        """Give the descriptors back."""
        self._epoll.close()
        os.close(self._wake_read)
        os.close(self.wake_write)

    def _dispatch(self, fd: int, events: int) -> None:
        if events & ~select.EPOLLOUT and (reader := self._readers.get(fd)):
            reader()
        if events & ~select.EPOLLIN and (writer := self._writers.get(fd)):
            writer()

    def _drain_wake(self) -> None:
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            pass

    def _update(self, fd: int) -> None:
        mask = (select.EPOLLIN if fd in self._readers else 0) | (select.EPOLLOUT if fd in self._writers else 0)
        try:
            if mask:
                self._epoll.modify(fd, mask)
            else:
                self._epoll.unregister(fd)
        except FileNotFoundError:
            if mask:
                self._epoll.register(fd, mask)
