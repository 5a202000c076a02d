"""How long a slot waits after a counted end: exponential, capped, and spread so that slots fall out of step."""

from collections.abc import Callable

from minisup.core.model import Retry, Seconds

DOUBLINGS = 60
"""More doublings than any cap allows; keeps the power within a float."""


def backoff_delay(retry: Retry, failures: int, uniform: Callable[[float, float], float]) -> Seconds:
    """The delay after the `failures`-th counted end in a row of a slot (1: the first): uniform in [d/2, d]."""
    delay = min(retry.max_backoff, retry.backoff * 2.0 ** min(failures - 1, DOUBLINGS))
    return uniform(delay / 2, delay)
