"""The retry budget of a program: a token bucket in which only relaunches after failure cost, and success pays back.

The idea that only retries cost is Finagle's RetryBudget; that success refunds is gRPC's retry throttling (proposal A6).
While the bucket is empty the refill lets one launch through at a time: that trickle is what a half-open
circuit breaker lets through.
"""

from minisup.core.model import Instant, Retry

EPSILON = 1e-9
"""A token that lacks no more than this is whole: sums of floats may fall short by an ulp."""


class Budget:
    """Tokens of one program, in [0, size]."""

    __slots__ = ("_filled_at", "credit", "refill", "size", "tokens")

    def __init__(self, retry: Retry, numprocs: int, now: Instant) -> None:
        self.size = float(retry.budget + numprocs)
        self.tokens = self.size
        self.refill = retry.refill
        self.credit = retry.max_failure_ratio / (1.0 - retry.max_failure_ratio)
        self._filled_at = now

    def resize(self, difference: int, now: Instant) -> None:
        """So many slots more, or fewer if negative: those that join bring a token each, the size caps what there is."""
        self.fill(now)
        self.size += difference
        self.tokens = min(self.size, self.tokens + max(0, difference))

    def retune(self, retry: Retry, numprocs: int, now: Instant) -> None:
        """Another policy: a larger size brings the difference in tokens, a smaller one caps them."""
        self.fill(now)
        self.refill = retry.refill
        self.credit = retry.max_failure_ratio / (1.0 - retry.max_failure_ratio)
        self.resize(round(retry.budget + numprocs - self.size), now)

    def fill(self, now: Instant) -> None:
        """Add what time has earned until `now`."""
        self.tokens = min(self.size, self.tokens + (now - self._filled_at) / self.refill)
        self._filled_at = now

    def take(self, now: Instant) -> bool:
        """Take one token for a relaunch; False: there is none."""
        self.fill(now)
        if self.tokens < 1.0 - EPSILON:
            return False
        self.tokens = max(0.0, self.tokens - 1.0)
        return True

    def pay_back(self, now: Instant) -> None:
        """A healthy end earns `credit` tokens."""
        if self.tokens < self.size:  # mostly it is full
            self.fill(now)
            self.tokens = min(self.size, self.tokens + self.credit)
        else:
            self._filled_at = now

    def next_token(self, now: Instant) -> Instant:
        """When the next whole token will be there by time alone; `now` if one is."""
        self.fill(now)
        return now + max(0.0, 1.0 - self.tokens) * self.refill

    def level(self, now: Instant) -> float:
        """The tokens that there will be at `now`, without taking note of it."""
        return min(self.size, self.tokens + (now - self._filled_at) / self.refill)
