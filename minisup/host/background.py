"""Work that a file system may hold up, and with it whoever owns what lies there: it is done beside the loop.

A thread does the work and the loop hears of the result. Work that takes too long is given up: its thread is left to
itself, whatever it waits for, and what it brings is not used. Pieces of work follow one another, so that each sees what
the one before it has led to.
"""

import signal
from _thread import start_new_thread
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from minisup.core.model import Seconds
from minisup.host.loop import Loop

T = TypeVar("T")

MOST_STUCK: Final = 4
"""Threads that may be left to themselves at the same time; with so many the next piece of work is refused."""


class BackgroundError(Exception):
    """The work took too long or could not be begun; the text says which, for a sentence that names the work."""


class _Piece(Generic[T]):
    __slots__ = ("done", "failed", "over", "work")

    def __init__(self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None]) -> None:
        self.work = work
        self.done = done
        self.failed = failed
        self.over = False


class Background:
    """Does one piece of work after another, each within `limit` seconds."""

    def __init__(self, loop: Loop, limit: Seconds) -> None:
        self._loop = loop
        self._limit = limit
        self._waiting: deque[_Piece[Any]] = deque()
        self._busy = False
        self._stuck = 0

    def do(self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None]) -> None:
        """Let a thread call `work`; the loop then calls `done` with what it returned, or `failed`.

        `failed` gets what `work` raised, or BackgroundError. `work` must not touch what the loop changes.
        """
        self._waiting.append(_Piece(work, done, failed))
        if not self._busy:
            self._next()

    def _next(self) -> None:
        if not self._waiting:
            self._busy = False
            return
        self._busy = True
        piece = self._waiting.popleft()
        if self._stuck >= MOST_STUCK:
            self._refuse(piece, "waits for earlier tries that hang")
            return
        timer = self._loop.after(self._limit, lambda: self._too_late(piece))
        # Signals must reach the loop's thread: only there do they end a wait.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            start_new_thread(self._run, (piece, timer.cancel))
        except RuntimeError:
            timer.cancel()
            self._refuse(piece, "needs a thread, and none is to be had")
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _run(self, piece: _Piece[Any], punctual: Callable[[], None]) -> None:
        """In the thread."""
        try:
            result = piece.work()
        except Exception as error:  # noqa: BLE001 -- the loop says what it was
            problem = error
            self._loop.post(lambda: self._arrived(piece, punctual, lambda: piece.failed(problem)))
        else:
            self._loop.post(lambda: self._arrived(piece, punctual, lambda: piece.done(result)))

    def _arrived(self, piece: _Piece[Any], punctual: Callable[[], None], tell: Callable[[], None]) -> None:
        if piece.over:  # it was given up
            self._stuck -= 1
            return
        punctual()
        self._finish(piece, tell)

    def _too_late(self, piece: _Piece[Any]) -> None:
        self._stuck += 1
        self._finish(piece, lambda: piece.failed(BackgroundError(f"took more than {self._limit:g} s")))

    def _refuse(self, piece: _Piece[Any], why: str) -> None:
        self._loop.post(lambda: self._finish(piece, lambda: piece.failed(BackgroundError(why))))

    def _finish(self, piece: _Piece[Any], tell: Callable[[], None]) -> None:
        piece.over = True
        try:
            tell()
        finally:
            self._next()
