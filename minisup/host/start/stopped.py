"""Who stops (SIGSTOP) a new process before its command is executed stops minisup: vfork waits. Not for ever, though.

The kernel lets minisup's thread wait for the child (state D), where no signal reaches it; only another thread can help.
That thread looks at a start that takes longer than a second and continues the child, if that is what holds it up. While
no start takes that long it costs a comparison a start, and one wake-up a second at most.
"""

import signal
import time
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable
from typing import Final

from minisup.host.process import processes

PATIENCE: Final = 1.0
"""Seconds after which a start is looked at, and between two looks."""

STUBBORN: Final = 3
"""Looks after which a child that is stopped again and again is killed."""

STOPPED: Final = frozenset("Tt")

Say = Callable[[str], None]


class Unwatched:
    """What the spawner does when nobody looks: while the system's ways are tried, and in tests."""

    __slots__ = ("asleep", "starts")

    def __init__(self) -> None:
        self.starts = 0  # odd while a start is under way
        self.asleep = False  # whether the thread wants to be told of the next one

    def rouse(self) -> None:
        """Tell it."""


class StartWatch(Unwatched):
    """The thread. `is_known`: whether a child is a run, or is watched by others; `say` may be called in any thread."""

    __slots__ = ("_is_known", "_lock", "_ours", "_say", "_started", "_try_at")

    def __init__(self, is_known: Callable[[int], bool], say: Say) -> None:
        super().__init__()
        self.asleep = True
        self._is_known = is_known
        self._say = say
        self._lock = allocate_lock()
        self._lock.acquire()
        self._started = False
        self._try_at = 0
        self._ours = processes.command_line("self")

    def rouse(self) -> None:
        """A start has begun while the thread sleeps, or there is none yet."""
        if self._started:
            self.asleep = False
            if self._lock.locked():  # else it has found the start itself, and is not asleep
                self._lock.release()
        elif self.starts >= self._try_at:
            self._start()

    def _start(self) -> None:
        # Signals must reach the loop's thread: only there do they end a wait.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            start_new_thread(self._run, ())
        except RuntimeError:
            self._try_at = 2 * self.starts + 1000  # minisup does without, and tries again now and then
        else:
            self._started, self.asleep = True, False
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        looks, seen = 0, self.starts
        while True:
            time.sleep(PATIENCE)
            looks = looks + 1 if seen == self.starts and seen & 1 else 0
            seen = self.starts
            if looks:
                self._help(seen, looks)
            elif not seen & 1:
                self._sleep()

    def _sleep(self) -> None:
        self.asleep = True
        if self.starts & 1:  # it began before it could know
            self.asleep = False
        else:
            self._lock.acquire()

    def _help(self, start: int, looks: int) -> None:
        number = signal.SIGCONT if looks < STUBBORN else signal.SIGKILL
        for pid in self._stopped():
            if self.starts == start and processes.signal_run(pid, number, group=False):
                done = "continued" if number == signal.SIGCONT else "killed"
                self._say(
                    f"somebody stopped (SIGSTOP) process {pid} before it executed its command, which held up minisup "
                    f"for {looks * PATIENCE:g} s: {done} it"
                )

    def _stopped(self) -> list[int]:
        """The children that have not executed a command yet and do not get to."""
        try:
            children = processes.children_of_self()
        except OSError:
            return []
        fresh = [pid for pid in children if not self._is_known(pid) and processes.command_line(pid) == self._ours]
        return [pid for pid in fresh if (seen := processes.stat(pid)) and seen.state in STOPPED]
