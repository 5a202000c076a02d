"""Runs a minute over the last hour, by program: from the history, then collected while the screen is open."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from minisup.core.status import StatusDocument

STEP: Final = 300.0
"""Seconds a bar stands for."""

BARS: Final = 12
"""Bars that are kept: the last hour."""


class Rates:
    """The mean of `per_minute` in each step of the last hour; the newest bar grows with the running step."""

    def __init__(self) -> None:
        self._bars: dict[str, deque[tuple[int, float, int]]] = {}  # step, sum, samples

    def add(self, snapshot: StatusDocument, now: float) -> None:
        """Take note of a picture at `now` (seconds of any steady clock)."""
        step = int(now // STEP)
        for program in snapshot["programs"]:
            bars = self._bars.setdefault(program["name"], deque(maxlen=BARS))
            if bars and bars[-1][0] == step:
                _, total, samples = bars.pop()
            else:
                total, samples = 0.0, 0
            bars.append((step, total + program["per_minute"], samples + 1))

    def precede(self, counts: Mapping[str, Sequence[int]], now: float) -> None:
        """Take note of what was before: runs in each of the last `BARS` steps, the running one (of `now`) last.

        The bars begin with the first step in which anything ran; what was seen here is not replaced.
        """
        current = int(now // STEP)
        quiet = min((next(place for place, count in enumerate(own) if count) for own in counts.values()), default=BARS)
        for name in [*self._bars, *(name for name in counts if name not in self._bars)]:
            seen = self._bars.get(name, ())
            first = min((step for step, _, _ in seen), default=current)
            own = counts.get(name) or [0] * BARS
            steps = [(current - BARS + 1 + place, own[place]) for place in range(quiet, BARS)]
            past = [(step, count * 60.0 / STEP, 1) for step, count in steps if step < first]
            self._bars[name] = deque([*past, *seen], maxlen=BARS)

    def by_program(self) -> dict[str, Sequence[float]]:
        """Oldest first; only as many bars as have been seen."""
        return {name: [total / samples for _, total, samples in bars] for name, bars in self._bars.items()}
