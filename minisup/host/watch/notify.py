"""Two ways to learn that something may have changed in a set of directories. Both belong to the watcher's thread.

`InotifyNotifier` is told by the kernel: one descriptor, however many directories. It wakes up five times a second, to
hear whether it should end.

`Poller` is told by nobody and looks again and again.
"""

import os
import select
from collections.abc import Callable, Iterable, Mapping
from struct import Struct
from typing import Final, Protocol

from minisup.core.model import Seconds
from minisup.host import libc

STEP: Final[Seconds] = 0.2
"""Seconds between two looks at what the kernel has told, and so until a request to end is heard."""

EACH: Final[Seconds] = 2.0
"""Seconds between two looks when nobody tells."""

MOST_READ: Final = 64
"""Reads of what the kernel has told before it is looked at: whoever writes without end is not listened to for ever."""

_ADVICE: Final = "raise fs.inotify.max_user_watches or fs.inotify.max_user_instances (sysctl), or name fewer files"
_ROOM: Final = 65_536
_EVENT: Final = Struct("iIII")  # watch, mask, cookie, length of the name that follows
_OVERFLOW: Final = 0x4000
_WRITTEN, _ATTRIBUTES = 0x2 | 0x8, 0x4
_MOVED, _MADE, _DELETED = 0x40 | 0x80 | 0x800, 0x100, 0x200 | 0x400
_ONLY_DIRECTORIES: Final = 0x1000000
_WHAT: Final = _WRITTEN | _ATTRIBUTES | _MOVED | _MADE | _DELETED | _ONLY_DIRECTORIES

Places = Mapping[str, tuple[int, int]]
"""Directories with their device and inode: one that was replaced is another one."""


class BlindError(Exception):
    """The kernel does not tell; the text says why and what would help."""


class Awake(Protocol):
    """What is asked whether to wait on."""

    def is_set(self) -> bool:
        """Whether the wait should end now."""
        ...


class Notifier(Protocol):
    """Waits for changes."""

    def follow(self, places: Places) -> bool:
        """Wait in these directories from now on; true: some are new, so look once more. Raises BlindError."""
        ...

    def wait(self, awake: Awake) -> set[str] | None:
        """The paths that were told to have changed, maybe none yet; None: nobody knows, look."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class InotifyNotifier:
    """Told by the kernel. Raises BlindError when the kernel refuses."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[int, int]] = {}
        self._watches: dict[str, int] = {}
        self._paths: dict[int, list[str]] = {}  # of a watch: one directory may be reached in several ways
        self._fd = -1
        self._open()

    def follow(self, places: Places) -> bool:
        """See `Notifier`."""
        if self._fd < 0:
            self._open()
        fresh = [path for path, place in places.items() if self._places.get(path) != place]
        for path in [path for path, place in self._places.items() if places.get(path) != place]:
            self._drop(path)
        for path in fresh:
            self._add(path)
        self._places = dict(places)
        return bool(fresh)

    def wait(self, awake: Awake) -> set[str] | None:
        """See `Notifier`."""
        told: set[str] = set()
        if awake.is_set() or not self._poller.poll(STEP * 1000):
            return told
        for _ in range(MOST_READ):
            try:
                raw = os.read(self._fd, _ROOM)
            except BlockingIOError:
                break
            if not self._take(raw, told):
                return None
        return told

    def close(self) -> None:
        """See `Notifier`."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._places.clear()
        self._watches.clear()
        self._paths.clear()

    def _open(self) -> None:
        self._fd = libc.call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise BlindError(f"inotify refuses (no instance is to be had): {_ADVICE}")
        self._poller = select.poll()
        self._poller.register(self._fd, select.POLLIN)

    def _add(self, path: str) -> None:
        watch = libc.call("inotify_add_watch", self._fd, os.fsencode(path) + b"\0", _WHAT)
        if watch != libc.FAILED:
            self._watches[path] = watch
            self._paths.setdefault(watch, []).append(path)
        elif os.path.isdir(path) and os.access(path, os.R_OK):  # else it is gone since it was looked at, or not ours
            raise BlindError(f"inotify refuses (no watch is to be had after {len(self._paths):,}): {_ADVICE}")

    def _drop(self, path: str) -> None:
        watch = self._watches.pop(path, libc.FAILED)
        left = self._paths.get(watch, [])
        if path in left:
            left.remove(path)
            if not left:
                del self._paths[watch]
                libc.call("inotify_rm_watch", self._fd, watch)

    def _take(self, raw: bytes, told: set[str]) -> bool:
        """Note what was told; false: the kernel has dropped something."""
        at = 0
        while at < len(raw):
            watch, mask, _, length = _EVENT.unpack_from(raw, at)
            at += _EVENT.size + length
            if mask & _OVERFLOW:
                return False
            name = os.fsdecode(raw[at - length : at].rstrip(b"\0"))
            told.update(os.path.join(path, name) if name else path for path in self._paths.get(watch, ()))
        return True


class Poller:
    """Looks every two seconds. `sleep` waits for so long, or less when the watcher has something else to do."""

    def __init__(self, sleep: Callable[[Seconds], None]) -> None:
        self._sleep = sleep

    def follow(self, places: Places) -> bool:
        """See `Notifier`."""
        del places
        return False

    def wait(self, awake: Awake) -> None:
        """See `Notifier`."""
        if not awake.is_set():
            self._sleep(EACH)

    def close(self) -> None:
        """See `Notifier`."""


def is_forced_to_poll(environ: Mapping[str, str]) -> bool:
    """Whether WATCHFILES_FORCE_POLLING, which people know from watchfiles, asks not to rely on the kernel."""
    return environ.get("WATCHFILES_FORCE_POLLING", "").lower() not in {"", "0", "false", "disable", "disabled"}


def far_away(places: Iterable[str]) -> tuple[str, str] | None:
    """The first of these directories on a network file system, and which: changes made elsewhere are not told."""
    from minisup.file_system import network_file_system  # noqa: PLC0415 -- only for who watches files

    devices: set[int] = set()
    for path in places:
        try:
            device = os.stat(path).st_dev
        except OSError:
            continue
        if device not in devices:
            devices.add(device)
            kind = network_file_system(path)
            if kind:
                return path, kind
    return None
