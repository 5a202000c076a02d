"""A file's rotated ones: `PATH.1` is the newest, `PATH.2` the one before it; each may be compressed (`PATH.1.gz`).

Everything here may wait for the disk: it belongs in a thread. Whoever shifts and whoever compresses share a lock; the
compressor knows its file by what it is, not by its number, because that may have grown meanwhile.
"""

import os
from _thread import allocate_lock, get_native_id, start_new_thread
from collections.abc import Callable, Iterator
from typing import Final

from minisup.config.log_tables import Rotation

PIECE: Final = 1 << 17
"""Bytes that are compressed at once."""

LEVEL: Final = 6
GZIP: Final = 31  # zlib's word for a window of 32 KiB in a gzip frame
LAST_IN_LINE: Final = 19
"""The nice value of a thread that compresses: jobs go first."""

_SUFFIX: Final = ".gz"
_UNFINISHED: Final = ".gz.tmp"


class Rotated:
    """The rotated files of one path. `unwanted` ends the compressing early.

    `on_compressed` is told, in the compressing thread, the error that ended it, or None when all is compressed.
    """

    def __init__(
        self,
        path: str,
        rotation: Rotation,
        unwanted: Callable[[], bool],
        on_compressed: Callable[[OSError | None], None],
    ) -> None:
        self._path = path
        self._rotation = rotation
        self._unwanted = unwanted
        self._on_compressed = on_compressed
        self._lock = allocate_lock()
        self._compressing = False

    def shift(self) -> None:
        """Move the file at the path, and each rotated one by a number; what is too many is gone. Raises OSError."""
        path = os.path.realpath(self._path)  # the rotated ones lie beside the file, not beside a link to it
        with self._lock:
            shift(path, self._rotation.keep)
            if self._rotation.compress and self._rotation.keep and not self._compressing:
                self._compressing = True
                try:
                    start_new_thread(self._compress_all, (path,))
                except RuntimeError:  # no thread can be had: with the next rotation, perhaps
                    self._compressing = False

    def _compress_all(self, path: str) -> None:
        try:
            os.setpriority(os.PRIO_PROCESS, get_native_id(), LAST_IN_LINE)  # on Linux: of this thread alone
            while (fd := self._next_plain(path)) >= 0:
                try:
                    self._compress(path, fd)
                finally:
                    os.close(fd)
        except OSError as error:
            self._compressing = False
            self._on_compressed(error)
        else:
            self._on_compressed(None)

    def _next_plain(self, path: str) -> int:
        """The newest rotated file that is not compressed, opened; -1: that is all, and the thread ends."""
        with self._lock:
            plain = [names[0] for _, names in chain(path) if not names[0].endswith(_SUFFIX)]
            if plain and not self._unwanted():
                return os.open(plain[0], os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            self._compressing = False
        return -1

    def _compress(self, path: str, fd: int) -> None:
        unfinished = path + _UNFINISHED
        try:
            if squeeze(fd, unfinished, self._unwanted):
                with self._lock:
                    _replace(path, fd, unfinished)
        finally:
            if os.path.lexists(unfinished):
                os.unlink(unfinished)


def shift(path: str, keep: int) -> None:
    """Make the file at `path` its first rotated one, and each of those the next; at most `keep` are left.

    Raises OSError; what has been moved by then is in order.
    """
    for number, names in reversed(list(chain(path))):
        for name in names:
            if number >= keep:
                os.unlink(name)
            else:
                os.rename(name, f"{path}.{number + 1}{_SUFFIX if name.endswith(_SUFFIX) else ''}")
    if keep:
        os.rename(path, f"{path}.1")
    else:
        os.unlink(path)


def chain(path: str) -> Iterator[tuple[int, list[str]]]:
    """The numbers from 1 on that are taken, each with its files, the plain one first."""
    number = 1
    while names := [name for name in (f"{path}.{number}", f"{path}.{number}{_SUFFIX}") if os.path.lexists(name)]:
        yield number, names
        number += 1


def squeeze(fd: int, target: str, unwanted: Callable[[], bool]) -> bool:
    """Write the file `fd`, compressed, to `target`, with the same owner and mode; false if it became unwanted."""
    import zlib  # noqa: PLC0415 - only who rotates needs it

    seen = os.fstat(fd)
    if os.path.lexists(target):
        os.unlink(target)  # of a minisup that was killed
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as out:
        squeezer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
        while piece := os.read(fd, PIECE):
            if unwanted():
                return False
            out.write(squeezer.compress(piece))
        out.write(squeezer.flush())
        out.flush()
        if (seen.st_uid, seen.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(out.fileno(), seen.st_uid, seen.st_gid)
        os.fchmod(out.fileno(), seen.st_mode & 0o777)
        os.fsync(out.fileno())
    return True


def _replace(path: str, fd: int, compressed: str) -> None:
    """Put `compressed` in the place of the rotated file `fd`, whatever its number is by now, unless it is gone."""
    for _, names in chain(path):
        if os.path.samestat(os.lstat(names[0]), os.fstat(fd)):
            os.rename(compressed, names[0] + _SUFFIX)
            os.unlink(names[0])
            return
