"""One minisup a socket: a lock that the kernel gives back when its holder dies, however it dies."""

import fcntl
import os
from typing import Self

from minisup.errors import TakenError


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
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise _taken(socket_path, holder) from None
        except OSError:
            os.close(descriptor)
            raise
        return cls(descriptor, path)

    def close(self) -> None:
        """Give the lock back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _holder(descriptor: int) -> str:
    found = os.pread(descriptor, 32, 0).split()
    return found[0].decode("ascii", "replace") if found else "unknown"


def _taken(socket_path: str, holder: str) -> TakenError:
    return TakenError(
        f"cannot start: another minisup (pid {holder}) has {socket_path}\n"
        f"  stop it (minisup --socket {socket_path} shutdown), or name another socket: --socket PATH or MINISUP_SOCKET"
    )
