"""One receiver: a helper process that talks to a queue, in JSON lines over a socket that is its stdin and its stdout.

Nothing here waits for it: lines that it does not read stay in a buffer with a limit, and what it writes is read in
bounded turns. A receiver that dies, writes nonsense or too much is over; who starts the next one is `consumer.py`.
"""

import os
import socket
from collections.abc import Callable
from typing import Final

from minisup.host.loop import Loop
from minisup.host.process import processes
from minisup.host.process.reap import Reaped
from minisup.host.signals import signal_name
from minisup.host.start.helper import Helper, Helpers
from minisup.host.start.recipe import Recipe
from minisup.host.start.spawn import Spawner
from minisup.receivers.protocol import Lines, NonsenseError, Said, said

MOST_UNREAD: Final = 8 << 20
"""Bytes of lines that a receiver may leave unread before it is taken for hung."""

UNASKED: Final = 1000
"""What a receiver may say in `WINDOW` seconds that nobody asked it: so many lines, or `PIECE` bytes for each."""

WINDOW: Final = 10.0
PIECE: Final = 1 << 14

MUTE: Final = 2.0
"""Seconds that a receiver may live after it has closed its stdout: nobody hears what it does."""

_STOPPED: Final = frozenset("Tt")


class ReceiverProcess:
    """A receiver that was started. `heard` is told each line and says whether that was asked for.

    `ended` is told once, in words, when it is over.
    """

    def __init__(
        self,
        loop: Loop,
        spawner: Spawner,
        helpers: Helpers,
        recipe: Recipe,
        heard: Callable[[Said], bool],
        ended: Callable[[str], None],
    ) -> None:
        """Start it. Raises SpawnError, OSError, ValueError."""
        self._loop = loop
        self._heard = heard
        self._told = ended
        self._doomed = ""  # why it is being killed
        self._lines = Lines()
        self._unasked = 0  # in this window
        self._window = 0.0  # its end
        self._unsent = bytearray()
        self._child = Helper(loop, helpers, self._output, self._ended)
        ours, childs = socket.socketpair()
        self._socket = ours
        try:
            with childs:
                self._child.start(spawner, recipe, os.dup(ours.fileno()), childs.fileno(), stdin=childs.fileno())
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)

    @property
    def alive(self) -> bool:
        """Whether its process has not been reaped."""
        return bool(self._child.pid)

    def say(self, lines: bytes) -> None:
        """Write this, now or when there is room. It is lost when the receiver ends: what matters is said again."""
        self._unsent += lines
        self._flush()

    def doom(self, why: str) -> None:
        """Kill it; `ended` is told why when it has gone."""
        if not self._doomed:
            self._doomed = why
            self._child.kill()

    def is_stopped(self) -> bool:
        """Whether somebody has stopped it (SIGSTOP)."""
        seen = processes.stat(self._child.pid) if self._child.pid else None
        return seen is not None and seen.state in _STOPPED

    def hang_up(self) -> None:
        """There is nothing more to say: it may end."""
        self._flush()
        self._unsent.clear()
        if self._socket.fileno() >= 0:
            self._loop.forget_writable(self._socket.fileno())
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # its end is closed already

    def close(self) -> None:
        """Kill it, and hear nothing more of it."""
        self._close_socket()
        self._child.forget()

    def _flush(self) -> None:
        fd = self._socket.fileno()
        if fd < 0:
            return
        while self._unsent:
            try:
                sent = self._socket.send(self._unsent)
            except BlockingIOError:
                self._loop.on_writable(fd, self._flush)
                if len(self._unsent) > MOST_UNREAD:
                    self.doom("it does not read what it is told")
                return
            except OSError:  # it has closed its end: its own end follows, or is made to
                self._unsent.clear()
                break
            del self._unsent[:sent]
        self._loop.forget_writable(fd)

    def _output(self, data: bytes) -> None:
        if self._doomed:
            return
        if not data:
            self._loop.after(MUTE, lambda: self.doom("the receiver has closed its stdout"))
            return
        try:
            for line in self._lines.feed(data):
                if self._doomed:
                    return
                if not line.strip() or not self._heard(said(line)):
                    self._count(line)
        except NonsenseError as error:
            self.doom(f"the receiver wrote nonsense: {error}")

    def _count(self, line: bytes) -> None:
        """Nobody asked for this: a receiver that goes on so would take the loop from everybody else."""
        now = self._loop.clock.monotonic()
        if now >= self._window:
            self._unasked, self._window = 0, now + WINDOW
        self._unasked += 1 + len(line) // PIECE
        if self._unasked > UNASKED:
            self.doom("the receiver says more than it is asked")

    def _ended(self, ended: Reaped) -> None:
        self._close_socket()
        self._told(self._doomed or self._child.refused or self._how(ended))

    def _how(self, ended: Reaped) -> str:
        how = f"exit {ended.code}" if ended.signal is None else signal_name(ended.signal)
        line = self._child.last_line()
        return f"the receiver ended by {how}" + (f": {line}" if line else "")

    def _close_socket(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.forget(self._socket.fileno())
            self._socket.close()
