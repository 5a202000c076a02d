"""The command of a hook under way: no run, but a child of the same kind, with little time and little to say.

It has its own session and is reaped where all children are. Its output goes, line by line, to minisup's own log.
"""

import os
from collections.abc import Callable
from typing import Final

from minisup.config.text.toml_lines import printable
from minisup.core.model import Seconds
from minisup.host.characters import cut_before
from minisup.host.loop import Loop
from minisup.host.process import processes
from minisup.host.process.reap import Reaped
from minisup.host.signals import signal_name
from minisup.host.start.recipe import Recipe
from minisup.host.start.spawn import Spawner

PIECE: Final = 1 << 16
"""Bytes read in a turn; also what a pipe holds."""

MOST_LINES: Final = 50
"""Lines of one command that are passed on; what comes after them is read and forgotten."""

LONGEST_LINE: Final = 500
"""Bytes of a line that are passed on."""


class HookRun:
    """One process. `say` is told each line of its output; SpawnError or OSError when it cannot be started."""

    def __init__(
        self, loop: Loop, spawner: Spawner, recipe: Recipe, limit: Seconds, say: Callable[[str], None]
    ) -> None:
        self._loop = loop
        self._say = say
        self._limit = limit
        self._partial = b""
        self._lines = 0
        self._killed = False
        self._reader, writer = os.pipe2(os.O_CLOEXEC)
        try:
            self.pid = spawner.spawn_helper(recipe, writer)
        except BaseException:
            os.close(self._reader)
            raise
        finally:
            os.close(writer)
        os.set_blocking(self._reader, False)
        loop.on_readable(self._reader, self._read)
        self._timer = loop.after(limit, self._too_late)

    def ended(self, child: Reaped) -> str:
        """It has been reaped; returns why that is a failure, empty if it is none."""
        self._timer.cancel()
        self._read()  # what it wrote last; a process that it left behind writes to nobody
        if self._reader >= 0:
            self._close()
        if self._killed:
            return f"killed after {self._limit:g} s"
        if child.signal is not None:
            return signal_name(child.signal)
        return f"exit {child.code}" if child.code else ""

    def _too_late(self) -> None:
        self._killed = True
        processes.kill_sessions((self.pid,))

    def _read(self) -> None:
        if self._reader < 0:
            return
        try:
            piece = os.read(self._reader, PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._close()
            return
        if self._lines > MOST_LINES:
            return
        *whole, self._partial = (self._partial + piece).split(b"\n")
        self._partial = self._partial[: LONGEST_LINE + 1]  # one more says whether it is longer
        for line in whole:
            self._pass_on(line)

    def _pass_on(self, line: bytes) -> None:
        self._lines += 1
        if self._lines <= MOST_LINES:
            self._say(printable(line[: cut_before(line, LONGEST_LINE)].decode(errors="replace")))
        elif self._lines == MOST_LINES + 1:
            self._say("... and more")

    def _close(self) -> None:
        if self._partial:
            self._pass_on(self._partial)
            self._partial = b""
        self._loop.forget(self._reader)
        os.close(self._reader)
        self._reader = -1
