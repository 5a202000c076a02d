"""What a program does while every run of it fails: the same budget, backoff and rate as the core, in expectation."""

import heapq
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, takewhile
from typing import Final, NamedTuple

from minisup.core.model import Retry, Seconds
from minisup.core.policy.backoff import backoff_delay
from minisup.core.policy.budget import Budget
from minisup.core.policy.pace import StartRate

_LONGEST: Final[Seconds] = 3600.0
_MOST: Final = 10_000
_MEAN: Final = 0.75  # of a delay that is uniform in [d/2, d]


class OutageCourse(NamedTuple):
    """Tries until the budget is empty, how long that takes (None: it never is), and tries a minute from then on."""

    tries: int
    empty_after: Seconds | None
    per_minute: float
    recovery: Seconds  # from the end of the outage to the next try, at most


@lru_cache(maxsize=256)
def outage(retry: Retry, numprocs: int, max_start_rate: float | None = None) -> OutageCourse:
    """The course of an outage in which every run fails at once, with mean delays."""
    most = float("inf") if max_start_rate is None else max_start_rate * 60
    for tries, (when, has_token) in enumerate(_launches(retry, numprocs, max_start_rate)):
        if when > _LONGEST:
            mean = _mean(retry, 1000)
            steady = min(most, numprocs * 60 / mean) if mean else most  # no backoff at all: the start rate alone
            return OutageCourse(tries, None, steady, max(retry.max_backoff, 60 / most))
        if not has_token or tries == _MOST:
            return OutageCourse(tries, when, min(most, 60 / retry.refill), max(retry.refill, 60 / most))
    return OutageCourse(0, None, 0.0, 0.0)


@lru_cache(maxsize=256)
def tries_by(retry: Retry, numprocs: int, until: Seconds, max_start_rate: float | None = None) -> int:
    """How many runs there are in the first `until` seconds of an outage."""
    course = outage(retry, numprocs, max_start_rate)
    if course.empty_after is not None and course.empty_after < until:
        return course.tries + int((until - course.empty_after) * course.per_minute / 60)
    within = takewhile(lambda launch: launch[0] <= until, _launches(retry, numprocs, max_start_rate))
    return sum(1 for _ in islice(within, _MOST))


def _launches(retry: Retry, numprocs: int, max_start_rate: float | None) -> Iterator[tuple[Seconds, bool]]:
    """When each run starts, until one has no token; endless if the budget never empties."""
    budget = Budget(retry, numprocs, 0.0)
    rate = StartRate(max_start_rate, numprocs) if max_start_rate else None
    waiting = [(0.0, slot, 0) for slot in range(numprocs)]
    while waiting:
        now, slot, failures = waiting[0]
        if failures and not budget.take(now):
            yield now, False
            return
        start = now if rate is None else rate.book(now)
        yield start, True
        heapq.heapreplace(waiting, (start + _mean(retry, failures + 1), slot, failures + 1))


def _mean(retry: Retry, failures: int) -> Seconds:
    return backoff_delay(retry, failures, lambda _low, high: _MEAN * high)
