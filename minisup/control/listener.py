"""Making the control socket: its place, its lock, its owner and mode, and what a dead minisup left behind."""

import errno
import os
import socket
import stat
from collections.abc import Mapping
from typing import Final, NamedTuple, Self

from minisup.control.lock import Lock
from minisup.control.places import default_sockets, fallback_directory, make_private
from minisup.errors import TakenError
from minisup.path_trust import check_way

BACKLOG: Final = 128


class Access(NamedTuple):
    """Who may connect: the file's mode, and its group (a gid; None keeps the process's own)."""

    mode: int = 0o600
    group: int | None = None


class Listener:
    """A bound and listening socket, and the lock that makes it the only one of its path."""

    def __init__(self, path: str, access: Access, lock: Lock, sock: socket.socket) -> None:
        self.path = path
        self.socket = sock
        self._access = access
        self._lock = lock
        self._file = _file_at(path)

    @classmethod
    def open(cls, path: str, access: Access) -> Self:
        """Lock and bind `path`. Raises TakenError when somebody else has it, OSError when it cannot be made."""
        path = os.path.abspath(path)
        check_way(os.path.dirname(path))
        lock = Lock.take(path)
        try:
            _clear_stale(path)
            return cls(path, access, lock, _bind(path, access))
        except BaseException:
            lock.close()
            raise

    @property
    def gone(self) -> bool:
        """Whether the socket or its lock has been removed or replaced: nobody finds us, or another takes the name."""
        return self._lock.gone or not self._is_there()

    def renew(self) -> socket.socket | None:
        """Take the lock and bind again, as far as they are gone; returns what is replaced, for the caller to close.

        Raises as `open`: meanwhile another may have come.
        """
        if self._lock.gone:
            if self.path.startswith(f"{fallback_directory(os.geteuid())}/"):
                make_private(fallback_directory(os.geteuid()), os.geteuid())
            check_way(os.path.dirname(self.path))
            lock = Lock.take(self.path, patience=0.0)
            self._lock.close()
            self._lock = lock
        if self._is_there():
            return None
        _clear_stale(self.path)
        old, self.socket = self.socket, _bind(self.path, self._access)
        self._file = _file_at(self.path)
        return old

    def close(self) -> None:
        """Close and remove the socket, unless another file has its name by now, and give the lock back."""
        self.socket.close()
        if self._is_there():
            _remove(self.path)
        self._lock.close()

    def _is_there(self) -> bool:
        try:
            return _file_at(self.path) == self._file
        except OSError:
            return False


def open_explicit(path: str, access: Access) -> Listener:
    """The socket that somebody named. Raises TakenError when it cannot be had."""
    try:
        return Listener.open(path, access)
    except OSError as error:
        raise TakenError(
            f"cannot make the control socket {path}: {_words(error)}\n"
            "  name another place: --socket PATH, MINISUP_SOCKET or supervisor.socket"
        ) from error


def open_default(access: Access, environ: Mapping[str, str], uid: int) -> tuple[Listener | None, str]:
    """The first default place where a socket can be made, else None and why. Raises TakenError when one is in use."""
    failures = []
    for path in default_sockets(environ, uid):
        try:
            if path.startswith(f"{fallback_directory(uid)}/"):
                make_private(fallback_directory(uid), uid)
            return Listener.open(path, access), ""
        except OSError as error:
            failures.append(f"{path}: {_words(error)}")
    return None, "; ".join(failures)


def _clear_stale(path: str) -> None:
    # Called with the lock held: no other minisup listens here, but some other program may.
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "there is a file of that name that is no socket", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            pass  # its queue is full: somebody is there
    raise TakenError(
        f"cannot start: another program listens at {path}\n  name another socket: --socket PATH or MINISUP_SOCKET"
    )


def _bind(path: str, access: Access) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o777 & ~access.mode)  # the file is born with its mode
        try:
            sock.bind(path)
        finally:
            os.umask(before)
        try:
            _admit(path, access)
            sock.setblocking(False)
            sock.listen(BACKLOG)  # before this nobody can connect
        except BaseException:
            _remove(path)
            raise
    except BaseException:
        sock.close()
        raise
    return sock


def _admit(path: str, access: Access) -> None:
    """Give the socket the group that was asked for, and the mode where it was not born with it."""
    file = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)  # what is changed is what was looked at
    try:
        found = os.fstat(file)
        if not stat.S_ISSOCK(found.st_mode):
            raise FileExistsError(errno.EEXIST, "somebody has put another file in its place", path)
        if access.group is not None and access.group != found.st_gid:
            os.chown(f"/proc/self/fd/{file}", -1, access.group)
        if stat.S_IMODE(found.st_mode) != access.mode:
            os.chmod(f"/proc/self/fd/{file}", access.mode)
    finally:
        os.close(file)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # somebody removed it, or its directory


def _file_at(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def _words(error: OSError) -> str:
    return error.strerror or str(error)
