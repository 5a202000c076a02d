"""Messages in virtual time: what an outage costs, and what one bad message does to a program whose others work."""

import pytest

from minisup.core.model import MessageSource, Policy, Reason
from minisup.sim.jobs import Job, Span
from minisup.sim.world import World

BEGAN, ENDED = 60.0, 660.0


def a_world(numprocs, jobs, *, seed=0, **source):
    policy = Policy(name="email", numprocs=numprocs, min_runtime=0.0, source=MessageSource(**source))
    world = World([policy], jobs, seed=seed)
    world.boot()
    return world


def an_outage(numprocs, seed):
    """A world with 1,000 messages at the beginning of ten minutes in which everything fails."""
    job = Job(lasts=2.0, fails_after=1.0, outages=(Span(BEGAN, ENDED),))
    world = a_world(numprocs, {"email": job}, seed=seed, max_receives=5)
    world.run(BEGAN)
    world.send("email", *(f"m{number}" for number in range(1000)))
    return world, world.brokers["email"]


@pytest.mark.parametrize("numprocs", [1, 8, 20])
@pytest.mark.parametrize("seed", range(3))
def test_an_outage_with_a_thousand_messages_burns_few_receives_and_rejects_none(numprocs, seed):
    world, broker = an_outage(numprocs, seed)
    retry = world.fleet.programs["email"].policy.retry
    world.run(ENDED - BEGAN)
    assert broker.receives <= retry.budget + 2 * numprocs + (ENDED - BEGAN) / retry.refill + 1
    assert broker.receives == len(world.trace.launches)
    assert not broker.done
    world.run(retry.refill * 2 + 5.0)
    assert len(broker.done) >= numprocs, "it is not back within seconds of the first probe that works"
    assert not broker.set_aside


@pytest.mark.parametrize("numprocs", [1, 2, 20])
@pytest.mark.parametrize("others", [0, 4000], ids=["queue otherwise empty", "queue otherwise full"])
def test_one_bad_message_never_brings_a_program_to_hold_whose_others_work(numprocs, others):
    bad = Job(lasts=0.1, fails=1.0)
    world = a_world(numprocs, {"email": Job(lasts=0.5), "email/bad": bad}, max_receives=1000, max_return_delay=10.0)
    world.send("email", "first", "bad", *(f"m{number}" for number in range(others)))
    program = world.fleet.programs["email"]
    for _ in range(6000):
        world.run(0.5)
        assert not program.holds.for_token
        assert not any(slot.reason is Reason.HOLD for slot in program.slots)
    assert not program.failing.given_up
    done = world.brokers["email"].done
    assert len(done) == others + 1
    world.send("email", "late")
    world.run(30.0)
    assert done[-1] == "late"
