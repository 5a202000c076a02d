"""What a stream and a list have in common: two connections to a Redis server, and what to do when it is away.

On one connection a blocking command waits for messages; on the other all else is done, at once. A command that blocks
is ended by CLIENT UNBLOCK: nothing is in doubt then, as it would be if the connection were closed.
"""

import os
import select
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from minisup.receivers.channel import Channel
from minisup.receivers.receiver import COUNT_EACH, Receiver
from minisup.receivers.resp import PATIENCE, RedisConnection, RefusedError

BLOCK: Final = 20.0
"""Seconds that one receive waits for a message."""

FIRST_BACKOFF: Final = 0.2
LONGEST_BACKOFF: Final = 5.0

LONGEST_PATROL: Final = 5.0
"""Seconds between two looks for what others have left behind, at most; else a quarter of the lease."""

FAILURES: Final = (OSError, RefusedError)


class RedisReceiver(Receiver):
    """The server, its absence, and settlements that are tried until they work."""

    def __init__(self, channel: Channel, settings: Mapping[str, Any]) -> None:
        super().__init__(channel, settings)
        self.me = f"minisup-{os.uname().nodename}-{os.getpid()}-{os.urandom(4).hex()}"
        self.lease_ms = max(1, round(self.lease * 1000))
        self._url = settings["redis"]
        self._server: RedisConnection | None = None
        self._asker: RedisConnection | None = None
        self._asker_id = 0
        self._asked_at: float | None = None
        self._unblocked = False
        self._backoff = FIRST_BACKOFF
        self._retry_at = self._patrol_at = self._count_at = 0.0
        self._unclaimed: dict[str, str] = {}  # known to minisup, not yet to the server
        self._pending: dict[str, Callable[[], bool]] = {}

    # --- what a kind does ---------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The server is there (again): make what is needed."""

    def claim(self, receipts: Mapping[str, str]) -> None:
        """Take over what an earlier receiver gave; says which of it is lost."""
        raise NotImplementedError

    def settled(self, which: str) -> None:
        """Its settlement is over, one way or the other."""

    def blocking(self, seconds: float) -> tuple[bytes | str | int | float, ...]:
        """The command that waits for messages."""
        raise NotImplementedError

    def received(self, answer: Any) -> None:  # noqa: ANN401 - what the server said
        """What the command that waits has brought: give as much as there is credit for, the rest back."""
        raise NotImplementedError

    def patrol(self, now: float) -> float:
        """Look for what others have left behind and for what is due; the seconds until something more is due."""
        raise NotImplementedError

    def is_urgent(self, now: float) -> bool:
        """Whether there is something to look for already."""
        del now
        return False

    def number_waiting(self) -> int | None:
        """How many messages wait; None: the server does not know."""
        raise NotImplementedError

    # --- the loop -----------------------------------------------------------------------------------------------------

    @property
    def server(self) -> RedisConnection:
        """The connection for what is done at once. Raises OSError, RefusedError."""
        if self._server is None:
            self._server = RedisConnection(self._url)
        return self._server

    def descriptors(self) -> Iterable[int]:
        """See `Receiver`."""
        return () if self._asker is None else (self._asker.fileno(),)

    def is_receiving(self) -> bool:
        """See `Receiver`."""
        return self._asked_at is not None

    def work(self) -> float | None:
        """See `Receiver`."""
        now = time.monotonic()
        if now < self._retry_at:
            return self._retry_at - now
        try:
            due = self._turn(now)
        except FAILURES as error:
            self.fail(error)
            return self._retry_at - now
        self._backoff = FIRST_BACKOFF
        self.well()
        return due

    def _turn(self, now: float) -> float:
        if self._asker is None:
            self._asker = RedisConnection(self._url)
            self._asker_id = self._asker.ask("CLIENT", "ID")
            self.begin()
        if self._unclaimed:
            self.claim(self._unclaimed)
            self._unclaimed = {}
        self._retry()
        self._receive(now)
        if now >= self._patrol_at or self.is_urgent(now):
            self._patrol_at = now + min(self.lease / 4, LONGEST_PATROL, self.patrol(now))
        if now >= self._count_at:
            self._count_at = now + COUNT_EACH
            number = self.number_waiting()
            if number is not None:
                self.count(number)
        return self._due(now)

    def _due(self, now: float) -> float:
        if self.credit and self._asked_at is None:
            return 0.0
        return min(self._patrol_at, self._count_at) - now

    def hasten(self, seconds: float) -> None:
        """Something is due so soon."""
        self._patrol_at = min(self._patrol_at, time.monotonic() + seconds)

    def _receive(self, now: float) -> None:
        assert self._asker is not None
        if self._asked_at is not None and select.select([self._asker], [], [], 0)[0]:
            self._asked_at = None
            self.received(self._asker.answer())
        if self._asked_at is None:
            if self.credit:
                self._asker.send(*self.blocking(min(BLOCK, max(self.lease / 2, 0.1))))
                self._asked_at, self._unblocked = now, False
        elif now - self._asked_at > BLOCK + PATIENCE:
            raise TimeoutError("no answer")
        elif not self.credit and not self._unblocked:
            self._unblocked = True
            self.server.ask("CLIENT", "UNBLOCK", self._asker_id)

    def fail(self, error: Exception) -> None:
        """The server is away or refuses: forget the connections, try again later."""
        self.ill(f"redis: {error or type(error).__name__}")
        self._retry_at = time.monotonic() + self._backoff
        self._backoff = min(2 * self._backoff, LONGEST_BACKOFF)
        for connection in (self._server, self._asker):
            if connection is not None:
                connection.close()
        self._server = self._asker = self._asked_at = None

    def leave(self) -> None:
        """See `Receiver`."""
        try:
            self._retry()
        except FAILURES:
            pass

    # --- minisup's words ----------------------------------------------------------------------------------------------

    def know(self, receipts: Mapping[str, str]) -> None:
        """See `Receiver`."""
        self._unclaimed.update(receipts)

    def attempt(self, which: str, how: Callable[[], bool]) -> None:
        """Settle with `how`, now or as soon as the server is there; false from it: the message is lost."""
        self._pending[which] = how
        if not self.is_usable():
            return
        try:
            self._retry()
        except FAILURES as error:
            self.fail(error)

    def is_usable(self) -> bool:
        """Whether the server was there a moment ago, and knows what is ours."""
        return self._asker is not None and not self._unclaimed

    def is_pending(self, which: str) -> bool:
        """Whether a settlement of it has not worked yet."""
        return which in self._pending

    def _retry(self) -> None:
        for which, how in list(self._pending.items()):
            done = how()
            del self._pending[which]
            self.settled(which)
            if done:
                self.settle(which)
            else:
                self.lose(which)


def text(value: bytes) -> str:
    """A name or value of the server's as text."""
    return value.decode(errors="backslashreplace")
