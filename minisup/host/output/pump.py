"""From the pipes of runs to their outlets and the tails: whole lines, bounded turns, nothing lost, nobody waited for.

Rule 1: a pipe belongs to one run. What a descendant writes after the run's end still counts as that run's.
Rule 2: a pipe whose sink is full is not read: its writer waits, and nobody else does.
Rule 3: a run that has ended owes what it left in its pipe. When that is read, its end can be told.
Rule 4: pipes that are held open beyond the end of their run are so many for each program: nobody's leftovers take the
        descriptors of others. Of more, and where there is no descriptor for a new run, the oldest is closed.

`log.to = "none"` is read and remembered like the console, and passed on to nobody; with `inherit` nothing is read.
"""

import os
from collections import Counter, deque
from collections.abc import Callable
from fcntl import F_SETFL, fcntl
from functools import partial
from typing import Final

from minisup.core.facts import PipesClosed
from minisup.core.life.notices import is_round
from minisup.host.descriptors import OPEN_FILES
from minisup.host.loop import Loop
from minisup.host.output.files.file_sink import Tell
from minisup.host.output.outlets import Outlet, Outlets, lines_of
from minisup.host.output.sink import FLUSH_LIMIT
from minisup.host.output.stream import Feed, Stream
from minisup.host.output.tails import KEPT_LINES, Tail, TailLine
from minisup.host.output.tails import Listener as TailListener

SETTLING: Final = 0.02
"""Seconds before a new pipe is watched. A run that is over by then costs no wake-up: its output is read at its end."""


MOST_HELD: Final = 100
"""Pipes of ended runs that a program may keep open."""

Listener = Callable[[str, int, str, float, bytes], None]
"""Told slot, run, stream, wall-clock seconds and whole lines, as they come."""


class Pipes:
    """The pipes of one run: write ends for the process to be, streams for the pump."""

    __slots__ = ("owing", "run", "slot", "stderr_fd", "stdout_fd", "streams")

    def __init__(self, slot: str, run: int) -> None:
        self.slot = slot
        self.run = run
        self.stdout_fd = -1
        self.stderr_fd = -1
        self.streams: list[Stream] = []
        self.owing = 0

    def close_write_ends(self) -> None:
        """Close what the process has its own copies of."""
        if self.stdout_fd >= 0:
            os.close(self.stdout_fd)
        if self.stderr_fd not in (-1, self.stdout_fd):
            os.close(self.stderr_fd)
        self.stdout_fd = self.stderr_fd = -1


class Pump:
    """All pipes and tails. `on_drained` is told the slot whose ended run has got rid of what it owed."""

    def __init__(
        self,
        loop: Loop,
        outlets: Outlets,
        on_drained: Callable[[str], None] = lambda _slot: None,
        tell: Tell = lambda _fact: None,
    ) -> None:
        self._loop = loop
        self._tell = tell
        self._outlets = outlets
        self._on_drained = on_drained
        self._listener: Listener | None = None
        self._tails: dict[str, Tail] = {}
        self._runs: dict[int, Pipes] = {}
        self._owing: set[int] = set()  # ended runs whose sink was full
        self._held: dict[Stream, Pipes] = {}  # others hold them open, or the sink is full; the oldest first
        self._closed: Counter[str] = Counter()  # of those, by program
        self._young: deque[tuple[float, Pipes]] = deque()
        self._armed = False

    # --- a run's life -------------------------------------------------------------------------------------------------

    def open(self, slot: str, run: int, outlet: Outlet) -> Pipes | None:
        """Pipes for a process to be, None if it is to inherit ours.

        Raises OSError when there are no descriptors left.
        """
        if outlet.to == "inherit":
            return None
        stdout_feed, stderr_feed = self._outlets.feeds(outlet)
        pipes = Pipes(slot, run)
        pipes.stdout_fd = pipes.stderr_fd = self._add(pipes, "stdout", stdout_feed, outlet)
        if outlet.stderr != "join":
            try:
                pipes.stderr_fd = self._add(pipes, "stderr", stderr_feed, outlet)
            except OSError:
                self.abandon(pipes)
                raise
        return pipes

    def started(self, pipes: Pipes) -> None:
        """The process exists."""
        pipes.close_write_ends()
        self._runs[pipes.run] = pipes
        self._young.append((self._loop.clock.monotonic() + SETTLING, pipes))
        if not self._armed:
            self._armed = True
            self._loop.at(self._young[0][0], self._watch_grown)

    def abandon(self, pipes: Pipes) -> None:
        """The process could not be started."""
        pipes.close_write_ends()
        for stream in pipes.streams:
            stream.close()

    def finish(self, run: int) -> bool:
        """The run's leader has been reaped: read what it left.

        Returns whether some of it has to wait for the sink; `on_drained` is told when it no longer does.
        """
        pipes = self._runs.pop(run, None)
        if pipes is None:
            return False
        for stream in pipes.streams:
            if stream.finish(self._held, lambda: self._settled(pipes)):
                pipes.owing += 1
            if stream.fd >= 0:
                self._hold(stream, pipes)
        if pipes.owing:
            self._owing.add(run)
        return pipes.owing > 0

    def owes(self, run: int) -> bool:
        """Whether the pipe of an ended run still holds what the run itself wrote."""
        return run in self._owing

    # --- what was printed ---------------------------------------------------------------------------------------------

    def tail(self, slot: str, limit: int = KEPT_LINES, run: int | None = None) -> list[TailLine]:
        """The last `limit` lines of a slot, oldest first; of one of its runs if `run` is given."""
        tail = self._tails.get(slot)
        return tail.lines(limit, run) if tail else []

    def text(self, slot: str, run: int, limit: int) -> bytes:
        """The last lines of a run, at most `limit` bytes."""
        tail = self._tails.get(slot)
        return tail.text(run, limit) if tail else b""

    def last_line(self, slot: str, run: int) -> str:
        """The last line of a run that says something, printable and short; empty if there is none."""
        tail = self._tails.get(slot)
        return tail.last_line(run) if tail else ""

    def recent(self, slot: str, run: int) -> tuple[list[str], bool]:
        """The last lines of a run, newest first, and whether that is all that it printed."""
        tail = self._tails.get(slot)
        return tail.recent(run) if tail else ([], True)

    def listen(self, listener: Listener | None) -> None:
        """Tell everything that runs print to `listener` from now on, as it comes; None: to nobody."""
        self._listener = listener
        for slot, tail in self._tails.items():
            tail.listener = self._listener_of(slot)

    def forget(self, slot: str) -> None:
        """The slot is gone: its tail is too."""
        self._tails.pop(slot, None)

    # --- the end ------------------------------------------------------------------------------------------------------

    def flush(self, deadline: float) -> bool:
        """Read what is in the pipes now and wait until the outlets have taken it; whether they have.

        Waits at most until `deadline` (monotonic) and `FLUSH_LIMIT` seconds.
        """
        deadline = min(deadline, self._loop.clock.monotonic() + FLUSH_LIMIT)
        streams = [stream for pipes in self._runs.values() for stream in pipes.streams] + list(self._held)
        while True:
            streams = [stream for stream in streams if stream.finish(self._held, _nothing)]
            written = self._outlets.flush(deadline)
            if not streams or not written:
                return not streams and written

    def close(self) -> None:
        """Give all descriptors back."""
        for pipes in self._runs.values():
            self.abandon(pipes)
        for stream in tuple(self._held):
            stream.close()
        self._runs.clear()
        self._outlets.close()

    def _add(self, pipes: Pipes, name: str, feed: Feed, outlet: Outlet) -> int:
        tail = self._tails.get(pipes.slot)
        if tail is None:
            tail = self._tails[pipes.slot] = Tail(self._listener_of(pipes.slot))
        read_end, write_end = self._pipe()
        read_end = OPEN_FILES.lift(read_end)
        fcntl(read_end, F_SETFL, os.O_NONBLOCK)  # of this end alone: the process gets an ordinary pipe
        wall = self._loop.clock.wall
        lines = lines_of(outlet, pipes.slot, pipes.run, name, tail, wall, terminal=feed.sink.terminal)
        pipes.streams.append(Stream(self._loop, feed, lines, tail, pipes.run, name, read_end))
        return write_end

    def _pipe(self) -> tuple[int, int]:
        while True:
            try:
                return os.pipe2(os.O_CLOEXEC)
            except OSError:
                most = Counter(_program(pipes) for pipes in self._held.values()).most_common(1)
                if not any(self._close_oldest(program) for program, _ in most):
                    raise

    def _hold(self, stream: Stream, pipes: Pipes) -> None:
        """The run has ended, and somebody has its pipe: a process that it left behind."""
        self._held[stream] = pipes
        program = _program(pipes)
        if sum(_program(other) == program for other in self._held.values()) > MOST_HELD:
            self._close_oldest(program)

    def _close_oldest(self, program: str) -> bool:
        """Close the pipe that is held open the longest of the program's; false: there is none that can be."""
        for stream, pipes in self._held.items():
            if _program(pipes) == program and not stream.owes:
                stream.close()
                self._closed[program] += 1
                if is_round(self._closed[program]):
                    self._tell(PipesClosed(pipes.slot, pipes.run, self._closed[program]))
                return True
        return False

    def _listener_of(self, slot: str) -> TailListener | None:
        return None if self._listener is None else partial(self._listener, slot)

    def _settled(self, pipes: Pipes) -> None:
        pipes.owing -= 1
        if not pipes.owing:
            self._owing.discard(pipes.run)
            self._on_drained(pipes.slot)

    def _watch_grown(self) -> None:
        now = self._loop.clock.monotonic()
        while self._young and self._young[0][0] <= now:
            for stream in self._young.popleft()[1].streams:
                stream.watch()
        self._armed = bool(self._young)
        if self._armed:
            # A whole step, not the next pipe's moment: otherwise many starts would mean as many wake-ups.
            self._loop.at(now + SETTLING, self._watch_grown)


def _program(pipes: Pipes) -> str:
    return pipes.slot.rpartition(":")[0]


def _nothing() -> None:
    """Nobody waits for the end of a stream when minisup itself ends."""
