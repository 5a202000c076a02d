"""Who is there, whose it is, and how to signal it: `/proc` and the few system calls around it.

A number that stands for a process is safe only while that process is an unreaped child of ours: so a run in progress is
signalled by its pid, after the kernel was asked whether it is one, and everybody else only after his start time was
compared. Nobody but `signal_run` and `signal_process` sends a signal.
"""

import os
import signal
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from minisup.host import libc

HELPER: Final = -2
"""In the place of a run's id: the session of a helper of minisup's own, which is neither a run nor a stranger."""

_STAT_SIZE: Final = 4096
_STATUS_SIZE: Final = 4096
_PR_SET_CHILD_SUBREAPER: Final = 36
_ROUNDS: Final = 4
_PIDFD_OPEN: Final[Callable[[int], int] | None] = getattr(os, "pidfd_open", None)
_DEAD: Final = frozenset("ZXx")


class Stat(NamedTuple):
    """One process, from `/proc/PID/stat`. `start_time` is in clock ticks since boot; `state` is the kernel's letter."""

    pid: int
    ppid: int
    pgrp: int
    session: int
    start_time: int
    state: str

    @property
    def alive(self) -> bool:
        """Whether it is more than a zombie."""
        return self.state not in _DEAD


def stat(pid: int) -> Stat | None:
    """What the kernel says about a process, None when there is none."""
    raw = _read(f"/proc/{pid}/stat", _STAT_SIZE)
    fields = raw[raw.rfind(b")") + 2 :].split(None, 20)  # the name before may hold anything, also ") R 1"
    if len(fields) < 20:  # noqa: PLR2004 - as proc(5) counts them, without the first two
        return None
    return Stat(pid, int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]), fields[0].decode())


def command_line(pid: int | str) -> bytes:
    """What `/proc/PID/cmdline` holds, its beginning at least; empty when there is no such process."""
    return _read(f"/proc/{pid}/cmdline", _STAT_SIZE)


def session_members(sessions: Collection[int]) -> dict[int, list[Stat]]:
    """The live members of these sessions, by session; sessions without any are left out. Looks at `/proc` once."""
    found: dict[int, list[Stat]] = {}
    for pid in pids():
        if _session_of(pid) in sessions and (seen := stat(pid)) and seen.alive and seen.session in sessions:
            found.setdefault(seen.session, []).append(seen)
    return found


def group_lives(leader: int) -> bool:
    """Whether the process group of a leader that has been reaped still has a member that we may see. One system call.

    The cheap question after each run. No is not the whole truth: a descendant may have made a group of its own.
    """
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # there is one, of another user
    return True


def environ(pid: int, most: int) -> bytes | None:
    """The first `most` bytes of what the process was executed with; None when it may not be read.

    Empty for a moment in the middle of an exec. May wait for as long as the process likes: not for the loop.
    """
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read(most)
    except OSError:
        return None


def uid_of(pid: int) -> int | None:
    """The real user of a process, which its programs cannot choose; None when there is no such process."""
    line = _read(f"/proc/{pid}/status", _STATUS_SIZE).partition(b"\nUid:\t")[2].partition(b"\t")[0]
    return int(line) if line.isdigit() else None


def session_leaders() -> Iterable[Stat]:
    """The live processes that lead a session."""
    return (seen for seen in _everybody() if seen.pid == seen.session and seen.alive)


def children_of_self() -> list[int]:
    """The pids of our children, zombies too: runs, and orphans that came to us."""
    lists: list[bytes] = []
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children", "rb") as file:
                lists.append(file.read())
    except OSError:  # a kernel without CONFIG_PROC_CHILDREN
        ours = os.getpid()
        return [seen.pid for seen in _everybody() if seen.ppid == ours]
    return [int(pid) for pids in lists for pid in pids.split()]


STRANGERS: Final = 0
"""In the place of a run's id: what descends from us and belongs to no run."""

UNKNOWN: Final = -3
"""In the place of a run's id: an orphan of which nobody knows yet what it says of itself."""


class Court(Protocol):
    """Who decides about orphans: they have only their own word for whose they are."""

    @property
    def foreign(self) -> bool:
        """Whether processes that do not descend from us are heard, too: an earlier minisup may have left them."""
        ...

    def hear(self, seen: Iterable[Stat]) -> None:
        """Learn what these say of themselves."""
        ...

    def owner(self, seen: Stat) -> int:
        """The run that one of them belongs to, STRANGERS or UNKNOWN."""
        ...

    def foreign_owner(self, seen: Stat) -> int:
        """The same of one that does not descend from us; STRANGERS: it is nobody of ours."""
        ...


def census(ended: Mapping[int, int], running: Mapping[int, int], court: Court) -> dict[int, list[Stat]]:
    """Our live descendants by the run that they belong to, or STRANGERS, HELPER, UNKNOWN. Looks at `/proc` once.

    Both arguments map sessions to run ids: of runs that have ended, and of runs in progress. Only what descends from us
    counts: a session number that somebody else has got since is never taken for ours. A descendant with a session of
    its own belongs to the run of its nearest ancestor that has one, else, when it is an orphan that came to us, to whom
    the court says.

    Where the court hears foreign ones, processes that do not descend from us count if they are in the session of one of
    these runs, if the court says so, or if they descend from one that counts.
    """
    found: dict[int, list[Stat]] = {}
    for seen, owner in _Family(ended, running, court).members():
        found.setdefault(owner, []).append(seen)
    return found


def is_unreaped(pid: int) -> bool:
    """Whether it is a child of ours that has not been reaped, dead or alive: then its number is nobody else's."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def signal_run(leader: int, number: int, *, group: bool, wake: bool = True) -> bool:
    """Signal a child of ours, or its whole group; SIGCONT follows, so that a stopped one gets it too.

    Without `wake` it does not. False when it has been reaped, so that its number may be somebody else's, or when there
    was nobody to signal or we may not.
    """
    return is_unreaped(leader) and _send(leader, number, group=group, wake=wake)


def is_out_of_reach(leader: int) -> bool:
    """Whether a child of ours that has not been reaped has rights for which we may not signal it."""
    try:
        os.kill(leader, 0)
    except PermissionError:
        return is_unreaped(leader)
    except ProcessLookupError:
        pass
    return False


def signal_process(process: Stat, number: int, *, group: bool = False, wake: bool = True) -> bool:
    """Signal a process, or its whole group, if it still is the one that was seen; as `signal_run` for the rest."""
    pidfd = _pidfd(process.pid)  # first: from now on the number is looked at only to compare
    try:
        now = stat(process.pid)
        if now is None or not now.alive or now.start_time != process.start_time:
            return False
        return _send(process.pid, number, group=group, wake=wake, pidfd=pidfd)
    finally:
        if pidfd is not None:
            os.close(pidfd)


def signal_members(members: Iterable[Stat], number: int) -> int:
    """Signal each process that is still the one that was seen; SIGCONT follows. Returns how many got it."""
    return sum(signal_process(member, number) for member in members)


def kill_sessions(leaders: Collection[int], foreign: Collection[Stat] = ()) -> int:
    """SIGKILL everybody in the sessions of these children: their groups, then what made groups of its own.

    Those that have been reaped are left out. `foreign` are leaders that are no children of ours. Returns how many were
    in groups of their own. It looks at `/proc` again until nobody new appears, a few times at most: what is about to
    die may still have forked.
    """
    sessions = {leader for leader in leaders if signal_run(leader, signal.SIGKILL, group=True)}
    sessions.update(one.pid for one in foreign if signal_process(one, signal.SIGKILL, group=True))
    reached: set[tuple[int, int]] = set()
    for _ in range(_ROUNDS):
        try:
            members = [seen for group in session_members(sessions).values() for seen in group]
        except OSError:  # no descriptor left to look with: the groups at least have got it
            break
        fresh = [seen for seen in members if seen.pgrp != seen.session and (seen.pid, seen.start_time) not in reached]
        if not fresh:
            break
        signal_members(fresh, signal.SIGKILL)
        reached.update((seen.pid, seen.start_time) for seen in fresh)
    return len(reached)


def set_child_subreaper() -> bool:
    """Make orphaned descendants our children, as they are PID 1's. False when this system cannot."""
    return libc.call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


class _Family:
    """Whose each process is: the id of a run, one of the words for those that are no run's, or FOREIGN."""

    FOREIGN: Final = -1

    def __init__(self, ended: Mapping[int, int], running: Mapping[int, int], court: Court) -> None:
        self._court = court
        self._running = running
        self._everybody = {seen.pid: seen for seen in _everybody()}
        self._runs = {**ended, **running}
        self._us = os.getpid()
        self._owners = {self._us: STRANGERS}
        heard = [seen for seen in self._everybody.values() if self._is_to_be_heard(seen)]
        court.hear(sorted(heard, key=lambda seen: seen.ppid != self._us))  # our own orphans first

    def members(self) -> Iterable[tuple[Stat, int]]:
        """Our live descendants with their owners."""
        for pid in list(self._everybody):
            owner = self._owner(pid)
            seen = self._everybody[pid]
            if owner != self.FOREIGN and seen.alive and pid != self._us:
                yield seen, owner

    def _is_to_be_heard(self, seen: Stat) -> bool:
        whom = self._court.foreign or seen.ppid == self._us
        return whom and seen.alive and seen.session not in self._runs and seen.pid != self._us

    def _owner(self, pid: int) -> int:
        chain: list[int] = []
        links: set[int] = set()
        while pid not in self._owners and pid in self._everybody and pid not in links:
            chain.append(pid)
            links.add(pid)
            pid = self._parent(pid)
        owner = self._owners.get(pid, self.FOREIGN)
        for link in reversed(chain):
            if owner != self.FOREIGN:
                owner = self._judge(self._everybody[link], owner)
            elif self._court.foreign:
                owner = self._kin(self._everybody[link])
            self._owners[link] = owner
        return owner

    def _parent(self, pid: int) -> int:
        parent = self._everybody[pid].ppid
        if parent and parent not in self._everybody:  # it ended while we looked: who has the child now?
            self._everybody[pid] = stat(pid) or self._everybody[pid]
        return self._everybody[pid].ppid

    def _judge(self, seen: Stat, parents: int) -> int:
        run = self._runs.get(seen.session)
        if run is not None:
            return run
        return self._court.owner(seen) if seen.ppid == self._us else parents

    def _kin(self, seen: Stat) -> int:
        """The run of an earlier minisup that a process belongs to which does not descend from us."""
        run = self._runs.get(seen.session)
        if run is not None and (seen.session in self._running or not self._is_there(seen.session)):
            return run
        return self._court.foreign_owner(seen) or self.FOREIGN

    def _is_there(self, pid: int) -> bool:
        """Of the leader of a session that has ended: then its number is somebody else's now."""
        return pid in self._everybody and self._everybody[pid].alive


def _send(pid: int, number: int, *, group: bool, wake: bool, pidfd: int | None = None) -> bool:
    """The one place where signals are sent, by whoever has made sure that the number is still whom it stood for."""
    numbers = [number]
    if wake and number not in {signal.SIGKILL, signal.SIGCONT}:
        numbers.append(signal.SIGCONT)
    try:
        for each in numbers:
            if group:
                os.killpg(pid, each)
            elif pidfd is None:
                os.kill(pid, each)
            else:
                signal.pidfd_send_signal(pidfd, each)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _pidfd(pid: int) -> int | None:
    """What stands for the process that has the number now and for no other; None where there is none to be had."""
    try:
        return None if _PIDFD_OPEN is None else _PIDFD_OPEN(pid)
    except OSError:
        return None


def _everybody() -> Iterable[Stat]:
    return (seen for pid in pids() if (seen := stat(pid)))


def pids() -> Iterable[int]:
    """Everybody's, from one look at `/proc`. OSError: no descriptor to look with."""
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def _read(path: str, size: int) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(fd, size)
    except OSError:  # ESRCH: it ended while we looked
        return b""
    finally:
        os.close(fd)
