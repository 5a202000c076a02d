"""What happens when: the loads of programs, outages and deploys of a simulated time, and the jobs that follow from it.

The same scene is played under minisup's rules (`play.py`) and under supervisord's (`supervisord_model.py`): the same
seed gives both the same messages at the same instants.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from minisup.core.model import Instant, Kind, Policy, Seconds
from minisup.core.policy.outcome import code_table
from minisup.sim.arrivals import Burst, Mailbox, poisson
from minisup.sim.jobs import Job, Span
from minisup.sim.run_times import Durations, Fixed

RUN: Final = Fixed(2.0)
FAILING_RUN: Final = Fixed(0.2)
"""Seconds that a run takes if nobody says."""

IDLE_LASTS: Final = 0.05
"""Seconds that a run takes to find nothing in its queue."""

LATER: Final[Seconds] = 60.0
LONGER: Final[Seconds] = 30.0
SHARE: Final = 0.1
"""With several seeds an outage is up to a minute later, at most a tenth of the time; and longer by up to a tenth."""

_HIGHEST_CODE: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the runs of a program do and find. With `queued` they take messages; without, work is always waiting."""

    lasts: Durations = RUN
    fails: float = 0.0  # probability of a failing run
    fails_after: Durations = FAILING_RUN
    idle_lasts: Seconds = IDLE_LASTS
    outages: tuple[Span, ...] = ()
    queued: bool = False
    rate: float = 0.0  # messages a second, by chance
    bursts: tuple[Burst, ...] = ()
    known: tuple[Burst, ...] = ()  # messages that are known to have come, by their instants

    def varied(self, later: Seconds, longer: float) -> "Load":
        """The same with all outages so much later, and longer by the share `longer` of what they may be longer."""
        outages = (
            Span(start + later, end + later + longer * min(LONGER, SHARE * (end - start)))
            for start, end in self.outages
        )
        return replace(self, outages=tuple(outages))

    def arrivals(self, chance: Random, until: Instant) -> Mailbox:
        """A fresh queue, to which everything comes that comes by `until`."""
        random = _until(poisson(self.rate, chance), until)
        return Mailbox(random, sorted(self.bursts), self.known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """So many seconds, the load of each program, and the instants of deploys: a shutdown and a new start."""

    seconds: Seconds
    loads: Mapping[str, Load]
    deploys: tuple[Instant, ...] = ()
    shutdown_timeout: Seconds = 10.0
    targets: tuple[str, ...] = ()  # what is brought up; nothing: what starts by itself

    def jobs(self, policies: Sequence[Policy], seed: int) -> dict[str, Job]:
        """The jobs of all programs, with fresh queues. Each queue has a chance of its own."""
        return {
            policy.name: self._job(policy, Random(f"{seed} {policy.name}"))  # noqa: S311 -- a seed, not secrets
            for policy in policies
        }

    def varied(self, seed: int) -> "Scene":
        """The same with outages that come a little later and last a little longer, by chance.

        When an outage ends between two retries decides how soon that is noticed, so one length says little.
        """
        chance = Random(f"{seed} varied")  # noqa: S311 -- as above
        later, longer = chance.uniform(0.0, min(LATER, SHARE * self.seconds)), chance.random()
        return replace(self, loads={name: load.varied(later, longer) for name, load in self.loads.items()})

    def _job(self, policy: Policy, chance: Random) -> Job:
        load = self.loads[policy.name]
        codes = policy.exit
        return Job(
            lasts=load.lasts,
            code=min(codes.ok, default=0),
            fails=load.fails,
            fails_after=load.fails_after,
            fail_code=failing_code(policy),
            outages=load.outages,
            queue=load.arrivals(chance, self.seconds) if load.queued else None,
            idle_code=min(codes.idle or codes.ok, default=0),
            idle_lasts=load.idle_lasts,
        )


def failing_code(policy: Policy) -> int:
    """The exit code of a run that fails: 1, or the next that the program's `exit` gives no meaning."""
    named = code_table(policy.exit)
    return next((code for code in range(1, _HIGHEST_CODE) if code not in named), 1)


def capacity(policy: Policy, lasts: Durations) -> float:
    """Runs a second that a program can do at most: `numprocs` at a time, at their pace, within `max_start_rate`."""
    each = max(policy.min_runtime, lasts.mean)
    most = policy.numprocs / each if each > 0 else float("inf")
    return most if policy.max_start_rate is None else min(most, policy.max_start_rate)


def most_runs(policy: Policy, load: Load, seconds: Seconds) -> float:
    """How many runs there are at most, about: polls of an empty queue are short and paced by `min_runtime` alone."""
    shortest = load.lasts.mean
    if load.queued and not policy.exit.idle:
        shortest = min(shortest, load.idle_lasts)
    return capacity(policy, Fixed(shortest)) * seconds


def usual_lasts(policy: Policy) -> Durations:
    """How long a run takes if nobody says: 2 s for a job or a task, for ever for a service."""
    return Fixed(float("inf")) if policy.kind is Kind.SERVICE else RUN


def _until(bursts: Iterator[Burst], until: Instant) -> Iterator[Burst]:
    for burst in bursts:
        if burst.when > until:
            return
        yield burst
