"""Runs that were recorded, as the load of a simulated program: their durations, failures, outages and messages."""

from collections.abc import Sequence
from math import ceil
from statistics import median
from typing import Final, NamedTuple

from minisup.core.model import COUNTED, HEALTHY, Instant, Outcome, Seconds
from minisup.sim.arrivals import Burst
from minisup.sim.jobs import Span
from minisup.sim.load_plan import FAILING_RUN, IDLE_LASTS, RUN, Load
from minisup.sim.run_times import Durations, Samples

MOST: Final = 10_000
"""Durations that are kept; of more an even choice."""

STREAK: Final = 5
"""Failures in a row, of all slots together, that are an outage rather than bad luck; and more than there are slots."""


class HistoryRun(NamedTuple):
    """A run of the history: when it started, in seconds from the beginning of the period."""

    started: Instant
    duration: Seconds | None
    outcome: Outcome


def load(seen: Sequence[HistoryRun], slots: int, span: Seconds, seconds: Seconds) -> Load:
    """What such runs come to as a load for `seconds`; after `span` all of it comes again.

    A message came at the latest when the run that took it started, and that instant is taken for it. If no run was
    idle, nothing says whether there was a queue: work is always waiting.
    """
    runs = sorted(run for run in seen if run.outcome in HEALTHY | COUNTED)
    outages = _outages(runs, slots)
    apart = [run for run in runs if not any(outage.start <= run.started < outage.end for outage in outages)]
    failed = sum(run.outcome in COUNTED for run in apart)
    queued = any(run.outcome is Outcome.IDLE for run in runs)
    idle = [run.duration for run in runs if run.outcome is Outcome.IDLE and run.duration is not None]
    messages = [Burst(run.started, 1) for run in runs if run.outcome is Outcome.WORKED] if queued else []
    rounds = range(ceil(seconds / span) if span > 0 else 1)
    return Load(
        lasts=_durations([run for run in runs if run.outcome is Outcome.WORKED], RUN),
        fails=failed / len(apart) if apart else 0.0,
        fails_after=_durations([run for run in runs if run.outcome in COUNTED], FAILING_RUN),
        idle_lasts=median(idle) if idle else IDLE_LASTS,
        outages=tuple(
            Span(span * number + start, span * number + end)
            for number in rounds
            for start, end in outages
            if span * number + start < seconds
        ),
        queued=queued,
        known=tuple(
            Burst(span * number + when, count)
            for number in rounds
            for when, count in messages
            if span * number + when < seconds
        ),
    )


def _durations(runs: Sequence[HistoryRun], otherwise: Durations) -> Durations:
    known = [run.duration for run in runs if run.duration is not None]
    step = len(known) // MOST + 1
    return Samples(tuple(known[::step])) if known else otherwise


def _outages(runs: Sequence[HistoryRun], slots: int) -> list[Span]:
    """Times in which every run that started failed, long rows of them; each ends with the start of one that did not."""
    found: list[Span] = []
    streak: list[HistoryRun] = []
    for run in runs:
        if run.outcome in COUNTED:
            streak.append(run)
            continue
        if len(streak) > max(STREAK - 1, slots):
            found.append(Span(streak[0].started, run.started))
        streak = []
    if len(streak) > max(STREAK - 1, slots):
        found.append(Span(streak[0].started, streak[-1].started + 0.001))
    return found
