"""Empty queues and bursts: few polls while there is nothing, all hands soon when there is."""

from math import ceil, log

import pytest

from minisup.core.model import ExitCodes, Idle, Policy
from minisup.sim.jobs import Job, Queue
from minisup.sim.report import report
from minisup.sim.world import World

IDLE = ExitCodes(idle=frozenset({7}))


def watching(queue, numprocs, *, seconds=1.0, idle=None, seed=1):
    policy = Policy(name="email", numprocs=numprocs, min_runtime=0.0, exit=IDLE, idle=idle or Idle())
    world = World([policy], {"email": Job(lasts=seconds, queue=queue, idle_lasts=seconds)}, seed=seed)
    world.boot()
    return world


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_light_load_does_not_wake_everybody(seed):
    queue = Queue(1.0)
    world = watching(queue, 50, seed=seed)
    world.run(1800.0)
    half_hour = report(world.trace, "email", 0.0, 1800.0)
    assert half_hour.polls_a_second == pytest.approx(7.8, rel=0.08)
    assert half_hour.outcomes["worked"] == pytest.approx(queue.arrived, abs=5)
    assert queue.backlog < 10


def test_an_empty_queue_is_polled_once_in_max_wait_a_slot():
    world = watching(Queue(), 10, seconds=0.02)
    world.run(600.0)
    assert report(world.trace, "email", 200.0, 600.0).polls_a_second == pytest.approx(10 / 20.02, rel=0.1)


@pytest.mark.parametrize("numprocs", [9, 27, 50, 81])
def test_a_burst_spreads_over_all_slots_in_the_logarithm_of_their_number(numprocs):
    queue = Queue()
    world = watching(queue, numprocs, idle=Idle(wait=100.0, max_wait=1000.0))  # nobody comes by himself
    world.run(99.0)
    assert not world.processes
    queue.push(10_000)
    world.run(2.01)  # the first slot's wait is over, and it takes a message
    lengths = 0
    while len(world.processes) < numprocs:
        world.run(1.0)
        lengths += 1
        assert lengths < 20
    assert lengths == ceil(log(numprocs, 3) - 1e-9)


def test_a_backlog_keeps_every_slot_busy_until_it_is_gone():
    queue = Queue()
    world = watching(queue, 8, seconds=0.5)
    queue.push(1000)
    world.run(1000 * 0.5 / 8 + 4.0)  # the first polls, at boot, found nothing
    assert queue.backlog == 0
    assert report(world.trace, "email", 0.0, world.now).outcomes["worked"] == 1000
