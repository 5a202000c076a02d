"""What outlives its run: found, counted, signalled. And the strangers that nobody's run explains.

Every orphan becomes minisup's child, so as long as all our children are known runs there are no leftovers anywhere.
"""

from collections.abc import Callable, Sequence
from signal import SIGKILL, Signals

from minisup.core.messages import Leftovers as Changed
from minisup.host import processes
from minisup.host.loop import Loop, Timer
from minisup.host.survivors import Survivors

URGENT = 0.05
"""Seconds between two counts while a stop waits for leftovers."""

LAZY = 0.5
"""Seconds until a count that nobody waits for, so that many short-lived leftovers cost one look at `/proc`."""


FRESH = 0.02
"""Seconds for which one look at `/proc` serves: when many runs end at once, one each would take minutes."""


class Leftovers:
    """Sessions whose leader has been reaped while members of theirs live on."""

    def __init__(
        self,
        loop: Loop,
        running: Callable[[], dict[int, int]],
        is_wanted: Callable[[str], bool | None],
        changed: Callable[[Changed], None],
        survivors: Survivors,
    ) -> None:
        self._loop = loop
        self._is_wanted = is_wanted  # None: there is no such slot
        self._running = running  # pid of a leader -> run id, of the runs in progress
        self._changed = changed
        self._survivors = survivors
        self._sessions: dict[int, int] = {}  # session -> run, of runs that have ended
        self._slots: dict[int, str] = {}  # run -> slot, of those and of the runs whose orphans were found
        self._counts: dict[int, int] = {}
        self._timer: Timer | None = None
        self._delay = LAZY
        self._seen: dict[int, list[processes.Stat]] | None = None  # by run, those in progress too
        self._seen_at = 0.0

    def __bool__(self) -> bool:
        return bool(self._counts)

    def ended(self, session: int, run: int, slot: str, *, exact: bool) -> int:
        """A leader has been reaped and may have left something behind: how many processes, at least.

        They are counted at once only when `exact`, because they are about to be stopped.
        """
        self._sessions[session] = run
        self._slots[run] = slot
        found = self._left_by(session, run) if exact else None
        count = 1 if found is None else len(found)
        if count:
            self._counts[run] = count
            self.watch()
        else:
            self._forget(run)
        return count

    def left_by(self, session: int) -> str:
        """The slot of the run, ended by now, that had this session; empty: there is none."""
        return self._slots.get(self._sessions.get(session, 0), "")

    def orphans(self) -> bool:
        """Whether we have a child that is no run: only then can anything be left behind."""
        running = self._running()
        try:
            return any(pid not in running for pid in processes.children_of_self())
        except OSError:  # no descriptor left to look with
            return True

    def recount(self) -> None:
        """Count again, and tell what has changed."""
        if not self._counts and not self._may_be_there():
            return
        found = self._all_left()
        if found is None:
            return
        if not found and not self._survivors:
            self._survivors.mark = b""  # nothing of the earlier minisup is left
        for run, members in found.items():
            slot = self._slot_of(run, members)
            if len(members) != self._counts.get(run) and self._is_wanted(slot) is not None:
                self._slots[run] = slot
                self._counts[run] = len(members)
                self._changed(Changed(slot, run, len(members)))
        for run in [run for run in self._counts if run not in found]:
            slot = self._slots[run]
            self._forget(run)
            self._changed(Changed(slot, run, 0))

    def watch(self) -> None:
        """Count again soon: sooner when a stop waits, since not every end of a leftover is told to us."""
        if not self._counts:
            return
        delay = URGENT if self._urgent() else LAZY
        if self._timer is None or delay < self._delay:
            if self._timer is not None:
                self._timer.cancel()
            self._delay = delay
            self._timer = self._loop.after(delay, self._tick)

    def signal(self, run: int, name: str) -> None:
        """Signal every process that the run left behind."""
        processes.signal_members((self._look() or {}).get(run, ()), Signals[name])
        self.watch()

    def signal_strangers(self, number: int) -> None:
        """Signal those descendants of ours that belong to no run, or to one of a slot that is no more."""
        try:
            if self._may_be_there():
                processes.signal_members(processes.strangers(self._sessions, self._running()), number)
                for run, members in (self._all_left() or {}).items():
                    if self._is_wanted(self._slot_of(run, members)) is None:
                        processes.signal_members(members, number)
        except OSError:
            pass  # no descriptor left to look with

    def kill_all(self) -> None:
        """The last act: SIGKILL to whatever is left of runs, leftovers and strangers."""
        processes.kill_sessions(self._running())
        if self._may_be_there():
            for members in (self._all_left() or {}).values():
                processes.signal_members(members, SIGKILL)
            self.signal_strangers(SIGKILL)

    def _all_left(self) -> dict[int, list[processes.Stat]] | None:
        seen = self._look(again=True)
        going = frozenset(self._running().values())
        return None if seen is None else {run: members for run, members in seen.items() if run not in going}

    def _left_by(self, session: int, run: int) -> list[processes.Stat] | None:
        seen = self._look()
        if seen is not None and any(member.pid == session for member in seen.get(run, ())):
            seen = self._look(again=True)  # the leader was alive then, and has been reaped since
        return None if seen is None else seen.get(run, [])

    def _look(self, *, again: bool = False) -> dict[int, list[processes.Stat]] | None:
        """Our descendants by run, as they are now or were a moment ago."""
        clock = self._loop.clock.monotonic
        if again or self._seen is None or clock() - self._seen_at > FRESH:
            try:
                self._seen = processes.descendants(self._sessions, self._running(), self._survivors.mark)
            except OSError:  # no descriptor left to look with: what is known stands
                self._seen = None
            self._seen_at = clock()
        return self._seen

    def _may_be_there(self) -> bool:
        """Whether it is worth a look: there are orphans, or an earlier minisup's processes."""
        return bool(self._survivors.mark) or self.orphans()

    def _slot_of(self, run: int, members: Sequence[processes.Stat]) -> str:
        return self._slots.get(run) or processes.slot_of(members[0].pid)

    def _urgent(self) -> bool:
        return any(self._is_wanted(self._slots[run]) is False for run in self._counts)

    def _forget(self, run: int) -> None:
        self._counts.pop(run, None)
        self._slots.pop(run, None)
        self._sessions = {session: other for session, other in self._sessions.items() if other != run}

    def _tick(self) -> None:
        self._timer = None
        self.recount()
        if self._urgent():
            self.watch()
