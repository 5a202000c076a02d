"""`state_dir/running`: the runs in progress, for the minisup that comes after one which was killed.

A record a slot, written twice a run (what is about to start, then its pid) and blotted out when it has been reaped. The
kernel keeps what was written when minisup dies; nothing is synced, because after a reboot no run is left to be found.

    minisup running 1 | JSON: state, boot, pids, slots | newline, zeros up to a page | a record for nobody, one a slot

`state` is a number of this directory's own: each run has it in its environment as MINISUP_STATE, so that together with
the run id it names a run on the whole machine. `boot` and `pids` (the pid namespace) say whether pids mean anything.

A write is a copy into mapped memory (0.5 us), where the file system overwrites in place. Elsewhere (btrfs, NFS ...) a
store into a mapping can end the process with SIGBUS when the disk is full, so there it is a system call that may fail.
A copy that SIGKILL interrupts leaves old and new mixed; `check` tells (docs/decisions/0008-survivors.md).
"""

import json
import mmap
import os
import re
from collections.abc import Callable, Iterable
from struct import Struct
from time import CLOCK_BOOTTIME, clock_gettime_ns
from typing import Final, NamedTuple

from minisup.file_system import types_of
from minisup.host import state_file
from minisup.host.state_file import create, same_file, write_all

MAGIC: Final = b"minisup running 1\n"
PAGE: Final = 4096
IN_PLACE: Final = frozenset({"ext2", "ext3", "ext4", "tmpfs", "xfs"})
"""File systems on which a page that has been written once can always be written again."""

MOST: Final = 64 << 20
"""Bytes of a record that is read; a slot takes 40 and its name."""

MOST_RUN: Final = 10**15
"""A run id above this was never given."""

_SLOT: Final = re.compile(r"[A-Za-z0-9._-]+:[0-9]{1,9}")
_STATE: Final = re.compile(r"[A-Za-z0-9]{0,64}")
_RECORD: Final = Struct("=5Q")  # run, begun, noted, pid, check; times in nanoseconds since boot
_CHECK: Final = Struct("=Q")
_USED: Final = 1 << 63
_BLANK: Final = bytes(_CHECK.size)
_CHECK_AT: Final = _RECORD.size - _CHECK.size

_pack = _RECORD.pack


class RecordedRun(NamedTuple):
    """A run that was in progress. `pid` 0: it may have been about to start. `torn`: only the slot is certain.

    `begun` and `noted`: between these nanoseconds since boot its process was made.
    """

    slot: str
    run: int
    begun: int
    noted: int
    pid: int = 0
    torn: bool = False


class EarlierRuns(NamedTuple):
    """What an earlier minisup left. `here`: its pids mean something now."""

    state: str
    here: bool
    entries: tuple[RecordedRun, ...]


class Running:
    """The record of this life; of no effect until `open`, and for good where state is kept in memory."""

    def __init__(self) -> None:
        self.state = ""
        self._path = ""
        self._fd = -1
        self._nobody = PAGE  # the record that is never read
        self._places: dict[str, int] = {}
        self._begun: dict[str, tuple[int, int]] = {}  # slot -> run, begun
        self._write: Callable[[int, bytes], None] = _nowhere

    def open(self, directory: str, state: str, slots: Iterable[str], entries: Iterable[RecordedRun] = ()) -> None:
        """Begin a new file, which takes the old one's place at once. OSError: it cannot be made; nothing is kept."""
        self.state = state
        self._path = f"{directory}/running"
        self._begin(slots, entries)

    def intend(self, slot: str, run: int) -> None:
        """Note that the run is about to be started."""
        begun = clock_gettime_ns(CLOCK_BOOTTIME)
        self._begun[slot] = (run, begun)
        place = self._places.get(slot) or self._place(slot)  # first: it may change the way to write
        self._write(place, _pack(run, begun, 0, 0, run ^ begun | _USED))

    def started(self, slot: str, pid: int) -> None:
        """Note the process of the run that was about to be started."""
        noted = clock_gettime_ns(CLOCK_BOOTTIME)
        run, begun = self._begun[slot]
        self._write(self._places[slot], _pack(run, begun, noted, pid, run ^ begun ^ noted ^ pid | _USED))

    def begun(self, slot: str, run: int) -> int | None:
        """When the run was about to be started, in nanoseconds since boot; None: another minisup has started it."""
        known, begun = self._begun.get(slot, (0, 0))
        return begun if known == run else None

    def ended(self, slot: str) -> None:
        """Note that the slot has no run: it was reaped, or could not be started."""
        self._write(self._places.get(slot, self._nobody) + _CHECK_AT, _BLANK)

    def look(self, in_progress: Callable[[], Iterable[RecordedRun]]) -> bool:
        """Write the record again if it is missing; whether that was so. OSError: it cannot be made.

        `in_progress` is asked for the runs if it could never be written: the disk was full at the start.
        """
        written = self._fd >= 0
        if not self._path or (written and same_file(self._fd, self._path)):
            return False
        self._begin(self._places, self._entries() if written else in_progress())
        return True

    def close(self, *, clean: bool) -> None:
        """Minisup leaves; if nothing lives on there is nothing to find."""
        self._write = _nowhere
        if clean and self._path:
            try:
                os.unlink(self._path)
            except OSError:
                pass  # whoever reads it will find that all has ended

    def _place(self, slot: str) -> int:
        """A slot that came later: a new file, with room for it."""
        self._places[slot] = self._nobody
        if self._write is not _nowhere:
            try:
                self._begin(self._places, self._entries())
            except OSError:
                pass  # a full disk must not stop the jobs
        return self._places[slot]

    def _entries(self) -> tuple[RecordedRun, ...]:
        """What this record says, whatever has its name by now."""
        return _parsed(os.pread(self._fd, MOST, 0)).entries

    def _begin(self, slots: Iterable[str], entries: Iterable[RecordedRun]) -> None:
        known = {entry.slot: entry for entry in entries}
        names = list(dict.fromkeys([*slots, *known]))
        head = _head(self.state, names)
        records = (_packed(known[name]) if name in known else bytes(_RECORD.size) for name in names)
        body = head + bytes(_RECORD.size) + b"".join(records)
        fresh = f"{self._path}.new"
        fd = create(fresh)
        try:
            write_all(fd, body + bytes(-len(body) % PAGE))  # whole: a hole would need a block when it is filled
            write = _mapped(fd) if overwrites_in_place(fresh) else _plain(fd)
            os.rename(fresh, self._path)
        except OSError:
            os.close(fd)
            raise
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._write, self._nobody = fd, write, len(head)
        self._places = {name: len(head) + index * _RECORD.size for index, name in enumerate(names, 1)}


def read(path: str) -> EarlierRuns | None:
    """What an earlier minisup left; None: nothing, it ended well. ValueError: this is not such a file."""
    try:
        return _parsed(state_file.read(path, MOST))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(error.strerror) from None


def _parsed(content: bytes) -> EarlierRuns:
    """What a record says, which may be anything. ValueError: it is none."""
    line, _, _ = content.removeprefix(MAGIC).partition(b"\n")
    if not content.startswith(MAGIC):
        raise ValueError("it has another form")
    state, boot, pids, slots = _facts(line)
    start = content.index(b"\n", len(MAGIC)) + 1
    start += -start % PAGE + _RECORD.size
    if len(content) < start + len(slots) * _RECORD.size:
        raise ValueError("it is too short")
    found = (_entry(name, content, start + index * _RECORD.size) for index, name in enumerate(slots))
    here = boot == _boot() and pids == _pid_namespace()
    return EarlierRuns(state, here, tuple(entry for entry in found if entry is not None))


def _facts(line: bytes) -> tuple[str, object, object, list[str]]:
    try:
        head = json.loads(line)
        state, slots = head["state"], head["slots"]
        known = _STATE.fullmatch(state) and all(map(_SLOT.fullmatch, slots)) and isinstance(slots, list)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("it has another form") from error
    if not known:
        raise ValueError("it has another form")
    return state, head.get("boot"), head.get("pids"), slots


def overwrites_in_place(path: str, mounts: str = "/proc/self/mountinfo") -> bool:
    """Whether the file's system is one of `IN_PLACE`; no when that cannot be told."""
    kinds = types_of(path, mounts)
    return bool(kinds) and kinds <= IN_PLACE


def _head(state: str, slots: list[str]) -> bytes:
    facts = {"state": state, "boot": _boot(), "pids": _pid_namespace(), "slots": slots}
    head = MAGIC + json.dumps(facts).encode() + b"\n"
    return head + bytes(-len(head) % PAGE)


def _entry(slot: str, content: bytes, place: int) -> RecordedRun | None:
    run, begun, noted, pid, check = _RECORD.unpack_from(content, place)
    if not check:
        return None
    torn = check != (run ^ begun ^ noted ^ pid | _USED) or run > MOST_RUN
    return RecordedRun(slot, run, begun, noted, 0 if torn else pid, torn)


def _packed(entry: RecordedRun) -> bytes:
    _, run, begun, noted, pid, torn = entry
    return _pack(run, begun, noted, pid, 1 if torn else run ^ begun ^ noted ^ pid | _USED)


def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _pid_namespace() -> int:
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def _mapped(fd: int) -> Callable[[int, bytes], None]:
    memory = mmap.mmap(fd, 0)

    def write(place: int, record: bytes) -> None:
        memory[place : place + len(record)] = record

    return write


def _plain(fd: int) -> Callable[[int, bytes], None]:
    def write(place: int, record: bytes) -> None:
        try:
            os.pwrite(fd, record, place)
        except OSError:
            pass  # a full disk must not stop the jobs

    return write


def _nowhere(_place: int, _record: bytes) -> None:
    """State is kept in memory."""
