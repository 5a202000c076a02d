"""The corners of `step` that no well-mannered host or scenario gets to."""

from typing import get_args

import pytest

from minisup.core.facts import FirstFailure, GaveUp, Paused, Recovered, Resumed, Scaled, Signalled, StillFailing
from minisup.core.fleet import HANDLERS, Fleet
from minisup.core.label import program_state
from minisup.core.messages import (
    Arm,
    Asked,
    Booted,
    Changed,
    Due,
    Event,
    Exited,
    Forget,
    Halt,
    Leftovers,
    Lost,
    Note,
    OutputDrained,
    OverMemory,
    Record,
    Resize,
    RunSurvived,
    ScaleAsked,
    ShutdownAsked,
    Signal,
    SignalAsked,
    Spawn,
    SpawnFailed,
    Started,
    Verb,
)
from minisup.core.model import GiveUp, Kind, Outcome, Phase, Policy, Reason, Retry, Scope, Stop


def made(*policies, **arguments):
    arguments.setdefault("shutdown_timeout", 10.0)
    return Fleet(policies or [Policy(name="a")], uniform=max, **arguments)


def booted(*policies, **arguments):
    """A fleet whose first runs have started."""
    fleet = made(*policies, **arguments)
    answer(fleet, fleet.step(Booted(), 0.0), 0.0)
    return fleet


def answer(fleet, actions, now):
    for action in actions:
        if isinstance(action, Spawn):
            fleet.step(Started(action.slot, action.run, 100 + action.run), now)


def facts(actions, kind):
    return [action.fact for action in actions if isinstance(action, Note) and isinstance(action.fact, kind)]


def fail(fleet, now, slot="a:0"):
    """The run of a slot fails at once and the slot is due again; returns what the end came to."""
    if not fleet.slots[slot].run:
        answer(fleet, fleet.step(Due(slot, fleet.slots[slot].timer.generation), now), now)
        answer(fleet, fleet.step(Due("a", fleet.programs["a"].timer.generation), now), now)
    return fleet.step(Exited(slot, fleet.slots[slot].run.id, 1), now)


def test_every_event_has_a_handler():
    assert set(HANDLERS) == set(get_args(Event))


def test_an_event_of_a_run_that_is_over_changes_nothing():
    fleet = booted()
    fleet.step(Exited("a:0", 1, 0), 0.5)
    assert fleet.step(Exited("a:0", 1, 1), 0.6) == []
    assert fleet.step(Started("a:0", 1, 7), 0.6) == []
    assert fleet.step(SpawnFailed("a:0", 1, "no such file", False), 0.6) == []
    assert fleet.slots["a:0"].last.outcome is Outcome.WORKED


def test_a_timer_of_an_older_generation_is_ignored():
    fleet = booted()
    fleet.step(Exited("a:0", 1, 0), 0.5)
    generation = fleet.slots["a:0"].timer.generation
    assert fleet.step(Due("a:0", generation - 1), 9.0) == []
    assert fleet.step(Due("a", fleet.programs["a"].timer.generation - 1), 9.0) == []
    assert fleet.step(Due("*", fleet.timer.generation - 1), 9.0) == []
    assert [type(action) for action in fleet.step(Due("a:0", generation), 9.0)] == [Spawn]


def test_a_change_of_a_file_that_nobody_waits_for_starts_nothing():
    assert booted().step(Changed("a"), 1.0) == []


def test_output_that_is_taken_while_the_slot_runs_again_changes_nothing():
    fleet = booted()
    assert fleet.step(OutputDrained("a:0"), 1.0) == []


def test_run_ids_begin_where_the_host_says():
    assert made(first_run=812).step(Booted(), 0.0) == [Spawn("a:0", 812, 0)]


def test_a_shutdown_before_the_boot_ends_at_once():
    fleet = made()
    assert fleet.step(ShutdownAsked(), 0.0)[-1] == Halt(0)
    assert fleet.step(Booted(), 0.0) == []


def test_requests_during_a_shutdown_are_ignored():
    fleet = booted()
    fleet.step(ShutdownAsked(), 1.0)
    for verb in Verb:
        assert fleet.step(Asked(verb, ("a:0",)), 1.1) == []


def test_exits_come_before_timers_so_an_end_at_the_limit_is_no_timeout():
    fleet = booted(Policy(name="a", max_runtime=5.0))
    generation = fleet.slots["a:0"].timer.generation
    record = next(action for action in fleet.step(Exited("a:0", 1, 0), 5.0) if isinstance(action, Record))
    assert record.outcome is Outcome.WORKED
    assert fleet.step(Due("a:0", generation), 5.0) == []


def test_a_start_that_fails_after_its_program_was_given_up_leaves_the_slot_off():
    retry = Retry(give_up=GiveUp.STOP, give_up_after=0.0)
    fleet = made(Policy(name="a", numprocs=2, min_runtime=0.0, retry=retry))
    fleet.step(Booted(), 0.0)
    assert facts(fleet.step(SpawnFailed("a:0", 1, "no such file", False), 0.0), GaveUp)
    assert fleet.slots["a:1"].phase is Phase.DRAINING
    fleet.step(SpawnFailed("a:1", 2, "no such file", False), 0.0)
    assert [slot.phase for slot in fleet.slots.values()] == [Phase.OFF, Phase.OFF]


def test_a_program_that_keeps_failing_is_told_at_1_10_and_100_or_each_minute():
    fleet = booted(Policy(name="a", retry=Retry(budget=1000, backoff=0.0)))
    told = []
    for end in range(1, 131):
        actions = fail(fleet, end * 0.01)
        if facts(actions, (FirstFailure, StillFailing)):
            told.append(end)
    assert told == [1, 10, 100]
    [still] = facts(fail(fleet, 62.0), StillFailing)
    assert (still.failures, still.holding) == (131, False)


def test_recovery_is_told_with_how_long_it_lasted_and_how_many_tries_it_took():
    fleet = booted(Policy(name="a", retry=Retry(backoff=0.0)))
    for end in (1.0, 2.0, 3.0):
        fail(fleet, end)
    answer(fleet, fleet.step(Due("a:0", fleet.slots["a:0"].timer.generation), 4.0), 4.0)
    assert facts(fleet.step(Exited("a:0", fleet.slots["a:0"].run.id, 0), 5.0), Recovered) == [Recovered("a", 4.0, 3)]


def test_a_run_that_was_stopped_before_it_had_started_gets_no_limits():
    fleet = made(Policy(name="a", max_runtime=5.0))
    fleet.step(Booted(), 0.0)
    fleet.step(Asked(Verb.STOP, ("a:0",), True), 0.0)
    fleet.step(Started("a:0", 1, 101), 0.0)
    assert fleet.slots["a:0"].run.limits.expires_at is None


def test_a_timer_of_a_slot_that_has_gone_with_its_survivor_is_ignored():
    fleet = made()
    fleet.step(RunSurvived("gone:0", 7, 101, -3.0), 0.0)
    fleet.step(Booted(), 0.0)
    fleet.step(Exited("gone:0", 7, None), 1.0)
    assert list(fleet.programs) == ["a"]
    assert list(fleet.slots) == ["a:0"]
    assert fleet.step(Due("gone:0", 1), 2.0) == fleet.step(Due("gone", 1), 2.0) == []


def test_run_ids_go_on_after_those_of_an_earlier_minisup():
    fleet = made(Policy(name="a", numprocs=2))
    fleet.step(RunSurvived("a:0", 7, 101, -3.0), 0.0)
    fleet.step(Lost("a:1", 9, -3.0), 0.0)
    assert Spawn("a:1", 10, 0) in fleet.step(Booted(), 0.0) + fleet.step(Due("a:1", 1), 0.5)


def test_a_paused_slot_makes_its_program_paused():
    fleet = booted(Policy(name="a", numprocs=2))
    fleet.step(Asked(Verb.PAUSE, ("a:1",)), 0.0)
    assert fleet.slots["a:1"].reason is Reason.PAUSED
    assert program_state(fleet.programs["a"], 0.0) == "paused"


def scaled(numprocs):
    """A fleet of one program whose second slot has gone and, if `numprocs` is 2, come again."""
    fleet = booted(Policy(name="a", numprocs=2))
    fleet.step(ScaleAsked("a", 1), 0.1)
    if numprocs > 1:
        answer(fleet, fleet.step(ScaleAsked("a", numprocs), 0.2), 0.2)
    return fleet


def test_events_about_a_slot_that_is_gone_change_nothing():
    fleet = scaled(1)
    assert fleet.slots.keys() == {"a:0"}
    for event in (OutputDrained("a:1"), Due("a:1", 1), Leftovers("a:1", 2, 3)):
        assert fleet.step(event, 1.0) == []


def test_a_slot_that_comes_again_is_not_woken_by_a_timer_of_the_one_before():
    before = booted(Policy(name="a", numprocs=2)).slots["a:1"].timer.generation
    fleet = scaled(2)
    assert fleet.slots["a:1"].run
    fleet.step(Exited("a:1", fleet.slots["a:1"].run.id, 0), 0.3)
    assert fleet.slots["a:1"].timer.generation > before
    assert fleet.step(Due("a:1", before), 0.4) == []


def test_the_host_is_told_how_many_slots_there_are_and_which_are_gone():
    fleet = booted(Policy(name="a", numprocs=3))
    actions = fleet.step(ScaleAsked("a", 1, by="app"), 0.1)
    assert [action for action in actions if isinstance(action, Resize | Forget)] == [
        Resize("a", 1), Forget("a:2"), Forget("a:1"),
    ]  # fmt: skip
    assert facts(actions, Scaled) == [Scaled("a", 3, 1, 0, "app")]


def test_ten_thousand_slots_come_and_go():
    fleet = booted()
    answer(fleet, fleet.step(ScaleAsked("a", 10_000), 1.0), 1.0)
    assert len(fleet.slots) == len(fleet.programs["a"].slots) == 10_000
    fleet.step(ScaleAsked("a", 1), 1.0)
    assert fleet.slots.keys() == {"a:0", "a:1"}, "the first of those that join starts at once, and finishes"


def test_a_signal_of_an_operator_goes_as_it_is_and_only_to_runs():
    fleet = booted(Policy(name="a", numprocs=2, stop=Stop(scope=Scope.LEADER)))
    actions = fleet.step(SignalAsked(("a:0", "a:1"), "SIGUSR1", by="app"), 0.1)
    assert actions[0] == Signal("a:0", 1, "SIGUSR1", Scope.LEADER, wake=False)
    assert facts(actions, Signalled) == [Signalled("a", ("a:0",), "SIGUSR1", "app")]
    assert not fleet.slots["a:0"].is_killed()
    assert fleet.step(SignalAsked(("a:0",), "SIGKILL"), 0.2)[0] == Signal("a:0", 1, "SIGKILL", Scope.GROUP, wake=False)
    assert fleet.slots["a:0"].is_killed()
    record = next(
        action for action in fleet.step(Exited("a:0", 1, None, "SIGKILL", oom=True), 0.3) if isinstance(action, Record)
    )
    assert record.outcome is Outcome.STOPPED
    assert not fleet.slots["a:0"].is_killed(), "what was sent to it says nothing of the next run"


def test_an_operator_may_signal_runs_during_a_shutdown():
    fleet = booted()
    fleet.step(ShutdownAsked(), 1.0)
    assert Signal in [type(action) for action in fleet.step(SignalAsked(("a:0",), "SIGTERM"), 1.1)]
    assert fleet.step(ScaleAsked("a", 5), 1.2) == []


def test_pauses_name_who_asked_and_what_is_left():
    fleet = booted(Policy(name="a", numprocs=2))
    [paused] = facts(fleet.step(Asked(Verb.PAUSE, ("a:0", "a:1"), by="app"), 0.1), Paused)
    assert paused == Paused("a", ("a:0", "a:1"), 1, "app")
    assert facts(fleet.step(Asked(Verb.PAUSE, ("a:0",), by="eve"), 0.2), Paused) == []
    assert fleet.slots["a:0"].pause.by == "app"
    [resumed] = facts(fleet.step(Asked(Verb.START, ("a:1",), by="eve"), 0.3), Resumed)
    assert resumed == Resumed("a", ("a:1",), "eve")
    assert facts(fleet.step(Asked(Verb.STOP, ("a:0",)), 0.4), Resumed) == []


@pytest.mark.parametrize("kind", list(Kind))
def test_a_slot_arms_at_most_one_timer_in_a_step(kind):
    fleet = booted(Policy(name="a", kind=kind, max_runtime=5.0))
    for event in (
        Asked(Verb.RESTART, ("a:0",)),
        Asked(Verb.STOP, ("a:0",)),
        Asked(Verb.START, ("a:0",)),
        Exited("a:0", 1, 1, leftovers=1),
    ):
        armed = [action for action in fleet.step(event, 1.0) if isinstance(action, Arm) and action.key == "a:0"]
        assert len({arm.generation for arm in armed}) == len(armed)
        if armed:
            assert armed[-1].generation == fleet.slots["a:0"].timer.generation


def test_memory_that_an_earlier_run_took_is_nobodys_fault():
    fleet = booted()
    assert fleet.step(OverMemory("a:0", 7, 3 << 20, 2 << 20), 1.0) == []


def test_a_size_just_above_the_limit_is_shown_above_it():
    fleet = booted()
    fleet.step(OverMemory("a:0", 1, (256 << 20) + 1, 256 << 20), 1.0)
    actions = fleet.step(Exited("a:0", 1, None, "SIGTERM"), 1.1)
    assert [action.cause for action in actions if isinstance(action, Record)] == ["256.1 MiB of 256 MiB"]
    assert fleet.slots["a:0"].health.cause == "oom: 256.1 MiB of 256 MiB"
