"""Starts that nobody waits for: a user can hold up what lies between the fork of his process and its command.

He may stop the child (SIGSTOP) once it has his ids, hold a lease on the file of the command, or keep the directory on a
file system of his own. So the loop reads the child's report like any other pipe, and the run is starting until that
pipe closes. A child that is found stopped after `STOPPED` seconds, or has not come to its command after `SLOW`, is
killed: it has executed nothing, and never will.
"""

import os
from collections.abc import Callable
from signal import SIGKILL
from typing import Final

from minisup.host.loop import Loop, Timer
from minisup.host.process import processes
from minisup.host.start.as_user import REPORT_SIZE, Forked

STOPPED: Final = 2.0
"""Seconds after which nobody waits for a child that somebody has stopped."""

SLOW: Final = 10.0
"""Seconds that a child gets which nobody has stopped: a cold file system may take some for directory and file."""

AGAIN: Final = 1.0
"""Seconds between two looks at a child that is late."""

_STOPPED_STATES: Final = frozenset("Tt")

Done = Callable[[bytes, str], None]
"""Told the child's report, empty when it has executed its command or was killed; and why we killed it, or nothing."""


class Starts:
    """The starts under way, by pid."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._pending: dict[int, _Start] = {}

    def add(self, forked: Forked, done: Done) -> None:
        """Wait for the child's report in the loop; `done` is called once: in a later turn, or by `ended`."""
        pid, report = forked
        timer = self._loop.after(STOPPED, lambda: self._look(pid))
        self._pending[pid] = _Start(report, done, timer, self._loop.clock.monotonic())
        self._loop.on_readable(report, lambda: self._hear(pid))

    def ended(self, pid: int) -> None:
        """The child has been reaped: what it reported is heard now."""
        self._finish(pid, _read(self._pending[pid].report) or b"", "")

    def _hear(self, pid: int, late: str = "") -> None:
        """Hear the report; if there is none, and it is too `late` for one, the child is killed."""
        report = _read(self._pending[pid].report)
        if report or (report is None and late):  # it is about to end, if nobody stops it
            processes.signal_run(pid, SIGKILL, group=False)
        if report is not None or late:
            self._finish(pid, report or b"", "" if report is not None else late)

    def _look(self, pid: int) -> None:
        """The child is late."""
        start = self._pending[pid]
        seen = processes.stat(pid)
        if seen is not None and seen.state in _STOPPED_STATES:
            self._hear(pid, "somebody stopped (SIGSTOP) the new process before it executed its command")
        elif self._loop.clock.monotonic() - start.begun >= SLOW:
            self._hear(pid, f"the new process has not come to execute its command within {SLOW:g} s")
        else:
            start.timer = self._loop.after(AGAIN, lambda: self._look(pid))

    def _finish(self, pid: int, report: bytes, killed: str) -> None:
        start = self._pending.pop(pid)
        start.timer.cancel()
        self._loop.forget(start.report)
        os.close(start.report)
        start.done(report, killed)


class _Start:
    """A child on its way to its command."""

    __slots__ = ("begun", "done", "report", "timer")

    def __init__(self, report: int, done: Done, timer: Timer, begun: float) -> None:
        self.report = report
        self.done = done
        self.timer = timer
        self.begun = begun


def _read(report: int) -> bytes | None:
    """What the child has reported, empty at the end of the pipe; None: it is still on its way."""
    try:
        return os.read(report, REPORT_SIZE)
    except BlockingIOError:
        return None
