"""Runs a minute over the last hour, by program: collected while the screen is open."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

STEP: Final = 300.0
"""Seconds a bar stands for."""

BARS: Final = 12
"""Bars that are kept: the last hour."""


class Rates:
    """The mean of `per_minute` in each step of the last hour; the newest bar grows with the running step."""

    def __init__(self) -> None:
        self._bars: dict[str, deque[tuple[int, float, int]]] = {}  # step, sum, samples

    def add(self, snapshot: Mapping[str, Any], now: float) -> None:
        """Take note of a picture at `now` (seconds of any steady clock)."""
        step = int(now // STEP)
        for program in snapshot["programs"]:
            bars = self._bars.setdefault(program["name"], deque(maxlen=BARS))
            if bars and bars[-1][0] == step:
                _, total, samples = bars.pop()
            else:
                total, samples = 0.0, 0
            bars.append((step, total + program["per_minute"], samples + 1))

    def by_program(self) -> dict[str, Sequence[float]]:
        """Oldest first; only as many bars as have been seen."""
        return {name: [total / samples for _, total, samples in bars] for name, bars in self._bars.items()}
