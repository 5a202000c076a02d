"""Opening the files of a configuration. Others may own what stands there; nothing that they put there holds minisup up.

Rule 1: only a regular file is opened, and never one that makes us wait: no FIFO, no device. A look decides, and another
one at what was opened.
Rule 2: root reads an env_file for a program of another user. A link that somebody else has put on the way must not lead
to what that somebody may not have: the file belongs to whoever made the link, or the program's user may read it
(docs/decisions/0023-files-of-others.md). What root alone has placed is read with root's rights.
"""

import errno
import os
import re
import stat
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple, Protocol

from minisup.path_names import PathNames

LARGEST_FILE: Final = 2**20

_PLAIN: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_WAY: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OURS: Final = re.compile(r"/dev/stdin|/dev/fd/[0-9]+|/proc/self/fd/[0-9]+")
_KINDS: Final = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
_NULL: Final = os.makedev(1, 3)
"""/dev/null: many a script names it where there is no file."""

_SOMEBODY: Final = -1
"""In the place of a user: several may write to a directory."""


class Reader(Protocol):
    """Whom a file is read for: a user and its groups."""

    @property
    def uid(self) -> int | None:
        """The user; None: minisup's own."""
        ...

    @property
    def gid(self) -> int | None:
        """The group; None: minisup's own."""
        ...

    @property
    def groups(self) -> tuple[int, ...] | None:
        """Further groups."""
        ...


class Opened(NamedTuple):
    """What a file holds, at most one byte more than `LARGEST_FILE`, and what the file is."""

    raw: bytes
    seen: os.stat_result


def read_file(path: str, reader: Reader | None = None) -> Opened:
    """The file at `path`, for the processes of `reader` (None: minisup itself). OSError: it cannot be read."""
    is_ours = _OURS.fullmatch(path) is not None  # `-c <(make-configuration)`: a pipe that the caller gave us
    if is_ours:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    elif reader is not None and reader.uid not in {None, os.geteuid()} and os.geteuid() == 0:
        fd = _open_for(path, reader)
    else:
        _must_be_a_file(os.stat(path))
        fd = os.open(path, _PLAIN)
    try:
        seen = os.fstat(fd)
        if not is_ours:
            _must_be_a_file(seen)
        return Opened(_read(fd), seen)
    finally:
        os.close(fd)


def _read(fd: int) -> bytes:
    parts: list[bytes] = []
    left = LARGEST_FILE + 1
    while left and (part := os.read(fd, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _must_be_a_file(seen: os.stat_result) -> None:
    if stat.S_ISDIR(seen.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISCHR(seen.st_mode) and seen.st_rdev == _NULL:
        return
    for is_one, kind in _KINDS:
        if is_one(seen.st_mode):
            raise OSError(errno.EINVAL, f"it is {kind}, not a file")


def _open_for(path: str, reader: Reader) -> int:
    way = _Way(path)
    try:
        fd = way.open_end()
        if way.may_end_at(os.fstat(fd), reader):
            return fd
    finally:
        way.close()
    os.close(fd)
    raise PermissionError(errno.EACCES, _whose(way.led))


class _Way:
    """An absolute path, gone link by link. `led`: who, beside root, has made it lead where it does."""

    def __init__(self, path: str) -> None:
        self.led: set[int] = set()
        self._names = PathNames(path)
        self._at = os.open("/", _WAY)

    def open_end(self) -> int:
        """The file at the end."""
        while self._names:
            name = self._names.take()
            entry = os.stat(name, dir_fd=self._at, follow_symlinks=False)
            if stat.S_ISLNK(entry.st_mode):
                self._follow(name, entry)
            elif self._names or self._names.names_directory:
                self._enter(name)
            else:
                _must_be_a_file(entry)
                return os.open(name, _PLAIN | os.O_NOFOLLOW, dir_fd=self._at)
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))

    def may_end_at(self, file: os.stat_result, reader: Reader) -> bool:
        """Whether nobody got more than is theirs: those who led here own the file, or `reader` may read it."""
        if file.st_nlink > 1:
            self._note(_chooser(os.fstat(self._at)))
        return self.led <= {file.st_uid} or _may_read(reader, file)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._at)

    def _follow(self, name: str, link: os.stat_result) -> None:
        self._note(link.st_uid)
        self._note(_chooser(os.fstat(self._at)))
        if self._names.follow(os.readlink(name, dir_fd=self._at), name):
            self._enter("/")

    def _enter(self, name: str) -> None:
        before, self._at = self._at, os.open(name, _WAY, dir_fd=self._at)
        os.close(before)

    def _note(self, user: int | None) -> None:
        if user:  # neither nobody nor root
            self.led.add(user)


def _chooser(directory: os.stat_result) -> int | None:
    """Who, beside root, may exchange what a directory holds; None: nobody."""
    if directory.st_uid != 0:
        return directory.st_uid
    others = stat.S_IWOTH | (stat.S_IWGRP if directory.st_gid != 0 else 0)
    return _SOMEBODY if directory.st_mode & others and not directory.st_mode & stat.S_ISVTX else None


def _may_read(reader: Reader, seen: os.stat_result) -> bool:
    """Whether the permissions of a file let `reader` read it."""
    groups = {reader.gid, *(reader.groups or ())}
    if reader.uid == seen.st_uid:
        return bool(seen.st_mode & stat.S_IRUSR)
    return bool(seen.st_mode & (stat.S_IRGRP if seen.st_gid in groups else stat.S_IROTH))


def _whose(led: AbstractSet[int]) -> str:
    who = " and ".join(f"uid {uid}" for uid in sorted(led - {_SOMEBODY})) or "somebody else"
    return (
        f"a link that {who} can change leads to a file that the program's user may not read; let root own the link "
        "and its directory, or let the user read the file"
    )
