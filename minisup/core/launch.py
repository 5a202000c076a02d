"""From waiting to running: tokens, holds, probes, gates. Nothing here decides that a run should end."""

from minisup.core import schedule
from minisup.core.messages import HoldFiles, Spawn
from minisup.core.model import Instant, Kind, Outcome, Phase, Reason
from minisup.core.pace import StartRate, boot_offset
from minisup.core.program import Program
from minisup.core.slot import GONE, Aside, Slot
from minisup.core.state import State

RECOVERY_SPREAD = 1.0
"""Seconds over which the slots in backoff start when an outage ends."""


def want(slot: Slot) -> None:
    """The slot is to have runs again: it counts as active."""
    assert slot.phase in GONE
    slot.wanted = True
    slot.gate_pending = False
    slot.program.active += 1


def wait(state: State, slot: Slot, reason: Reason, wake_at: Instant | None) -> None:
    """The slot waits; with `wake_at` None an event ends the wait. If it is paused, that wait is set aside for later."""
    if slot.paused_at is not None:
        slot.saved_wait = Aside(reason, wake_at, slot.held_for)
        slot.held_for = None
        reason, wake_at = Reason.PAUSED, None
    slot.enter(Phase.WAITING, state.now)
    slot.reason = reason
    slot.wake_at = wake_at
    state.arm_slot(slot)


def start_at(state: State, slot: Slot, reason: Reason, due: Instant) -> None:
    """Start the slot's next run at `due`, or now if that has passed."""
    if due > state.now:
        wait(state, slot, reason, due)
        return
    slot.enter(Phase.WAITING, state.now)
    start(state, slot)


def begin_anew(state: State, slot: Slot) -> None:
    """Start the slot's first run: now, or when its schedule says."""
    if slot.program.policy.schedule is None:
        slot.plan = None
        start_at(state, slot, Reason.PACE, state.now)
    else:
        schedule.plan_first(state, slot, state.now)
        start_by_schedule(state, slot)


def start_by_schedule(state: State, slot: Slot) -> None:
    """Start the slot's next run when it is planned, or now if that has passed."""
    due = schedule.due(state, slot)
    if slot.paused_at is None:
        start_at(state, slot, Reason.SCHEDULE, due)
    else:
        wait(state, slot, Reason.SCHEDULE, due)


def start(state: State, slot: Slot) -> None:
    """The slot's wait is over: start a run, unless an operator, the last run, the rate or the budget say otherwise."""
    program = slot.program
    if slot.paused_at is not None:
        wait(state, slot, Reason.PACE, state.now)
    elif slot.output:
        wait(state, slot, Reason.OUTPUT, None)
    elif slot.leftover_kill_at and program.is_service:  # they may hold its port; SIGKILL ends the wait at the latest
        wait(state, slot, Reason.LEFTOVERS, None)
    elif slot.needs_token and (program.held or not program.budget.take(state.now)):
        hold(state, slot)
    else:
        slot.needs_token = False
        if program.rate is None or slot.rate_reserved or is_room(state, slot, program.rate):
            spawn(state, slot)


def is_room(state: State, slot: Slot, rate: StartRate) -> bool:
    """Whether `max_start_rate` has room for the slot now; if not, it waits until there is."""
    slot.rate_reserved = True
    due = rate.book(state.now)
    if due > state.now:
        wait(state, slot, Reason.PACE, due)
        return False
    return True


def spawn(state: State, slot: Slot) -> None:
    """Start a run now, whatever stands against it."""
    slot.enter(Phase.RUNNING, state.now)
    slot.reason = slot.held_for = slot.ours = slot.wake_at = None
    slot.needs_token = slot.rate_reserved = slot.restart_pending = False
    slot.run = state.next_run
    slot.started = state.now
    state.next_run += 1
    if slot.program.policy.schedule is not None and not slot.extra:
        schedule.begin(state, slot, slot.program.policy.schedule)
    state.out.append(Spawn(slot.name, slot.run, slot.failures))


def hold(state: State, slot: Slot) -> None:
    """Wait for a token of the budget, behind those that came before."""
    slot.program.held.append(slot)
    slot.held_for = None
    wait(state, slot, Reason.HOLD, None)
    state.arm_program(slot.program)


def feed_held(state: State, program: Program) -> None:
    """Let held slots start, as many as there are tokens."""
    while program.held and program.budget.take(state.now):
        slot = program.held.popleft()
        slot.needs_token = False
        start(state, slot)


def block(state: State, slot: Slot, outcome: Outcome) -> None:
    """Wait until the cause of a fatal or unstartable end has gone; slots of a program are probed in turn."""
    program = slot.program
    slot.held_for = outcome
    if slot.paused_at is not None:
        wait(state, slot, Reason.HOLD, None)
        return
    if not program.watched:
        program.watched = True
        state.out.append(HoldFiles(program.name, on=True))
    if program.probe_at is None or program.probe_at <= state.now:
        program.probe_at = state.now + program.policy.retry.refill
    program.blocked.append(slot)
    wait(state, slot, Reason.HOLD, None)
    state.arm_program(program)


def probe(state: State, program: Program) -> None:
    """Let the slot that has been held the longest for a cause try again."""
    if not program.blocked:
        return
    slot = program.blocked.popleft()
    program.probe_at = state.now + program.policy.retry.refill
    slot.needs_token = False
    start(state, slot)
    state.arm_program(program)


def release(state: State, program: Program, outcome: Outcome) -> None:
    """The cause has gone: every slot that it held starts."""
    freed = [slot for slot in program.blocked if slot.held_for is outcome]
    for slot in freed:
        program.blocked.remove(slot)
        slot.needs_token = False
        start(state, slot)
    unwatch_if_empty(state, program)
    state.arm_program(program)


def unwatch_if_empty(state: State, program: Program) -> None:
    """Nobody is held for a cause any more: no need to look at files."""
    if program.watched and not program.blocked:
        program.watched = False
        state.out.append(HoldFiles(program.name, on=False))


def leave_queues(state: State, slot: Slot) -> None:
    """The slot no longer waits for a token or for a cause to go away."""
    program = slot.program
    if slot.reason is not Reason.HOLD:
        return
    if slot.held_for is None:
        program.held.remove(slot)
    else:
        program.blocked.remove(slot)
        unwatch_if_empty(state, program)
    slot.held_for = None
    state.arm_program(program)


def recover(state: State, program: Program) -> None:
    """An outage is over: every count starts again, and slots in backoff start within a second, as tokens allow."""
    waiting = [slot for slot in program.slots if slot.reason is Reason.BACKOFF and slot.phase is Phase.WAITING]
    for slot in program.slots:
        slot.failures = 0
    for index, slot in enumerate(waiting):
        spread = state.now + RECOVERY_SPREAD * index / len(waiting)
        if slot.wake_at is not None and spread < slot.wake_at:
            slot.wake_at = spread
            state.arm_slot(slot)


def first_start(state: State, slot: Slot, place: int) -> None:
    """A slot becomes wanted: it waits for what its program is `after`, then for its place among those that join."""
    if slot.run:  # an earlier minisup's: the next one follows it
        slot.wanted = not slot.leaving
        if slot.wanted and slot.program.policy.schedule is not None:
            schedule.plan_around(state, slot)
            state.arm_slot(slot)
        return
    want(slot)
    if slot.program.gated:
        wait(state, slot, Reason.AFTER, None)
    else:
        start_staggered(state, slot, place)


def start_staggered(state: State, slot: Slot, place: int) -> None:
    """Start a little later than those before it, so that slots do not poll in step."""
    program = slot.program
    first = state.now + boot_offset(program.policy, place, program.numprocs)
    if program.policy.schedule is None:
        start_at(state, slot, Reason.PACE, first)
    else:
        schedule.plan_first(state, slot, first)
        start_by_schedule(state, slot)


def is_ready(program: Program) -> bool:
    """Whether those that are `after` this program may start: a task has worked, a service is up, in every slot."""
    if program.policy.kind is Kind.TASK:
        return all(slot.worked for slot in program.staying())
    return all(slot.up for slot in program.staying())


def open_gates(state: State, dependents: list[Program]) -> tuple[str, ...]:
    """Start those programs that now have all that they are `after`; returns their names."""
    opened: list[str] = []
    if state.shutdown is not None:
        return ()
    for program in dependents:
        if program.gated and all(is_ready(state.programs[name]) for name in program.policy.after):
            program.gated = False
            opened.append(program.name)
            for slot in program.slots:
                if slot.reason is Reason.AFTER and slot.phase is Phase.WAITING:
                    start_staggered(state, slot, slot.index)
    return tuple(opened)
