"""The control socket's end in the daemon: admits clients, passes their calls to the handler, sends the replies.

Nothing here blocks the loop, and nothing that a client does or a handler raises ends it.
"""

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from minisup.control.backlog import MOST_IN_REPLIES, Backlog
from minisup.control.connection import Connection
from minisup.control.handler import Deferred, Following, Handler, Peer
from minisup.control.listener import Access, Listener, open_default, open_explicit
from minisup.control.loop_protocol import LoopProtocol, TimerProtocol
from minisup.control.protocol import (
    INTERNAL_ERROR,
    Call,
    error_line,
    notification_line,
    parse,
    refusal_line,
    result_line,
)
from minisup.errors import MinisupError

MAX_ORDINARY: Final = 63
"""Connections that may call every method."""

MAX_RESERVED: Final = 1
"""Connections above those: `health` is answered when everything else is full."""

MAX_OTHERS: Final = 48
"""Of the ordinary ones, those of users other than root and minisup's own: a group that may connect locks nobody out."""

IDLE: Final = 5.0
"""Seconds without a request after which a connection gives up its place to another one, when all are taken."""

RESERVED_SECONDS: Final = 1.0
"""How long a reserved connection may last, so that an idle one does not keep `health` out."""

MAX_ACCEPTS: Final = 16
"""Connections accepted in one turn of the loop."""

ACCEPT_PAUSE: Final = 1.0
"""Seconds without accepting after the process ran out of file descriptors."""

OnError = Callable[[str, Exception], None]
"""Is told what went wrong inside: a sentence without the exception's text, and the exception."""


class Server:
    """Serves `handler` at a socket until `close`. Raises TakenError when the socket cannot be had."""

    def __init__(
        self,
        loop: LoopProtocol,
        path: str | Listener,
        mode: int,
        group: int | None,
        handler: Handler,
        on_error: OnError | None = None,
    ) -> None:
        self._loop = loop
        self._listener = path if isinstance(path, Listener) else open_explicit(path, Access(mode, group))
        self._handler = handler
        self._on_error = on_error or _ignore
        self._connections: set[Connection] = set()
        self._backlog = Backlog()
        self._owners = {0, os.geteuid()}
        self._spare = _spare_descriptor()
        self._pause: TimerProtocol | None = None
        self._short = False
        loop.on_readable(self._listener.socket.fileno(), self._accept)

    @property
    def path(self) -> str:
        """Where clients find it."""
        return self._listener.path

    @property
    def lock_path(self) -> str:
        """The file that keeps another minisup away."""
        return f"{self.path}.lock"

    def look(self) -> str:
        """Bind again if somebody has removed the socket or its lock; says so, empty if all is well.

        Clients that are connected stay. Raises MinisupError or OSError when it cannot be had again.
        """
        listener = self._listener
        if not listener.gone:
            return ""
        if self._pause is None:
            self._accept()  # who came before it was removed
        old = listener.renew()
        if old is None:
            return f"the lock of the control socket was removed: {self.lock_path} is made and locked again"
        if self._pause is None:
            self._loop.forget(old.fileno())
            self._loop.on_readable(listener.socket.fileno(), self._accept)
        old.close()
        return f"the control socket was removed: {self.path} is made again"

    def close(self) -> None:
        """Remove the socket, give the lock back, then drop all clients: who waited may start another minisup."""
        self._loop.forget(self._listener.socket.fileno())
        if self._pause is not None:
            self._pause.cancel()
        self._listener.close()
        for connection in tuple(self._connections):
            connection.close()
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1

    # --- admission ---

    def _accept(self) -> None:
        for _ in range(MAX_ACCEPTS):
            try:
                sock, _address = self._listener.socket.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._run_short(error)
                return
            self._admit(sock)
        # What is left in the queue keeps the listener readable: the next turn goes on.

    def _admit(self, sock: socket.socket, *, short: bool = False) -> None:
        """Take a client in; `short`: there is no descriptor for another one."""
        peer = _peer(sock)
        reserved = short or not self._has_room(peer)
        if reserved and self._reserved() >= MAX_RESERVED:
            for connection in tuple(self._connections):
                connection.close_if_gone()
            reserved = not self._has_room(peer)
        if reserved and self._reserved() >= MAX_RESERVED:
            _turn_away(sock)
            return
        sock.setblocking(False)
        connection = Connection(self._loop, sock, peer, self._parse, self._serve, self._gone, self._backlog)
        connection.reserved = reserved
        self._connections.add(connection)
        if reserved:
            self._loop.after(RESERVED_SECONDS, lambda: self._expire(connection))
        else:
            self._short = False

    def _has_room(self, peer: Peer) -> bool:
        """Whether one more of this user may call everything; who has been idle for long makes room if need be."""
        ordinary = [connection for connection in self._connections if not connection.reserved]
        others = [connection for connection in ordinary if connection.peer.uid not in self._owners]
        if peer.uid not in self._owners and len(others) >= MAX_OTHERS:
            return self._drop_idle(others)
        return len(ordinary) < MAX_ORDINARY or self._drop_idle(ordinary)

    def _drop_idle(self, connections: Iterable[Connection]) -> bool:
        """Hang up on the one of these that has been idle for the longest time; false: none has been for long."""
        before = self._loop.clock.monotonic() - IDLE
        idle = [connection for connection in connections if connection.idle and connection.used <= before]
        if not idle:
            return False
        min(idle, key=lambda connection: connection.used).close()  # without a word: a client connects again then
        return True

    def _run_short(self, error: OSError) -> None:
        """No file descriptor is left: the spare one admits a client for `health`, else nobody comes in for a while."""
        if not self._short:
            self._short = True
            self._on_error("cannot accept a connection", error)
        if self._spare >= 0 and error.errno in (errno.EMFILE, errno.ENFILE):
            os.close(self._spare)
            self._spare = -1
            try:
                sock, _address = self._listener.socket.accept()
            except OSError:
                self._regain_spare()
            else:
                self._admit(sock, short=True)
                return
        self._loop.forget_readable(self._listener.socket.fileno())
        self._pause = self._loop.after(ACCEPT_PAUSE, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._loop.on_readable(self._listener.socket.fileno(), self._accept)

    def _regain_spare(self) -> bool:
        if self._spare < 0:
            self._spare = _spare_descriptor()
        return self._spare >= 0

    def _reserved(self) -> int:
        return sum(connection.reserved for connection in self._connections)

    def _promote(self, connection: Connection) -> bool:
        """Let a reserved connection call everything, if there is room by now."""
        if connection.reserved and self._has_room(connection.peer) and self._regain_spare():
            connection.reserved = False
        return not connection.reserved

    def _expire(self, connection: Connection) -> None:
        if connection in self._connections and not self._promote(connection):
            connection.send(_full_line(), last=True)

    def _gone(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._regain_spare()

    # --- calls ---

    def _parse(self, line: bytes) -> Call:
        return parse(line, self._handler.methods)

    def _serve(self, connection: Connection, call: Call) -> None:
        if connection.reserved and call.method != "health" and not self._promote(connection):
            self._reply(connection, call, error=_full(call.method))
            return
        if self._backlog.full and self._handler.methods[call.method].is_long:
            self._reply(connection, call, error=_clogged(call.method))
            return
        try:
            result = self._handler.handle(call.method, call.params, connection.peer)
        except MinisupError as error:
            self._reply(connection, call, error=error)
        except Exception as error:  # noqa: BLE001 -- a defect behind one method must not end the supervisor
            self._reply_internal(connection, call, error)
        else:
            self._answer(connection, call, result)

    def _answer(self, connection: Connection, call: Call, result: object) -> None:
        if isinstance(result, Following):
            self._follow(connection, call, result)
            return
        if not isinstance(result, Deferred):
            self._reply(connection, call, result)
            return
        timer = self._limit(call, result)
        connection.deferred.add(result)
        result.listen(lambda news: connection.notify(notification_line(call.method, {"progress": news})))

        def answer(value: object, error: MinisupError | None) -> None:
            if timer is not None:
                timer.cancel()
            if isinstance(value, Following):
                self._follow(connection, call, value)
            else:
                self._reply(connection, call, value, error)
            connection.settle(result)

        result.then(answer)

    def _follow(self, connection: Connection, call: Call, following: Following) -> None:
        self._reply(connection, call, {"following": True})
        connection.follow(following)

    def _limit(self, call: Call, deferred: Deferred) -> TimerProtocol | None:
        seconds = call.params.get("timeout")
        if seconds is None:
            return None
        late = MinisupError(
            f"cannot wait longer: {call.method} is not done after {seconds:g} s; it goes on, "
            "and `minisup status` shows how far it is"
        )
        return self._loop.after(seconds, lambda: deferred.reject(late))

    def _reply(
        self, connection: Connection, call: Call, result: object = None, error: MinisupError | None = None
    ) -> None:
        if not call.wants_reply:
            return
        if error is not None:
            connection.send(refusal_line(call.id, error))
            return
        try:
            line = result_line(call.id, result)
        except (TypeError, ValueError, RecursionError) as defect:
            self._reply_internal(connection, call, defect)
        else:
            connection.send(line)

    def _reply_internal(self, connection: Connection, call: Call, error: Exception) -> None:
        self._on_error(f"cannot answer {call.method}: internal error", error)
        if call.wants_reply:
            text = f"cannot answer {call.method}: internal error ({type(error).__name__}); please report it"
            connection.send(error_line(call.id, INTERNAL_ERROR, text))


def open_server(
    loop: LoopProtocol,
    handler: Handler,
    *,
    path: str | None = None,
    mode: int = 0o600,
    group: int | None = None,
    environ: Mapping[str, str] | None = None,
    warn: Callable[[str], None],
    on_error: OnError | None = None,
) -> Server | None:
    """A server at `path`, else at the first default place where one can be made; None and one warning if there is none.

    Raises TakenError when `path` cannot be had, or another minisup holds the place.
    """
    if path is not None:
        return Server(loop, path, mode, group, handler, on_error)
    uid = os.getuid()
    listener, why = open_default(Access(mode, group), os.environ if environ is None else environ, uid)
    if listener is None:
        warn(f"cannot make a control socket, so status and stop will not work ({why}); name a place: --socket PATH")
        return None
    return Server(loop, listener, mode, group, handler, on_error)


def _peer(sock: socket.socket) -> Peer:
    record = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
    return Peer(*struct.unpack("iII", record))


def _turn_away(sock: socket.socket) -> None:
    sock.setblocking(False)
    try:
        sock.send(_full_line(), socket.MSG_NOSIGNAL)
    except OSError:
        pass  # it has left already
    sock.close()


def _full(method: str) -> MinisupError:
    return MinisupError(
        f"cannot {method}: {MAX_ORDINARY + MAX_RESERVED} connections are in use, and the last one is kept for health; "
        "close some, or try again"
    )


def _clogged(method: str) -> MinisupError:
    return MinisupError(
        f"cannot answer {method}: {MOST_IN_REPLIES >> 20} MiB wait for clients that do not read; "
        "close those, or try again"
    )


def _full_line() -> bytes:
    return refusal_line(None, _full("connect"))


def _spare_descriptor() -> int:
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1


def _ignore(_sentence: str, _error: Exception) -> None:
    pass
