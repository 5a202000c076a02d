"""A queue that knows when each message came: by chance, in bursts, or when it is known to have come."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from math import inf
from random import Random
from typing import Final, NamedTuple

from minisup.core.model import Instant, Seconds
from minisup.sim.jobs import Queue


class Burst(NamedTuple):
    """So many messages at one instant."""

    when: Instant
    messages: int


NEVER: Final = Burst(inf, 0)


def poisson(rate: float, chance: Random) -> Iterator[Burst]:
    """Single messages at random instants, `rate` a second; endless, none for a rate of 0."""
    now = 0.0
    while rate:
        now += chance.expovariate(rate)
        yield Burst(now, 1)


class Mailbox(Queue):
    """A queue whose messages come as `arrivals` say, each in the order of its instants. It keeps what a report needs.

    A run takes the oldest. A run that fails takes none: the message is there for the next one.
    """

    def __init__(self, *arrivals: Iterable[Burst]) -> None:
        super().__init__()
        self.came: list[Burst] = []
        self.taken: list[Instant] = []
        self.waits: list[Seconds] = []  # of each message that was taken
        self.polls = 0  # runs that found nothing
        self.clear: list[Instant] = []  # when a run left or found nothing waiting
        self._coming = heapq.merge(*arrivals)
        self._upcoming = next(self._coming, NEVER)
        self._waiting: deque[list[float]] = deque()  # [when, how many]

    def pop(self, now: Instant, chance: Random) -> bool:
        """Take the oldest message; false if there is none."""
        del chance  # arrivals have their own, so that they do not depend on who takes them
        self.arrive(now)
        if not self.backlog:
            self.polls += 1
            self.clear.append(now)
            return False
        oldest = self._waiting[0]
        self.waits.append(now - oldest[0])
        self.taken.append(now)
        oldest[1] -= 1
        if not oldest[1]:
            self._waiting.popleft()
        self.backlog -= 1
        if not self.backlog:
            self.clear.append(now)
        return True

    def arrive(self, now: Instant) -> None:
        """Let everything arrive that comes by `now`."""
        while self._upcoming.when <= now:
            burst = self._upcoming
            self.came.append(burst)
            self.push(burst.messages)
            self._waiting.append([burst.when, burst.messages])
            self._upcoming = next(self._coming, NEVER)

    def oldest(self) -> Instant | None:
        """When the message came that has waited longest; None: nothing waits."""
        return self._waiting[0][0] if self._waiting else None
