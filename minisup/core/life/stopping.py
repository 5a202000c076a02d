"""From running to gone: drain, signal, kill, one slot at a time or all against the shutdown's deadline."""

from dataclasses import replace

from minisup.core.life import launch, leavings, notices
from minisup.core.messages import FLEET, Halt, Leftovers, OverMemory, ShutdownAsked, Signal, SignalLeftovers
from minisup.core.model import Instant, Phase, Scope, Seconds
from minisup.core.policy.outcome import KillReason
from minisup.core.policy.shutdown import LAST_WAIT, REPEAT, fit, level_end, usable
from minisup.core.program import Program
from minisup.core.slot import GONE, NO_LIMITS, NO_NEXT, SIGNALLED, Run, Slot, StopTimes
from minisup.core.state import Shutdown, State

KILL_STEP = 3
"""The third request for shutdown kills."""


def stop(state: State, slot: Slot, drain: Seconds | None, timeout: Seconds) -> None:
    """The slot is no longer wanted: a run gets `drain` seconds, then the signal, after `timeout` seconds SIGKILL.

    With `drain` None it gets as long as it takes.
    """
    unwant(state, slot, timeout)
    if slot.phase is Phase.WAITING:
        launch.leave_queues(state, slot)
        slot.wait = None
    if slot.phase in SIGNALLED:
        hasten_kill(state, slot, timeout)
    elif slot.is_ready:
        send_stop(state, slot, KillReason.STOP, timeout)
    elif slot.run or slot.leftovers.alive:
        end_by(state, slot, None if drain is None else state.now + drain, timeout)
    else:
        settle(state, slot, Phase.OFF)
    leave_rolling(state, slot)


def unwant(state: State, slot: Slot, timeout: Seconds) -> None:
    """No run is to follow; where the signal is out already, earlier runs' leftovers, spared until now, get theirs."""
    if slot.wanted and slot.phase in SIGNALLED and slot.leftovers.alive:
        leavings.signal_leftovers(state, slot, slot.program.policy.stop.signal)
        slot.leftovers.kill_at.update(dict.fromkeys(slot.leftovers.alive, state.now + timeout))
        state.arm_slot(slot)
    slot.wanted = False
    slot.next_start = replace(slot.next_start, at_once=False)
    slot.pause = slot.saved_wait = None
    if slot.run is not None:
        slot.run.planned_at = None


def end_by(state: State, slot: Slot, until: Instant | None, timeout: Seconds) -> None:
    """Drain until `until` at the latest (what was promised earlier holds), then signal; None: no limit is added.

    SIGKILL follows `timeout` seconds after the signal.
    """
    if slot.phase in GONE:
        slot.program.counts.active += 1
    if until is not None and until <= state.now:
        send_stop(state, slot, KillReason.STOP, timeout)
        return
    if slot.phase is not Phase.DRAINING:
        slot.enter(Phase.DRAINING, state.now)
    promised = None if slot.stop is None else slot.stop.drain_until
    times = [time for time in (until, promised) if time is not None]
    slot.stop = StopTimes(timeout, min(times, default=None))
    state.arm_slot(slot)


def drain_for_restart(state: State, slot: Slot, *, now: bool) -> None:
    """Start afresh when the run has ended by itself. A service never would: it gets its own drain, then the signal."""
    policy = slot.program.policy
    slot.wanted = True
    slot.next_start = replace(slot.next_start, at_once=True)
    assert slot.run is not None  # whoever restarts looks for one
    slot.run.planned_at = None  # what a schedule has planned meanwhile is looked at when the run has ended
    if slot.phase in SIGNALLED:
        return
    if now or slot.is_ready:
        send_stop(state, slot, KillReason.STOP, policy.stop.timeout)
    elif slot.program.is_service:
        end_by(state, slot, state.now + policy.stop.drain, policy.stop.timeout)
    else:
        slot.stop = None  # another; a restart waits for as long as the run takes
        if slot.phase is not Phase.DRAINING:
            slot.enter(Phase.DRAINING, state.now)
        state.arm_slot(slot)


def send_stop(state: State, slot: Slot, ours: KillReason, timeout: Seconds) -> None:
    """Signal the run, and, if the slot is to end, what earlier runs left behind; SIGKILL follows after `timeout`."""
    policy = slot.program.policy.stop
    not_ready(slot)
    slot.enter(Phase.STOPPING, state.now)
    if slot.run is not None:
        take_charge(slot.run, ours)
        state.out.append(Signal(slot.name, slot.run.id, policy.signal, policy.scope))
    if not slot.wanted:
        leavings.signal_leftovers(state, slot, policy.signal)
    slot.stop = StopTimes(timeout, None, state.now + timeout)
    state.arm_slot(slot)


def not_ready(slot: Slot) -> None:
    """A process that waits for its message gets a signal instead: no message goes to it."""
    if slot.phase is Phase.READY and slot.program.source is not None:
        slot.program.source.ready.pop(slot, None)


def take_charge(run: Run, ours: KillReason) -> None:
    """The run gets our signal: from now on it has no other limits, and our first reason explains its end."""
    if run.signals.ours is None:
        run.signals = replace(run.signals, ours=ours)
    run.limits, run.planned_at = NO_LIMITS, None


def kill_time(state: State, slot: Slot) -> Instant:
    """When what is signalled now is killed: with what is being stopped already, else after the stop's timeout."""
    promised = None if slot.stop is None else slot.stop.kill_at
    return promised if promised is not None else state.now + timeout_of(slot)


def timeout_of(slot: Slot) -> Seconds:
    """How long after a signal SIGKILL follows: what a stop under way has set, else what the policy says."""
    return slot.program.policy.stop.timeout if slot.stop is None else slot.stop.timeout


def over_memory(state: State, event: OverMemory) -> None:
    """A run takes more memory than it may: signal, stop.timeout, SIGKILL, unless it is on its way out already."""
    slot = state.slots[event.slot]
    run = slot.run
    if run is None or run.id != event.run or slot.phase in SIGNALLED:
        return
    run.signals = replace(run.signals, oom_detail=notices.excess(event.size, event.limit))
    send_stop(state, slot, KillReason.MEMORY, timeout_of(slot))


def kill(state: State, slot: Slot) -> None:
    """SIGKILL to the whole session, and, if the slot is to end, to everything that it left behind."""
    slot.enter(Phase.KILLING, state.now)
    if slot.run is not None:
        take_charge(slot.run, KillReason.STOP)
        state.out.append(Signal(slot.name, slot.run.id, "SIGKILL", Scope.GROUP))
    if not slot.wanted:
        leavings.signal_leftovers(state, slot, "SIGKILL")
        slot.leftovers.kill_at.clear()
    slot.stop = None
    state.arm_slot(slot)


def hasten_kill(state: State, slot: Slot, timeout: Seconds) -> None:
    """A run that has been signalled already is killed no later than the newest stop says."""
    stop = slot.stop
    if stop is not None and stop.kill_at is not None:
        timeout = min(timeout, stop.timeout)
        slot.stop = StopTimes(timeout, None, min(stop.kill_at, state.now + timeout))
        state.arm_slot(slot)


def settle(state: State, slot: Slot, phase: Phase) -> None:
    """Nothing of the slot runs any more: it is off, done or gone. While leftovers remain, its stop goes on."""
    if slot.leftovers.alive and not slot.wanted and phase is Phase.OFF:
        if slot.phase is Phase.RUNNING:
            slot.enter(Phase.DRAINING, state.now)
        state.arm_slot(slot)
        return
    if slot.phase is Phase.OFF:
        return
    program, was_active = slot.program, slot.phase not in GONE
    if was_active:
        program.counts.active -= 1
        program.counts.extras -= slot.extra
    slot.enter(phase, state.now)
    slot.wait = slot.stop = slot.pause = None
    slot.next_start = NO_NEXT
    state.arm_slot(slot)
    leave_rolling(state, slot)
    if slot.leaving:
        state.gone.append(slot)
    if was_active and program.counts.active == program.counts.extras:
        if not slot.extra:
            notices.all_gone(state, program, launch.open_gates(state, program.dependents))
        consider_the_end(state)


def leftovers(state: State, event: Leftovers) -> None:
    """The number of processes that a run left behind has changed."""
    slot = state.slots.get(event.slot)
    if slot is None:  # the slot is gone; the host ends them with minisup itself
        return
    if event.left:
        slot.leftovers.alive[event.run] = event.left
        if slot.phase is Phase.KILLING and not slot.wanted:  # found too late for the kill
            state.out.append(SignalLeftovers(slot.name, event.run, "SIGKILL"))
        notices.leftovers(state, slot)
        return
    slot.leftovers.alive.pop(event.run, None)
    slot.leftovers.kill_at.pop(event.run, None)
    stopping = slot.phase in SIGNALLED or slot.phase is Phase.DRAINING
    if stopping and not slot.run and not slot.leftovers.alive:
        settle(state, slot, Phase.OFF)
    else:
        state.arm_slot(slot)
        leavings.release(state, slot)


# --- services restart one after another -------------------------------------------------------------------------------


def roll(state: State, program: Program) -> None:
    """Restart the next running service of the queue, unless one is still on its way up."""
    while program.rolling.queue and program.rolling.now is None:
        slot = program.rolling.queue.popleft()
        if slot.run and slot.wanted and slot.pause is None and not slot.leaving:
            program.rolling.now = slot
            drain_for_restart(state, slot, now=program.rolling.harsh)


def leave_rolling_queue(slot: Slot) -> None:
    """The slot's turn to be restarted will not come."""
    if slot in slot.program.rolling.queue:
        slot.program.rolling.queue.remove(slot)


def leave_rolling(state: State, slot: Slot) -> None:
    """A slot that is stopped no longer holds up the restart of the others."""
    program = slot.program
    leave_rolling_queue(slot)
    if program.rolling.now is slot:
        program.rolling.now = None
        roll(state, program)


# --- shutdown ---------------------------------------------------------------------------------------------------------


def ask_shutdown(state: State, event: ShutdownAsked) -> None:
    """A request to shut down: the first drains, the second ends the drain, the third kills."""
    shutdown = state.shutdown
    if shutdown is None:
        begin_shutdown(state, code=0, step=2 if event.now else 1, by=event.by)
        return
    if not event.now and state.now - shutdown.asked_at < REPEAT:
        return
    step = max(2, shutdown.step) if event.now else min(KILL_STEP, shutdown.step + 1)
    shutdown.asked_at = state.now
    if step > shutdown.step:
        shutdown.step = step
        notices.shutdown(state, event.by)
        harden(state)


def begin_shutdown(state: State, *, code: int, step: int, by: str) -> None:
    """No new run from now on; every program stops, those that others are `after` later."""
    span = usable(state.shutdown_timeout)
    top = max((program.level for program in state.programs.values()), default=0)
    state.shutdown = Shutdown(state.now, span, code, step, top, state.now + span + LAST_WAIT)
    notices.shutdown(state, by)
    for program in state.programs.values():
        program.rolling.queue.clear()
    for slot in state.slots.values():
        plan = fit(slot.program.policy.stop, span)
        if slot.phase is Phase.WAITING or slot.phase is Phase.READY:
            stop(state, slot, *plan)
        else:
            unwant(state, slot, plan.timeout)
    advance(state)


def advance(state: State) -> None:
    """Begin the stops whose turn has come, kill what is past its level's end, and leave when nothing is left."""
    shutdown = state.shutdown
    assert shutdown is not None
    times = [shutdown.halt_at]
    for program in sorted(state.programs.values(), key=by_level):
        end = level_end(program.level, shutdown.top, shutdown.begun, shutdown.span)
        if not program.stop_begun:
            latest = level_end(program.level - 1, shutdown.top, shutdown.begun, shutdown.span)
            if (
                state.now >= latest
                or program.level == 0
                or not any(other.counts.active for other in program.dependents)
            ):
                begin_stop(state, program, end - state.now)
            else:
                times.append(latest)
        if program.counts.active and state.now >= end:
            kill_all(state, program)
        elif program.counts.active:
            times.append(end)
    if any(program.counts.active for program in state.programs.values()):
        arm_fleet(state, min((time for time in times if time > state.now), default=state.now))
    else:
        halt(state, shutdown)


def by_level(program: Program) -> int:
    """Sort key: those that stop first come first, so that whoever waits for them sees them gone."""
    return program.level


def begin_stop(state: State, program: Program, window: Seconds) -> None:
    """Stop every slot of a program within `window` seconds."""
    program.stop_begun = True
    plan = fit(program.policy.stop, max(0.0, window))
    shutdown = state.shutdown
    drain = 0.0 if shutdown is not None and shutdown.step > 1 else plan.drain
    for slot in program.slots:
        if slot.phase not in GONE or slot.leftovers.alive:
            stop(state, slot, drain, plan.timeout)


def harden(state: State) -> None:
    """The shutdown has gone a step further: end every drain, or kill everything."""
    shutdown = state.shutdown
    assert shutdown is not None
    for program in state.programs.values():
        if shutdown.step >= KILL_STEP:
            program.stop_begun = True
            kill_all(state, program)
        elif program.stop_begun:
            for slot in program.slots:
                if slot.phase is Phase.DRAINING:
                    send_stop(state, slot, KillReason.STOP, timeout_of(slot))
    if shutdown.step >= KILL_STEP:
        shutdown.halt_at = min(shutdown.halt_at, state.now + LAST_WAIT)
    advance(state)


def kill_all(state: State, program: Program) -> None:
    """SIGKILL to whatever of the program is left."""
    for slot in program.slots:
        if slot.phase in GONE and slot.leftovers.alive:
            stop(state, slot, 0.0, 0.0)
        if slot.phase is Phase.KILLING:
            leavings.sweep(state, slot, hurry=True)
        elif slot.phase not in GONE:
            kill(state, slot)


def consider_the_end(state: State) -> None:
    """Nothing runs: go on with the shutdown, or begin one if minisup was to leave when all is done."""
    shutdown = state.shutdown
    programs = state.programs.values()
    active = any(program.counts.active for program in programs)
    if shutdown is not None and (active or not all(program.stop_begun for program in programs)):
        arm_fleet(state, state.now)
    elif shutdown is not None:
        halt(state, shutdown)
    elif state.booted and state.exit_when_done and not any(is_to_do(state, p) for p in programs):
        given_up = any(program.failing.given_up for program in state.programs.values())
        begin_shutdown(state, code=1 if given_up else 0, step=1, by="all is done")


def is_to_do(state: State, program: Program) -> bool:
    """Whether something of it runs or will, by itself or because work arrives."""
    to_come = (program.counts.active > 0 or program.is_dormant()) and not is_hopeless(state, program)
    return program.counts.extras > 0 or to_come


def is_hopeless(state: State, program: Program) -> bool:
    """Whether its first start waits for something that was given up."""
    needed = [state.programs[name] for name in program.policy.after] if program.gated else []
    return any(other.failing.given_up or is_hopeless(state, other) for other in needed)


def halt(state: State, shutdown: Shutdown) -> None:
    """All is over, or the time is."""
    state.halted = True
    left = [(slot.name, slot.run) for slot in state.slots.values() if slot.run is not None]
    notices.shutdown_ended(state, shutdown, left)
    arm_fleet(state, None)
    state.out.append(Halt(shutdown.code))


def fleet_due(state: State) -> None:
    """The shutdown's own timer."""
    shutdown = state.shutdown
    assert shutdown is not None  # nobody else arms this timer
    if state.now >= shutdown.halt_at:
        halt(state, shutdown)
    else:
        advance(state)


def arm_fleet(state: State, due: Instant | None) -> None:
    """The shutdown's one timer."""
    state.arm(FLEET, state.timer, due)
