"""What an operator's start, stop and restart mean for a slot, by the phase that it is in."""

from minisup.core import launch, stopping, tell
from minisup.core.messages import Asked, Verb
from minisup.core.model import Phase, Reason
from minisup.core.state import GONE, Program, Slot, State

AT_ONCE = frozenset({Reason.PACE, Reason.IDLE, Reason.BACKOFF, Reason.HOLD, Reason.SCHEDULE})
"""Waits that a restart ends; what waits for others, for an operator or for its output stays."""


def asked(state: State, event: Asked) -> None:
    """Carry out a request; ignored once minisup shuts down."""
    if state.shutdown is not None:
        return
    slots = [state.slots[name] for name in event.slots]
    if event.verb is not Verb.STOP:  # no other run can follow in a slot that the configuration does not have
        slots = [slot for slot in slots if not slot.leaving]
    if event.verb is Verb.STOP:  # before any is stopped: the end of one's turn begins the next one's
        for slot in slots:
            stopping.leave_rolling_queue(slot)
    for slot in slots:
        if event.verb is Verb.START:
            start(state, slot, now=event.now)
        elif event.verb is Verb.STOP:
            policy = slot.program.policy.stop
            stopping.stop(state, slot, 0.0 if event.now else policy.drain, policy.timeout)
        else:
            named = slot.name in event.named or slot.program.name in event.named
            restart(state, slot, now=event.now, named=named)
    programs: dict[str, Program] = {slot.program.name: slot.program for slot in slots}
    for program in programs.values():
        stopping.roll(state, program)
        tell.state_of(state, program)


def start(state: State, slot: Slot, *, now: bool) -> None:
    """Off and done become wanted and start; a drain is cancelled; what is being stopped starts after its end."""
    if slot.phase in GONE:
        revive(state, slot, now=now)
    elif slot.phase is Phase.WAITING:
        if now:
            start_waiting(state, slot)
    elif slot.phase is Phase.DRAINING:
        cancel_drain(state, slot)
    elif slot.phase in stopping.SIGNALLED:
        start_after_end(state, slot)


def revive(state: State, slot: Slot, *, now: bool) -> None:
    """A slot that was off or done starts with a clean sheet."""
    program = slot.program
    if program.active == 0:
        program.given_up = False
        program.failing_since = program.give_up_at = None
        program.tries = 0
    slot.failures = 0
    slot.healthy = None
    launch.want(slot)
    if program.gated and not now:
        launch.wait(state, slot, Reason.AFTER, None)
    else:
        launch.start_at(state, slot, Reason.PACE, state.now)


def start_waiting(state: State, slot: Slot) -> None:
    """End a wait, whatever it is for, without a token."""
    launch.leave_queues(state, slot)
    slot.charged = False
    launch.start_at(state, slot, Reason.PACE, state.now)


def cancel_drain(state: State, slot: Slot) -> None:
    """No signal has been sent yet: the run goes on as if nothing had been asked."""
    slot.wanted = True
    slot.fresh = False
    slot.drain_until = None
    stopping.leave_rolling(state, slot)
    if slot.run:
        slot.enter(Phase.RUNNING, state.now)
        state.arm_slot(slot)
    else:
        launch.start_at(state, slot, Reason.PACE, state.now)


def start_after_end(state: State, slot: Slot) -> None:
    """The signal is out: the next run starts when this one has ended."""
    slot.wanted = slot.fresh = True
    if slot.run:
        return
    for run in slot.leftovers:  # they go on being stopped, but no longer hold up the slot
        slot.sweeps[run] = slot.kill_at if slot.kill_at is not None else state.now
    slot.kill_at = None
    launch.start_at(state, slot, Reason.PACE, state.now)


def restart(state: State, slot: Slot, *, now: bool, named: bool) -> None:
    """A fresh run, when the one in progress has ended by itself, or at once where none is."""
    if slot.phase is Phase.WAITING:
        if slot.reason in AT_ONCE:
            slot.failures = 0
            start_waiting(state, slot)
    elif slot.phase is Phase.DONE or (slot.phase is Phase.OFF and named):
        revive(state, slot, now=False)
    elif slot.phase is not Phase.OFF and (slot.wanted or named):
        restart_running(state, slot, now=now)


def restart_running(state: State, slot: Slot, *, now: bool) -> None:
    """Jobs and tasks drain all at once; running services take turns."""
    program = slot.program
    if slot.phase in stopping.SIGNALLED:
        start_after_end(state, slot)
    elif not slot.run:
        cancel_drain(state, slot)
    elif program.is_service:
        if slot not in program.rolling and slot is not program.rolling_now:
            program.rolling.append(slot)
        slot.wanted = True
        program.rolling_harsh = now
    else:
        stopping.drain_for_restart(state, slot, now=now)
