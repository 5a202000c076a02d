"""Where a path leads when others may write to directories of it: nobody leads minisup, who is often root, elsewhere.

Whoever may write to a directory decides what the names in it mean, at any moment, also between a look and the use.

Rule 1: a directory is opened by the descriptor of the one above it, and what has been opened is what is looked at.
        Whoever uses the place that was found names its file by the directory's descriptor, never by the path again.
Rule 2: as long as only root and minisup's own user can change what a name means, links are followed.
Rule 3: from the first name on that others can change, no link is followed, and a file must be a regular one whose
        only name it is: a second name may be that of a file of root.

Everything here may wait for the disk: it belongs in a thread.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from minisup.path_names import PathNames

DIRECTORY_MODE: Final = 0o777  # less the umask

CONSOLE: Final = 'for minisup\'s own output write log.to = "console"'

_LOOK: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE: Final = " (deleted)"
"""What the kernel adds in /proc to the name of an open file when that name is no more."""

_KINDS: Final = {
    stat.S_IFDIR: "Is a directory",
    stat.S_IFIFO: "Is a FIFO, not a regular file",
    stat.S_IFSOCK: "Is a socket, not a regular file",
    stat.S_IFBLK: "Is a block device, not a regular file",
    stat.S_IFCHR: "Is a device in a directory that others may write to",
    stat.S_IFLNK: "Is a link in a directory that others may write to",
}


class RefusedError(OSError):
    """The path would lead somewhere else than it says, or not to a file; `strerror` says why, for people."""


class Spot(NamedTuple):
    """A name in an open directory. `seen` is what has the name, None if nothing has; it is no link.

    `ours`: only root and minisup's own user can change what the name means.
    """

    directory: int
    name: str
    ours: bool
    seen: os.stat_result | None


@contextmanager
def find(path: str, *, make: bool = False) -> Iterator[Spot]:
    """The place that `path`, which is absolute, leads to; with `make` directories that are missing are made.

    Raises OSError, and RefusedError for a path that others could bend.
    """
    walk = _Walk(path)
    try:
        yield walk.to_the_end(make=make)
    finally:
        os.close(walk.directory)


def open_file(spot: Spot, flags: int, mode: int = 0) -> int:
    """Open a spot's file, never waiting for another process; a FIFO, a socket or a directory is refused by name.

    A device is opened only where nobody else could have put it. Raises OSError, RefusedError.
    """
    if spot.seen is not None:
        _check_kind(spot.seen, ours=spot.ours)
    common = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        fd = os.open(spot.name, flags | common, mode, dir_fd=spot.directory)
    except BlockingIOError:
        raise RefusedError(errno.EAGAIN, "Is leased by another process (fcntl F_SETLEASE)") from None
    try:
        _check_kind(os.fstat(fd), ours=spot.ours)
        if not spot.ours:
            _check_only_name(fd)
        os.set_blocking(fd, True)
    except BaseException:
        os.close(fd)
        raise
    return fd


class _Walk:
    """From the root to the end of a path, a name at a time."""

    def __init__(self, path: str) -> None:
        self._names = PathNames(path)
        self._here = "/"
        self._bent_at = ""  # the first directory in which others can change the name that was taken
        self.directory = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def to_the_end(self, *, make: bool) -> Spot:
        """Take all names but the last, and look at that. Raises OSError."""
        while self._names:
            name = self._names.take()
            at = self._open(name, make=make and bool(self._names))
            if at is None:
                return Spot(self.directory, name, self._is_ours(None), None)
            keep = False
            try:
                seen = os.fstat(at)
                ours = self._is_ours(seen)
                if stat.S_ISLNK(seen.st_mode):
                    self._follow(name, at, ours=ours)
                elif self._names:
                    self._enter(name, at, seen, ours=ours)
                    keep = True
                else:
                    return Spot(self.directory, name, ours, seen)
            finally:
                if not keep:
                    os.close(at)
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))

    def _open(self, name: str, *, make: bool) -> int | None:
        """A descriptor of what has the name; None: nothing has, and it is the last."""
        try:
            return os.open(name, _LOOK, dir_fd=self.directory)
        except FileNotFoundError:
            if not make:
                if self._names:
                    raise
                return None
        try:
            os.mkdir(name, DIRECTORY_MODE, dir_fd=self.directory)
        except FileExistsError:
            pass  # somebody was faster
        return os.open(name, _LOOK, dir_fd=self.directory)

    def _is_ours(self, seen: os.stat_result | None) -> bool:
        """Whether only root and minisup's user can change what a name in this directory, of `seen`, means."""
        if self._bent_at:
            return False
        around = os.fstat(self.directory)
        if not _others_may_write(around):
            return True
        # What is root's in a sticky directory (/tmp) can be neither renamed nor removed by others.
        kept = around.st_mode & stat.S_ISVTX and _is_trusted(around.st_uid)
        if not kept or seen is None or not _is_trusted(seen.st_uid):
            return False
        return stat.S_ISDIR(seen.st_mode) or seen.st_nlink == 1

    def _enter(self, name: str, at: int, seen: os.stat_result, *, ours: bool) -> None:
        if not stat.S_ISDIR(seen.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, f"{self._path(name)} is not a directory")
        if not ours and name == "..":
            raise RefusedError(errno.ELOOP, f"{self._here}/.. is not where it seems: others may write to {self._here}")
        if not ours and not self._bent_at:
            self._bent_at = self._here
        os.close(self.directory)
        self.directory = at
        self._here = self._path(name)

    def _follow(self, name: str, at: int, *, ours: bool) -> None:
        link = self._path(name)
        if not ours:
            where = self._bent_at or self._here
            raise RefusedError(
                errno.ELOOP,
                f"{link} is a link, and others than root and minisup's user may write to {where}: "
                "name the path that it leads to, without links",
            )
        if _is_on_proc(self.directory):
            raise RefusedError(errno.ELOOP, f"{link} is what a process has open: {CONSOLE}")
        if self._names.follow(os.readlink("", dir_fd=at), link):
            os.close(self.directory)
            self.directory = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            self._here = "/"

    def _path(self, name: str) -> str:
        return os.path.normpath(os.path.join(self._here, name))


def _is_trusted(uid: int) -> bool:
    return uid in {0, os.geteuid()}


def _others_may_write(directory: os.stat_result) -> bool:
    """Whether somebody beside root and minisup's user may; who is in the group is not known, but for one's own."""
    mode = directory.st_mode
    if not _is_trusted(directory.st_uid) or mode & stat.S_IWOTH:
        return True
    own_group = os.geteuid() != 0 and directory.st_gid == os.getegid()
    return bool(mode & stat.S_IWGRP) and not own_group  # the mask of an access control list counts as the group


def _is_on_proc(fd: int) -> bool:
    try:
        return os.fstat(fd).st_dev == os.stat("/proc/self/").st_dev
    except OSError:
        return False


def _check_kind(seen: os.stat_result, *, ours: bool) -> None:
    kind = stat.S_IFMT(seen.st_mode)
    if kind == stat.S_IFREG or (kind == stat.S_IFCHR and ours):
        return
    code = errno.EISDIR if kind == stat.S_IFDIR else errno.EINVAL
    raise RefusedError(code, _KINDS.get(kind, "Is not a regular file"))


def _check_only_name(fd: int) -> None:
    """Refuse an open file that has another name, or had one when it was opened.

    Two looks are enough, in this order. The name by which it was opened is there at the second one, and a name that
    was removed never comes back to an open file: so it was there at the first one, too, and was the only one.
    """
    links = os.fstat(fd).st_nlink
    if links > 1:
        raise RefusedError(errno.EMLINK, "Has a second name (a hard link) in a directory that others may write to")
    if links == 1 and _name_is_gone(fd):
        raise RefusedError(errno.ENOENT, "Was replaced while it was opened")


def _name_is_gone(fd: int) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{fd}").endswith(_GONE)
    except OSError:
        return False  # no /proc: the count of names has to do
