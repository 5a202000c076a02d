"""A whole week: the work that the core does is bounded by the runs that there were, and memory by the slots."""

from sim_totals import report

from minisup.core.model import Policy
from minisup.sim.jobs import Job
from minisup.sim.world import World

WEEK = 7 * 86_400.0


def test_a_week_of_one_run_a_minute_takes_three_steps_a_run():
    policy = Policy(name="email", numprocs=8, min_runtime=60.0)
    world = World([policy], {"email": Job(lasts=(0.5, 20.0))}, seed=1)
    world.boot()
    world.run(WEEK)
    week = report(world.trace, "email", 0.0, WEEK)
    assert week.launches == 8 * WEEK / 60.0
    assert week.waste == 0.0
    assert world.trace.steps <= 3 * week.launches + 20  # it is due, it starts, it ends
    assert len(world.timers) <= 2 * (8 + 2) + 16


def test_a_slot_that_fails_for_a_week_still_tries_and_does_not_drift():
    policy = Policy(name="email", numprocs=2)
    world = World([policy], {"email": Job(lasts=0.1, code=1)}, seed=1)
    world.boot()
    world.run(WEEK)
    week = report(world.trace, "email", 0.0, WEEK)
    assert WEEK / 15.0 * 0.8 < week.launches <= 12 + 2 * 2 + WEEK / 15.0
    assert week.outcomes.total() == week.failures
    last = report(world.trace, "email", WEEK - 3600.0, WEEK)
    assert last.launches >= 180


def test_the_same_seed_gives_the_same_week_and_another_one_another():
    def an_hour(seed):
        world = World([Policy(name="email", numprocs=4)], {"email": Job(lasts=(0.1, 3.0), fails=0.3)}, seed=seed)
        world.boot()
        world.run(3600.0)
        return world.trace.records

    assert an_hour(7) == an_hour(7)
    assert an_hour(7) != an_hour(8)
