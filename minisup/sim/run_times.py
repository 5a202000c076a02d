"""How long simulated runs take: distributions that draw from the `Random` that they are given. Seconds throughout."""

from dataclasses import dataclass
from math import exp, log
from random import Random
from typing import Protocol

from minisup.core.model import Seconds


class Durations(Protocol):
    """A distribution of durations."""

    @property
    def mean(self) -> Seconds:
        """What it comes to on average; `inf` for a run that never ends by itself."""

    def draw(self, chance: Random) -> Seconds:
        """One duration."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same."""

    seconds: Seconds

    @property
    def mean(self) -> Seconds:
        """As it says."""
        return self.seconds

    def draw(self, chance: Random) -> Seconds:
        """As it says."""
        del chance
        return self.seconds


@dataclass(frozen=True, slots=True)
class Uniform:
    """Anything between two ends, equally often."""

    low: Seconds
    high: Seconds

    @property
    def mean(self) -> Seconds:
        """The middle."""
        return (self.low + self.high) / 2

    def draw(self, chance: Random) -> Seconds:
        """One duration."""
        return chance.uniform(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Exponential:
    """Mostly short, now and then long: many durations of services are like that."""

    seconds: Seconds

    @property
    def mean(self) -> Seconds:
        """As it says."""
        return self.seconds

    def draw(self, chance: Random) -> Seconds:
        """One duration."""
        return chance.expovariate(1 / self.seconds)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """Half of them below `median`; two thirds within a factor of e^`sigma` of it, and a long tail."""

    median: Seconds
    sigma: float

    @property
    def mean(self) -> Seconds:
        """Above the median: the tail is long."""
        return self.median * exp(self.sigma**2 / 2)

    def draw(self, chance: Random) -> Seconds:
        """One duration."""
        return chance.lognormvariate(log(self.median), self.sigma)


@dataclass(frozen=True, slots=True)
class Samples:
    """One of those that were seen, each equally often."""

    seen: tuple[Seconds, ...]

    @property
    def mean(self) -> Seconds:
        """Their mean."""
        return sum(self.seen) / len(self.seen)

    def draw(self, chance: Random) -> Seconds:
        """One of them."""
        return self.seen[int(chance.random() * len(self.seen))]
