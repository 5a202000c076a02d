"""Who is there, whose it is, and how to signal it: `/proc` and the few system calls around it.

A number that stands for a process is safe only while that process is an unreaped child of ours: so a run in progress is
signalled by its pid, and everything that outlived its leader only after its start time was compared.
"""

import os
import signal
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from minisup.host import libc

HELPER: Final = -2
"""In the place of a run's id: the session of a helper of minisup's own, which is neither a run nor a stranger."""

_STAT_SIZE: Final = 4096
_ENVIRON_SIZE: Final = 1 << 21
_PR_SET_CHILD_SUBREAPER: Final = 36
_ROUNDS: Final = 4
_RUN_ID: Final = b"MINISUP_RUN_ID="
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


def run_id_of(pid: int) -> int | None:
    """The number of the run in whose environment the process was started; None when it says none or may not be read.

    It is what the process was executed with, so it names the run that it descends from. Numbers only grow, also across
    restarts of minisup; only one that runs inside a job of another can give the same to a process of its own.
    """
    return run_id_in(environ(pid) or b"")


def slot_of(pid: int) -> str:
    """The name of the slot in whose environment the process was started; ":" when it says none or may not be read."""
    return os.fsdecode(_variable(pid, b"MINISUP_PROGRAM=") + b":" + _variable(pid, b"MINISUP_SLOT="))


def run_id_in(environ: bytes) -> int | None:
    """As `run_id_of`, of an environment that has been read."""
    number = _value(environ, _RUN_ID)
    return int(number) if number.isdigit() else None


def environ(pid: int) -> bytes | None:
    """What the process was executed with; None when it may not be read. Empty for a moment in the middle of an exec."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read(_ENVIRON_SIZE)
    except OSError:
        return None


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


def leftovers(ended: Mapping[int, int], running: Mapping[int, int], mark: bytes = b"") -> dict[int, list[Stat]]:
    """The live processes that ended runs left behind, by run id.

    Both arguments map sessions to run ids: of runs that have ended, and of runs in progress. Only what descends from us
    counts: a session number that somebody else has got since is never taken for ours. A descendant with a session of
    its own belongs to the run of its nearest ancestor that has one, else, when it is an orphan that came to us, to the
    run that its environment names; when that says nothing it is a stranger and not listed.

    `mark` is what the processes of an earlier minisup have in their environment. They do not descend from us, and count
    if they have it, if they are in the session of one of these runs, or if they descend from one that counts.
    """
    going = frozenset(running.values())
    return {run: members for run, members in descendants(ended, running, mark).items() if run not in going}


def descendants(ended: Mapping[int, int], running: Mapping[int, int], mark: bytes = b"") -> dict[int, list[Stat]]:
    """As `leftovers`, with the live processes of the runs in progress too."""
    found: dict[int, list[Stat]] = {}
    for seen, owner in _Family(ended, running, mark).members():
        if owner > 0:
            found.setdefault(owner, []).append(seen)
    return found


def strangers(ended: Mapping[int, int], running: Mapping[int, int]) -> list[Stat]:
    """Our live descendants that belong to no run. Arguments as for `leftovers`."""
    return [seen for seen, owner in _Family(ended, running).members() if owner == 0]


def signal_run(leader: int, number: int, *, group: bool, wake: bool = True) -> bool:
    """Signal the leader of a run in progress, or its whole group; SIGCONT follows, so that a stopped one gets it too.

    Without `wake` it does not.
    To be called only while the leader has not been reaped. False when there was nobody to signal or we may not.
    """
    send = os.killpg if group else os.kill
    try:
        send(leader, number)
        if wake and number not in (signal.SIGKILL, signal.SIGCONT):
            send(leader, signal.SIGCONT)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def signal_members(members: Iterable[Stat], number: int) -> int:
    """Signal each process that is still the one that was seen; SIGCONT follows. Returns how many got it."""
    reached = 0
    for member in members:
        now = stat(member.pid)
        if now is not None and now.alive and now.start_time == member.start_time:
            reached += signal_run(member.pid, number, group=False)
    return reached


def kill_sessions(leaders: Collection[int]) -> int:
    """SIGKILL everybody in the sessions of these runs in progress: their groups, then what made groups of its own.

    Returns how many are in groups of their own. It looks at `/proc` again until nobody new appears, a few times at
    most: what is about to die may still have forked. To be called only while the leaders have not been reaped.
    """
    for leader in leaders:
        signal_run(leader, signal.SIGKILL, group=True)
    reached: set[tuple[int, int]] = set()
    for _ in range(_ROUNDS):
        try:
            members = [seen for group in session_members(leaders).values() for seen in group]
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
    """Whose each process is: the id of a run, 0 (we ourselves, strangers), HELPER, or FOREIGN: not our descendant."""

    FOREIGN: Final = -1

    def __init__(self, ended: Mapping[int, int], running: Mapping[int, int], mark: bytes = b"") -> None:
        self._mark = mark
        self._running = running
        self._everybody = {seen.pid: seen for seen in _everybody()}
        self._runs = {**ended, **running}
        self._us = os.getpid()
        self._owners = {self._us: 0}

    def members(self) -> Iterable[tuple[Stat, int]]:
        """Our live descendants with their owners."""
        for pid in list(self._everybody):
            owner = self._owner(pid)
            seen = self._everybody[pid]
            if owner != self.FOREIGN and seen.alive and pid != self._us:
                yield seen, owner

    def _owner(self, pid: int) -> int:
        chain: list[int] = []
        while pid not in self._owners and pid in self._everybody and pid not in chain:
            chain.append(pid)
            pid = self._parent(pid)
        owner = self._owners.get(pid, self.FOREIGN)
        for link in reversed(chain):
            if owner != self.FOREIGN:
                owner = self._judge(self._everybody[link], owner)
            elif self._mark:
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
        return run_id_of(seen.pid) or 0 if seen.ppid == self._us else parents

    def _kin(self, seen: Stat) -> int:
        """The run of an earlier minisup that a process belongs to which does not descend from us."""
        run = self._runs.get(seen.session)
        if run is not None and (seen.session in self._running or not self._is_there(seen.session)):
            return run
        world = environ(seen.pid) or b""
        return run_id_in(world) or self.FOREIGN if self._mark in world.split(b"\0") else self.FOREIGN

    def _is_there(self, pid: int) -> bool:
        """Of the leader of a session that has ended: then its number is somebody else's now."""
        return pid in self._everybody and self._everybody[pid].alive


def _variable(pid: int, name: bytes) -> bytes:
    """What a process was given under `name` (with its `=`); empty when it was not, or we may not read it."""
    return _value(environ(pid) or b"", name)


def _value(environ: bytes, name: bytes) -> bytes:
    return (b"\0" + environ).partition(b"\0" + name)[2].partition(b"\0")[0]


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
