"""Runs of an earlier minisup that go on: found, watched, signalled. They are not our children.

Found: by the pid of their record, if that process leads a session and was made between the two times that were noted
when it was started. A run that was about to be started when minisup was killed has no pid in its record: it is looked
for by its environment, among the processes of its program's user. By the time that this happens it has executed its
command or ended, because a child that has not holds the lock of the state directory, as everything that minisup had
open; one of another user gives that up earlier, but writes its pid into the record before.

Watched by a pidfd, without one by looking at `/proc` again and again. How they end nobody can read.
"""

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from minisup.core.messages import Lost, RunSurvived
from minisup.host.descriptors import OPEN_FILES
from minisup.host.loop import Loop
from minisup.host.process import processes
from minisup.host.process.orphan_claims import Claim, Claims
from minisup.host.process.run_record import EarlierRuns, RecordedRun, Running, read
from minisup.narrate import count

LOOK: Final = 0.1
"""Seconds between two looks at survivors for which there is no pidfd."""

EMPTY: Final = 2.0
"""Seconds at most that a new process is given to get the environment of the command that it executes."""

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_NANO: Final = 1_000_000_000
_PAUSE: Final = 0.01
_PIDFD_OPEN: Final[Callable[[int], int] | None] = getattr(os, "pidfd_open", None)


class Survivor(NamedTuple):
    """A run that goes on. `start_time` is in clock ticks since boot, and with the pid names one process."""

    slot: str
    run: int
    pid: int
    start_time: int


class Survivors:
    """The survivors in progress, by pid."""

    def __init__(
        self,
        loop: Loop,
        running: dict[int, tuple[str, int]],
        record: Running,
        ended: Callable[[Survivor], None],
        say: Callable[[str, str], None],
        uid_of: Callable[[str], int],
        pidfd_open: Callable[[int], int] | None = _PIDFD_OPEN,
    ) -> None:
        self._loop = loop
        self._running = running  # of the supervisor: pid -> slot, run
        self._record = record
        self._ended = ended
        self._say = say
        self._uid_of = uid_of  # whom the runs of a slot run as
        self._pidfd_open = pidfd_open
        self._known: dict[int, Survivor] = {}
        self._pidfds: dict[int, int] = {}
        self._looking = False
        self.state = b""  # the MINISUP_STATE that runs of this life have in their environment; empty: none
        self.mark = b""  # the one of the earlier minisup's; empty: it ended well, or all that it left has ended
        self.first_run = 0  # of this life: an earlier run has a smaller number

    def __contains__(self, pid: int) -> bool:
        return pid in self._known

    def __bool__(self) -> bool:
        return bool(self._known)

    def stats(self, pids: Collection[int] | None = None) -> list[processes.Stat]:
        """The survivors that live, of these pids (None: all), as the kernel has them now."""
        known = [one for one in self._known.values() if pids is None or one.pid in pids]
        return [seen for one in known if (seen := self._seen(one)) is not None]

    def take_over(self, directory: str | None, slots: Iterable[str], first_run: int) -> list[RunSurvived | Lost]:
        """What became of the runs of the minisup before: events for the core. Begins the record of this life.

        `first_run` is the number of this life's first run.
        """
        if directory is None:
            return []
        past = self._read(f"{directory}/running")
        found, lost = identify(past, self._uid_of, first_run)
        state = past.state if past.here else os.urandom(8).hex()
        self.state, self.first_run = state.encode(), first_run
        self.mark = self.state if past.here else b""
        entries = (RecordedRun(one.slot, one.run, *_window(one.start_time), pid=one.pid) for one in found)
        try:
            self._record.open(directory, state, slots, entries)
        except OSError as error:
            self._say(f"runs in progress are not kept: cannot write {directory}/running: {error.strerror}", "warning")
        for one in found:
            self._watch(one)
        if lost:
            self._say(f"{count(len(lost), 'run')} ended while no minisup ran; how is not known (lost)", "info")
        return [
            *(RunSurvived(one.slot, one.run, one.pid, _instant(one.start_time * _NANO // _TICKS)) for one in found),
            *(Lost(entry.slot, entry.run, _instant(entry.begun)) for entry in lost if not entry.torn),
        ]

    def signal(self, pid: int, number: int, *, group: bool, wake: bool = True) -> bool:
        """Signal a survivor or its group, if it is still the process that was found; SIGCONT follows if `wake`."""
        seen = self._seen(self._known[pid])
        return seen is not None and processes.signal_process(seen, number, group=group, wake=wake)

    def _read(self, path: str) -> EarlierRuns:
        try:
            past = read(path)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._say(f"cannot read {path}: {error}; runs of an earlier minisup that go on are not known", "warning")
            past = None
        return past or EarlierRuns("", here=False, entries=())

    def _watch(self, survivor: Survivor) -> None:
        pid = survivor.pid
        self._known[pid] = survivor
        self._running[pid] = (survivor.slot, survivor.run)
        try:
            if self._pidfd_open is None:
                raise OSError  # noqa: TRY301 - as when the kernel has none
            pidfd = self._pidfds[pid] = OPEN_FILES.lift(self._pidfd_open(pid))
        except OSError:
            self._look_later()
            return
        self._loop.on_readable(pidfd, lambda: self._end(survivor))
        if not self._lives(survivor):  # it ended before the pidfd was there, which may be another's
            self._loop.post(lambda: self._end(survivor))

    def _look_later(self) -> None:
        if not self._looking:
            self._looking = True
            self._loop.after(LOOK, self._look)

    def _look(self) -> None:
        self._looking = False
        for survivor in [one for one in self._known.values() if one.pid not in self._pidfds]:
            if self._lives(survivor):
                self._look_later()
            else:
                self._end(survivor)

    def _end(self, survivor: Survivor) -> None:
        if self._known.pop(survivor.pid, None) is None:
            return
        pidfd = self._pidfds.pop(survivor.pid, None)
        if pidfd is not None:
            self._loop.forget(pidfd)
            os.close(pidfd)
        del self._running[survivor.pid]
        self._ended(survivor)

    def _lives(self, survivor: Survivor) -> bool:
        return self._seen(survivor) is not None

    def _seen(self, survivor: Survivor) -> processes.Stat | None:
        seen = processes.stat(survivor.pid)
        return seen if seen is not None and seen.alive and seen.start_time == survivor.start_time else None


def identify(
    past: EarlierRuns, uid_of: Callable[[str], int] | None = None, first_run: int = 1 << 63
) -> tuple[list[Survivor], list[RecordedRun]]:
    """Which of the recorded runs go on, and which do not.

    `uid_of`: whom the runs of a slot run as (None: nobody knows), `first_run`: the first that was not of that time.
    """
    if not past.here:
        return [], list(past.entries)
    found = {entry.slot: survivor for entry in past.entries if entry.pid and (survivor := _recorded(entry))}
    starting = [entry for entry in past.entries if not entry.pid]
    if starting:
        found.update(_about_to_start(past.state.encode(), starting, uid_of, first_run))
    return list(found.values()), [entry for entry in past.entries if entry.slot not in found]


def in_progress(running: Mapping[int, tuple[str, int]]) -> list[RecordedRun]:
    """The records of runs in progress (pid -> slot, run), from what the kernel knows of them."""
    seen = ((processes.stat(pid), slot, run) for pid, (slot, run) in running.items())
    return [RecordedRun(slot, run, *_window(one.start_time), pid=one.pid) for one, slot, run in seen if one is not None]


def _recorded(entry: RecordedRun) -> Survivor | None:
    seen = processes.stat(entry.pid)
    if seen is None or not seen.alive or seen.session != entry.pid:
        return None
    first, last = entry.begun * _TICKS // _NANO, entry.noted * _TICKS // _NANO
    return Survivor(entry.slot, entry.run, entry.pid, seen.start_time) if first <= seen.start_time <= last else None


def _about_to_start(
    state: bytes, entries: Sequence[RecordedRun], uid_of: Callable[[str], int] | None, first_run: int
) -> dict[str, Survivor]:
    """The runs of these entries, by slot, as far as there are any."""
    since = min(0 if entry.torn else entry.begun for entry in entries) * _TICKS // _NANO
    users = {} if uid_of is None else {entry.slot: uid_of(entry.slot) for entry in entries}
    suspects = _leaders_since(since, set(users.values()))
    claims = Claims(lambda _: None, lambda: None)
    deadline = time.monotonic() + EMPTY
    while True:
        claims.ask(suspects)
        # Not known: it is being read. Empty: it is between two memories, in the middle of its exec.
        unclear = [one for one in suspects if (claim := claims.of(one)) is None or claim.empty]
        if not unclear or time.monotonic() > deadline:
            break
        time.sleep(_PAUSE)
    found: dict[str, Survivor] = {}
    for seen in sorted(suspects, key=lambda seen: seen.start_time, reverse=True):  # the first is the leader of the run
        claim = claims.of(seen)
        for entry in entries:
            if claim is not None and _is_of(claim, state, entry, users.get(entry.slot), first_run):
                found[entry.slot] = Survivor(entry.slot, claim.run, seen.pid, seen.start_time)
    return found


def _leaders_since(since: int, users: Collection[int]) -> list[processes.Stat]:
    """The live leaders of sessions that started then or later, of these users; without any, of all."""
    leaders = (seen for seen in processes.session_leaders() if seen.start_time >= since)
    return [seen for seen in leaders if not users or processes.uid_of(seen.pid) in users]


def _is_of(claim: Claim, state: bytes, entry: RecordedRun, uid: int | None, first_run: int) -> bool:
    """Whether this may be the process of an entry: what it says agrees with what was noted."""
    there = 0 < claim.run < first_run if entry.torn else claim.run == entry.run
    return there and (claim.state, claim.slot) == (state, entry.slot) and uid in {None, claim.uid}


def _window(start_time: int) -> tuple[int, int]:
    """The nanoseconds since boot that are in a clock tick: its first, and its last."""
    return start_time * _NANO // _TICKS, ((start_time + 1) * _NANO - 1) // _TICKS


def _instant(boot: int) -> float:
    """Nanoseconds since boot on the monotonic clock."""
    return time.monotonic() - (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - boot) / _NANO
