"""When `--wait` is answered: the one rule for it, request by request, in virtual time."""

from types import SimpleNamespace

import pytest

from minisup.control.handler import Deferred, Peer
from minisup.core.messages import ConfigReloaded, Verb
from minisup.core.model import ExitCodes, Kind, MessageSource, Policy, Retry, Schedule, Stop
from minisup.errors import MinisupError
from minisup.host.requests import waits
from minisup.host.requests.came_about import has_paused, has_restarted, has_started, has_stopped
from minisup.host.requests.waits import Wait, Waits, until_scaled, until_slots
from minisup.sim.jobs import Job, Reaction
from minisup.sim.world import World

RULES = {
    Verb.START: has_started,
    Verb.STOP: has_stopped,
    Verb.RESTART: has_restarted,
    Verb.PAUSE: has_paused,
    Verb.RESUME: has_started,
}
LASTS = Job(lasts=100.0)
PEER = Peer(1, 0, 0)


def world_of(*policies, job=LASTS, seconds=1.0):
    world = World(policies, {policy.name: job for policy in policies}, uniform=lambda _, high: high)
    world.boot()
    world.run(seconds)
    return world


class Asked:
    """A request that waits, and what has become of it."""

    def __init__(self, world, verb, *slots, now=False):
        self.world = world
        mark = world.fleet.next_run - 1
        world.ask(verb, *slots, now=now)
        self.missing = until_slots(verb, RULES[verb], slots, mark)

    def left(self):
        return [slot.name for slot in self.missing(self.world.fleet)]

    def never(self):
        with pytest.raises(MinisupError) as raised:
            self.missing(self.world.fleet)
        return str(raised.value).partition(";")[0]


def test_a_start_is_over_when_a_run_is_in_progress():
    world = world_of(Policy(name="a", autostart=False), job=Job(lasts=100.0, starting=1.0))
    request = Asked(world, Verb.START, "a:0")
    assert request.left() == ["a:0"], "it has no process yet"
    world.run(2.0)
    assert request.left() == []


def test_a_start_of_what_waits_for_its_time_is_over_at_once():
    world = world_of(Policy(name="a", schedule=Schedule(every=3600.0), autostart=False))
    assert Asked(world, Verb.START, "a:0").left() == []


def test_a_start_of_what_waits_for_a_message_is_over_at_once():
    world = world_of(Policy(name="a", source=MessageSource(), autostart=False))
    assert Asked(world, Verb.START, "a:0").left() == []


def test_a_restart_of_what_waits_for_a_message_does_not_wait_for_one():
    world = world_of(Policy(name="a", source=MessageSource()))
    assert Asked(world, Verb.RESTART, "a:0").left() == []


def test_a_start_of_what_is_being_stopped_waits_for_the_next_run():
    world = world_of(Policy(name="a"), job=Job(lasts=100.0, reaction=Reaction.IGNORES))
    world.ask(Verb.STOP, "a:0", now=True)
    request = Asked(world, Verb.START, "a:0")
    assert request.left() == ["a:0"], "its run of before has our signal"
    world.run(100.0)
    assert request.left() == []


@pytest.mark.parametrize("verb", [Verb.START, Verb.RESUME])
def test_a_start_is_refused_when_somebody_pauses_the_slot(verb):
    world = world_of(Policy(name="a", min_runtime=50.0), job=Job(lasts=0.1))
    world.ask(Verb.PAUSE, "a:0")
    request = Asked(world, verb, "a:0")
    assert request.left() == ["a:0"]
    world.ask(Verb.PAUSE, "a:0")
    assert request.never() == "cannot wait for a:0 to start: it has been paused meanwhile"


def test_a_start_is_refused_when_somebody_stops_the_slot():
    world = world_of(Policy(name="a", min_runtime=50.0), job=Job(lasts=0.1))
    request = Asked(world, Verb.START, "a:0")
    assert request.left() == ["a:0"]
    world.ask(Verb.STOP, "a:0")
    assert request.never() == "cannot wait for a:0 to start: it has been stopped meanwhile"


def test_a_start_of_a_program_that_a_reload_takes_away_is_refused():
    world = world_of(Policy(name="a", min_runtime=50.0), Policy(name="b"), job=Job(lasts=0.1))
    request = Asked(world, Verb.START, "a:0")
    world.feed(ConfigReloaded((Policy(name="b"),), 10.0, frozenset(), "root"))
    assert request.never() == "cannot wait for a to start: the configuration does not have it any more"


def test_a_held_program_is_waited_for_until_it_starts():
    fatal = Policy(name="a", exit=ExitCodes(fatal=frozenset({1})), retry=Retry(refill=5.0))
    world = world_of(fatal, job=Job(code=1, lasts=0.1))
    assert world.fleet.slots["a:0"].reason == "hold"
    request = Asked(world, Verb.START, "a:0")
    assert request.left() == ["a:0"]
    world.jobs["a"] = LASTS
    world.run(12.0)
    assert request.left() == []


def test_a_stop_is_over_when_the_slot_is_off():
    world = world_of(Policy(name="a"))
    request = Asked(world, Verb.STOP, "a:0")
    assert request.left() == ["a:0"]
    world.run(100.0)
    assert request.left() == []


def test_a_stop_is_refused_when_somebody_starts_the_slot_again():
    world = world_of(Policy(name="a"))
    request = Asked(world, Verb.STOP, "a:0")
    world.ask(Verb.START, "a:0")
    assert request.never() == "cannot wait for a:0 to stop: it has been started again meanwhile"


def test_a_pause_is_refused_when_somebody_resumes_the_slot():
    world = world_of(Policy(name="a"))
    request = Asked(world, Verb.PAUSE, "a:0")
    assert request.left() == ["a:0"]
    world.ask(Verb.RESUME, "a:0")
    assert request.never() == "cannot wait for a:0 to pause: its pause has been ended meanwhile"


def test_a_pause_is_over_when_a_stop_has_ended_the_run():
    world = world_of(Policy(name="a"))
    request = Asked(world, Verb.PAUSE, "a:0")
    world.ask(Verb.STOP, "a:0", now=True)
    world.run(1.0)
    assert request.left() == []


@pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.STOP])
def test_what_is_off_is_stopped_and_paused_at_once(verb):
    world = world_of(Policy(name="a", autostart=False))
    assert Asked(world, verb, "a:0").left() == []


def test_a_restart_waits_for_a_fresh_run_of_each_slot():
    world = world_of(Policy(name="a", numprocs=2, min_runtime=0.0))
    request = Asked(world, Verb.RESTART, "a:0", "a:1")
    assert request.left() == ["a:0", "a:1"]
    world.end("a:1")
    world.run(1.0)
    assert request.left() == ["a:0"]
    world.end("a:0")
    world.run(1.0)
    assert request.left() == []


def test_a_restart_is_over_when_somebody_has_stopped_the_slot():
    world = world_of(Policy(name="a"))
    request = Asked(world, Verb.RESTART, "a:0")
    world.ask(Verb.STOP, "a:0", now=True)
    world.run(1.0)
    assert request.left() == [], "nothing of before runs"


def test_a_restart_is_refused_when_somebody_pauses_the_run_of_before():
    world = world_of(Policy(name="a"))
    request = Asked(world, Verb.RESTART, "a:0")
    world.ask(Verb.PAUSE, "a:0")
    assert (
        request.never() == "cannot wait for a:0 to restart: it has been paused meanwhile, and its run of before goes on"
    )


def test_a_restart_of_a_service_waits_for_its_turn():
    world = world_of(
        Policy(name="a", kind=Kind.SERVICE, numprocs=2, min_runtime=2.0, stop=Stop(drain=0.0)), seconds=5.0
    )
    request = Asked(world, Verb.RESTART, "a:0", "a:1")
    assert request.left() == ["a:0", "a:1"]
    world.run(30.0)
    assert request.left() == []


@pytest.mark.parametrize(("verb", "what"), [(Verb.RESTART, "to restart"), (Verb.START, "to start")])
def test_at_a_shutdown_nobody_waits_for_a_run(verb, what):
    world = world_of(Policy(name="a", min_runtime=50.0), job=Job(lasts=0.1) if verb is Verb.START else LASTS)
    request = Asked(world, verb, "a:0")
    world.shut_down()
    assert request.never() == f"cannot wait for a:0 {what}: minisup is shutting down"
    world.run(20.0)
    assert request.never() == f"cannot wait for a:0 {what}: minisup is shutting down", "off is not restarted"


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.PAUSE])
def test_a_shutdown_brings_about_what_a_stop_and_a_pause_wait_for(verb):
    world = world_of(Policy(name="a"))
    request = Asked(world, verb, "a:0")
    world.shut_down()
    assert request.left() == ["a:0"]
    world.run(20.0)
    assert request.left() == []


def test_a_wait_for_a_size_is_refused_when_a_reload_takes_the_program_away():
    world = world_of(Policy(name="a", numprocs=2), Policy(name="b"))
    world.scale("a", 1)
    missing = until_scaled(["a"], 1)
    assert [slot.name for slot in missing(world.fleet)] == ["a:1"]
    world.feed(ConfigReloaded((Policy(name="b"),), 10.0, frozenset(), "root"))
    for _ in range(2):  # while its last run goes on, and when nothing is left of it
        with pytest.raises(MinisupError, match="a=1: the configuration does not have it any more"):
            missing(world.fleet)
        world.run(200.0)
    assert "a" not in world.fleet.programs


class Bench:
    """Waits on a loop whose timers go off when the test says."""

    def __init__(self, world):
        self.later = []
        clock = SimpleNamespace(monotonic=lambda: world.now)
        loop = SimpleNamespace(after=lambda delay, call: self.later.append((delay, call)), clock=clock)
        self.waits = Waits(loop, world.fleet)
        self.told, self.answers = [], []

    def reply(self):
        reply = Deferred(PEER)
        reply.listen(self.told.append)
        reply.then(lambda result, error: self.answers.append(result or str(error)))
        return reply

    def tick(self):
        (delay, call), self.later = self.later[0], self.later[1:]
        assert delay == waits.EACH
        call()


def test_who_asks_for_it_is_told_how_far_it_is_by_the_rule_that_decides_the_reply():
    world = world_of(Policy(name="a", numprocs=2, min_runtime=0.0))
    bench = Bench(world)
    request = Asked(world, Verb.RESTART, "a:0", "a:1")
    bench.waits.add(Wait("restart a", request.missing, 2, {"slots": ["a:0", "a:1"]}, bench.reply()), progress=True)
    world.run(3.0)
    bench.tick()
    world.end("a:1")
    world.run(1.0)
    bench.tick()
    assert bench.told == [
        {"done": 0, "of": 2, "missing": [{"phase": "draining", "slots": 2, "longest": 3.0}]},
        {"done": 1, "of": 2, "missing": [{"phase": "draining", "slots": 1, "longest": 4.0}]},
    ]
    world.end("a:0")
    world.run(1.0)
    bench.waits.look(())
    assert bench.answers == [{"done": True, "slots": ["a:0", "a:1"]}]
    bench.tick()
    assert not bench.later, "nobody is told any more"


def test_who_does_not_ask_for_it_hears_nothing_but_the_reply():
    world = world_of(Policy(name="a"))
    bench = Bench(world)
    bench.waits.add(Wait("stop a", Asked(world, Verb.STOP, "a:0").missing, 1, {}, bench.reply()))
    assert not bench.later


def test_what_never_comes_is_said_by_the_reply_alone():
    world = world_of(Policy(name="a"))
    bench = Bench(world)
    request = Asked(world, Verb.STOP, "a:0")
    bench.waits.add(Wait("stop a", request.missing, 1, {}, bench.reply()), progress=True)
    world.ask(Verb.START, "a:0")
    bench.tick()
    assert (bench.told, bench.later) == ([], [])
    bench.waits.look(())
    assert bench.answers[0].startswith("cannot wait for a:0 to stop")


def test_when_minisup_leaves_everybody_has_an_answer():
    world = world_of(Policy(name="a", numprocs=2))
    bench = Bench(world)
    bench.waits.add_end(bench.reply(), progress=True)
    world.shut_down()
    bench.tick()
    assert bench.told[0]["of"] == 2
    bench.waits.add(Wait("stop a", lambda _: [world.fleet.slots["a:0"]], 1, {}, bench.reply()))
    bench.waits.finish()
    assert bench.answers == [
        "cannot wait for stop a: minisup has ended; `minisup up` starts it again",
        {"done": True},
    ]
