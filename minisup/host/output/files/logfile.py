"""One log file, as its writer thread sees it: made when the first line comes, rotated, opened again when it is gone.

Every method may wait for the disk and may raise OSError; after one, the next call starts anew.
"""

import os
import stat
from collections.abc import Callable
from typing import Final

from minisup.config.keys.log_tables import Rotation
from minisup.host.descriptors import OPEN_FILES
from minisup.host.output.files import safe_path

FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT
MODE: Final = 0o666  # less the umask


class LogFile:
    """The file at `path`. `shift` rotates: it is to move the file at `path` away, or return false if it cannot.

    `in_vain` is called when that was done and there is no more room than before.
    """

    def __init__(
        self, path: str, rotation: Rotation, shift: Callable[[], bool], in_vain: Callable[[], None] = lambda: None
    ) -> None:
        self._path = path
        self._rotation = rotation
        self._shift = shift
        self._in_vain = in_vain
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
        with safe_path.find(self._path, make=True) as spot:
            fd = OPEN_FILES.lift(safe_path.open_file(spot, FLAGS, MODE))
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
        """As many whole lines as the file has room for; it is rotated, once, when there is room for none."""
        part = self._with_room(data)
        if not part and self._is_elsewhere():
            self.open()
            part = self._with_room(data)
        if not part and self._shift():
            self.open()
            part = self._with_room(data)
            if not part:
                self._in_vain()
        return part or data

    def _with_room(self, data: memoryview) -> memoryview:
        """The whole lines that the file has room for; an empty file has room for one, whatever its length."""
        self._size = os.fstat(self._fd).st_size  # others may write to it, or have emptied it (copytruncate)
        room = max(0, self._rotation.max_size - self._size)
        end = _last_end(data[:room])
        if end or (self._size and len(data) > room):
            return data[:end]
        return _one_line(data)

    def _is_elsewhere(self) -> bool:
        """Whether somebody else has moved the file away already."""
        try:
            with safe_path.find(self._path) as spot:
                return spot.seen is None or not os.path.samestat(spot.seen, os.fstat(self._fd))
        except FileNotFoundError:
            return True


def _last_end(data: memoryview) -> int:
    return bytes(data).rfind(b"\n") + 1


def _one_line(data: memoryview) -> memoryview:
    """The first line: it is longer than a file may be, and is not divided."""
    return data[: bytes(data).find(b"\n") + 1 or len(data)]
