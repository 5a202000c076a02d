"""What a program's runs came to: totals, and the windows that the status shows."""

from array import array
from bisect import bisect_left
from collections import deque
from math import ceil

from minisup.core.model import Instant, Outcome, Seconds

WINDOW = 60
"""Seconds that `per_minute` and `busy` look back."""

KEPT_DURATIONS = 256
"""Worked runs whose durations make the percentiles."""


DURATIONS: tuple[Seconds, ...] = (
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0
)  # fmt: skip
"""Upper bounds of the buckets in which durations and waits are counted; one more has what is longer."""


class Buckets:
    """A histogram that only grows: `counts` has one number for each of `DURATIONS`, and one for what is longer."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(DURATIONS) + 1)
        self.total: Seconds = 0.0  # the sum of all that was counted

    def add(self, seconds: Seconds) -> None:
        """Count one."""
        self.counts[bisect_left(DURATIONS, seconds)] += 1
        self.total += seconds


class Stats:
    """Counts that only grow, for as long as minisup lives, and one bucket a second for the last minute."""

    __slots__ = (
        "_busy",
        "_ends",
        "_second",
        "acked",
        "busy",
        "cpu",
        "cut",
        "durations",
        "leases_lost",
        "outcomes",
        "received",
        "rejected",
        "returned",
        "skipped",
        "starts",
        "waits",
        "worked",
    )

    def __init__(self, now: Instant) -> None:
        self.starts = 0  # processes
        self.busy: Seconds = 0.0
        self.cpu: Seconds = 0.0
        self.worked = Buckets()
        self.cut = 0
        self.skipped = 0  # planned starts
        self.received = self.acked = self.returned = self.rejected = self.leases_lost = 0  # messages
        self.waits = Buckets()  # of messages, from sent to delivered
        self.outcomes: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.durations: deque[Seconds] = deque(maxlen=KEPT_DURATIONS)
        self._second = int(now)
        self._ends = array("L", bytes(8 * WINDOW))
        self._busy = array("d", bytes(8 * WINDOW))

    def add(self, outcome: Outcome, duration: Seconds, now: Instant, cpu: Seconds = 0.0) -> None:
        """Count a run that ended at `now` after `duration`, and took `cpu` seconds of processor time."""
        self.outcomes[outcome] += 1
        self.busy += duration
        self.cpu += cpu
        if outcome is Outcome.WORKED:
            self.durations.append(duration)
            self.worked.add(duration)
        if int(now) != self._second:
            self._turn(now)
        bucket = self._second % WINDOW
        self._ends[bucket] += 1
        self._busy[bucket] += min(WINDOW, duration)

    def per_minute(self, now: Instant) -> int:
        """Runs that ended in the last 60 s."""
        self._turn(now)
        return sum(self._ends)

    def busy_seconds(self, now: Instant) -> Seconds:
        """Seconds that the runs that ended in the last 60 s took, each counted with at most 60 s."""
        self._turn(now)
        return sum(self._busy)

    def percentile(self, share: float) -> Seconds | None:
        """The duration that `share` of the last worked runs did not exceed (nearest rank); None: nothing has worked."""
        if not self.durations:
            return None
        ordered = sorted(self.durations)
        return ordered[max(0, ceil(share * len(ordered)) - 1)]

    def _turn(self, now: Instant) -> None:
        second = int(now)
        if second == self._second:
            return
        for passed in range(self._second + 1, min(second, self._second + WINDOW) + 1):
            self._ends[passed % WINDOW] = 0
            self._busy[passed % WINDOW] = 0.0
        self._second = max(second, self._second)
