"""One queue of one program: its receiver, started again when it ends, and the messages that came from it.

What the core decides is said until the receiver confirms it (`settled`) or the lease is lost: a receiver that ends in
between gets the receipts of everything that is not settled, and is told again. While a message is in work its lease is
renewed at half of its length; that stops before it is settled.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from minisup.core.messages import Settle, Settlement
from minisup.core.model import Retry, Seconds
from minisup.core.policy.backoff import backoff_delay
from minisup.host.loop import Loop, Timer
from minisup.host.source.receiver_process import ReceiverProcess
from minisup.host.start.spawn import SpawnError
from minisup.receivers import protocol
from minisup.receivers.protocol import Connected, Lost, Message, Said, Settled, Stopped, Trouble, Waiting

UNCONFIRMED: Final = 10.0
"""Seconds after which a settlement that was not confirmed is said again."""

HUNG: Final = 3
"""A receiver that has not confirmed a settlement after being told it so often is taken for hung."""

PROVED: Final = 30.0
"""A receiver that has lived for so many seconds has no failures behind it."""

UNSAID: Final = 2.0
"""Seconds that a receiver of the user's own gets to say that no message will come any more."""

MOST_OWED: Final = 1000
"""Settlements that may be unconfirmed, beside as many as there are messages in work, when a message comes beyond the
credit: with more of them it is left to its lease."""


class Kept(NamedTuple):
    """A message that is not settled: what a receiver needs to settle it, and when its lease is renewed next."""

    id: str
    receipt: str
    renew_at: float


class Pending(NamedTuple):
    """A settlement that the receiver has not confirmed."""

    line: bytes
    receipt: str
    how: Settlement
    told: int


class Hears(Protocol):
    """Who is told what a consumer hears."""

    def received(self, consumer: "Consumer", message: Message) -> bool:
        """A message has come; false: it is known already."""

    def settled(self, consumer: "Consumer", message: str) -> None:
        """The queue knows what became of a message."""

    def lost(self, consumer: "Consumer", message: str) -> None:
        """Somebody else may have a message."""

    def waiting(self, consumer: "Consumer", count: int) -> None:
        """So many messages wait."""

    def down(self, consumer: "Consumer", why: str) -> None:
        """The source does not work."""

    def up(self, consumer: "Consumer", max_receives: int | None) -> None:
        """The source works; after so many receives it sets a message aside itself (None: never)."""

    def idle(self, consumer: "Consumer") -> None:
        """The consumer has nothing left to do."""


class Consumer:
    """One queue. `start` makes a receiver (it may raise as that does); `lease` as in the configuration."""

    def __init__(
        self,
        loop: Loop,
        program: str,
        lease: Seconds,
        retry: Retry,
        start: Callable[[Callable[[Said], bool], Callable[[str], None]], ReceiverProcess],
        settings: Mapping[str, object],
        hears: Hears,
    ) -> None:
        self.program = program
        self.credit = 0
        self.waits: int | None = None  # how many messages wait in the queue
        self.error = ""
        self._loop = loop
        self._lease = lease
        self._retry = retry
        self._start = start
        self._settings = settings
        self._hears = hears
        self._receiver: ReceiverProcess | None = None
        self._begun = 0.0
        self._seen = 0  # messages that this receiver has given
        self._excused = 0  # lines that it may still say although nobody seems to have asked
        self._failures = 0
        self._again: Timer | None = None  # starts the next receiver
        self._kept: dict[str, Kept] = {}
        self._pending: dict[str, Pending] = {}
        self._renewal: Timer | None = None
        self._repeat: Timer | None = None
        self._leaving = False
        self._receiving = False  # a message may still come
        self._patience: Timer | None = None  # for a receiver that does not say that it has stopped

    # --- what the core decides ----------------------------------------------------------------------------------------

    def allow(self, credit: int) -> None:
        """So many messages may come from now on."""
        self._excuse(self.credit - credit)  # those may be on their way
        self.credit = credit
        if self._receiver is not None:
            self._say(protocol.credit(credit, self._seen))
        elif credit:
            self._begin()

    def settle(self, action: Settle) -> None:
        """A message is no longer in work."""
        kept = self._kept.pop(action.message, None)
        receipt = "" if kept is None else kept.receipt
        if action.how is Settlement.LEAVE:
            if kept is None:  # somebody else has it
                self._look_at_the_end()
                return
            # Its lease runs out as it would have: a receiver that lives on would keep a message that it is not told of.
            action = action._replace(delay=max(0.0, kept.renew_at + self._lease / 2 - self._now()))
        pending = Pending(_line(action), receipt, action.how, 1)
        self._pending[action.message] = pending
        if self._receiver is not None:
            self._say(pending.line)
        else:
            self._begin()
        if self._repeat is None:
            self._repeat = self._loop.after(UNCONFIRMED, self._say_again)

    def adopt(self, message: str, receipt: str) -> None:
        """A run of an earlier minisup has this message in work: its lease is renewed at once, and goes on being."""
        self._kept[message] = Kept(message, receipt, self._now())
        self._renew_later()
        self._begin()

    def owe(self, action: Settle, receipt: str) -> None:
        """An earlier minisup had decided this, and nobody knows whether the queue has heard of it."""
        self._kept[action.message] = Kept(action.message, receipt, self._now())
        self.settle(action)

    # --- the end ------------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether messages of it are in work, or not yet settled."""
        return bool(self._kept or self._pending)

    @property
    def ended(self) -> bool:
        """Whether no receiver of it lives."""
        return self._receiver is None

    def stop(self, within: Seconds) -> None:
        """No more messages: what a receive under way brings is returned, and the receiver ends with the last of it."""
        self._leaving = True
        self.credit = 0
        self._cancel_start()
        if self._receiver is not None:
            self._say(protocol.stop(within))
            patience = min(within, UNSAID) if self._settings["kind"] == "command" else within
            self._patience = self._loop.after(patience, self._over)
        self._look_at_the_end()

    def close(self) -> None:
        """It is over, whatever is still to be settled: that is left to its lease."""
        for timer in (self._again, self._renewal, self._repeat, self._patience):
            if timer is not None:
                timer.cancel()
        self._again = self._renewal = self._repeat = self._patience = None
        if self._receiver is not None:
            self._receiver.close()
            self._receiver = None

    def look(self) -> None:
        """A child of minisup has been stopped: if it is this receiver, another one takes its place."""
        if self._receiver is not None and self._receiver.is_stopped():
            self._receiver.doom("somebody has stopped (SIGSTOP) the receiver")

    def _look_at_the_end(self) -> None:
        if not self._leaving or self.busy or self._receiving:
            return
        if self._receiver is not None:
            self._receiver.hang_up()
        else:
            self._hears.idle(self)

    # --- the receiver -------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._receiver is not None or self._again is not None:
            return
        self._seen, self._excused, self._begun, self._receiving = 0, 0, self._now(), not self._leaving
        try:
            self._receiver = self._start(self._heard, self._ended)
        except (SpawnError, OSError, ValueError) as error:
            self._failed(error.cause if isinstance(error, SpawnError) else f"cannot start the receiver: {error}")
            return
        self._say(protocol.source(self._settings))
        known = {kept.id: kept.receipt for kept in self._kept.values()}
        known |= {name: pending.receipt for name, pending in self._pending.items()}
        if known:
            self._say(protocol.known(known))
        for pending in self._pending.values():
            self._say(pending.line)
        if self._kept:
            self._renew(self._kept)
        if self._leaving:
            self._say(protocol.stop(0.0))
        elif self.credit:
            self._say(protocol.credit(self.credit, 0))

    def _say(self, lines: bytes) -> None:
        assert self._receiver is not None
        self._receiver.say(lines)

    def _ended(self, why: str) -> None:
        self._receiver, self._receiving = None, False
        if self._leaving and not self.busy:
            self._hears.idle(self)
            return
        if self._now() - self._begun >= PROVED:
            self._failures = 0
        self._failed(why)

    def _failed(self, why: str) -> None:
        self._down(why)
        self._failures += 1
        delay = backoff_delay(self._retry, self._failures, random.uniform)
        self._again = self._loop.after(delay, self._start_again)

    def _start_again(self) -> None:
        self._again = None
        if self.credit or self.busy:
            self._begin()

    def _cancel_start(self) -> None:
        if self._again is not None and not self.busy:
            self._again.cancel()
            self._again = None

    def _down(self, why: str) -> None:
        self.error, self.waits = why, None
        self._hears.down(self, why)

    # --- what it says -------------------------------------------------------------------------------------------------

    def _heard(self, said: Said) -> bool:
        """Take it; whether it was asked for."""
        asked = self._take(said)
        if not asked and self._excused:
            self._excused -= 1
            return True
        return asked

    def _excuse(self, lines: int) -> None:
        self._excused = min(self._excused + max(0, lines), protocol.MOST_CREDIT)

    def _take(self, said: Said) -> bool:
        match said:
            case Message():
                return self._message(said)
            case Settled(ids):
                return any([self._settled(name) for name in ids])  # noqa: C419 - each of them
            case Lost(name):
                return self._lost(name)
            case Waiting(count):
                self.waits = count
                self._hears.waiting(self, count)
            case Trouble(words):
                self._down(words)
            case Connected(max_receives):
                self._works(max_receives)
            case Stopped():
                self._over()
        return False

    def _over(self) -> None:
        """No message will come any more."""
        self._receiving = False
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._look_at_the_end()

    def _works(self, max_receives: int | None) -> None:
        self.error = ""
        self._hears.up(self, max_receives)

    def _message(self, message: Message) -> bool:
        asked = self.credit > 0
        self._seen += 1
        self.credit = max(0, self.credit - 1)
        pending = self._pending.get(message.id)
        if pending is not None and pending.how is Settlement.ACK:  # its lease had run out before that was heard
            self._pending[message.id] = pending._replace(receipt=message.receipt)
            self._say(protocol.known({message.id: message.receipt}))
            self._say(pending.line)
            return self._known(asked=asked)
        if not asked and len(self._pending) > MOST_OWED + len(self._kept):
            return asked
        self._pending.pop(message.id, None)
        renew_at = self._now() + self._lease / 2
        self._kept[message.id] = Kept(message.id, message.receipt, renew_at)
        self._renew_later()
        return asked if self._hears.received(self, message) else self._known(asked=asked)

    def _known(self, *, asked: bool) -> bool:
        """A message is known already: if it took the place of another one, that one may come. Nobody asked for this."""
        if asked:
            self.allow(self.credit + 1)
        return False

    def _settled(self, name: str) -> bool:
        if self._pending.pop(name, None) is None:
            return False
        self._hears.settled(self, name)
        self._look_at_the_end()
        return True

    def _lost(self, name: str) -> bool:
        asked = [self._pending.pop(name, None), self._kept.pop(name, None)] != [None, None]
        if asked:
            self._hears.lost(self, name)
            self._look_at_the_end()
        return asked

    # --- leases and repetitions ---------------------------------------------------------------------------------------

    def _renew_later(self) -> None:
        if self._renewal is None and self._kept:
            due = min(kept.renew_at for kept in self._kept.values())
            self._renewal = self._loop.at(due, self._renew_due)

    def _renew_due(self) -> None:
        self._renewal = None
        soon = self._now() + self._lease / 8  # those that would come next go with them
        due = [name for name, kept in self._kept.items() if kept.renew_at <= soon]
        if due and self._receiver is not None:
            self._renew(due)
        elif due:  # the next receiver is told at once
            self._put_off(due)
        self._renew_later()

    def _renew(self, names: Iterable[str]) -> None:
        ids = list(names)
        self._put_off(ids)
        self._say(protocol.keep(ids, self._lease))

    def _put_off(self, names: Iterable[str]) -> None:
        renew_at = self._now() + self._lease / 2
        for name in names:
            self._kept[name] = self._kept[name]._replace(renew_at=renew_at)

    def _say_again(self) -> None:
        """What was not confirmed is said again; while an acknowledgement is tried its lease is kept."""
        self._repeat = None
        if not self._pending:
            return
        self._repeat = self._loop.after(UNCONFIRMED, self._say_again)
        if self._receiver is None:
            return
        if any(pending.told > HUNG for pending in self._pending.values()):
            self._receiver.doom("it does not confirm what it is told")
            self._pending = {name: pending._replace(told=0) for name, pending in self._pending.items()}
            return
        acks = [name for name, pending in self._pending.items() if pending.how is Settlement.ACK]
        if acks:
            self._say(protocol.keep(acks, self._lease))
        for name, pending in self._pending.items():
            self._pending[name] = pending._replace(told=pending.told + 1)
            self._excuse(1)  # it may answer each time
            self._say(pending.line)

    def _now(self) -> float:
        return self._loop.clock.monotonic()


def _line(action: Settle) -> bytes:
    if action.how is Settlement.ACK:
        return protocol.ack([action.message])
    if action.how is Settlement.REJECT:
        return protocol.reject(action.message, action.reason)
    return protocol.give_back(action.message, round(action.delay, 3))
