"""Starts by the clock: what a slot's plan becomes when a run starts, when one goes on for too long, and at first.

Nothing here starts a run. The core counts in monotonic time; a calendar's times are those of the wall clock, which the
host says is `State.ahead` of it.
"""

from minisup.core.life import notices
from minisup.core.messages import Remember
from minisup.core.model import Instant, Overlap, Schedule
from minisup.core.policy.planned_start import PlannedStart, following, passed_over
from minisup.core.slot import Run, Slot
from minisup.core.state import State

EARLY = 0.001
"""A timer may come so much before its time, by the rounding of two clocks."""


def clock(state: State, schedule: Schedule) -> float:
    """What the schedule's own clock reads now."""
    return state.now if schedule.calendar is None else state.now + state.ahead


def due(state: State, slot: Slot) -> Instant:
    """When the slot's next planned start is due, with its jitter; with one queued: now."""
    schedule, plan = slot.program.policy.schedule, slot.plan
    assert schedule is not None
    assert plan is not None
    if plan.queued is not None:
        return state.now
    return plan.planned + plan.moved - (0.0 if schedule.calendar is None else state.ahead)


def plan_first(state: State, slot: Slot, first: Instant) -> None:
    """A slot joins: `every` starts at `first`, a calendar at its next time, or now if one was missed meanwhile."""
    schedule = slot.program.policy.schedule
    assert schedule is not None
    seen, slot.served = slot.served, None  # what is missed while it is off, later, is not made up for
    reads = clock(state, schedule)
    if schedule.calendar is None:
        slot.plan = PlannedStart(first)
        return
    slot.plan = plan = PlannedStart(schedule.calendar.next_after(reads))
    if schedule.catch_up and seen is not None and schedule.calendar.next_after(seen) <= reads:
        plan.queued, plan.why = schedule.calendar.next_after(seen), "down"
    elif schedule.catch_up:
        serve(state, slot, reads)
    move(state, plan, schedule)


def plan_around(state: State, slot: Slot, run: Run) -> None:
    """The slot has a run in progress that no plan knows: what is planned comes after it."""
    schedule = slot.program.policy.schedule
    if schedule is None:
        slot.plan = run.planned_at = None
        return
    plan_first(state, slot, state.now)
    plan = slot.plan
    assert plan is not None
    plan.queued, plan.why = None, ""
    if schedule.calendar is None:
        plan.planned = following(schedule, run.started, state.now)
        move(state, plan, schedule)
    elif schedule.catch_up:
        serve(state, slot, clock(state, schedule))
    run.planned_at = due(state, slot)


def move(state: State, plan: PlannedStart, schedule: Schedule) -> None:
    """Jitter: the planned start comes later by a part of it."""
    plan.moved = state.uniform(0.0, schedule.jitter) if schedule.jitter else 0.0


def begin(state: State, slot: Slot, run: Run, schedule: Schedule) -> None:
    """A run starts: as planned, or besides. Then the next start is planned, and noticed if it comes due meanwhile."""
    if slot.plan is None:
        plan_first(state, slot, state.now)
    plan, reads = slot.plan, clock(state, schedule)
    assert plan is not None
    plan.skipped, plan.told, plan.delay = 0, 0, None
    if plan.queued is not None:
        plan.delay, plan.queued = reads - plan.queued, None
    elif due(state, slot) <= state.now + EARLY:
        plan.delay = max(0.0, reads - plan.planned - plan.moved)
    if plan.delay is not None:
        notices.start_late(state, slot, run, plan)
        if schedule.catch_up:
            serve(state, slot, reads)
    if (plan.delay is None and schedule.calendar is None) or due(state, slot) <= state.now + EARLY:
        if plan.delay is None:  # it was asked for: `every` counts from the start of this run
            plan.planned = reads
        plan.planned = following(schedule, plan.planned, reads)
        move(state, plan, schedule)
    run.planned_at = due(state, slot)


def serve(state: State, slot: Slot, wall: float) -> None:
    """What the schedule wanted up to `wall` has been done: remember that across minisups."""
    state.out.append(Remember(slot.name, wall))


def overtake(state: State, slot: Slot) -> None:
    """A planned start has come due while a run is in progress: one is queued if the policy says so, others left out."""
    schedule, plan = slot.program.policy.schedule, slot.plan
    assert schedule is not None
    assert plan is not None
    queued, plan.queued = plan.queued, None
    count = 0
    if due(state, slot) <= state.now:
        first = plan.planned
        count, plan.planned = passed_over(schedule, first, clock(state, schedule) - plan.moved)
        move(state, plan, schedule)
        if schedule.overlap is Overlap.QUEUE and queued is None and slot.wanted:
            queued, plan.why, count = first, "overlap", count - 1
    if slot.run is not None:
        slot.run.planned_at = due(state, slot) if slot.wanted else None
    plan.queued = queued
    if count and schedule.catch_up and queued is None:
        serve(state, slot, clock(state, schedule))
    notices.starts_skipped(state, slot, count, "overlap")


def skip_past(state: State, slot: Slot, why: str) -> None:
    """The starts that came due while none could be are left out."""
    schedule, plan = slot.program.policy.schedule, slot.plan
    assert schedule is not None
    assert plan is not None
    plan.queued, plan.skipped, plan.told = None, 0, 0
    if due(state, slot) <= state.now:
        count, plan.planned = passed_over(schedule, plan.planned, clock(state, schedule) - plan.moved)
        move(state, plan, schedule)
        if schedule.catch_up:
            serve(state, slot, clock(state, schedule))
        notices.starts_skipped(state, slot, count, why)
