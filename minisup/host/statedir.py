"""`state_dir`: what outlives minisup. The run ids, which only grow; `running.py` keeps the runs in progress there."""

import os
from collections.abc import Mapping

from minisup.control.lock import hold
from minisup.history.opening import last_run

BLOCK = 10_000
"""Run ids reserved by one write: that many are skipped at most when minisup is killed."""


class StateDir:
    """A directory that belongs to this minisup, or memory when there is none."""

    def __init__(self, path: str | None, lock: int = -1) -> None:
        self.path = path
        self._lock = lock
        self._reserved = 0

    @classmethod
    def open(cls, path: str) -> tuple["StateDir", str]:
        """Take the directory; returns it and a warning, empty if all is well. Without it state is kept in memory."""
        try:
            os.makedirs(path, mode=0o755, exist_ok=True)
            lock = os.open(f"{path}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            return cls(None), f"state is kept in memory: cannot use {path}: {error.strerror}"
        try:
            held = hold(lock)
        except OSError:
            held = False
        if not held:
            os.close(lock)
            return cls(None), f"state is kept in memory: {path} belongs to another minisup; set supervisor.state_dir"
        return cls(path, lock), ""

    def first_run(self) -> int:
        """The first run id that no earlier minisup can have given; reserves a block."""
        first = self._read() + 1
        self._reserve(first + BLOCK)
        return first

    def reserve(self, run: int) -> None:
        """Called before `run` is given: keeps the ids on disk ahead of it."""
        if run >= self._reserved:
            self._reserve(run + BLOCK)

    def close(self, last_run: int) -> None:
        """Give the directory back; ids go on after `last_run`."""
        if self.path is not None:
            self._reserve(last_run)
            os.close(self._lock)

    def _read(self) -> int:
        if self.path is None:
            return 0
        try:
            with open(f"{self.path}/run-id", encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            return last_run(self.path)  # the file was lost, and with it the count: ids still must not repeat

    def _reserve(self, until: int) -> None:
        self._reserved = until
        if self.path is None:
            return
        new = f"{self.path}/run-id.new"
        try:
            with open(new, "w", encoding="ascii") as file:
                file.write(f"{until}\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, f"{self.path}/run-id")
        except OSError:
            pass  # a full disk must not stop the jobs; ids still grow within this life


def default_path(environ: Mapping[str, str]) -> str:
    """Where state is kept unless the configuration says so."""
    if os.geteuid() == 0:
        return "/var/lib/minisup"
    home = environ.get("XDG_STATE_HOME") or os.path.join(environ.get("HOME", "/"), ".local/state")
    return os.path.join(home, "minisup")
