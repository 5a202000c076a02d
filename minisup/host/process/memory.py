"""`limits.memory`: once a second, while a run with that limit is in progress, what its session takes in memory.

psutil answers what one process takes; it is loaded by the first `MemoryWatch` (docs/decisions/0006-memory-limit.md).
A round looks at `/proc` once for all runs and spreads over as many turns of the loop as it needs.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from minisup.config.schema import Config
from minisup.core.messages import OverMemory
from minisup.host.loop import Loop
from minisup.host.process import processes

EACH: Final = 1.0
"""Seconds from the end of a round to the next."""

SLICE: Final = 64
"""Processes looked at in one turn: about 2 ms."""

Runs = Mapping[int, tuple[str, int]]
"""Slot and run by the pid of the leader, which is also the number of the session."""


def memory_watch(config: Config, loop: Loop, running: Runs, tell: Callable[[OverMemory], None]) -> "MemoryWatch | None":
    """A watch over the programs that have the limit; None: there is none."""
    limits = {
        name: program.limits.memory
        for name, program in config.programs.items()
        if program.limits is not None and program.limits.memory is not None
    }
    return MemoryWatch(loop, limits, running, tell) if limits else None


class MemoryWatch:
    """Tells which runs take more than their program's limit. `limits`: bytes by program."""

    def __init__(
        self, loop: Loop, limits: Mapping[str, int], running: Runs, tell: Callable[[OverMemory], None]
    ) -> None:
        import psutil  # noqa: PLC0415 - 0.8 MiB and 15 ms, for those who set the limit

        self._process, self._gone = psutil.Process, psutil.Error
        self._loop = loop
        self._limits = limits
        self._running = running  # the supervisor's own: of all runs in progress
        self._tell = tell
        self._known: dict[int, psutil.Process] = {}  # making one costs as much as asking it
        self._watched: dict[int, tuple[str, int]] = {}
        self._taken: dict[int, int] = {}  # bytes by session, in this round
        self._left: Iterator[int] = iter(())  # pids that this round has still to look at
        self.active = False

    def close(self) -> None:
        """Watch nothing any more: another watch takes over."""
        self._limits = {}

    def started(self, slot: str) -> None:
        """A run has started in a slot: begin, if its program has a limit and nothing is watched yet."""
        if not self.active and _program(slot) in self._limits:
            self.active = True
            self._loop.after(EACH, self._begin)

    def _begin(self) -> None:
        self._watched = {pid: run for pid, run in self._running.items() if _program(run[0]) in self._limits}
        if not self._watched:
            self._known.clear()
            self.active = False
            return
        self._taken = dict.fromkeys(self._watched, 0)
        try:
            self._left = iter(processes.pids())
        except OSError:  # no descriptor left to look with: the next round may have one
            self._left = iter(())
        self._look()

    def _look(self) -> None:
        for _ in range(SLICE):
            pid = next(self._left, None)
            if pid is None:
                self._judge()
                return
            self._add(pid)
        self._loop.after(0.0, self._look)

    def _add(self, pid: int) -> None:
        try:
            session = os.getsid(pid)
        except OSError:
            session = -1
        if session not in self._taken:
            self._known.pop(pid, None)
            return
        try:
            process = self._known.get(pid) or self._known.setdefault(pid, self._process(pid))
            self._taken[session] += process.memory_info().rss
        except (self._gone, OSError):
            self._known.pop(pid, None)

    def _judge(self) -> None:
        for pid, (slot, run) in self._watched.items():
            limit = self._limits.get(_program(slot))
            if limit is None:  # another watch has taken over in the middle of the round
                return
            if self._taken[pid] > limit and self._running.get(pid) == (slot, run):
                self._tell(OverMemory(slot, run, self._taken[pid], limit))
        self._loop.after(EACH, self._begin)


def _program(slot: str) -> str:
    return slot.rpartition(":")[0]
