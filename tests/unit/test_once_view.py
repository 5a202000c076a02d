"""An extra run in `status`: a slot that leaves, and says for whom it is there."""

from minisup.core.model import Policy
from minisup.core.view import snapshot
from minisup.sim.jobs import Job
from minisup.sim.world import World


def test_the_slot_of_an_extra_run_says_for_whom_it_is_there_and_then_what_is_left():
    world = World([Policy(name="a")], {"a": Job(), "a:1": Job(lasts=1.0, leftovers=1, leftovers_last=9.0)})
    world.boot()
    world.run(1.5)
    world.once("a")
    causes = []
    for seconds in (0.5, 1.0):
        world.run(seconds)
        document = snapshot(world.fleet, now=world.now, wall=0.0, version="", pid=1, instance="", uptime=world.now)
        [program] = document["programs"]
        assert program["wanted"] == 1
        causes.append(program["slots"][1]["cause"])
    assert causes == ["leaves: one extra run for app", "leaves: what an extra run left behind"]
