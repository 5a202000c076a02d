"""Rules that scale, beside each other in the simulator: python -m benchmarks.scaling [--seeds N].

One program on one queue: 2 jobs/s for 10 minutes, then a burst of 500, 0.3/s for 10 minutes, 0.05/s for 20. A job takes
2.3 s, a look at an empty queue 0.3 s, at most 20 slots, a message is to wait no longer than 10 s. Every rule moves the
same `Fleet`, which takes slots away by attrition; the others' rules are ours to have read, not their programs.
"""

import argparse
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import ceil, inf
from random import Random
from statistics import mean
from typing import NamedTuple

from minisup.core.facts import Autoscaled, Scaled
from minisup.core.model import ExitCodes, Instant, Outcome, Policy, Scale, Seconds
from minisup.sim.jobs import Job, Queue
from minisup.sim.world import World

EACH = 2.3
MOST = 20
TARGET = 10.0
IDLE = 7
LASTS = 2400.0
PHASES = ((0.0, 2.0), (600.0, 0.3), (1200.0, 0.05), (LASTS, 0.0))
BURST = (600.0, 500)
STEP = 1.0


class Messages(Queue):
    """A queue whose messages know when they came."""

    def __init__(self, arrivals: Sequence[Instant]) -> None:
        super().__init__()
        self._coming = deque(arrivals)
        self._there: deque[Instant] = deque()
        self.waits: list[Seconds] = []

    def visible(self, now: Instant, chance: Random) -> int:  # noqa: ARG002 - everything was decided before
        """How many messages wait now."""
        while self._coming and self._coming[0] <= now:
            self._there.append(self._coming.popleft())
        return len(self._there)

    def pop(self, now: Instant, chance: Random) -> bool:
        """Take the oldest."""
        if not self.visible(now, chance):
            return False
        self.waits.append(now - self._there.popleft())
        return True

    def left(self) -> int:
        """Messages that nobody took."""
        return len(self._there) + len(self._coming)


class Course(NamedTuple):
    """What a rule came to."""

    hours: float
    p95: Seconds
    idle: float
    changes: float


class Seen(NamedTuple):
    """What a rule may look at: messages that wait, slots, runs in progress, the time."""

    visible: int
    slots: int
    running: int
    now: Instant


Rule = Callable[[Seen], int]
"""A number of slots for what is seen."""


def arrivals(seed: int) -> list[Instant]:
    """When messages come."""
    chance, times = Random(seed), [BURST[0]] * BURST[1]
    for (start, rate), (end, _) in pairwise(PHASES):
        now = start + chance.expovariate(rate)
        while now < end:
            times.append(now)
            now += chance.expovariate(rate)
    return sorted(times)


def clamp(wanted: float) -> int:
    """Within 1 and the most."""
    return max(1, min(MOST, ceil(wanted)))


def horizon() -> Rule:
    """Horizon's AutoScaler with one queue: its whole share while anything is ready, one slot up or down each time."""

    def rule(seen: Seen) -> int:
        wanted = MOST if seen.visible else 1
        return seen.slots + (wanted > seen.slots) - (wanted < seen.slots)

    return rule


def stabilised(wanted_of: Callable[[Seen], float]) -> Rule:
    """Up at once, down to the most that was wanted within 300 s, as Kubernetes' autoscaler and AWS's do by default."""
    recent: deque[tuple[Instant, int]] = deque()

    def rule(seen: Seen) -> int:
        recent.append((seen.now, clamp(wanted_of(seen))))
        while recent[0][0] < seen.now - 300.0:
            recent.popleft()
        return max(number for _, number in recent)

    return rule


def keda() -> Rule:
    """KEDA's ScaledObject on SQS: messages, those in flight too, by 5."""
    return stabilised(lambda seen: (seen.visible + seen.running) / 5)


def aws() -> Rule:
    """AWS's backlog per task: what waits by what a task clears within the target."""
    return stabilised(lambda seen: seen.visible * EACH / TARGET)


def course(seed: int, start: int, scale: Scale | None, rule: Rule | None, every: Seconds) -> Course:
    """One rule over the whole time."""
    queue = Messages(arrivals(seed))
    policy = Policy(
        name="email",
        numprocs=start,
        min_runtime=0.0,
        exit=ExitCodes(idle=frozenset({IDLE})),
        scale=scale,
    )
    job = Job(lasts=EACH, queue=queue, idle_code=IDLE, idle_lasts=0.3)
    world = World([policy], {"email": job}, seed=seed)
    world.boot()
    program, hours, next_at = world.fleet.programs["email"], 0.0, every
    while world.now < LASTS or (queue.left() and world.now < 2 * LASTS):
        world.run(STEP)
        if world.now <= LASTS:
            hours += len(program.slots) * STEP / 3600
        if rule is not None and world.now >= next_at:
            next_at += every
            visible = queue.visible(world.now, Random(0))
            world.scale("email", rule(Seen(visible, program.numprocs, len(world.processes), world.now)))
    waits = sorted(queue.waits)
    changes = sum(1 for _, fact in world.trace.notes if isinstance(fact, Autoscaled | Scaled))
    idle = sum(1 for record in world.trace.records if record.outcome is Outcome.IDLE)
    p95 = inf if queue.left() else waits[ceil(0.95 * len(waits)) - 1]
    return Course(hours, p95, idle, changes)


PROBED = Scale(min=1, max=MOST, target_wait=TARGET)
UNPROBED = replace(PROBED, probed=False)

RULES: tuple[tuple[str, int, Scale | None, Callable[[], Rule] | None, Seconds], ...] = (
    (f"fixed {MOST}", MOST, None, None, 5.0),
    ("Horizon's rule, one queue, every 3 s", MOST, None, horizon, 3.0),
    ("KEDA, target 5, every 30 s, down after 300 s", 1, None, keda, 30.0),
    ("AWS backlog per task, every 60 s, down after 300 s", 1, None, aws, 60.0),
    ("minisup, with a probe", 1, PROBED, None, 5.0),
    ("minisup, without", 1, UNPROBED, None, 5.0),
)


def table(seeds: int) -> list[str]:
    """The rows, each the mean over the seeds."""
    rows = [
        "| rule | worker-hours | wait p95 | idle polls | changes |",
        "|---|---|---|---|---|",
    ]
    for name, start, scale, rule, every in RULES:
        found = [course(seed, start, scale, rule and rule(), every) for seed in range(seeds)]
        hours, p95, idle, changes = (mean(numbers) for numbers in zip(*found, strict=True))
        rows.append(f"| {name} | {hours:.2f} | {p95:.1f} s | {idle:,.0f} | {changes:.0f} |")
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="worlds that are averaged")
    print("\n".join(table(parser.parse_args().seeds)))


if __name__ == "__main__":
    main()
