"""An operator pauses a slot: no signal and no new start, until `resume` or `start`. What it waited for is kept."""

from dataclasses import replace

from minisup.core.life import launch, schedule, stopping
from minisup.core.model import Phase, Reason
from minisup.core.policy.outcome import KillReason
from minisup.core.program import Program
from minisup.core.slot import Pause, Slot, SlotWait
from minisup.core.state import State


def pause(state: State, slot: Slot, by: str, *, now: bool) -> None:
    """A run in progress may finish (`now`: is signalled), then the slot waits; failures and tokens stay as they are."""
    if not slot.wanted:
        return
    if slot.pause is None:
        slot.pause = Pause(state.now, by)
    if slot.phase is Phase.WAITING and slot.reason is not Reason.PAUSED:
        set_aside(state, slot)
    elif slot.phase is Phase.DRAINING:
        cancel_drain(state, slot)
    stopping.leave_rolling(state, slot)
    if slot.phase is Phase.READY or (now and slot.phase is Phase.RUNNING):
        stopping.send_stop(state, slot, KillReason.STOP, slot.program.policy.stop.timeout)


def set_aside(state: State, slot: Slot) -> None:
    """The slot leaves its wait, and every queue that it stood in."""
    assert slot.wait is not None
    launch.leave_queues(state, slot)
    launch.wait(state, slot, *slot.wait)


def cancel_drain(state: State, slot: Slot) -> None:
    """No signal has been sent yet: the run goes on as if nothing had been asked."""
    slot.wanted = True
    slot.next_start = replace(slot.next_start, at_once=False)
    slot.stop = None
    stopping.leave_rolling(state, slot)
    if slot.run is not None:
        slot.enter(Phase.RUNNING, state.now)
        if slot.plan is not None:
            slot.run.planned_at = schedule.due(state, slot)
        state.arm_slot(slot)
    else:
        launch.begin_anew(state, slot)


def resume(state: State, slot: Slot) -> None:
    """A paused slot goes back to what it waited for; if the time for that has passed, to what comes then."""
    grant_time(state, slot.program)
    slot.pause = None
    aside, slot.saved_wait = slot.saved_wait, None
    if aside is not None:
        go_back(state, slot, aside)


def grant_time(state: State, program: Program) -> None:
    """A program that was at rest is about to go on: it is not given up for the time in which it was."""
    if program.failing.give_up_at is not None and program.is_at_rest():
        program.failing.give_up_at = state.now + program.policy.retry.give_up_after
        state.arm_program(program)


def go_back(state: State, slot: Slot, aside: SlotWait) -> None:
    """Wait again for what was set aside, unless it has come about."""
    program = slot.program
    due = state.now if aside.wake_at is None else aside.wake_at
    if aside.reason is Reason.AFTER and program.gated:
        launch.wait(state, slot, Reason.AFTER, None)
    elif aside.reason is Reason.SCHEDULE:
        schedule.skip_past(state, slot, "paused")
        launch.start_by_schedule(state, slot)
    elif aside.held_for is not None:
        launch.block(state, slot, aside.held_for)
    elif aside.reason is Reason.BACKOFF and not slot.health.failures:  # an outage has ended meanwhile
        launch.start(state, slot)
    else:
        if aside.reason is Reason.IDLE:
            program.idle.sleepers[slot] = None
        launch.start_at(state, slot, aside.reason, due)
