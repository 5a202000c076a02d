"""One log file, as its writer thread sees it: made when the first line comes, rotated, opened again when it is gone.

Every method may wait for the disk and may raise OSError; after one, the next call starts anew.
"""

import os
import stat
from collections.abc import Callable
from typing import Final

from minisup.config.log_tables import Rotation

FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
MODE: Final = 0o666  # less the umask


class LogFile:
    """The file at `path`. `shift` rotates: it is to move the file at `path` away, or return false if it cannot."""

    def __init__(self, path: str, rotation: Rotation, shift: Callable[[], bool]) -> None:
        self._path = path
        self._rotation = rotation
        self._shift = shift
        self._fd = -1
        self._size = 0
        self._regular = False

    def write(self, data: memoryview) -> int:
        """Write some of `data`, at least a byte of it; returns how many. No line is divided between two files."""
        if self._fd >= 0 and self._is_gone():
            self.close()
        if self._fd < 0:
            self.open()
        part = data
        if self._regular and self._size + len(data) > self._rotation.max_size:
            part = self._fitting(data)
        written = os.write(self._fd, part)
        self._size += written
        return written

    def open(self) -> None:
        """Open the file, now, and its directory with it; one that is open is opened anew."""
        try:
            fd = os.open(self._path, FLAGS, MODE)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            fd = os.open(self._path, FLAGS, MODE)
        self.close()
        self._fd = fd
        seen = os.fstat(fd)
        self._size, self._regular = seen.st_size, stat.S_ISREG(seen.st_mode)

    def close(self) -> None:
        """Close the file if it is open."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def _is_gone(self) -> bool:
        """Whether what is written would be lost with the last descriptor: the file has no name any more."""
        return self._regular and os.fstat(self._fd).st_nlink == 0

    def _fitting(self, data: memoryview) -> memoryview:
        """As many whole lines as the file has room for; it is rotated when there is room for none."""
        self._size = os.fstat(self._fd).st_size  # others may write to it, or have emptied it (copytruncate)
        room = max(0, self._rotation.max_size - self._size)
        end = _last_end(data[:room])
        if end or not self._size or len(data) <= room:
            return data[:end] if end else _one_line(data)
        if self._is_elsewhere() or self._shift():
            self.open()
            return self._fitting(data)
        return data

    def _is_elsewhere(self) -> bool:
        """Whether somebody else has moved the file away already."""
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._fd))
        except FileNotFoundError:
            return True


def _last_end(data: memoryview) -> int:
    return bytes(data).rfind(b"\n") + 1


def _one_line(data: memoryview) -> memoryview:
    """The first line: it is longer than a file may be, and is not divided."""
    return data[: bytes(data).find(b"\n") + 1 or len(data)]
