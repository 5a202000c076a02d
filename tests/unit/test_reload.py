"""A changed configuration in virtual time: what joins, what goes, what counts at once, and what is never touched."""

import pytest

from minisup.core import facts
from minisup.core.messages import ConfigReloaded, ScaleAsked, Verb
from minisup.core.model import GiveUp, Kind, Outcome, Phase, Policy, Reason, Retry, Stop
from minisup.sim.jobs import Job, Span, Trouble
from minisup.sim.world import World

LONG = Job(lasts=100.0)


def world_of(*policies, jobs=None, seconds=0.0, job=None, **keys):
    world = World(
        policies, jobs or {policy.name: job or Job() for policy in policies}, uniform=lambda _, high: high, **keys
    )
    world.boot()
    world.run(seconds)
    return world


def reload(world, *policies, remade=(), timeout=10.0, jobs=None):
    world.jobs.update({policy.name: Job() for policy in policies if policy.name not in world.jobs} | (jobs or {}))
    world.feed(ConfigReloaded(policies, timeout, frozenset(remade), "root"))


def phases(world, program):
    return [str(slot.phase) for slot in world.fleet.programs[program].slots]


def told(world, kind):
    return [fact for _, fact in world.trace.notes if type(fact) is kind]


def test_what_is_new_starts_and_what_is_told_names_it():
    world = world_of(Policy(name="email"), job=LONG, seconds=1.0)
    reload(world, Policy(name="email"), Policy(name="sms", numprocs=2), Policy(name="rare", autostart=False))
    world.run(0.6)
    assert phases(world, "sms") == ["waiting", "running"]
    assert phases(world, "rare") == ["off"]
    assert list(world.fleet.programs) == ["email", "sms", "rare"]
    assert told(world, facts.Reloaded) == [facts.Reloaded(("sms", "rare"), (), (), "root")]


def test_what_is_gone_drains_for_as_long_as_its_run_takes_and_is_then_forgotten():
    world = world_of(Policy(name="email"), Policy(name="sms", numprocs=2, stop=Stop(drain=1.0)), job=LONG, seconds=1.0)
    reload(world, Policy(name="email"))
    assert phases(world, "sms") == ["draining", "draining"]
    world.run(98.0)
    assert phases(world, "sms") == ["draining", "draining"], "no limit, whatever stop.drain says"
    world.run(5.0)
    assert "sms" not in world.fleet.programs
    assert not any(slot.startswith("sms") for slot in world.fleet.slots)
    assert [record.outcome for record in world.trace.records if record.slot == "sms:0"] == [Outcome.WORKED]
    assert not world.trace.signals


def test_what_waits_goes_at_once_and_so_does_a_program_without_slots():
    world = world_of(Policy(name="email"), Policy(name="sms"), Policy(name="none", numprocs=0), seconds=0.5)
    reload(world, Policy(name="email"))
    assert list(world.fleet.programs) == ["email"]
    world.run(10.0)
    assert world.fleet.programs["email"].stats.outcomes[Outcome.WORKED] >= 9


def test_what_comes_back_while_it_drains_keeps_its_runs():
    world = world_of(Policy(name="sms", numprocs=2), Policy(name="email"), job=LONG, seconds=1.0)
    reload(world, Policy(name="email"))
    reload(world, Policy(name="sms", numprocs=2), Policy(name="email"))
    assert phases(world, "sms") == ["running", "running"]
    assert not world.fleet.programs["sms"].leaving
    assert list(world.fleet.programs) == ["sms", "email"]


def test_what_was_off_when_it_went_is_off_when_it_comes_back():
    world = world_of(Policy(name="sms", numprocs=2), Policy(name="email"), job=LONG, seconds=1.0)
    world.ask(Verb.STOP, "sms:1")
    world.ask(Verb.STOP, "sms:0")
    reload(world, Policy(name="email"))
    reload(world, Policy(name="sms", numprocs=2), Policy(name="email"))
    assert {slot.wanted for slot in world.fleet.programs["sms"].slots} == {False}


def test_policy_counts_at_once_for_runs_that_end_later():
    world = world_of(Policy(name="email"), job=Job(code=7), seconds=0.1)
    reload(world, Policy(name="email", min_runtime=5.0, exit=Policy(name="x").exit.__class__(ok=frozenset({7}))))
    world.run(4.0)
    [record] = world.trace.records
    assert record.outcome is Outcome.WORKED
    assert world.fleet.programs["email"].slots[0].wait.wake_at == pytest.approx(5.0)


def test_a_run_in_progress_keeps_the_limit_that_it_started_with():
    world = world_of(Policy(name="email"), job=LONG, seconds=1.0)
    reload(world, Policy(name="email", max_runtime=5.0))
    world.run(50.0)
    assert not world.trace.records
    world.run(49.5)
    assert world.fleet.programs["email"].slots[0].run.limits.expires_at is not None, "the next run has it"


def test_the_kind_of_a_program_stays():
    world = world_of(Policy(name="email"), seconds=0.5)
    reload(world, Policy(name="email", kind=Kind.SERVICE, min_runtime=2.0))
    policy = world.fleet.programs["email"].policy
    assert policy == Policy(name="email"), "all of it stays until minisup begins anew, or its parts would not fit"


def test_the_files_number_of_slots_counts_when_it_changes_and_a_scale_stays_when_not():
    world = world_of(Policy(name="email", numprocs=2), job=LONG, seconds=2.0)
    world.feed(ScaleAsked("email", 4))
    world.run(2.0)
    reload(world, Policy(name="email", numprocs=2, min_runtime=2.0))
    assert len(world.fleet.programs["email"].slots) == 4
    reload(world, Policy(name="email", numprocs=3))
    assert phases(world, "email") == ["running", "running", "running", "draining"]
    assert world.fleet.programs["email"].budget.size == 13


def test_another_budget_brings_or_caps_tokens():
    world = world_of(Policy(name="email"), seconds=0.5)
    reload(world, Policy(name="email", retry=Retry(budget=20, refill=5.0, max_failure_ratio=0.0)))
    budget = world.fleet.programs["email"].budget
    assert (budget.size, budget.tokens, budget.refill, budget.credit) == (21.0, 21.0, 5.0, 0.0)
    reload(world, Policy(name="email", retry=Retry(budget=1)))
    assert budget.tokens == 2.0


def test_a_larger_budget_lets_held_slots_start():
    retry = Retry(backoff=0.1, max_backoff=0.1, budget=1)
    world = world_of(Policy(name="email", retry=retry), job=Job(lasts=0.1, code=1), seconds=5.0)
    assert world.fleet.programs["email"].slots[0].reason is Reason.HOLD
    reload(world, Policy(name="email", retry=Retry(backoff=0.1, max_backoff=0.1, budget=9)))
    assert world.fleet.programs["email"].slots[0].phase is Phase.RUNNING


def test_what_is_held_for_a_cause_is_probed_at_once():
    world = world_of(Policy(name="email"), job=Job(troubles=(Trouble(0.0, 3.0),)), seconds=4.0)
    assert world.fleet.programs["email"].slots[0].reason is Reason.HOLD
    reload(world, Policy(name="email"))
    assert world.fleet.programs["email"].slots[0].phase is Phase.RUNNING


def test_giving_up_follows_the_new_policy():
    world = world_of(Policy(name="email"), job=Job(code=1), seconds=20.0)
    reload(world, Policy(name="email", retry=Retry(give_up=GiveUp.STOP, give_up_after=30.0)))
    world.run(9.0)
    assert not world.fleet.programs["email"].failing.given_up
    world.run(10.0)
    assert world.fleet.programs["email"].failing.given_up
    world = world_of(
        Policy(name="email", retry=Retry(give_up=GiveUp.STOP, give_up_after=30.0)), job=Job(code=1), seconds=20.0
    )
    reload(world, Policy(name="email"))
    world.run(100.0)
    assert not world.fleet.programs["email"].failing.given_up


def test_a_start_rate_comes_and_goes():
    world = world_of(Policy(name="email", min_runtime=0.0), job=Job(lasts=0.1), seconds=1.05)
    reload(world, Policy(name="email", min_runtime=0.0, max_start_rate=1.0))
    before = len(world.trace.launches)
    world.run(10.0)
    assert len(world.trace.launches) - before <= 11
    reload(world, Policy(name="email", min_runtime=0.0))
    assert world.fleet.programs["email"].rate is None


def test_services_that_are_made_in_another_way_restart_one_after_another_and_jobs_do_not():
    shop = Policy(name="shop", kind=Kind.SERVICE, numprocs=2, stop=Stop(drain=0.0))
    world = world_of(shop, Policy(name="email"), job=LONG, seconds=2.0)
    reload(world, shop, Policy(name="email"), remade=("shop", "email"))
    world.run(0.1)
    assert [signal.slot for _, signal in world.trace.signals] == ["shop:0"]
    world.run(5.0)
    assert [signal.slot for _, signal in world.trace.signals] == ["shop:0", "shop:1"]
    assert phases(world, "email") == ["running"]
    assert told(world, facts.Reloaded)[0].changed == ("shop", "email")


def test_a_service_that_is_off_stays_off():
    shop = Policy(name="shop", kind=Kind.SERVICE, stop=Stop(drain=0.0))
    world = world_of(shop, job=LONG, seconds=2.0)
    world.ask(Verb.STOP, "shop")
    world.run(1.0)
    reload(world, shop, remade=("shop",))
    assert phases(world, "shop") == ["off"]


def test_what_is_paused_stays_paused():
    world = world_of(Policy(name="email"), seconds=0.5)
    world.ask(Verb.PAUSE, "email")
    reload(world, Policy(name="email", min_runtime=2.0))
    world.run(10.0)
    assert world.fleet.programs["email"].slots[0].reason is Reason.PAUSED


def test_a_gate_that_is_no_longer_there_opens():
    task = Policy(name="migrate", kind=Kind.TASK)
    world = world_of(
        task, Policy(name="email", after=("migrate",)), jobs={"migrate": Job(code=1), "email": LONG}, seconds=1.0
    )
    assert phases(world, "email") == ["waiting"]
    reload(world, Policy(name="email"))
    assert phases(world, "email") == ["running"]
    assert world.fleet.programs["email"].level == 0


def test_what_waits_for_what_is_gone_with_it_is_gone_too():
    task = Policy(name="migrate", kind=Kind.TASK)
    jobs = {"migrate": LONG, "email": LONG, "other": LONG}
    world = world_of(task, Policy(name="email", after=("migrate",)), Policy(name="other"), jobs=jobs, seconds=1.0)
    reload(world, Policy(name="other"))
    assert list(world.fleet.programs) == ["other", "migrate"]
    world.shut_down()
    world.run(20.0)
    assert world.trace.halted


def test_the_new_shutdown_timeout_counts():
    world = world_of(Policy(name="email"), job=LONG, seconds=1.0)
    reload(world, Policy(name="email"), timeout=30.0)
    world.shut_down()
    assert told(world, facts.ShutdownStep)[0].within == pytest.approx(27.0)


def test_during_a_shutdown_nothing_is_taken_over():
    world = world_of(Policy(name="email"), job=LONG, seconds=1.0)
    world.shut_down()
    reload(world, Policy(name="sms"))
    assert list(world.fleet.programs) == ["email"]
    assert not told(world, facts.Reloaded)


def test_an_outage_before_a_reload_is_still_known_after_it():
    world = world_of(Policy(name="email"), job=Job(outages=(Span(1.0, 50.0),), fails_after=0.1), seconds=20.0)
    since = world.fleet.programs["email"].failing.since
    reload(world, Policy(name="email", retry=Retry(backoff=0.5)))
    assert world.fleet.programs["email"].failing.since == since is not None


def test_a_new_program_waits_for_a_new_one_that_it_is_after_whatever_their_order():
    world = world_of(Policy(name="none", numprocs=0), seconds=1.0)
    task = Policy(name="migrate", kind=Kind.TASK)
    late = Policy(name="email", after=("none", "migrate"))
    reload(world, late, task, Policy(name="none", numprocs=0), jobs={"migrate": Job(lasts=2.0)})
    world.run(1.9)
    assert phases(world, "email") == ["waiting"]
    world.run(0.2)
    assert [slot for _, slot in world.trace.launches] == ["migrate:0", "email:0"]


def test_a_gate_that_is_new_does_not_hold_what_has_started():
    world = world_of(Policy(name="email"), Policy(name="shop", kind=Kind.SERVICE), job=LONG, seconds=0.5)
    reload(world, Policy(name="email", after=("shop",)), Policy(name="shop", kind=Kind.SERVICE))
    assert phases(world, "email") == ["running"]
    assert world.fleet.programs["shop"].level == 1
    assert world.fleet.programs["shop"].dependents == [world.fleet.programs["email"]]
