"""A file's rotated ones: `PATH.1` is the newest, `PATH.2` the one before it; each may be compressed (`PATH.1.gz`).

Everything here may wait for the disk: it belongs in a thread. Whoever shifts and whoever compresses share a lock; the
compressor knows its file by what it is, not by its number, because that may have grown meanwhile.

The directory may be one that others write to: all is done by its descriptor and a name in it (see `safepath`), so
that at worst somebody mixes up the files of his own directory.
"""

import errno
import os
from _thread import allocate_lock, get_native_id, start_new_thread
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from typing import Final

from minisup.config.keys.log_tables import Rotation
from minisup.host.output.files import safe_path
from minisup.host.output.files.safe_path import Spot

PIECE: Final = 1 << 17
"""Bytes that are compressed at once."""

LEVEL: Final = 6
GZIP: Final = 31  # zlib's word for a window of 32 KiB in a gzip frame
LAST_IN_LINE: Final = 19
"""The nice value of a thread that compresses: jobs go first."""

MOST: Final = 10_001
"""Rotated files that are looked at: one more than can be kept. Others could make them faster than they are counted."""

Identity = tuple[int, int]
"""A file, whatever its name: device and inode."""

_SUFFIX: Final = ".gz"
_UNFINISHED: Final = ".gz.tmp"


class Rotated:
    """The rotated files of one path. `unwanted` ends the compressing early.

    `on_compressed` is told, in the compressing thread, what it could not do, or None when all is compressed.
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
        """Move the file at the path, and each rotated one by a number; what is too many is gone. Raises OSError.

        The rotated ones lie beside the file, not beside a link to it.
        """
        with safe_path.find(self._path) as spot, self._lock:
            shift(spot, self._rotation.keep)
            if self._rotation.compress and self._rotation.keep and not self._compressing:
                self._start_compressing(spot)

    def _start_compressing(self, spot: Spot) -> None:
        own = spot._replace(directory=os.dup(spot.directory))
        self._compressing = True
        try:
            start_new_thread(self._compress_all, (own,))
        except RuntimeError:  # no thread can be had: with the next rotation, perhaps
            self._compressing = False
            os.close(own.directory)
            self._on_compressed(OSError(errno.EAGAIN, "No thread can be had"))

    def _compress_all(self, spot: Spot) -> None:
        refused: dict[Identity, OSError] = {}
        try:
            os.setpriority(os.PRIO_PROCESS, get_native_id(), LAST_IN_LINE)  # on Linux: of this thread alone
            while found := self._next_plain(spot, refused):
                name, seen = found
                try:
                    self._compress(spot, name, seen)
                except safe_path.RefusedError as error:  # the others can be compressed nevertheless
                    refused[_identity(seen)] = OSError(error.errno, f"{name}: {error.strerror}")
        except OSError as error:
            self._compressing = False
            self._on_compressed(error)
        else:
            self._on_compressed(next(iter(refused.values()), None))
        finally:
            os.close(spot.directory)

    def _next_plain(self, spot: Spot, passed: Container[Identity]) -> tuple[str, os.stat_result] | None:
        """The newest rotated file that is not compressed, nor in `passed`; None: that is all, and the thread ends."""
        with self._lock:
            if not self._unwanted():
                for _, names in chain(spot):
                    seen = None if names[0].endswith(_SUFFIX) else _look(spot, names[0])
                    if seen is not None and _identity(seen) not in passed:
                        return names[0], seen
            self._compressing = False
        return None

    def _compress(self, spot: Spot, name: str, seen: os.stat_result) -> None:
        unfinished = spot.name + _UNFINISHED
        fd = safe_path.open_file(spot._replace(name=name, seen=seen), os.O_RDONLY)
        try:
            if squeeze(fd, spot.directory, unfinished, self._unwanted):
                with self._lock:
                    _replace(spot, fd, unfinished)
        finally:
            os.close(fd)
            with suppress(FileNotFoundError):
                os.unlink(unfinished, dir_fd=spot.directory)


def shift(spot: Spot, keep: int) -> None:
    """Make the file of `spot` its first rotated one, and each of those the next; at most `keep` are left.

    Raises OSError; what has been moved by then is in order.
    """
    at = spot.directory
    for number, names in reversed(list(chain(spot))):
        for name in names:
            if number >= keep:
                os.unlink(name, dir_fd=at)
            else:
                suffix = _SUFFIX if name.endswith(_SUFFIX) else ""
                os.rename(name, f"{spot.name}.{number + 1}{suffix}", src_dir_fd=at, dst_dir_fd=at)
    if keep:
        os.rename(spot.name, f"{spot.name}.1", src_dir_fd=at, dst_dir_fd=at)
    else:
        os.unlink(spot.name, dir_fd=at)


def chain(spot: Spot) -> Iterator[tuple[int, list[str]]]:
    """The numbers from 1 on that are taken, each with its files, the plain one first."""
    for number in range(1, MOST + 1):
        plain = f"{spot.name}.{number}"
        names = [name for name in (plain, plain + _SUFFIX) if _look(spot, name) is not None]
        if not names:
            return
        yield number, names


def squeeze(fd: int, directory: int, target: str, unwanted: Callable[[], bool]) -> bool:
    """Write the file `fd`, compressed, to `target` in `directory`, with the same owner and mode.

    Returns false if it became unwanted. Raises OSError.
    """
    import zlib  # noqa: PLC0415 - only who rotates needs it

    seen = os.fstat(fd)
    with suppress(FileNotFoundError):
        os.unlink(target, dir_fd=directory)  # of a minisup that was killed
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with open(os.open(target, flags, 0o600, dir_fd=directory), "wb") as out:
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


def _replace(spot: Spot, fd: int, compressed: str) -> None:
    """Put `compressed` in the place of the rotated file `fd`, whatever its number is by now, unless it is gone."""
    at = spot.directory
    for _, names in chain(spot):
        seen = _look(spot, names[0])
        if seen is not None and os.path.samestat(seen, os.fstat(fd)):
            os.rename(compressed, names[0] + _SUFFIX, src_dir_fd=at, dst_dir_fd=at)
            os.unlink(names[0], dir_fd=at)
            return


def _look(spot: Spot, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=spot.directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _identity(seen: os.stat_result) -> Identity:
    return seen.st_dev, seen.st_ino
