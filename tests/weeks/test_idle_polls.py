"""Empty queues and bursts: few polls while there is nothing, all hands soon when there is."""

from math import ceil, log

import pytest
from sim_totals import report

from minisup.core.model import ExitCodes, Idle, Outcome, Policy
from minisup.sim.jobs import Job, Queue
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


# --- a rule for output, as a preset has it: exit 0 in any case, polls and jobs of 0.3 s -------------------------------


def by_output(queue, numprocs, *, says=Outcome.IDLE, min_runtime=0.0, idle=None, seed=1):
    policy = Policy(name="email", numprocs=numprocs, min_runtime=min_runtime, idle=idle or Idle())
    job = Job(lasts=0.3, idle_lasts=0.3, idle_code=0, idle_says=says, queue=queue)
    world = World([policy], {"email": job}, seed=seed)
    world.boot()
    return world


def idle_polls(numprocs, **keys):
    world = by_output(Queue(), numprocs, **keys)
    world.run(600.0)
    return report(world.trace, "email", 120.0, 600.0).polls_a_second


@pytest.mark.parametrize("numprocs", [20, 50])
def test_a_rule_takes_more_than_nine_of_ten_polls_from_an_empty_queue(numprocs):
    assert idle_polls(numprocs, says=None, min_runtime=1.0) == pytest.approx(numprocs, rel=0.01)  # no rule
    assert idle_polls(numprocs) < 0.1 * numprocs
    assert idle_polls(numprocs) == pytest.approx(numprocs / 20.3, rel=0.05)


class Waiting(Queue):
    """Messages that come one by one, and how long each has waited."""

    def __init__(self, *arrivals):
        super().__init__()
        self.coming = list(arrivals)
        self.delays = []

    def pop(self, now, _chance):
        if not self.coming or self.coming[0] > now:
            return False
        self.delays.append(now - self.coming.pop(0))
        return True


@pytest.mark.parametrize("numprocs", [1, 20, 50])
@pytest.mark.parametrize("max_wait", [5.0, 20.0])
def test_no_message_waits_longer_than_max_wait_and_the_poll_that_just_missed_it(numprocs, max_wait):
    queue = Waiting(*(97.3 * number for number in range(1, 60)))  # each finds all slots on their longest wait
    by_output(queue, numprocs, idle=Idle(max_wait=max_wait)).run(6000.0)
    assert len(queue.delays) == 59
    assert max(queue.delays) <= max_wait + 0.3


@pytest.mark.parametrize(("numprocs", "seconds"), [(8, 0.3), (20, 0.6), (26, 0.6), (50, 0.9)])
def test_a_burst_is_spread_over_all_slots_within_a_second_of_the_first_run_that_worked(numprocs, seconds):
    queue = Queue()
    world = by_output(queue, numprocs)
    world.run(300.0)
    queue.push(10_000)
    since = world.now
    while not (worked := [record for record in world.trace.records if record.outcome is Outcome.WORKED]):
        world.run(0.01)
        assert world.now < since + 20.6
    first = worked[0].started + worked[0].duration
    world.run(first + seconds + 0.001 - world.now)
    assert len(world.processes) == numprocs
    assert seconds <= 1.0
