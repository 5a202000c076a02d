"""What outlives its run: found, counted, signalled. And the strangers that nobody's run explains.

Every orphan becomes minisup's child, so as long as all our children are known runs there are no leftovers anywhere.
"""

import os
from collections.abc import Callable, Iterable
from signal import SIGKILL, SIGTERM, Signals
from time import CLOCK_BOOTTIME, clock_gettime, thread_time
from typing import Final, NamedTuple

from minisup.core.messages import Leftovers as Changed
from minisup.host.loop import Loop, Timer
from minisup.host.process import processes
from minisup.host.process.known_runs import KnownRuns
from minisup.host.process.orphan_claims import Claim, Claims, Key
from minisup.host.process.processes import STRANGERS, UNKNOWN, Stat
from minisup.host.process.survivors import Survivors

URGENT = 0.05
"""Seconds between two counts while a stop waits for leftovers."""

LAZY = 0.5
"""Seconds until a count that nobody waits for, so that many short-lived leftovers cost one look at `/proc`."""

IDLE = 2.0
"""Seconds between two ends of runs at which orphans are looked for: while it is known whose the last runs were."""

FRESH = 0.02
"""Seconds for which one look at `/proc` serves: when many runs end at once, one each would take minutes."""

DAEMONIZING = 1.0
"""Seconds after the end of a service in which the daemon that it has made may still make another one of itself."""

SHARE = 5
"""So many times as long as a look took is the pause before another: many processes must not take the loop's time."""

_TICKS: Final = os.sysconf("SC_CLK_TCK")


class _Daemon(NamedTuple):
    """What a service may have become: it has started in this time, in clock ticks since boot."""

    slot: str
    since: int
    until: int


class LeftoverSessions:
    """Sessions whose leader has been reaped while members of theirs live on."""

    def __init__(
        self,
        loop: Loop,
        running: Callable[[], dict[int, int]],
        slot_running: Callable[[int], str | None],
        is_wanted: Callable[[str], bool | None],
        uid_of: Callable[[str], int],
        changed: Callable[[Changed], None],
        survivors: Survivors,
    ) -> None:
        self._loop = loop
        self._is_wanted = is_wanted  # None: there is no such slot
        self._running = running  # pid of a leader -> run id, of the runs in progress
        self._slot_running = slot_running  # the slot of a run in progress
        self._uid_of = uid_of  # whom the runs of a slot run as
        self._changed = changed
        self._survivors = survivors
        self._us = os.getpid()
        own = processes.stat(self._us)
        self._born = 0 if own is None else own.start_time
        self._claims = Claims(loop.post, self._told)
        self._known = KnownRuns()
        self._believed: dict[Key, tuple[int, str]] = {}  # an orphan -> its run and the slot of that
        self._sessions: dict[int, int] = {}  # session -> run, of runs that have ended
        self._slots: dict[int, str] = {}  # run -> slot, of those and of the runs whose orphans were found
        self._counts: dict[int, int] = {}
        self._unsure: set[int] = set()  # of these, runs that may have left nothing: there was no time to look
        self._timer: Timer | None = None
        self._delay = LAZY
        self._seen: dict[int, list[Stat]] | None = None  # by run, those in progress too
        self._seen_at = 0.0
        self._rested_at = 0.0  # when another look may be taken
        self._idle_until = 0.0  # until then no end of a run makes one look for orphans
        self._daemons: dict[int, _Daemon] = {}  # run of a service that ended well -> what it may have become
        self._unheard = False  # whether somebody who is older than we has not been read yet
        self._patient = False  # whether this look waits a moment for who has not been read
        self._owed: set[Key] = set()  # who was not known yet when strangers were signalled

    def __bool__(self) -> bool:
        return bool(self._counts)

    def reaped(self, run: int, slot: str) -> None:
        """A run has ended. Now and then its like left a session: that is counted while it is known whose they were."""
        self._known.note(run, slot)
        now = self._loop.clock.monotonic()
        if now >= self._idle_until:
            self._idle_until = now + IDLE
            if self.orphans():
                self._arm(LAZY)

    def daemonized(self, run: int, slot: str, begun: int) -> None:
        """A service has ended with exit 0: its work may go on in what it has made since `begun` (ns since boot).

        Most daemons overwrite their environment, so nothing says whose they are. What has come in this time, has the
        right user and says nothing is taken for it.
        """
        until = clock_gettime(CLOCK_BOOTTIME) + DAEMONIZING
        self._daemons[run] = _Daemon(slot, begun * _TICKS // 1_000_000_000, int(until * _TICKS))
        self._arm(DAEMONIZING)

    def ended(self, session: int, run: int, slot: str, *, exact: bool) -> int:
        """A leader has been reaped and may have left something behind: how many processes, at least.

        They are counted at once only when `exact`, because they are about to be stopped.
        """
        self._sessions[session] = run
        self._slots[run] = slot
        found = self._left_by(session, run) if exact else None
        if exact and found is None:
            self._unsure.add(run)
        count = 1 if found is None else found
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

    def recount(self, *, now: bool = False) -> None:
        """Count again, and tell what has changed. Unless it is to be `now`, later where looks take long."""
        if not self._counts and not self.may_be_there():
            return
        if not now and not self._has_rested():
            self.watch()
            return
        self._patient = now
        seen = self._look(again=True)
        if seen is None:
            return
        found = self._ended(seen)
        self._unsure.clear()
        unknown = UNKNOWN in seen
        if not (found or self._survivors or unknown or self._unheard):
            self._survivors.mark = b""  # nothing of the earlier minisup is left
        claimed = dict(self._believed.values())
        for run, members in found.items():
            slot = self._slots.get(run) or claimed[run]
            if len(members) != self._counts.get(run) and self._is_wanted(slot) is not None:
                self._slots[run] = slot
                self._counts[run] = len(members)
                self._changed(Changed(slot, run, len(members)))
        if unknown:  # any of them may be of a run that seems to have left nothing
            self.watch()
        else:
            self._tell_gone(found)
        if self._owed:
            self._pay_what_is_owed(seen)

    def watch(self) -> None:
        """Count again soon: sooner when a stop waits, since not every end of a leftover is told to us."""
        if self._counts or self._waits_for_claims():
            self._arm(URGENT if self._unsure or self._urgent() else LAZY)

    def signal(self, run: int, name: str) -> None:
        """Signal every process that the run left behind."""
        processes.signal_members((self._look() or {}).get(run, ()), Signals[name])
        self.watch()

    def signal_strangers(self, number: int) -> None:
        """Signal those descendants of ours that belong to no run, or to one of a slot that is no more.

        Who is not known yet gets SIGTERM when it is.
        """
        if not self.may_be_there():
            return
        seen = self._look(again=True) or {}
        processes.signal_members(seen.get(STRANGERS, ()), number)
        self._owed = {_key(one) for one in seen.get(UNKNOWN, ())}
        claimed = dict(self._believed.values())
        for run, members in self._ended(seen).items():
            if self._is_wanted(self._slots.get(run) or claimed[run]) is None:
                processes.signal_members(members, number)

    def kill_all(self) -> None:
        """The last act: SIGKILL to whatever is left of runs, leftovers and strangers."""
        leaders = [leader for leader in self._running() if leader not in self._survivors]
        processes.kill_sessions(leaders, self._survivors.stats())
        if self.may_be_there():
            for members in self._ended(self._look(again=True) or {}, every=True).values():
                processes.signal_members(members, SIGKILL)

    # --- whose the orphans are ----------------------------------------------------------------------------------------

    @property
    def foreign(self) -> bool:
        """Whether an earlier minisup may have left something."""
        return bool(self._survivors.mark)

    def hear(self, seen: Iterable[Stat]) -> None:
        """Learn what these say of themselves."""
        orphans = list(seen)
        keys = set(map(_key, orphans))
        self._believed = {key: run for key, run in self._believed.items() if key in keys}
        self._claims.ask(orphans, patient=self._patient or any(one.ppid == self._us for one in orphans))
        self._unheard = any(one.start_time <= self._born and self._claims.of(one) is None for one in orphans)

    def owner(self, seen: Stat) -> int:
        """The run of an orphan, for which its word counts only as far as it agrees with what we know."""
        return self._decide(seen, self._slot_of)

    def foreign_owner(self, seen: Stat) -> int:
        """The run of an earlier minisup that a process which does not descend from us belongs to."""
        owner = self._decide(seen, self._earlier_slot_of)
        return STRANGERS if owner == UNKNOWN else owner

    def _decide(self, seen: Stat, slot_of: Callable[[Claim], str | None]) -> int:
        known = self._believed.get(_key(seen))
        if known is not None:
            return known[0]
        claim = self._claims.of(seen)
        if claim is None:
            return UNKNOWN
        if not claim.run:
            return self._daemon_of(seen, claim)
        slot = slot_of(claim)
        if slot is None or claim.uid != self._uid_of(slot):
            return STRANGERS
        self._believed[_key(seen)] = (claim.run, slot)
        return claim.run

    def _daemon_of(self, seen: Stat, claim: Claim) -> int:
        """The run of a service that one which says nothing has come from."""
        for run, (slot, since, until) in self._daemons.items():
            fits = seen.ppid == self._us and not claim.empty and since <= seen.start_time <= until
            if fits and claim.uid == self._uid_of(slot):
                self._believed[_key(seen)] = (run, slot)
                return run
        return STRANGERS

    def _slot_of(self, claim: Claim) -> str | None:
        """Whose the run was that it names, not whose it says. Another state is that of a minisup within a run."""
        if claim.state and claim.state != self._survivors.state:
            return None
        return self._slot_running(claim.run) or self._known.slot_of(claim.run) or self._earlier_slot_of(claim)

    def _earlier_slot_of(self, claim: Claim) -> str | None:
        """Of a run of our state directory before our time, which nobody else remembers."""
        mark = self._survivors.mark
        return claim.slot if mark and claim.state == mark and claim.run < self._survivors.first_run else None

    # --- looks --------------------------------------------------------------------------------------------------------

    def _ended(self, seen: dict[int, list[Stat]], *, every: bool = False) -> dict[int, list[Stat]]:
        """Those that outlived their runs; `every`: and those that belong to none, or may."""
        going = frozenset(self._running().values())
        least = UNKNOWN if every else STRANGERS + 1
        return {run: members for run, members in seen.items() if run >= least and run not in going}

    def _left_by(self, session: int, run: int) -> int | None:
        """How many processes a run has left; None: that cannot be told now."""
        seen = self._look()
        if seen is not None and any(member.pid == session for member in seen.get(run, ())):
            if not self._has_rested():
                return None
            seen = self._look(again=True)  # the leader was alive then, and has been reaped since
        if seen is None or (UNKNOWN in seen and run not in seen):
            return None
        return len(seen.get(run, ()))

    def _look(self, *, again: bool = False) -> dict[int, list[Stat]] | None:
        """Our descendants by run, as they are now or were a moment ago."""
        clock = self._loop.clock.monotonic
        if again or self._seen is None or (clock() - self._seen_at > FRESH and self._has_rested()):
            begun = thread_time()
            try:
                self._seen = processes.census(self._sessions, self._running(), self)
            except OSError:  # no descriptor left to look with: what is known stands
                self._seen = None
            self._seen_at = clock()
            self._forget_services()
            self._rested_at = self._seen_at + SHARE * (thread_time() - begun)
        return self._seen

    def _forget_services(self) -> None:
        """By now every daemon of theirs has been found."""
        if self._daemons:
            before = (clock_gettime(CLOCK_BOOTTIME) - IDLE) * _TICKS
            self._daemons = {run: made for run, made in self._daemons.items() if made.until > before}

    def _waits_for_claims(self) -> bool:
        """Whether what is being read may change a count. On a busy machine somebody new is always being read."""
        return self._unheard or (self._seen is not None and UNKNOWN in self._seen)

    def _told(self) -> None:
        if self._waits_for_claims():
            self.recount()

    def _has_rested(self) -> bool:
        return self._loop.clock.monotonic() >= self._rested_at

    def may_be_there(self) -> bool:
        """Whether it is worth a look: there are orphans, or an earlier minisup's processes."""
        return bool(self._survivors.mark) or self.orphans()

    # --- the end of leftovers -----------------------------------------------------------------------------------------

    def _tell_gone(self, found: dict[int, list[Stat]]) -> None:
        for run in [run for run in self._counts if run not in found]:
            slot = self._slots[run]
            self._forget(run)
            self._changed(Changed(slot, run, 0))

    def _pay_what_is_owed(self, seen: dict[int, list[Stat]]) -> None:
        """Signal the strangers that were not known as such when the others got theirs."""
        processes.signal_members([one for one in seen.get(STRANGERS, ()) if _key(one) in self._owed], SIGTERM)
        self._owed &= {_key(one) for one in seen.get(UNKNOWN, ())}

    def _urgent(self) -> bool:
        return any(self._is_wanted(self._slots[run]) is False for run in self._counts)

    def _forget(self, run: int) -> None:
        self._counts.pop(run, None)
        self._slots.pop(run, None)
        self._sessions = {session: other for session, other in self._sessions.items() if other != run}

    def _arm(self, delay: float) -> None:
        """Count again after so many seconds, or sooner if that was asked for already."""
        if self._timer is not None:
            if delay >= self._delay:
                return
            self._timer.cancel()
        self._delay = delay
        self._timer = self._loop.after(max(delay, self._rested_at - self._loop.clock.monotonic()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.recount()
        if self._urgent():
            self.watch()


def _key(seen: Stat) -> Key:
    return seen.pid, seen.start_time
