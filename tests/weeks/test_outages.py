"""Outages of 8 to 12 minutes: how often a program tries meanwhile, and how fast it is back.

The jobs take 2 s and fail after 1 s.
"""

from random import Random
from statistics import mean, median

import pytest
from sim_totals import launches, recovery, report

from minisup.core.model import Policy, Retry
from minisup.sim.jobs import Job, Span
from minisup.sim.world import World

SEEDS = range(20)


def an_outage(numprocs, seed, **retry):
    """A world after an outage and three minutes; when the outage began and ended."""
    chance = Random(seed)
    start = 60.0 + chance.random()
    end = start + chance.uniform(480.0, 720.0)
    job = Job(lasts=2.0, fails_after=1.0, outages=(Span(start, end),))
    world = World([Policy(name="email", numprocs=numprocs, retry=Retry(**retry))], {"email": job}, seed=seed)
    world.boot()
    world.run(end + 180.0)
    return world, start, end


@pytest.mark.parametrize(
    ("numprocs", "tries", "back"),
    [(1, 30, 12), (2, 53, 14), (8, 65, 18), (20, 89, 20), (50, 148, 24)],
)
def test_an_outage_costs_few_launches_and_ends_soon(numprocs, tries, back):
    tried, seconds = [], []
    for seed in SEEDS:
        world, start, end = an_outage(numprocs, seed)
        tried.append(launches(world.trace, "email", start, end) / (end - start) * 600.0)
        back_again = recovery(world.trace, "email", end, numprocs)
        seconds.append(back_again.full)
        probe = 15.0 if numprocs > 2 else 30.0  # one or two slots are kept by their backoff rather than by the budget
        assert back_again.first_worked <= probe + 1.0 + 2.0
    assert mean(tried) == pytest.approx(tries, rel=0.08)
    assert median(seconds) <= back + 1.0


def test_a_longer_refill_tries_less_and_comes_back_later():
    quick, slow = (an_outage(8, 3, refill=refill) for refill in (15.0, 60.0))
    assert launches(slow[0].trace, "email", *slow[1:]) < launches(quick[0].trace, "email", *quick[1:]) / 1.5
    assert recovery(slow[0].trace, "email", slow[2], 8).full > recovery(quick[0].trace, "email", quick[2], 8).full


def test_the_report_of_an_outage_adds_up():
    world, start, end = an_outage(8, 5)
    during = report(world.trace, "email", start + 2.0, end)
    assert during.outcomes.total() == during.failures
    assert during.waste == 1.0
    assert during.worked_an_hour == 0
    assert during.holds >= 1
    assert during.polls_a_second == pytest.approx(during.launches / during.seconds)
    after = report(world.trace, "email", end + 60.0, end + 180.0)
    assert after.waste == 0.0
    assert after.busy == pytest.approx(8 * 120.0, rel=0.02)
    assert after.worked_an_hour == pytest.approx(8 * 1800.0, rel=0.02)
    assert any("0.0% did not work" in line for line in after.lines())


def test_a_program_that_never_ran_has_an_empty_report():
    world = World([Policy(name="email", numprocs=0)], {"email": Job()})
    world.boot()
    world.run(10.0)
    empty = report(world.trace, "email", 0.0, 10.0)
    assert (empty.launches, empty.waste) == (0, 0.0)
    assert empty.lines()[1].startswith("no run ended")
    assert recovery(world.trace, "email", 0.0, 1).first_worked is None
