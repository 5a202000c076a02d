"""One minisup a socket: a lock that the kernel gives back when its holder dies, however it dies."""

import fcntl
import os
import time
from typing import Final, Self

from minisup.errors import TakenError

PATIENCE: Final = 5.0
"""Seconds that the last children of a minisup which was killed are given to execute their commands."""

_PAUSE: Final = 0.01


def hold(descriptor: int) -> bool:
    """Take the flock of a file and write our pid into it; false: another lives that holds it.

    A child of a minisup that was killed holds its locks until it has executed its command: it is waited for, `PATIENCE`
    at most. So whoever gets the lock knows that no run is about to come into being. Raises OSError.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if _lives(holder(descriptor)) or time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return True


class Lock:
    """An flock on `PATH.lock`, held until `close`. The file holds the pid for whoever comes second.

    The file stays when the lock is given back: unlinking it would let two holders lock two files of one name.
    """

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self.path = path

    @classmethod
    def take(cls, socket_path: str) -> Self:
        """Take the lock of a socket. Raises TakenError when another holds it, OSError when it cannot be made."""
        path = f"{socket_path}.lock"
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(path, flags, 0o600)
        try:
            held = hold(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        if not held:
            other = holder(descriptor)
            os.close(descriptor)
            raise _taken(socket_path, other)
        return cls(descriptor, path)

    def close(self) -> None:
        """Give the lock back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def holder(descriptor: int) -> str:
    """The pid of whoever took the lock of a file last; "unknown" if it does not say."""
    found = os.pread(descriptor, 32, 0).split()
    return found[0].decode("ascii", "replace") if found else "unknown"


def _lives(pid: str) -> bool:
    """Whether the process is more than a zombie. Not sure counts as alive: a moment passes until the pid is written."""
    if not pid.isdigit():
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
