"""The messages of a program with a source: who waits for one, what is in hand, and which of them have failed."""

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from minisup.core.model import Instant, MessageSource, Outcome, Seconds
from minisup.core.policy.stats import Stats

if TYPE_CHECKING:
    from minisup.core.slot import Slot

MOST_REMEMBERED = 1000
"""Messages whose failures are remembered; beyond that the one that failed first is forgotten."""

POISON = 3
"""So many failures of one message, while others worked, say that the message is bad and not the worker."""


class Delivery(NamedTuple):
    """A message that was received and is not yet settled.

    `age`: how long before `arrived` it had been sent; None: the queue does not say. `lost`: somebody else may have it.
    """

    message: str
    receives: int
    age: Seconds | None
    arrived: Instant
    lost: bool = False


class Failures(NamedTuple):
    """How often a message has failed, and how many others had worked when it first did."""

    times: int
    worked_before: int
    told: bool = False


class Deliveries:
    """What a program's source and its slots have to do with each other. `receiving.py` and `settling.py` write it."""

    __slots__ = (
        "acked",
        "backlog",
        "credit",
        "error",
        "failed_at",
        "failures",
        "lost",
        "max_receives",
        "policy",
        "queue",
        "ready",
        "rejected",
        "returned",
        "stats",
        "suspects",
        "up_at",
        "waiting",
    )

    def __init__(self, policy: MessageSource, stats: Stats) -> None:
        self.policy = policy
        self.stats = stats  # the program's: its counts outlive this source
        self.waiting: dict[Slot, None] = {}  # slots that wait for a message, in the order in which they began to
        self.ready: dict[Slot, None] = {}  # slots whose process waits for a message, in the same order
        self.queue: deque[Delivery] = deque()  # received ahead of a free slot
        self.credit = 0  # what the source was last told
        self.backlog: int | None = None  # how many wait in the queue; None: nobody knows
        self.error = ""  # why it does not work; empty: it does, or nobody has heard of it yet
        self.failed_at: Instant | None = None
        self.max_receives: int | None = None  # the queue's own limit, which counts instead of the policy's
        self.up_at: Instant | None = None  # when it last began to work
        self.acked = 0
        self.returned = 0
        self.rejected = 0
        self.lost = 0  # leases
        self.failures: dict[str, Failures] = {}  # by message
        self.suspects: set[str] = set()  # messages that have failed since the program was last well

    def retried(self) -> "list[Slot]":
        """The slots that wait for a message to try again with: they were held for a cause."""
        waiting = [slot for slot in self.waiting if slot.held_for]
        return [*(slot for slot in self.ready if slot.run and slot.run.warm and slot.run.warm.held_for), *waiting]

    def end_retries(self, outcome: Outcome | None = None) -> None:
        """That cause has gone, or (None) every cause: whoever waits for a message waits for any."""
        for slot in self.waiting:
            if slot.wait is not None and (outcome is None or slot.held_for is outcome):
                slot.wait = slot.wait._replace(held_for=None)
        for slot in self.ready:
            warm = None if slot.run is None else slot.run.warm
            if slot.run is not None and warm is not None and (outcome is None or warm.held_for is outcome):
                slot.run.warm = warm._replace(held_for=None)

    def failed(self, message: str) -> bool:
        """Count a failure of a message; whether it is to be told that the message is bad."""
        before = self.failures.pop(message, Failures(0, self.acked))
        poison = before.times + 1 >= POISON and self.acked > before.worked_before
        self.failures[message] = Failures(before.times + 1, before.worked_before, before.told or poison)
        if len(self.failures) > MOST_REMEMBERED:
            del self.failures[next(iter(self.failures))]
        if len(self.suspects) < MOST_REMEMBERED:
            self.suspects.add(message)
        return poison and not before.told

    def is_alone_in_failing(self) -> bool:
        """Whether all that has failed since the program was last well is one message."""
        return len(self.suspects) == 1

    def forget(self, message: str) -> None:
        """The message is done with, or set aside."""
        self.failures.pop(message, None)
        self.suspects.discard(message)
