"""One client: bytes in, one request a turn, bytes out. It is never waited for and can never fill the memory.

While a reply is unsent, nothing more is read from its client; one that takes no byte of it for `STALL` seconds is
dropped.
"""

import select
import socket
from collections.abc import Callable
from typing import Final

from minisup.control.backlog import Backlog
from minisup.control.handler import Deferred, Following, Peer
from minisup.control.loop_protocol import LoopProtocol, TimerProtocol
from minisup.control.protocol import Call, Fault, LineBuffer

READ_BYTES: Final = 1 << 16
SEND_BYTES: Final = 1 << 18

MAX_UNSENT: Final = 1 << 20
"""Bytes of earlier replies that may wait for a client when another reply comes; one reply may be of any size."""

MAX_DEFERRED: Final = 16
"""Replies that one connection may wait for; above that it is not read."""

MAX_BEHIND: Final = 4 << 20
"""Bytes of notifications that may wait for a client; one that is further behind is dropped."""

STALL: Final = 10.0
"""Seconds without a byte taken after which a slow reader is dropped."""


class Connection:
    """A client's connection. `parse` reads a line, `serve` gets each call, `gone` is told once when it is closed."""

    def __init__(
        self,
        loop: LoopProtocol,
        sock: socket.socket,
        peer: Peer,
        parse: Callable[[bytes], Call],
        serve: Callable[["Connection", Call], None],
        gone: Callable[["Connection"], None],
        backlog: Backlog,
    ) -> None:
        self.peer = peer
        self.reserved = False
        self.deferred: set[Deferred] = set()
        self._followings: set[Following] = set()
        self._loop = loop
        self._socket = sock
        self._parse = parse
        self._serve = serve
        self._gone = gone
        self._lines = LineBuffer()
        self._unsent = bytearray()
        self._backlog = backlog
        self._counted = 0  # bytes of ours in the backlog
        self.used = loop.clock.monotonic()  # when it last began or ended something
        self._open = True
        self._closing = False  # closed as soon as all is sent
        self._ended = False  # the client sends nothing more
        self._posted = False
        self._reading = False
        self._writing = False
        self._stall: TimerProtocol | None = None
        self._watch()

    def send(self, line: bytes, *, last: bool = False) -> None:
        """Send a line, in pieces if need be; after the `last` one the connection is closed."""
        if not self._open:
            return
        if len(self._unsent) > MAX_UNSENT and not last:
            self.close()
            return
        self._unsent += line
        self._count()
        self._closing = self._closing or last
        self._flush()

    def notify(self, line: bytes) -> bool:
        """Send a line that is no reply; false if the client is too far behind to be told anything more."""
        if self._open and not self._closing:
            if not self._backlog.allows(len(self._unsent) + len(line), MAX_BEHIND):
                return False
            self._unsent += line
            self._count()
            self._flush()
        return True

    def follow(self, following: Following) -> None:
        """The client is told things from now on, until it hangs up."""
        if self._open:
            self._followings.add(following)
            following.attach(self)
        else:
            following.leave()

    def settle(self, deferred: Deferred) -> None:
        """A reply that was waited for has come."""
        self.deferred.discard(deferred)
        self._watch()

    def close(self) -> None:
        """Drop the client. Harmless when it has gone."""
        if not self._open:
            return
        self._open = False
        self._unsent.clear()
        self._count()
        if self._stall is not None:
            self._stall.cancel()
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        for deferred in self.deferred:
            deferred.abandon()
        self.deferred.clear()
        for following in self._followings:
            following.leave()
        self._followings.clear()
        self._gone(self)

    def close_if_gone(self) -> None:
        """Drop a client that has left while it was not watched."""
        poll = select.poll()
        poll.register(self._socket, 0)
        if poll.poll(0):
            self.close()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way: no reply is owed or unsent, nothing is followed."""
        return not (self.deferred or self._followings or self._unsent or self._lines.waiting)

    def _count(self) -> None:
        """Tell the backlog what waits for this client."""
        self._backlog.total += len(self._unsent) - self._counted
        self._counted = len(self._unsent)

    @property
    def _busy(self) -> bool:
        return bool(self._unsent) or self._closing or len(self.deferred) >= MAX_DEFERRED

    def _on_readable(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self._lines.feed(data)
        self._ended = not data
        self._advance()

    def _advance(self) -> None:
        """Serve one request, so that no client keeps the others waiting."""
        self._posted = False
        if not self._open or self._busy:
            return
        try:
            line = self._lines.next()
            if line is not None:
                self.used = self._loop.clock.monotonic()
                self._serve(self, self._parse(line))
        except Fault as fault:
            if fault.wants_reply:
                self.send(fault.reply(), last=fault.closes)
        self._watch()

    def _flush(self) -> None:
        try:
            sent = self._socket.send(self._unsent[:SEND_BYTES], socket.MSG_NOSIGNAL)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        del self._unsent[:sent]
        self._count()
        if sent:
            self.used = self._loop.clock.monotonic()
        if self._closing and not self._unsent:
            self.close()
            return
        if sent or self._stall is None:
            self._time_stall()
        self._watch()

    def _time_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
        self._stall = self._loop.after(STALL, self._give_up) if self._unsent else None

    def _give_up(self) -> None:
        # The kernel calls a socket writable only when most of its buffer is free: try before judging.
        left = len(self._unsent)
        self._flush()
        if len(self._unsent) == left:
            self.close()

    def _watch(self) -> None:
        """Watch the socket for what this connection can go on with, or go on by itself in the next turn."""
        if not self._open:
            return
        ready = self._lines.waiting
        self._watch_writing(bool(self._unsent))
        self._watch_reading(not (self._busy or self._ended or ready))
        if self._busy:
            return
        if ready and not self._posted:
            self._posted = True
            self._loop.post(self._advance)
        elif self._ended and not ready:
            self._leave()

    def _leave(self) -> None:
        # A client may end its half and still wait for replies: it is dropped once none is owed or it has left for good.
        if self.deferred or self._followings:
            self.close_if_gone()
        else:
            self.close()

    def _watch_reading(self, wanted: bool) -> None:
        if wanted != self._reading:
            self._reading = wanted
            if wanted:
                self._loop.on_readable(self._socket.fileno(), self._on_readable)
            else:
                self._loop.forget_readable(self._socket.fileno())

    def _watch_writing(self, wanted: bool) -> None:
        if wanted != self._writing:
            self._writing = wanted
            if wanted:
                self._loop.on_writable(self._socket.fileno(), self._flush)
            else:
                self._loop.forget_writable(self._socket.fileno())
