"""The files of a database: what they must be, and what becomes of damaged ones."""

import errno
import os
import stat
import time
from typing import Final

COMPANIONS: Final = ("", "-wal", "-shm", "-journal")
"""What the names of the files of one database end with."""


def check_regular(path: str) -> None:
    """Raises OSError unless the files of a database are regular ones, as far as they are there.

    SQLite would wait for a FIFO and follow a link.
    """
    for ending in COMPANIONS:
        try:
            mode = os.lstat(path + ending).st_mode
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, f"{os.path.basename(path)}{ending} is no regular file", path)


def move_aside(path: str) -> str:
    """Rename a damaged database so that a new one can take its place; returns its new name. Raises OSError."""
    when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = next(name for name in _names(f"{path}.damaged-{when}") if not os.path.lexists(name))
    for ending in COMPANIONS:
        try:
            os.rename(path + ending, aside + ending)
        except FileNotFoundError:
            pass
    return aside


def _names(name: str) -> "list[str]":
    return [name, *(f"{name}.{number}" for number in range(2, 1000))]
