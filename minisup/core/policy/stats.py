"""What a program's runs came to: totals, and the windows that the status shows."""

from array import array
from collections import deque
from math import ceil

from minisup.core.model import Instant, Outcome, Seconds

WINDOW = 60
"""Seconds that `per_minute` and `busy` look back."""

KEPT_DURATIONS = 256
"""Worked runs whose durations make the percentiles."""


class Stats:
    """Counts by outcome, and one bucket a second for the last minute."""

    __slots__ = ("_busy", "_ends", "_second", "durations", "outcomes")

    def __init__(self, now: Instant) -> None:
        self.outcomes: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.durations: deque[Seconds] = deque(maxlen=KEPT_DURATIONS)
        self._second = int(now)
        self._ends = array("L", bytes(8 * WINDOW))
        self._busy = array("d", bytes(8 * WINDOW))

    def add(self, outcome: Outcome, duration: Seconds, now: Instant) -> None:
        """Count a run that ended at `now` after `duration`."""
        self.outcomes[outcome] += 1
        if outcome is Outcome.WORKED:
            self.durations.append(duration)
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
