"""What becomes of planned starts when the clock is set, or the schedule is another one.

A start is never lost to a clock that jumps forward, and not repeated when it is set back by less than the time between
two starts. Set back further, the new time counts.
"""

from minisup.core.life import launch, notices, schedule
from minisup.core.messages import ClockSet, Remembered
from minisup.core.model import Phase, Reason, Seconds
from minisup.core.program import Program
from minisup.core.slot import Slot
from minisup.core.state import State

TOLD: Seconds = 1.0
"""A jump of the wall clock by this is worth a word; less is what keeping it right takes."""

REPLANNED = frozenset({Reason.PACE, Reason.IDLE, Reason.BACKOFF, Reason.HOLD, Reason.SCHEDULE})
"""Waits that another schedule ends."""


def remembered(state: State, event: Remembered) -> None:
    """An earlier minisup has seen to a slot's schedule up to then."""
    slot = state.slots.get(event.slot)
    if slot is not None:
        slot.served = event.wall


def clock_set(state: State, event: ClockSet) -> None:
    """The wall clock is another one, or is a little off: what is planned by it comes sooner or later."""
    jump, state.ahead = event.ahead - state.ahead, event.ahead
    if not state.booted:
        return
    slots = [slot for slot in state.slots.values() if is_by_calendar(slot)]
    if abs(jump) >= TOLD and slots:
        notices.clock_jumped(state, jump)
    for slot in slots:
        follow_clock(state, slot, jump)


def is_by_calendar(slot: Slot) -> bool:
    """Whether its starts are planned by the wall clock."""
    wanted = slot.program.policy.schedule
    return slot.wanted and slot.plan is not None and wanted is not None and wanted.calendar is not None


def follow_clock(state: State, slot: Slot, jump: Seconds) -> None:
    """One slot's plan by the new time."""
    wanted, plan = slot.program.policy.schedule, slot.plan
    assert wanted is not None
    assert wanted.calendar is not None
    assert plan is not None
    reads = schedule.clock(state, wanted)
    if jump <= -TOLD and wanted.calendar.next_after(plan.planned) - plan.planned <= -jump:
        plan.planned = wanted.calendar.next_after(reads)
    if jump >= TOLD and plan.planned <= reads:
        plan.why = "clock"
    if slot.phase is Phase.WAITING and slot.reason is Reason.SCHEDULE:
        launch.start_by_schedule(state, slot)
    elif slot.run is not None and slot.run.planned_at is not None:
        slot.run.planned_at = schedule.due(state, slot)
        state.arm_slot(slot)


def reschedule(state: State, program: Program) -> None:
    """Another schedule, or none any more: what waits by the old one waits by the new one."""
    for slot in program.slots:
        reason = slot.reason if slot.saved_wait is None else slot.saved_wait.reason
        if slot.run is not None and slot.wanted:
            schedule.plan_around(state, slot, slot.run)
            state.arm_slot(slot)
        elif slot.phase is Phase.WAITING and reason in REPLANNED:
            launch.leave_queues(state, slot)
            launch.waive_token(slot)
            launch.begin_anew(state, slot)
        else:
            slot.plan = None  # what it waits for comes first
