"""What all receivers share: minisup's words and what they mean, the credit, and which answers it gets.

A receiver is one loop: it reads what minisup has said, does a bounded piece of work, and waits for whichever comes
first. It ends with the socket. Every kind of queue is a subclass that says how to take, keep and settle.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from minisup.receivers.channel import Channel
from minisup.receivers.protocol import (
    LONGEST_BODY,
    STOPPED,
    Ack,
    Credit,
    Keep,
    Known,
    Message,
    Reject,
    Return,
    Stop,
    Told,
    error,
    lost,
    message,
    ok,
    settled,
    waiting,
)

TOO_LONG: Final = f"its body has more than {LONGEST_BODY:,} bytes"

COUNT_EACH: Final = 2.0
"""Seconds between two answers to how many messages wait."""


class Receiver:
    """The part that is the same for every queue. `settings` are those of minisup's first line."""

    def __init__(self, channel: Channel, settings: Mapping[str, Any]) -> None:
        self.channel = channel
        self.lease = float(settings["lease"])
        self.stopping = False
        self.max_receives: int | None = None  # after which the queue itself sets a message aside
        self._told_limit: int | None = None
        self._limit = 0  # messages that may be given altogether
        self._given = 0
        self._trouble: str | None = ""  # what was said last; None: that all is well
        self._waiting = -1
        self._stop_by = 0.0
        self._stopped = False

    # --- what a kind of queue does ------------------------------------------------------------------------------------

    def work(self) -> float | None:
        """A turn: receive, try again what failed; returns the seconds until the next one is due, None: never."""
        raise NotImplementedError

    def descriptors(self) -> Iterable[int]:
        """What the loop is to wait for, besides minisup."""
        return ()

    def know(self, receipts: Mapping[str, str]) -> None:
        """These were given by an earlier receiver, and runs have them."""
        raise NotImplementedError

    def ack(self, ids: tuple[str, ...]) -> None:
        """Remove them, and say so with `settle`."""
        raise NotImplementedError

    def give_back(self, which: str, delay: float) -> None:
        """Let others have it after so many seconds, and say so with `settle`."""
        raise NotImplementedError

    def reject(self, which: str, reason: str) -> None:
        """Set it aside, and say so with `settle`."""
        raise NotImplementedError

    def keep(self, ids: tuple[str, ...], lease: float) -> None:
        """Hide them from others for so many seconds from now."""
        raise NotImplementedError

    def is_receiving(self) -> bool:
        """Whether a receive is under way that may still bring something."""
        return False

    def leave(self) -> None:
        """Minisup has gone: finish what can be finished at once."""

    # --- the loop -----------------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Until minisup has gone."""
        while True:
            for word in self.channel.read():
                self._hear(word)
            if self.channel.closed:
                break
            due = self.work()
            if self.stopping:
                due = self._end_of_receiving(due)
            self.channel.wait(self.descriptors(), due)
        self.leave()

    def _hear(self, word: Told) -> None:
        match word:
            case Credit(messages, given):
                self._limit = given + messages
            case Ack(ids):
                self.ack(ids)
            case Return(which, delay):
                self.give_back(which, delay)
            case Reject(which, reason):
                self.reject(which, reason)
            case Keep(ids, lease):
                self.keep(ids, lease)
            case Known(receipts):
                self.know(receipts)
            case Stop(seconds):
                self.stopping, self._stop_by = True, time.monotonic() + seconds

    def _end_of_receiving(self, due: float | None) -> float | None:
        left = self._stop_by - time.monotonic()
        if self._stopped:
            return due
        if not self.is_receiving() or left <= 0:
            self._stopped = True
            self.channel.send(STOPPED)
            return due
        return left if due is None else min(left, due)

    # --- what it says -------------------------------------------------------------------------------------------------

    @property
    def credit(self) -> int:
        """How many messages may be given now."""
        if self.stopping or self.channel.is_full:
            return 0
        return max(0, self._limit - self._given)

    def give(self, what: Message) -> None:
        """A message for a run."""
        self._given += 1
        self.channel.send(message(what))

    def settle(self, *ids: str) -> None:
        """What was asked for these is done."""
        self.channel.send(settled(ids))

    def lose(self, which: str) -> None:
        """Somebody else may have this one now."""
        self.channel.send(lost(which))

    def well(self) -> None:
        """The queue answers: said once, until it does not, or until more is known of it."""
        if self._trouble is not None or self._told_limit != self.max_receives:
            self._trouble, self._told_limit = None, self.max_receives
            self.channel.send(ok(self.max_receives))

    def ill(self, words: str) -> None:
        """The queue does not: said once for each reason."""
        if words != self._trouble:
            self._trouble = words
            self.channel.send(error(words))

    def aside(self, which: str, reason: str) -> None:
        """A message was set aside that cannot be given to anybody."""
        self.channel.send(error(f"set aside {which}: {reason}"))
        self._trouble = ""
        self.well()

    def count(self, number: int) -> None:
        """So many messages wait: said when that is another number."""
        if number != self._waiting:
            self._waiting = number
            self.channel.send(waiting(number))
