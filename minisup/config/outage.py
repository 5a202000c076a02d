"""What a program does while every run of it fails: the same budget and backoff as the core, in expectation."""

import heapq
from typing import Final, NamedTuple

from minisup.core.backoff import backoff_delay
from minisup.core.budget import Budget
from minisup.core.model import Retry, Seconds

_LONGEST: Final[Seconds] = 3600.0
_MOST: Final = 10_000
_MEAN: Final = 0.75  # of a delay that is uniform in [d/2, d]


class Outage(NamedTuple):
    """Tries until the budget is empty, how long that takes (None: it never is), and tries a minute from then on."""

    tries: int
    empty_after: Seconds | None
    per_minute: float
    recovery: Seconds  # from the end of the outage to the next try, at most


def outage(retry: Retry, numprocs: int) -> Outage:
    """The course of an outage in which every run fails at once, with mean delays."""
    budget = Budget(retry, numprocs, 0.0)
    waiting = [(_mean(retry, 1), slot, 1) for slot in range(numprocs)]
    tries = numprocs
    while waiting and tries < _MOST:
        now, slot, failures = waiting[0]
        if now > _LONGEST:
            return Outage(tries, None, numprocs * 60 / _mean(retry, 1000), retry.max_backoff)
        if not budget.take(now):
            return Outage(tries, now, 60 / retry.refill, retry.refill)
        tries += 1
        heapq.heapreplace(waiting, (now + _mean(retry, failures + 1), slot, failures + 1))
    return Outage(tries, waiting[0][0] if waiting else None, 60 / retry.refill, retry.refill)


def _mean(retry: Retry, failures: int) -> Seconds:
    return backoff_delay(retry, failures, lambda _low, high: _MEAN * high)
