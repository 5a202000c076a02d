"""What `check` says about an outage is what the policy does: the same in the simulator, within its chance."""

from itertools import pairwise
from statistics import mean

import pytest

from minisup.check.outage import outage, tries_by
from minisup.core.model import Policy, Reason, Retry
from minisup.sim.jobs import Job
from minisup.sim.world import World

SEEDS = range(10)
LONG = 1800.0


def failing(retry, numprocs, max_start_rate=None, seed=0):
    """A world in which every run fails at once."""
    policy = Policy(name="a", numprocs=numprocs, min_runtime=0.0, retry=retry, max_start_rate=max_start_rate)
    world = World([policy], {"a": Job(lasts=0.0, code=1)}, seed=seed)
    world.boot()
    return world


def first_hold(world):
    """Runs until the first slot finds no token, and when that is; None if it has not happened in `LONG` seconds."""
    while world.now < LONG:
        world.run(0.1)
        if any(slot.reason is Reason.HOLD for slot in world.fleet.slots.values()):
            return len(world.trace.launches), world.now
    return None


@pytest.mark.parametrize("numprocs", [2, 8, 20, 50])
@pytest.mark.parametrize("retry", [Retry(), Retry(budget=3, refill=5.0), Retry(backoff=0.2, max_backoff=2.0)], ids=str)
def test_tries_and_time_until_the_budget_is_empty(retry, numprocs):
    course = outage(retry, numprocs)
    seen = [first_hold(failing(retry, numprocs, seed=seed)) for seed in SEEDS]
    assert None not in seen
    assert course.tries == pytest.approx(mean(tries for tries, _ in seen), rel=0.2, abs=2)
    assert course.empty_after == pytest.approx(mean(when for _, when in seen), rel=0.3, abs=2)


def test_a_budget_that_one_slot_does_not_empty():
    assert outage(Retry(), 1).empty_after is None
    assert first_hold(failing(Retry(), 1)) is None


@pytest.mark.parametrize(("numprocs", "rate"), [(1, None), (2, None), (8, None), (50, None), (8, 1.0), (8, 0.05)])
def test_tries_in_ten_minutes(numprocs, rate):
    counts = []
    for seed in SEEDS:
        world = failing(Retry(), numprocs, rate, seed)
        world.run(600.0)
        counts.append(len(world.trace.launches))
    assert tries_by(Retry(), numprocs, 600.0, rate) == pytest.approx(mean(counts), rel=0.15)


@pytest.mark.parametrize(("numprocs", "rate"), [(1, None), (8, None), (8, 0.02)])
def test_the_rate_and_the_longest_pause_once_it_is_steady(numprocs, rate):
    course = outage(Retry(), numprocs, rate)
    world = failing(Retry(), numprocs, rate)
    world.run(3600.0)
    late = [when for when, _ in world.trace.launches if when > LONG]
    pauses = [after - before for before, after in pairwise(late)]
    assert len(late) / (3600.0 - LONG) * 60 == pytest.approx(course.per_minute, rel=0.1)
    assert max(pauses) <= course.recovery + 1e-6


@pytest.mark.parametrize(("count", "launches"), [(1, 30), (2, 53), (8, 65), (20, 89), (50, 148)])
def test_the_tries_of_an_outage_are_those_of_the_design(count, launches):
    assert tries_by(Retry(), count, 600.0) == pytest.approx(launches, rel=0.15)


def test_a_budget_that_never_ends_is_not_followed_for_ever():
    endless = Retry(backoff=0.0, max_backoff=0.0, budget=10**6)
    assert outage(endless, 1).tries <= 10_000
    assert tries_by(endless, 1, 1.0) <= 10_000
    assert outage(Retry(refill=1e-9), 3).empty_after is None


def test_without_backoff_the_start_rate_is_the_pace():
    assert outage(Retry(backoff=0.0, max_backoff=0.0), 1, 1 / 3600).per_minute == pytest.approx(1 / 60)


def test_without_slots_nothing_is_tried():
    assert outage(Retry(), 0).tries == tries_by(Retry(), 0, 60.0) == 0
