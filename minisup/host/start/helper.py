"""A child that is no run: started like one, read without waiting, killed by its pid, reaped by the one reaper."""

import os
from array import array
from collections.abc import Callable, MutableMapping
from fcntl import ioctl
from termios import FIONREAD
from typing import Final

from minisup.host.characters import last_lines
from minisup.host.loop import Loop
from minisup.host.process import processes
from minisup.host.process.reap import Reaped
from minisup.host.start.as_user import Forked
from minisup.host.start.recipe import Recipe
from minisup.host.start.spawn import Spawner, refused

READ: Final = 1 << 16
"""Bytes taken at once; one read a turn, so that a child that prints without end slows nobody."""

TAIL: Final = 1 << 12
"""Bytes of its stderr that are kept."""

Helpers = MutableMapping[int, Callable[[Reaped], None]]
"""Who is told the end of a child that is no run, by its pid."""


class Helper:
    """One such child. `out` is read for `on_output`; `on_end` comes last, when it has been reaped.

    `on_output` with nothing: it has closed its end, and may live.
    """

    def __init__(
        self, loop: Loop, helpers: Helpers, on_output: Callable[[bytes], None], on_end: Callable[[Reaped], None]
    ) -> None:
        self._loop = loop
        self._helpers = helpers
        self._on_output = on_output
        self._on_end = on_end
        self._out = self._err = self._report = -1
        self._recipe: Recipe | None = None
        self.refused = ""  # why it could not be started, where that turned out later
        self._tail = b""
        self.pid = 0

    def start(self, spawner: Spawner, recipe: Recipe, out: int, childs_end: int, *, stdin: int | None = None) -> None:
        """Start it; `out` is our end of its stdout and is ours to close from here on. Raises SpawnError, OSError.

        `stdin`: what it reads; None: nothing.
        """
        self._out = out
        try:
            self._err, childs_err = os.pipe2(os.O_CLOEXEC)
            try:
                made = spawner.spawn(recipe, 0, 0, childs_end, childs_err, stdin_fd=stdin)
            finally:
                os.close(childs_err)
        except BaseException:
            self._close()
            raise
        self.refused = ""
        if isinstance(made, Forked):  # nobody waits for it: who asks has a limit for the whole of it
            self.pid, self._report, self._recipe = *made, recipe
            self._loop.on_readable(self._report, self._read_report)
        else:
            self.pid = made
        self._helpers[self.pid] = self._ended
        for fd, reader in ((self._out, self._read_out), (self._err, self._read_err)):
            os.set_blocking(fd, False)
            self._loop.on_readable(fd, reader)

    def kill(self) -> None:
        """SIGKILL to its session: `timeout` and shells make groups of their own. Harmless when it has ended."""
        if self.pid:
            processes.kill_sessions((self.pid,))

    def forget(self) -> None:
        """Kill it, and hear nothing more of it: it is reaped by the way."""
        self.kill()
        if self.pid:
            self._helpers[self.pid] = _unheard
        self.pid = 0
        self._close()

    def last_line(self) -> str:
        """The last line of its stderr."""
        lines = self._tail.decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def _read_out(self) -> None:
        data = _read(self._out)
        if data:
            self._on_output(data)
        elif data is not None:
            self._out = self._shut(self._out)
            self._on_output(b"")

    def _read_err(self) -> None:
        data = _read(self._err)
        if data:
            self._tail = last_lines(self._tail + data, TAIL)
        elif data is not None:
            self._err = self._shut(self._err)

    def _read_report(self) -> None:
        data = _read(self._report)
        if data and self._recipe is not None:
            self.refused = refused(self._recipe, data).cause
        if data is not None:
            self._report = self._shut(self._report)

    def _ended(self, ended: Reaped) -> None:
        self.pid = 0
        if self._report >= 0:
            self._read_report()
        self._read_last()
        if self._err >= 0:
            self._read_err()
        self._close()
        self._on_end(ended)

    def _read_last(self) -> None:
        """What it left unread, and no more: a process that it left behind may write for ever."""
        left = _unread(self._out) if self._out >= 0 else 0
        while left > 0 and self._out >= 0 and (data := _read(self._out)):
            left -= len(data)
            self._on_output(data)

    def _close(self) -> None:
        self._out, self._err, self._report = map(self._shut, (self._out, self._err, self._report))

    def _shut(self, fd: int) -> int:
        if fd >= 0:
            self._loop.forget(fd)
            os.close(fd)
        return -1


def _read(fd: int) -> bytes | None:
    """What there is; empty: the end, or the other end broke off; None: nothing now."""
    try:
        return os.read(fd, READ)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _unread(fd: int) -> int:
    """The bytes that are in a pipe or a socket now."""
    count = array("i", [0])
    ioctl(fd, FIONREAD, count)
    return count[0]


def _unheard(_ended: Reaped) -> None:
    pass
