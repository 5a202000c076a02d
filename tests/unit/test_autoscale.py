"""How many slots a program should have, without a fleet around it."""

import pytest

from minisup.core.model import Outcome, Scale
from minisup.core.policy.autoscale import KEEP, STALE, STEP, Autoscaler


def scaler(**keys):
    return Autoscaler(Scale(**{"min": 1, "max": 20, "target_wait": 10.0, **keys}), 0.0)


def knowing(each, **keys):
    """One that has seen runs of this length, and no more."""
    made = scaler(**keys)
    made.ended(Outcome.WORKED, each)
    made.rest(0.0)
    return made


def asked(made, visible, slots, now=5.0, started=()):
    made.answered(visible, slots, now)
    return made.by_backlog(slots, list(started), now)


def test_what_waits_is_cleared_within_the_target():
    decision = asked(knowing(2.0), 50, 4)  # 50 * 2 s / 10 s
    assert (decision.numprocs, decision.reason, decision.each) == (10, "backlog", 2.0)


def test_no_more_than_half_as_many_join_at_a_time_unless_twice_as_much_waits_as_they_can_clear():
    assert asked(knowing(2.0), 35, 4).numprocs == 6  # 7 are desired
    assert asked(knowing(2.0), 40, 4).numprocs == 8
    assert asked(knowing(2.0), 9, 1).numprocs == 2


def test_never_more_than_the_most_nor_fewer_than_the_least():
    assert asked(knowing(2.0), 10**12, 4).numprocs == 20
    assert asked(knowing(2.0, min=3), 0, 3).numprocs == 3


def test_long_runs_need_a_slot_for_each_message_beside_those_in_progress():
    decision = asked(knowing(60.0), 3, 4, started=[0.0, 0.0, 0.0, 0.0])
    assert decision.numprocs == 7  # at once: 18 times the target waits


def test_busy_slots_want_others_beside_them_though_nothing_waits():
    made = knowing(2.0)
    for now in range(5, 305, 5):
        for _ in range(10):
            made.ended(Outcome.WORKED, 2.0)
        made.look(float(now))
    assert made.busy == pytest.approx(4.0, abs=0.01)
    decision = asked(made, 0, 4, now=305.0)
    assert (decision.numprocs, decision.reason) == (5, "load")


def test_a_run_that_waited_for_work_and_found_none_was_not_busy():
    made = scaler()
    for now in range(20, 400, 20):
        made.ended(Outcome.IDLE, 20.0)
        made.look(float(now))
    assert made.busy == 0.0
    made.ended(Outcome.FAILED, 1.0)
    made.look(380.0)  # no time has passed: nothing is learned
    assert made.busy == 0.0
    made.look(400.0)
    assert made.busy > 0.0
    assert asked(made, 0, 4, now=400.0, started=[380.0] * 4).numprocs == 1


def test_long_runs_are_averaged_over_twice_their_length():
    made = knowing(60.0)
    seen = []
    for now in range(10, 3000, 10):
        made.ended(Outcome.WORKED, 60.0)  # one every 10 s: six slots
        made.look(float(now))
        seen.append(made.busy)
    assert all(5.9 < busy < 6.1 for busy in seen[150:])


def test_before_a_run_has_worked_its_length_is_at_least_what_those_in_progress_have_taken():
    made = scaler()
    assert asked(made, 100, 1, now=0.0).numprocs == 1
    decision = asked(made, 100, 1, now=5.0, started=[0.0])
    assert decision.numprocs == 20
    assert decision.each == 5.0


def test_slots_stay_until_they_have_not_been_desired_for_a_minute():
    made = knowing(2.0)
    assert asked(made, 50, 10, now=5.0).numprocs == 10
    assert asked(made, 0, 10, now=4.9 + KEEP).numprocs == 10
    decision = asked(made, 0, 10, now=5.0 + KEEP)
    assert (decision.numprocs, decision.reason) == (1, "quiet")


def test_from_no_slot_two_probes_must_agree():
    made = knowing(2.0, min=0)
    assert asked(made, 100, 0).numprocs == 0
    assert asked(made, 0, 0).numprocs == 0
    assert asked(made, 100, 0).numprocs == 0
    made.failed("exit 1", 11.0)
    assert asked(made, 100, 0).numprocs == 0
    assert asked(made, 1, 0).numprocs == 1
    assert asked(made, 100, 0).numprocs == 20


def test_a_quiet_program_goes_to_no_slot_and_one_with_a_little_work_does_not():
    made = knowing(2.0, min=0)
    assert asked(made, 0, 1).numprocs == 0
    made.busy = 0.06
    assert asked(made, 0, 1, now=100.0).numprocs == 1


def test_a_probe_that_fails_keeps_what_there_is_then_goes_back_step_by_step():
    made = knowing(2.0)
    made.answered(50, 10, 0.0)
    assert made.failed("exit 1", 5.0)
    assert not made.failed("exit 2", 10.0)
    assert made.by_staleness(10, STALE - 1.0).numprocs == 10
    decision = made.by_staleness(10, STALE)
    assert (decision.numprocs, decision.reason, decision.stale) == (9, "stale", STALE)
    assert made.by_staleness(9, STALE + STEP - 1.0).numprocs == 9
    assert made.by_staleness(9, STALE + STEP).numprocs == 8
    assert made.by_staleness(1, STALE + 2 * STEP).numprocs == 1


def test_missing_data_never_leaves_a_program_without_a_slot():
    made = scaler(min=0)
    made.failed("exit 1", 5.0)
    assert made.by_staleness(1, STALE).numprocs == 1
    assert made.by_staleness(0, STALE).numprocs == 1


def test_without_a_probe_one_more_if_no_run_was_idle_one_less_if_most_were():
    made = scaler(probed=False)
    for _ in range(4):
        made.ended(Outcome.WORKED, 1.0)
    decision = made.by_idleness(2, 5.0)
    assert (decision.numprocs, decision.reason, decision.runs) == (3, "worked", 4)
    for outcome in [Outcome.IDLE] * 4 + [Outcome.WORKED] * 2 + [Outcome.FAILED]:
        made.ended(outcome, 1.0)
    decision = made.by_idleness(3, 10.0)
    assert (decision.numprocs, decision.reason, decision.runs, decision.idle) == (2, "idle", 6, 4)


def test_without_a_probe_too_few_runs_and_a_few_idle_ones_change_nothing():
    made = scaler(probed=False)
    made.ended(Outcome.WORKED, 1.0)
    assert made.by_idleness(1, 5.0).numprocs == 1
    made.ended(Outcome.IDLE, 1.0)
    assert made.by_idleness(1, 10.0).numprocs == 1  # as many idle as not
    assert made.runs == 0


def test_without_a_probe_the_limits_hold():
    made = scaler(probed=False, max=1)
    made.ended(Outcome.WORKED, 1.0)
    made.ended(Outcome.WORKED, 1.0)
    assert made.by_idleness(1, 5.0).numprocs == 1
    made.ended(Outcome.IDLE, 1.0)
    made.ended(Outcome.IDLE, 1.0)
    assert made.by_idleness(1, 5.0).numprocs == 1


def test_what_an_operator_decides_stays_for_a_minute():
    made = knowing(2.0)
    made.by_hand(8, 0.0)
    assert asked(made, 0, 8, now=KEEP - 1.0).numprocs == 8
    assert asked(made, 0, 8, now=KEEP).numprocs == 1
