"""Programs that scale themselves, in a fleet: when they do and do not, and what another configuration changes."""

from minisup.cli.status.why_text import scale as scale_words
from minisup.core import facts
from minisup.core.fleet import Fleet
from minisup.core.label import program_state
from minisup.core.messages import Arm, Booted, ConfigReloaded, Measured, ScaleAsked
from minisup.core.model import ExitCodes, Phase, Policy, Scale
from minisup.core.view import scale_view
from minisup.sim.jobs import Job
from minisup.sim.world import World

IDLE = ExitCodes(idle=frozenset({7}))
SCALE = Scale(min=1, max=6, target_wait=4.0)


def email(scale=SCALE, **keys):
    return Policy(name="email", numprocs=scale.min if scale else 1, exit=IDLE, scale=scale, **keys)


def world_of(policy=None, seconds=11.0, **job):
    world = World([policy or email()], {"email": Job(**{"lasts": 2.0, "waiting": 100, **job})})
    world.boot()
    world.run(seconds)
    return world


def reload(world, *policies):
    world.feed(ConfigReloaded(policies, 10.0, frozenset(), "root"))


def slots(world):
    return world.fleet.programs["email"].numprocs


def told(world, kind):
    return [fact for _, fact in world.trace.notes if type(fact) is kind]


def test_an_answer_that_nobody_waits_for_changes_nothing():
    world = world_of(waiting=0)
    for program in ("email", "nobody"):
        world.feed(Measured(program, 1000))
    assert slots(world) == 1
    plain = World([Policy(name="email")], {"email": Job()})
    plain.boot()
    plain.feed(Measured("email", 1000))
    assert slots(plain) == 1


def test_an_answer_that_comes_while_it_is_not_to_scale_is_not_counted():
    world = world_of(waiting=0)
    program = world.fleet.programs["email"]
    program.scaler.asked = True
    world.ask("pause", "email")
    world.feed(Measured("email", 1000))
    assert (slots(world), program.scaler.visible) == (1, 0)


def test_nobody_is_asked_twice_at_a_time_and_none_while_it_is_off():
    world = world_of(waiting=0)
    program = world.fleet.programs["email"]
    program.scaler.asked = True
    program.scaler.measured_at = -1.0
    world.run(20.0)
    assert program.scaler.measured_at == -1.0, "the one that was asked has not answered"
    world.ask("stop", "email", now=True)
    world.run(20.0)
    assert not program.scaler.asked
    assert program.scaler.looked_at > 20.0


def test_a_program_that_waits_for_another_does_not_scale():
    task = Policy(name="migrate", kind="task")
    world = World([task, email(after=("migrate",))], {"email": Job(waiting=100), "migrate": Job(lasts=30.0)})
    world.boot()
    world.run(20.0)
    assert slots(world) == 1
    assert world.fleet.programs["email"].scaler.visible is None


def test_a_reload_with_the_same_scale_asks_anew_and_keeps_what_there_is():
    world = world_of()
    assert slots(world) == 6
    world.fleet.programs["email"].scaler.asked = True
    reload(world, email(min_runtime=3.0))
    assert not world.fleet.programs["email"].scaler.asked
    assert slots(world) == 6


def test_other_limits_count_at_once():
    world = world_of()
    reload(world, email(Scale(min=1, max=2)))
    assert slots(world) == 2
    reload(world, email(Scale(min=4, max=5)))
    assert slots(world) == 4


def test_scale_that_comes_begins_with_what_there_is_and_one_that_goes_leaves_the_files_number():
    world = world_of(email(None), waiting=0)
    world.scale("email", 3)
    reload(world, email())
    assert slots(world) == 3
    reload(world, Policy(name="email", numprocs=5, exit=IDLE))
    assert slots(world) == 5
    assert world.fleet.programs["email"].scaler is None


def test_a_program_that_goes_and_comes_back_begins_with_the_least():
    world = world_of(lasts=60.0, waiting=1000)
    assert slots(world) > 1
    reload(world, Policy(name="other"))
    assert slots(world) == 0
    world.run(10.0)
    assert slots(world) == 0, "what is on its way out does not scale"
    reload(world, email(), Policy(name="other"))
    assert slots(world) == 1


def test_a_program_without_slots_is_off_when_it_was_never_started():
    world = world_of(email(Scale(min=0, max=2), autostart=False))
    assert slots(world) == 0
    world.ask("start", "email")
    world.run(11.0)
    assert slots(world) == 1
    assert world.fleet.slots["email:0"].phase is not Phase.OFF


def test_the_view_says_what_is_known_and_what_was_decided_last():
    world = world_of()
    program = world.fleet.programs["email"]
    seen = scale_view(world.fleet, program, program.scaler)
    assert (seen["min"], seen["max"], seen["slots"], seen["waiting"], seen["each"]) == (1, 6, 6, 100, 2.0)
    assert (seen["last"]["was"], seen["last"]["numprocs"], seen["last"]["reason"]) == (1, 6, "backlog")
    assert seen["failing_for"] is None
    world.jobs["email"].probe_error = "exit 1"
    world.run(10.0)
    seen = scale_view(world.fleet, program, program.scaler)
    assert seen["error"] == "exit 1"
    assert seen["failing_for"] is not None
    assert told(world, facts.ProbeFailed) == [facts.ProbeFailed("email", "exit 1", 6)]


def test_why_tells_a_size_given_by_hand_from_the_last_decision():
    world = world_of()
    program = world.fleet.programs["email"]
    document = {"scale": scale_view(world.fleet, program, program.scaler), "budget": {"label": "ok"}}
    assert not any("by hand" in line for line in scale_words(document))
    world.feed(ScaleAsked("email", 3))
    document["scale"] = scale_view(world.fleet, program, program.scaler)
    assert "since then 6 -> 3 by hand, or by other limits" in scale_words(document)


def test_one_that_has_decided_nothing_yet_says_so():
    world = world_of(waiting=0)
    program = world.fleet.programs["email"]
    assert scale_view(world.fleet, program, program.scaler)["last"] is None


def test_one_without_slots_waits_for_work_unless_it_was_stopped():
    world = world_of(email(Scale(min=0, max=2)), waiting=0)
    program = world.fleet.programs["email"]
    assert program_state(program, world.now) == "waiting"
    world.ask("stop", "email")
    assert program_state(program, world.now) == "off"


def test_one_that_goes_takes_its_timer_along_and_comes_back_with_a_newer_one():
    other, scaled = Policy(name="other"), email(Scale(min=0, max=2))
    fleet = Fleet([scaled, other], uniform=lambda low, _: low, shutdown_timeout=10.0)
    arms = [action for action in fleet.step(Booted(()), 0.0) if type(action) is Arm and action.key == "email"]
    for policies, now in (((other,), 1.0), ((scaled, other), 2.0)):
        actions = fleet.step(ConfigReloaded(policies, 10.0), now)
        arms += [action for action in actions if type(action) is Arm and action.key == "email"]
    assert [arm.due for arm in arms] == [0.0, None, 2.0]
    assert [arm.generation for arm in arms] == sorted({arm.generation for arm in arms})
