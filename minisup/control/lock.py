"""One minisup a socket: a lock that the kernel gives back when its holder dies, however it dies."""

import fcntl
import os
import time
from typing import Final, NamedTuple, Self

from minisup.errors import TakenError
from minisup.path_trust import check_regular

PATIENCE: Final = 5.0
"""Seconds that the last children of a minisup which was killed are given to execute their commands."""

_PAUSE: Final = 0.01
_LONGEST: Final = 8192


class Holder(NamedTuple):
    """Who took a lock last: its pid, "unknown" if it does not say, and the configuration that it runs."""

    pid: str
    config: str


def open_lock(path: str) -> int:
    """Open the file of a lock, for its owner alone; it is made if there is none. Raises OSError.

    No link is followed and nothing is waited for. Whoever can open the file can hold the lock.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o600)
    try:
        check_regular(descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise
    make_private(descriptor, 0o600)
    return descriptor


def make_private(descriptor: int, mode: int) -> None:
    """Take the rights of others to an open file or directory, where its file system knows rights."""
    if os.fstat(descriptor).st_mode & 0o077:
        try:
            os.fchmod(descriptor, mode)
        except OSError:
            pass  # every file has one mode there (a FAT stick, a share), or it is root's


def hold(descriptor: int, patience: float = PATIENCE) -> bool:
    """Take the flock of a file and write our pid into it; false: another lives that holds it.

    A child of a minisup that was killed holds its locks until it has executed its command: it is waited for, `patience`
    seconds at most. So whoever gets the lock knows that no run is about to come into being. Raises OSError when the
    file system has no locks.
    """
    if not take(descriptor, patience):
        return False
    sign(descriptor)
    return True


def take(descriptor: int, patience: float = PATIENCE) -> bool:
    """As `hold`, without a word in the file: it says who held the lock before."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if _lives(holder(descriptor).pid) or time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)
        else:
            return True


def sign(descriptor: int, config: str = "") -> None:
    """Say who holds the lock. A full disk must not prevent that it is held."""
    text = os.fsencode(f"{os.getpid()}\n{config}\n")
    try:
        os.pwrite(descriptor, text, 0)
        os.ftruncate(descriptor, len(text))
    except OSError:
        pass  # who comes second is told less


def holder(descriptor: int) -> Holder:
    """Who took the lock of a file last. What a power failure has left of it, which may be zeros, says nothing."""
    pid, _, rest = os.pread(descriptor, _LONGEST, 0).partition(b"\n")
    config, end, _ = rest.partition(b"\n")
    is_path = bool(end) and b"\0" not in config
    number = pid.strip()
    return Holder(number.decode() if number.isdigit() else "unknown", os.fsdecode(config) if is_path else "")


class Lock:
    """An flock on `PATH.lock`, held until `close`. The file holds the pid for whoever comes second.

    The file stays when the lock is given back: unlinking it would let two holders lock two files of one name.
    """

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self.path = path

    @classmethod
    def take(cls, socket_path: str, patience: float = PATIENCE) -> Self:
        """Take the lock of a socket. Raises TakenError when another holds it, OSError when it cannot be made."""
        path = f"{socket_path}.lock"
        descriptor = open_lock(path)
        try:
            held = hold(descriptor, patience)
        except OSError as error:
            os.close(descriptor)
            raise OSError(error.errno, f"cannot lock {path}: {error.strerror}", path) from error
        if not held:
            other = holder(descriptor).pid
            os.close(descriptor)
            raise _taken(socket_path, other)
        return cls(descriptor, path)

    @property
    def gone(self) -> bool:
        """Whether the file has been removed or replaced: then somebody else can hold a lock of that name."""
        try:
            here, there = os.fstat(self._descriptor), os.lstat(self.path)
        except OSError:
            return True
        return (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino)

    def close(self) -> None:
        """Give the lock back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _lives(pid: str) -> bool:
    """Whether the process is more than a zombie. Not sure counts as alive: a moment passes until the pid is written."""
    if not (pid.isascii() and pid.isdigit()):
        return True
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[:1] not in ([b"Z"], [b"X"])
    except OSError:
        return not os.path.isdir("/proc/self")


def _taken(socket_path: str, pid: str) -> TakenError:
    return TakenError(
        f"cannot start: another minisup (pid {pid}) has {socket_path}\n"
        f"  stop it (minisup --socket {socket_path} shutdown), or name another socket: --socket PATH or MINISUP_SOCKET"
    )
