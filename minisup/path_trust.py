"""Whether somebody else can change what a path leads to: asked before root makes anything there.

Root writes where it is told to. If a directory on the way belongs to another user, or if others may write to it, they
can put a link in its place at any moment, and root's file is somewhere else. In a sticky directory (/tmp) nobody but
its owner can replace an entry. minisup without root's rights writes with its own alone, so it need not ask this.

Nothing is opened here: what only root and we can change cannot be changed between this look and the use.
"""

import os
import stat
from typing import Final

from minisup.path_names import PathNames

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def check_way(directory: str) -> None:
    """Raises OSError, with the reason, if another user than root decides what `directory` is. Not root: never.

    The way to it is looked at up to the first directory that is missing. Others may write to the last one: whoever
    makes a file there has to see to it that it is a new one.
    """
    if os.geteuid() != 0:
        return
    trusted = _trusted_owners()
    names, here = PathNames(os.path.abspath(directory)), "/"
    _check_directory(here, os.lstat(here), trusted)
    while names:
        path = os.path.join(here, names.take())
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            return
        if stat.S_ISLNK(found.st_mode):
            _check_owner(path, found, trusted)
            here = "/" if names.follow(os.readlink(path), path) else here
        else:
            _check_directory(path, found, trusted, last=not names)
            here = os.path.normpath(path)


def check_regular(descriptor: int, path: str) -> None:
    """Raises OSError unless an open file is a regular one that belongs to root or to us."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(22, "it is no regular file", path)
    _check_owner(path, found, _trusted_owners())


def _check_directory(path: str, found: os.stat_result, trusted: frozenset[int], *, last: bool = False) -> None:
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(20, f"{path} is no directory", path)
    _check_owner(path, found, trusted)
    others = found.st_mode & _OTHERS_WRITE
    if found.st_gid in trusted:
        others &= ~stat.S_IWGRP
    if others and not found.st_mode & stat.S_ISVTX and not last:
        raise PermissionError(1, f"others may write to {path}; chmod go-w or +t it", path)


def _check_owner(path: str, found: os.stat_result, trusted: frozenset[int]) -> None:
    if found.st_uid not in trusted:
        raise PermissionError(1, f"{path} belongs to user {found.st_uid}", path)


def _trusted_owners() -> frozenset[int]:
    """Root, we, and in a user namespace whom it does not know: the machine's own root is one of these."""
    owners = {0, os.geteuid()}
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            ranges = [(int(line.split()[0]), int(line.split()[2])) for line in file]
        with open("/proc/sys/kernel/overflowuid", encoding="ascii") as file:
            unknown = int(file.read())
    except (OSError, ValueError, IndexError):
        return frozenset(owners)
    if not any(first <= unknown < first + length for first, length in ranges):
        owners.add(unknown)
    return frozenset(owners)
