"""What a stop and a shutdown promise: nothing survives them, and nothing is signalled before its time."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from minisup.core.messages import Signal, Verb
from minisup.core.model import Kind, Outcome, Phase, Policy, Reason, Scope, Stop
from minisup.core.policy.shutdown import usable
from minisup.sim.jobs import Job, Reaction
from minisup.sim.world import World

reactions = st.sampled_from(list(Reaction))
jobs = st.builds(
    Job,
    lasts=st.sampled_from([0.1, 3.0, 50.0, float("inf")]),
    signal=st.sampled_from([None, None, "SIGSEGV"]),
    reaction=reactions,
    reacts_in=st.sampled_from([0.0, 1.0, 100.0]),
    leftovers=st.integers(0, 2),
    leftovers_reaction=reactions,
    leftovers_last=st.sampled_from([1.0, float("inf")]),
    clogged=st.sampled_from([0.0, 0.0, 2.0]),
)
policies = st.builds(
    Policy,
    name=st.just("a"),
    kind=st.sampled_from(list(Kind)),
    numprocs=st.integers(1, 3),
    max_runtime=st.sampled_from([None, 2.0]),
    min_runtime=st.sampled_from([1.0, 10.0]),
    stop=st.builds(
        Stop,
        drain=st.sampled_from([0.0, 2.0, 20.0]),
        timeout=st.sampled_from([0.0, 1.0, 10.0]),
        scope=st.sampled_from(list(Scope)),
    ),
)


@given(policies, jobs, st.sampled_from([0.0, 0.05, 1.5, 7.0, 30.0]), st.booleans(), st.integers(0, 9))
def test_after_a_stop_nothing_is_left_when_its_time_is_over(policy, job, when, now, seed):
    world = World([policy], {"a": job}, seed=seed)
    world.boot()
    world.run(when)
    world.ask(Verb.STOP, "a", now=now)
    drain = 0.0 if now else policy.stop.drain
    world.run(drain - 0.001)
    early = [action for _, action in world.trace.signals if isinstance(action, Signal)]
    if policy.max_runtime is None and drain:
        assert not early, "signalled within the drain"
    world.run(policy.stop.timeout + 0.002)
    assert not world.processes
    assert not world.left
    assert all(slot.phase in {Phase.OFF, Phase.DONE} for slot in world.fleet.slots.values())
    started = len(world.trace.launches)
    world.run(100.0)
    assert len(world.trace.launches) == started, "started after a stop"


@given(policies, jobs, policies, jobs, st.sampled_from([0.0, 1.5, 30.0]), st.sampled_from([1.0, 10.0, 60.0]))
def test_a_shutdown_leaves_nothing_and_is_never_late(first, job, second, other, when, limit):
    needed = first.kind is not Kind.JOB
    policies = [first, replace(second, name="b", after=("a",) if needed else ())]
    world = World(policies, {"a": job, "b": other}, shutdown_timeout=limit)
    world.boot()
    world.run(when)
    world.shut_down()
    world.run(limit)
    halted, code = world.trace.halted
    assert code == 0
    assert halted <= when + usable(limit) + 1e-6  # SIGKILL always works here, so the last 0.3 s are not needed
    assert not world.processes
    assert not world.left


@given(policies, jobs, st.sampled_from([0.0, 0.05, 1.5, 7.0]))
def test_a_restart_never_signals_a_job_and_every_slot_gets_a_fresh_run(policy, job, when):
    policy = replace(policy, kind=Kind.JOB, max_runtime=None)
    job.lasts = min(job.lasts, 50.0)
    world = World([policy], {"a": job})
    world.boot()
    world.run(when)
    before = world.now
    world.ask(Verb.RESTART, "a")
    world.run(60.0)
    assert not [action for _, action in world.trace.signals if isinstance(action, Signal)]
    assert {slot for at, slot in world.trace.launches if at >= before} == world.fleet.slots.keys()
    assert Outcome.STOPPED not in {record.outcome for record in world.trace.records}


failing = st.sampled_from([0.0, 0.5, 1.0])


@given(policies, jobs, failing, st.sampled_from([0.0, 0.05, 1.5, 7.0, 30.0]), st.integers(0, 9))
def test_a_pause_that_is_ended_at_once_costs_nothing(policy, job, fails, when, seed):
    job.fails = fails
    world = World([policy], {"a": job}, seed=seed)
    world.boot()
    world.run(when)
    program = world.fleet.programs["a"]
    before = program.budget.level(world.now), [slot.health.failures for slot in program.slots], len(world.trace.signals)
    dues = [slot.due() for slot in program.slots]
    world.ask(Verb.PAUSE, "a")
    world.ask(Verb.RESUME, "a")
    after = program.budget.level(world.now), [slot.health.failures for slot in program.slots], len(world.trace.signals)
    assert after == before
    assert [slot.due() for slot in program.slots] == dues


@given(policies, jobs, failing, st.sampled_from([0.0, 0.05, 1.5, 7.0]), st.integers(0, 9))
def test_what_is_paused_starts_nothing_and_gets_no_signal(policy, job, fails, when, seed):
    policy = replace(policy, max_runtime=None)
    job.fails, job.signal = fails, None  # after a crash what is left behind is stopped, paused or not
    world = World([policy], {"a": job}, seed=seed)
    world.boot()
    world.run(when)
    world.ask(Verb.PAUSE, "a")
    started, signals = len(world.trace.launches), len(world.trace.signals)
    world.run(300.0)
    assert (len(world.trace.launches), len(world.trace.signals)) == (started, signals)
    world.ask(Verb.RESUME, "a")
    world.run(policy.min_runtime + 60.0)
    assert all(
        slot.phase is not Phase.WAITING or slot.reason is not Reason.PAUSED for slot in world.fleet.slots.values()
    )


@given(policies, jobs, st.sampled_from([0.0, 1.5, 7.0]), st.integers(0, 5), st.booleans(), st.integers(0, 9))
def test_scaling_never_signals_a_job_unless_it_is_told_to_and_ends_at_the_number(policy, job, when, number, now, seed):
    policy = replace(policy, kind=Kind.JOB, max_runtime=None)
    job.lasts, job.signal, job.leftovers = min(job.lasts, 50.0), None, 0
    world = World([policy], {"a": job}, seed=seed)
    world.boot()
    world.run(when)
    running = {name: process.run for name, process in world.processes.items()}
    world.scale("a", number, now=now)
    staying = {f"a:{index}" for index in range(number)}
    world.run(0.0)
    if not now:
        assert not world.trace.signals
    assert not [action for _, action in world.trace.signals if action.slot in staying], "a run that stays was touched"
    assert all(
        world.processes[name].run == run for name, run in running.items() if name in staying and name in world.processes
    )
    world.run(60.0 + policy.stop.timeout)
    assert world.fleet.slots.keys() == staying
    assert world.fleet.programs["a"].budget.size == policy.retry.budget + number
