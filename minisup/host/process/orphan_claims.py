"""What an orphan says of itself: its environment names the run and the slot that it descends from.

Whoever can start a process can write what he likes there, so these are claims: `Leftovers` checks each against what it
knows. The kernel may keep a reader of an environment waiting for as long as the process likes, so a thread reads them,
a bounded part of each, once for each process. A process that cannot be read in time says nothing.
"""

import os
from _thread import allocate_lock, start_new_thread  # `threading` costs 0.4 MiB and adds nothing here
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Final, NamedTuple

from minisup.host.process import processes
from minisup.host.process.processes import Stat

MOST_READ: Final = 1 << 18
"""Bytes of an environment that are looked at: more than a job has, and less than what would take long."""

LONGEST_RUN: Final = 19
"""Digits of a run's number, which is positive and has 63 bits."""

LONGEST_SLOT: Final = 300
"""Bytes of a slot's name that is believed to be one."""

PATIENCE: Final = 0.02
"""Seconds that a look waits for its reader: a few usual environments are read in less, so that a stop knows them."""

TOO_LONG: Final = 1.0
"""Seconds after which a process that keeps its reader waiting says nothing."""

MOST_STUCK: Final = 8
"""Readers that are left waiting; after that nobody who has not been read says anything."""

IN_THE_LOOP: Final = 16
"""Environments that one look reads itself where no thread can be had."""

EMPTY: Final = 2.0
"""Seconds in which an empty environment is read again: between two memories, in the middle of an exec, it is empty."""

Key = tuple[int, int]
"""A process: its pid, and its start time in clock ticks since boot."""


class Claim(NamedTuple):
    """What a process says of itself. `run` 0: it names none. `uid`: its real user, which it cannot choose; -1: unknown.

    `state` is the number of a state directory. `empty`: it had no environment at all.
    """

    run: int = 0
    slot: str = ""
    state: bytes = b""
    uid: int = -1
    empty: bool = False


NOTHING: Final = Claim()


def claim_in(environ: bytes, uid: int) -> Claim:
    """The claim in an environment as `/proc/PID/environ` has it, of which at most `MOST_READ` bytes were read.

    Never fails: what cannot be understood says nothing.
    """
    if len(environ) >= MOST_READ:
        environ = environ[: environ.rfind(b"\0") + 1]  # the last one may have been cut
    number = _value(environ, b"MINISUP_RUN_ID")
    run = int(number) if number.isdigit() and len(number) <= LONGEST_RUN else 0
    if not 0 < run < 1 << 63:
        return Claim(0, "", b"", uid, not environ)
    slot = _value(environ, b"MINISUP_PROGRAM") + b":" + _value(environ, b"MINISUP_SLOT")
    name = os.fsdecode(slot) if len(slot) <= LONGEST_SLOT else ""
    return Claim(run, name, _value(environ, b"MINISUP_STATE")[:LONGEST_SLOT], uid)


def claim_of(pid: int, start_time: int) -> Claim:
    """The claim of a process, if it is still the one that started then. May wait for as long as the process likes."""
    environ, uid = processes.environ(pid, MOST_READ), processes.uid_of(pid)
    seen = processes.stat(pid)
    if environ is None or uid is None or seen is None or seen.start_time != start_time:
        return NOTHING
    return claim_in(environ, uid)


class Claims:
    """The claims of the processes that were looked at last. `told` is called, by way of `post`, when all are known."""

    def __init__(
        self,
        post: Callable[[Callable[[], None]], None],
        told: Callable[[], None],
        read: Callable[[int, int], Claim] = claim_of,
        start_thread: Callable[[Callable[[], None], tuple[()]], object] = start_new_thread,
    ) -> None:
        self._post = post
        self._told = told
        self._read = read
        self._start_thread = start_thread
        self._known: dict[Key, Claim] = {}
        self._asked: set[Key] = set()
        self._queue: deque[Key] = deque()
        self._again_until: dict[Key, float] = {}
        self._lock = allocate_lock()  # held for moments only
        self._reader: _Reader | None = None
        self._stuck = 0

    def ask(self, seen: Iterable[Stat], *, patient: bool = True) -> None:
        """Learn what these processes say, the first of them first, and forget all others. `patient`: wait a moment."""
        keys = dict.fromkeys((one.pid, one.start_time) for one in seen)
        with self._lock:
            self._forget_all_but(keys)
            self._leave_who_waits()
            fresh = [key for key in keys if key not in self._asked and self._is_new(key)]
            self._asked.update(fresh)
            self._queue.extend(fresh)
        if self._queue:
            self._go_on()
        if patient and (reader := self._reader) is not None:
            reader.wait()

    def of(self, seen: Stat) -> Claim | None:
        """What a process says that was asked for; None: it is not known yet."""
        return self._known.get((seen.pid, seen.start_time))

    def _forget_all_but(self, keys: Mapping[Key, None]) -> None:
        for key in [key for key in self._known if key not in keys]:
            del self._known[key]
            self._again_until.pop(key, None)

    def _is_new(self, key: Key) -> bool:
        known = self._known.get(key)
        if known is None:
            return True
        return known.empty and monotonic() < self._again_until.setdefault(key, monotonic() + EMPTY)

    def _leave_who_waits(self) -> None:
        reader = self._reader
        if reader is None or monotonic() - reader.since < TOO_LONG:
            return
        reader.left = True
        self._reader = None
        self._stuck += 1
        self._answer(reader.key, NOTHING)
        while self._stuck >= MOST_STUCK and self._queue:
            self._answer(self._queue.popleft(), NOTHING)

    def _go_on(self) -> None:
        with self._lock:
            if self._reader is not None:
                return
            self._reader = reader = _Reader()
        try:
            self._start_thread(lambda: self._read_all(reader), ())
        except RuntimeError:  # no thread to be had
            self._reader = None
            for _ in range(min(IN_THE_LOOP, len(self._queue))):
                key = self._queue.popleft()
                self._answer(key, self._read(*key))
            if self._queue:
                self._post(self._told)

    def _read_all(self, reader: "_Reader") -> None:
        while self._next(reader):
            try:
                claim = self._read(*reader.key)
            except Exception:  # noqa: BLE001 - in this thread nobody hears of it; what cannot be read says nothing
                claim = NOTHING
            with self._lock:
                if reader.left:
                    self._stuck -= 1
                    return
                self._answer(reader.key, claim)
        reader.done()
        self._post(self._told)

    def _next(self, reader: "_Reader") -> bool:
        with self._lock:
            if not self._queue:
                self._reader = None
                return False
            reader.key, reader.since = self._queue.popleft(), monotonic()
            return True

    def _answer(self, key: Key, claim: Claim) -> None:
        self._known[key] = claim
        self._asked.discard(key)


class _Reader:
    """A thread that reads what is in the queue, and ends."""

    def __init__(self) -> None:
        self.key: Key = (0, 0)
        self.since = monotonic()
        self.left = False
        """Whether nobody waits for it any more, because it hangs."""
        self._busy = allocate_lock()
        self._busy.acquire()
        self._was_late = False

    def wait(self) -> None:
        """Give it a moment to finish; one that needed longer is not waited for again."""
        if not self._was_late:
            self._was_late = not self._busy.acquire(timeout=PATIENCE)
            if not self._was_late:
                self._busy.release()

    def done(self) -> None:
        """All has been read."""
        self._busy.release()


def _value(environ: bytes, name: bytes) -> bytes:
    """The variable of that name; empty when there is none."""
    return (b"\0" + environ).partition(b"\0" + name + b"=")[2].partition(b"\0")[0]
