"""One HTTP request, made in a thread of its own that ends with it. The loop never waits for it.

`http.client` is loaded by the first request: with what it needs for https it costs some MiB and tens of milliseconds,
in the thread.
"""

import signal
import socket
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from minisup.core.model import Seconds
from minisup.host.loop import Loop
from minisup.version import __version__

if TYPE_CHECKING:
    from http.client import HTTPConnection

MOST: Final = 1 << 16
"""Bytes of an answer that are read."""

HEADERS: Final[Mapping[str, str]] = {
    "Content-Type": "application/json",
    "User-Agent": f"minisup/{__version__}",
    "Connection": "close",
}


class HttpAnswer(NamedTuple):
    """What came back. `error`: why nothing did; the status is 0 then."""

    status: int
    body: bytes = b""
    error: str = ""


class HttpCall:
    """A request under way. `done` is told the answer once, in the loop, at most `limit` seconds after the beginning."""

    def __init__(
        self, loop: Loop, method: str, url: str, body: bytes, limit: Seconds, done: Callable[[HttpAnswer], None]
    ) -> None:
        self._loop = loop
        self._request = (method, url, body)
        self._limit = limit
        self._done: Callable[[HttpAnswer], None] | None = done
        self._connection: HTTPConnection | None = None
        self._answer = HttpAnswer(0, error="it was not asked")
        self._over = allocate_lock()  # free when the thread has done its work
        self._over.acquire()
        self._timer = loop.after(limit, self._too_late)
        # Signals must reach the loop's thread: only there do they end a wait.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            start_new_thread(self._run, ())
        except RuntimeError:
            self._answer = HttpAnswer(0, error="no thread is to be had")
            self._over.release()
            loop.post(self._arrived)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def wait(self, limit: Seconds) -> bool:
        """Wait for the thread, at most `limit` seconds; whether it has done its work. For who leaves the loop."""
        there = self._over.acquire(timeout=max(0.0, limit))
        if there:
            self._over.release()
            self._settle(self._answer)
        return there

    def _arrived(self) -> None:
        self._settle(self._answer)

    def _too_late(self) -> None:
        self._settle(self._no_answer())
        there = None if self._connection is None else self._connection.sock  # read once: the thread takes it away
        if there is not None:
            try:
                there.shutdown(socket.SHUT_RDWR)  # the thread's read ends, however slowly bytes come
            except OSError:
                pass

    def _no_answer(self) -> HttpAnswer:
        return HttpAnswer(0, error=f"no answer within {self._limit:g} s")

    def _settle(self, answer: HttpAnswer) -> None:
        done, self._done = self._done, None
        if done is not None:
            self._timer.cancel()
            done(answer)

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._answer = self._ask()
        except TimeoutError:  # of the connection itself; the loop may be late to say so
            self._answer = self._no_answer()
        except OSError as error:
            self._answer = HttpAnswer(0, error=(error.strerror or str(error) or "the connection failed").lower())
        except Exception as error:  # noqa: BLE001 - whatever a server sends must not end the thread with a traceback
            self._answer = HttpAnswer(0, error=f"what came is not HTTP ({type(error).__name__})")
        self._over.release()
        self._loop.post(self._arrived)

    def _ask(self) -> HttpAnswer:
        from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415 - for those who have something to ask
        from urllib.parse import urlsplit  # noqa: PLC0415 - as above

        method, url, body = self._request
        where = urlsplit(url)
        make = HTTPSConnection if where.scheme == "https" else HTTPConnection
        connection = self._connection = make(where.hostname or "", where.port, timeout=self._limit)
        try:
            target = f"{where.path or '/'}{f'?{where.query}' if where.query else ''}"
            connection.request(method, target, body, dict(HEADERS))
            response = connection.getresponse()
            return HttpAnswer(response.status, response.read(MOST))
        finally:
            connection.close()
