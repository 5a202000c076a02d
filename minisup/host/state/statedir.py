"""`state_dir`: what outlives minisup. The run ids, which only grow; `run_record.py` keeps the runs in progress there.

The directory belongs to one minisup at a time, which holds its `lock`, and to one configuration, whose path is in that
file (docs/decisions/0020-places.md).
"""

import os
import re
import stat
from binascii import crc32
from collections.abc import Mapping, Sequence
from typing import Final, Self

from minisup.config.files.workdir import absolute, current_directory
from minisup.control import lock as locks
from minisup.history.opening import last_run
from minisup.host import state_file
from minisup.path_trust import check_way

BLOCK: Final = 10_000
"""Run ids reserved by one write: that many are skipped at most when minisup is killed."""

HIGHEST: Final = 10**15
"""A run id above this was never given: at 3,000 runs a second it would take ten thousand years."""

_LONGEST_ID: Final = 32
_OURS: Final = re.compile(r"lock|(run-id|running|schedule|messages)(\.new)?|history\.db.*|.+-[0-9a-f]{8}")
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


class LockedError(Exception):
    """Somebody else holds the lock of a state directory."""

    def __init__(self, path: str, holder: locks.Holder) -> None:
        super().__init__(path)
        self.path = path
        self.holder = holder


class StateDir:
    """A directory that belongs to this minisup, or memory when there is none.

    `earlier`: the configuration whose state it holds so far; empty: none, or it is not known.
    """

    def __init__(self, path: str | None, lock: int = -1, earlier: str = "") -> None:
        self.path = path
        self.earlier = earlier
        self._lock = lock
        self._config = ""
        self._reserved = 0

    @classmethod
    def take(cls, path: str) -> Self:
        """Make the directory if need be and lock it. Raises LockedError, or OSError when it cannot be used."""
        lock = _locked(path, locks.PATIENCE)
        return cls(path, lock, locks.holder(lock).config)

    def claim(self, config: str) -> Self:
        """It holds the state of this configuration from now on."""
        self._config = config
        locks.sign(self._lock, config)
        return self

    def leave(self) -> None:
        """Give it back as it was."""
        os.close(self._lock)

    def first_run(self) -> int:
        """The first run id that no earlier minisup can have given; reserves a block."""
        first = self._read() + 1
        self._reserve(first + BLOCK)
        return first

    def reserve(self, run: int) -> None:
        """Called before `run` is given: keeps the ids on disk ahead of it."""
        if run >= self._reserved:
            self._reserve(run + BLOCK)

    def look(self) -> str:
        """Make again what somebody has removed; says so, empty if all is well. Raises LockedError or OSError."""
        if self.path is None:
            return ""
        whole, locked = os.path.isdir(self.path), state_file.same_file(self._lock, f"{self.path}/lock")
        if not locked:
            fresh = _locked(self.path, patience=0.0)
            locks.sign(fresh, self._config)
            os.close(self._lock)
            self._lock = fresh
        if not os.path.lexists(f"{self.path}/run-id"):
            self._reserve(self._reserved)
        if not whole:
            return f"the state directory {self.path} was removed: it is made again"
        return "" if locked else f"the lock of the state directory was removed: {self.path}/lock is made again"

    def close(self, last_run: int) -> None:
        """Give the directory back; ids go on after `last_run`."""
        if self.path is not None:
            self._reserve(last_run)
            os.close(self._lock)

    def _read(self) -> int:
        if self.path is None:
            return 0
        try:
            found = int(state_file.read(f"{self.path}/run-id", _LONGEST_ID))
        except (OSError, ValueError):
            found = -1
        if not 0 <= found <= HIGHEST:
            found = last_run(self.path)  # the file was lost, and with it the count: ids still must not repeat
        return found if 0 <= found <= HIGHEST else 0

    def _reserve(self, until: int) -> None:
        self._reserved = until
        if self.path is None:
            return
        try:
            state_file.replace(f"{self.path}/run-id", f"{until}\n".encode(), sync=True)
        except OSError:
            pass  # a full disk must not stop the jobs; ids still grow within this life


def default_path(environ: Mapping[str, str]) -> str:
    """Where state is kept unless the configuration says so."""
    if os.geteuid() == 0:
        return "/var/lib/minisup"
    home = environ.get("XDG_STATE_HOME") or os.path.join(environ.get("HOME", "/"), ".local/state")
    return os.path.join(home, "minisup")


def main_file(files: Sequence[str], environ: Mapping[str, str]) -> str:
    """The path that a configuration is known by, of the files that it was read from; empty if there are none.

    It is the name by which its user knows it: that of a link, if the link is how minisup came there.
    """
    if not files:
        return ""
    try:
        return absolute(files[0], current_directory(environ, files[0]))
    except OSError:  # the directory in which minisup was started is gone
        return files[0]


def path_for(named: str | None, config: str, environ: Mapping[str, str]) -> str:
    """Where the state of a configuration is, for whoever only reads it. `named`: the directory that it names."""
    if named:
        return named
    usual = default_path(environ)
    return path_beside(usual, config) if is_another(configuration_of(usual), config) else usual


def path_beside(usual: str, config: str) -> str:
    """The directory of a configuration where another one has the usual place: named after its directory and path."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", os.path.basename(os.path.dirname(config))) or "root"
    return os.path.join(usual, f"{name[:64]}-{crc32(os.fsencode(config)):08x}")


def configuration_of(path: str) -> str:
    """The configuration whose state a directory holds; empty: none, or it may not be read."""
    try:
        file = os.open(f"{path}/lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return locks.holder(file).config
    except OSError:
        return ""
    finally:
        os.close(file)


def is_another(one: str, other: str) -> bool:
    """Whether these are two configurations, as far as is known: not if they are two names of one file."""
    if not one or not other or one == other:
        return False
    try:
        return not os.path.samefile(one, other)
    except OSError:
        return True


def _locked(path: str, patience: float) -> int:
    """The lock of a directory, which is made if need be. `patience` as for `locks.hold`."""
    _make(path)
    lock = locks.open_lock(f"{path}/lock")
    try:
        held = locks.take(lock, patience)
        other = locks.holder(lock)
    except OSError as error:
        os.close(lock)
        raise OSError(error.errno, f"cannot lock {path}/lock: {error.strerror}", path) from error
    if not held:
        os.close(lock)
        raise LockedError(path, other)
    return lock


def _make(path: str) -> None:
    """Make the directory, for its owner alone, and see whether it is safe to keep state there. Raises OSError."""
    check_way(path)
    if not os.path.isdir(path):
        _make_parents(os.path.dirname(path))
        _mkdir(path, 0o700)
        check_way(path)
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _keep_to_ourselves(directory, path)
    finally:
        os.close(directory)


def _make_parents(path: str) -> None:
    if not os.path.isdir(path):
        _make_parents(os.path.dirname(path))
        _mkdir(path, 0o755)


def _mkdir(path: str, mode: int) -> None:
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        pass  # another did, or it is something else: whoever opens it will see


def _keep_to_ourselves(directory: int, path: str) -> None:
    found, us = os.fstat(directory), os.geteuid()
    if found.st_uid not in (0, us):
        raise PermissionError(1, f"it belongs to user {found.st_uid}", path)
    names = os.listdir(directory)
    mine = found.st_uid == us and not found.st_mode & stat.S_ISVTX and all(map(_OURS.fullmatch, names))
    if mine and "run-id" in names:
        locks.make_private(directory, 0o700)  # an earlier version made it
    elif found.st_mode & _OTHERS_WRITE:
        if mine:
            locks.make_private(directory, stat.S_IMODE(found.st_mode) & ~_OTHERS_WRITE)
        elif us == 0:
            raise PermissionError(1, "others may write to it; name a directory of its own", path)
