"""What the tests of sinks, streams and the pump share: a loop driven by hand, and ends of pipes."""

import os
import time
from collections.abc import Callable

from minisup.host.clock import Clock
from minisup.host.loop import Loop
from minisup.host.output.console import open_sink
from minisup.host.output.sink import Report, Sink

MakeSink = Callable[[int, str, Loop, Report], Sink]

SOON = 10.0
"""Seconds in which something that normally takes milliseconds must have happened, on the busiest machine."""
TURNS = 200_000


def threads() -> set[str]:
    """The threads of this process."""
    return set(os.listdir("/proc/self/task"))


class Plumbing:
    """A loop, the descriptors that a test opened, and what sinks reported."""

    def __init__(self) -> None:
        self.loop = Loop(Clock())
        self.reports: list[tuple[str, OSError | None]] = []
        self.fds: set[int] = set()
        self.sinks: list[Sink] = []
        self._threads = threads()

    def sink(self, fd: int, make: MakeSink = open_sink) -> Sink:
        """A sink that reports here."""
        self.sinks.append(make(fd, "stdout", self.loop, self.report))
        return self.sinks[-1]

    def end(self) -> None:
        """Close everything; a writer thread must be gone before its descriptor's number can be used again."""
        for sink in self.sinks:
            sink.close()
        written = {sink.fd for sink in self.sinks} & self.fds
        self.close(*(self.fds - written))
        deadline = time.monotonic() + SOON
        while threads() - self._threads:
            assert time.monotonic() < deadline, "a thread did not end"
            os.sched_yield()
        self.close(*written)
        self.loop.close()

    def report(self, name: str, error: OSError | None) -> None:
        self.reports.append((name, error))

    def errnos(self) -> list[int | None]:
        return [error and error.errno for _, error in self.reports]

    def pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self.fds.update(ends)
        return ends

    def opened(self, fd: int) -> int:
        self.fds.add(fd)
        return fd

    def close(self, *fds: int) -> None:
        for fd in fds:
            self.fds.discard(fd)
            os.close(fd)

    def turn(self, seconds: float = 0.05) -> None:
        """One turn of the loop, after at most `seconds`."""
        now = time.monotonic()
        self.loop.serve(self.loop.wait(now + seconds), time.monotonic())

    def until(self, predicate: Callable[[], object], limit: float = SOON) -> None:
        """Turn the loop until `predicate` is true; fails after `limit` seconds."""
        deadline = time.monotonic() + limit
        for _ in range(TURNS):
            if predicate():
                return
            assert time.monotonic() < deadline, f"not within {limit} s"
            self.turn()
        raise AssertionError(f"not within {TURNS} turns")


def take(fd: int) -> bytes:
    """What a non-blocking descriptor has now; nothing if it has nothing or is at its end."""
    try:
        return os.read(fd, 1 << 20)
    except (BlockingIOError, OSError):
        return b""


class Reader:
    """The far end of an output, read only when told to."""

    def __init__(self, plumbing: Plumbing, fd: int) -> None:
        os.set_blocking(fd, False)
        self.plumbing = plumbing
        self.fd = fd
        self.got = bytearray()

    def read(self) -> bytes:
        piece = take(self.fd)
        self.got += piece
        return piece

    def read_until(self, predicate: Callable[[], object]) -> bytes:
        """Read between turns until `predicate` is true; all that was read so far."""

        def step() -> object:
            self.read()
            return predicate()

        self.plumbing.until(step)
        return bytes(self.got)
