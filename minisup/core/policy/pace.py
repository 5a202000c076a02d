"""When the next run may start if all is well."""

from minisup.core.model import Idle, Instant, Policy, Seconds


def boot_offset(policy: Policy, index: int, numprocs: int) -> Seconds:
    """How long after boot the first run of slot `index` of `numprocs` starts, so that slots do not poll in step."""
    return index * min(policy.min_runtime, 1.0) / numprocs


def idle_wait(idle: Idle, streak: int) -> Seconds:
    """How long a slot waits after the `streak`-th idle run in a row of its program (1: the first)."""
    steps = min(streak - 1, 1000)  # beyond any max_wait, and far below what a float can hold for sane factors
    try:
        return min(idle.max_wait, idle.wait * idle.factor**steps)
    except OverflowError:
        return idle.max_wait


class StartRate:
    """At most `rate` starts a second, with bursts: the generic cell rate algorithm (ITU-T I.371), booked ahead."""

    __slots__ = ("_arrival", "_interval", "_tolerance")

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1.0 / rate
        self.allow(burst)
        self._arrival = float("-inf")  # theoretical arrival time of the next start

    def allow(self, burst: int) -> None:
        """Let `burst` starts happen at once from now on; what is booked stays so."""
        self._tolerance = (max(1, burst) - 1) * self._interval

    def next(self, now: Instant) -> Instant:
        """When a start that is booked now may happen, without booking it."""
        return max(now, self._arrival - self._tolerance)

    def book(self, now: Instant) -> Instant:
        """Book one start; returns when it may happen, `now` or later."""
        start = self.next(now)
        self._arrival = max(now, self._arrival) + self._interval
        return start
