"""How the time until the platform's SIGKILL is divided. All durations in seconds."""

from collections.abc import Iterable
from typing import NamedTuple

from minisup.core.model import Instant, Policy, Seconds, Stop

REPEAT: Seconds = 0.5
"""A second request within this time is the same request: shells and platforms signal a group more than once."""

LAST_WAIT: Seconds = 0.3
"""How long minisup waits after the last SIGKILL before it leaves whatever remains."""

LEVEL: Seconds = 1.0
"""Reserved for each later level of programs (those that others are `after`)."""


class StopPlan(NamedTuple):
    """How long to drain, then how long between the stop signal and SIGKILL."""

    drain: Seconds
    timeout: Seconds


def usable(shutdown_timeout: Seconds) -> Seconds:
    """The part of the platform's limit that is used, D: the rest is for writing out and leaving."""
    return max(0.0, shutdown_timeout - max(0.5, 0.1 * shutdown_timeout))


def fit(stop: Stop, window: Seconds) -> StopPlan:
    """A program's stop, cut to `window` seconds. Where both do not fit, each gets half, or what the other leaves."""
    timeout = min(stop.timeout, max(window / 2, window - stop.drain))
    return StopPlan(min(stop.drain, window - timeout), timeout)


def levels(policies: Iterable[Policy]) -> dict[str, int]:
    """Program name to level: 0 stops first; a program is a level above every program that named it in `after`."""
    after = {policy.name: policy.after for policy in policies}
    level, waiting = dict.fromkeys(after, 0), dict.fromkeys(after, 0)
    for other in (other for needed in after.values() for other in needed if other in waiting):
        waiting[other] += 1
    known = [name for name, count in waiting.items() if not count]
    for name in known:  # each once, and every program that named it before it; cycles the configuration refuses
        for other in (other for other in after[name] if other in level):
            level[other] = max(level[other], level[name] + 1)
            waiting[other] -= 1
            if not waiting[other]:
                known.append(other)
    return level


def level_end(level: int, top: int, begin: Instant, span: Seconds) -> Instant:
    """When level `level` of 0..`top` must be gone, if the shutdown began at `begin` and has `span` seconds."""
    reserve = min(LEVEL, span / (2 * top)) if top else 0.0
    return begin + span - (top - level) * reserve
