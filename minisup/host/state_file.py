"""Files in the state directory: read whatever lies there, and replaced whole.

Rule 1: what lies there may be anything (a directory, a FIFO, a link, a hole of a terabyte): it is never waited for,
nor read beyond a limit; what is wrong with it is an OSError with a reason.
Rule 2: what is written is a new file of our own, which then takes the place of the old one.
"""

import errno
import os
import stat
from typing import Final

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def read(path: str, most: int) -> bytes:
    """The content of a regular file of at most so many bytes. Raises OSError."""
    file = os.open(path, _READ)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", path)
        if found.st_size > most:
            raise OSError(errno.EFBIG, f"it has {found.st_size:,} bytes; minisup writes {most:,} at most", path)
        return os.pread(file, most, 0)
    finally:
        os.close(file)


def create(path: str) -> int:
    """A new file for its owner alone, open for writing; what somebody left under that name goes. Raises OSError."""
    try:
        return os.open(path, _NEW, 0o600)
    except FileExistsError:
        os.unlink(path)
        return os.open(path, _NEW, 0o600)


def replace(path: str, content: bytes, *, sync: bool = False) -> None:
    """Put a file with this content in the place of another. With `sync` it survives a power failure. Raises OSError."""
    fresh = f"{path}.new"
    file = create(fresh)
    try:
        write_all(file, content)
        if sync:
            os.fsync(file)
    finally:
        os.close(file)
    os.replace(fresh, path)


def write_all(file: int, content: bytes) -> None:
    """Write all of it. Raises OSError."""
    while content:
        content = content[os.write(file, content) :]


def same_file(file: int, path: str) -> bool:
    """Whether `path` is still the name of an open file."""
    try:
        here, there = os.fstat(file), os.lstat(path)
    except OSError:
        return False
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
