"""Whether the wall clock can be believed: rows that go because of their age do not come back.

A clock that somebody sets 40 days ahead, or that a machine has wrong until it has asked for the time, would make all
rows old. Only the distance from the monotonic clock tells a step from time that has passed.
"""

from typing import Final

from minisup.history.base import HostClock

STEADY: Final = 3600.0
"""Seconds for which the two clocks must have kept their distance after a step."""

SLACK: Final = 60.0
"""Seconds of difference that are no step."""

DAY: Final = 86400.0


class Steady:
    """Compares the clocks at each `look`; between two looks nothing is deleted, so a step there does no harm."""

    def __init__(self, clock: HostClock) -> None:
        self._clock = clock
        self._distance: float | None = None
        self._since = 0.0  # monotonic

    def begin(self, newest: float | None) -> None:
        """The last row of an earlier life ended at `newest`, wall clock; None: there is none.

        If that was less than a day ago the clock is right to a day, and it is believed from the start. Only the first
        call counts: later rows carry the time of the clock that is in question.
        """
        if self._distance is None:
            near = newest is None or self._clock.wall() - newest < DAY
            self._distance = self._read()
            self._since = self._clock.monotonic() - (STEADY if near else 0.0)

    def look(self) -> bool:
        """Whether the wall clock has gone evenly for long enough."""
        distance, now = self._read(), self._clock.monotonic()
        if self._distance is None or abs(distance - self._distance) > SLACK:
            self._distance, self._since = distance, now
        return now - self._since >= STEADY

    def _read(self) -> float:
        return self._clock.wall() - self._clock.monotonic()
