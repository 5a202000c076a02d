"""Jobs that fail now and then, each for its own reason: retries, but no throttling until most fail.

The jobs take 2 s and fail after 1 s.
"""

import pytest
from sim_totals import report

from minisup.core.model import Policy, Retry
from minisup.sim.jobs import Job
from minisup.sim.world import World

HOUR = 3600.0


def an_hour(numprocs=20, fails=0.0, jobs=None, **retry):
    policy = Policy(name="email", numprocs=numprocs, retry=Retry(**retry))
    world = World([policy], {"email": Job(lasts=2.0, fails=fails, fails_after=1.0), **(jobs or {})}, seed=1)
    world.boot()
    world.run(HOUR)
    return world, report(world.trace, "email", 0.0, HOUR)


@pytest.mark.parametrize(("fails", "worked"), [(0.05, 34_362), (0.20, 28_807), (0.40, 18_900)])
def test_failures_cost_nothing_but_their_own_retries(fails, worked):
    _, hour = an_hour(fails=fails)
    assert hour.worked_an_hour == pytest.approx(worked, rel=0.02)
    assert hour.holds == 0


def test_most_runs_failing_is_throttled_on_purpose():
    _, hour = an_hour(fails=0.60)
    assert 250 < hour.worked_an_hour < 1000


def test_a_higher_failure_ratio_is_a_choice():
    _, hour = an_hour(fails=0.60, max_failure_ratio=0.9)
    assert hour.worked_an_hour > 5000
    assert hour.holds == 0


def test_one_broken_slot_of_eight_stays_alone():
    world, hour = an_hour(8, jobs={"email:3": Job(lasts=0.1, signal="SIGSEGV")})
    healthy = [record for record in world.trace.records if record.slot != "email:3"]
    assert all(record.outcome == "worked" for record in healthy)
    assert len(healthy) == pytest.approx(7 * HOUR / 2.0, rel=0.01)
    assert hour.holds == 0
    assert hour.failures < HOUR / 20.0  # its own backoff: a try each 15 to 30 s
