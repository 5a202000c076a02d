"""From waiting to running: tokens, holds, retries, gates. Nothing here decides that a run should end."""

from dataclasses import replace

from minisup.core.deliveries import Deliveries, Delivery
from minisup.core.life import schedule, settling
from minisup.core.messages import Deliver, HoldFiles, Spawn
from minisup.core.model import Instant, Kind, Outcome, Phase, Reason
from minisup.core.policy.pace import StartRate, boot_offset
from minisup.core.program import Program
from minisup.core.slot import GONE, NO_NEXT, SIGNALLED, Run, RunTimes, Slot, SlotWait
from minisup.core.state import State

RECOVERY_SPREAD = 1.0
"""Seconds over which the slots in backoff start when an outage ends."""


def want(slot: Slot) -> None:
    """The slot is to have runs again: it counts as active."""
    assert slot.phase in GONE
    slot.wanted = True
    slot.gate_pending = False
    slot.program.counts.active += 1


def wait(state: State, slot: Slot, reason: Reason, wake_at: Instant | None, held_for: Outcome | None = None) -> None:
    """The slot waits; with `wake_at` None an event ends the wait. If it is paused, that wait is set aside for later."""
    slot.wait = SlotWait(reason, wake_at, held_for)
    if slot.pause is not None:
        slot.saved_wait = slot.wait
        slot.wait = SlotWait(Reason.PAUSED, None)
    slot.enter(Phase.WAITING, state.now)
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
    if slot.pause is None:
        start_at(state, slot, Reason.SCHEDULE, due)
    else:
        wait(state, slot, Reason.SCHEDULE, due)


def start(state: State, slot: Slot) -> None:
    """The slot's wait is over: start a run, unless an operator, the last run, the rate or the budget say otherwise."""
    program = slot.program
    if slot.pause is not None:
        wait(state, slot, Reason.PACE, state.now)
    elif slot.output:
        wait(state, slot, Reason.OUTPUT, None)
    elif slot.leftovers.kill_at and program.is_service:  # they may hold its port; SIGKILL ends the wait at the latest
        wait(state, slot, Reason.LEFTOVERS, None)
    elif slot.next_start.needs_token and (program.holds.for_token or not program.budget.take(state.now)):
        hold(state, slot)
    else:
        if slot.next_start.needs_token:
            waive_token(slot)
        if program.source is not None:
            take(state, slot, program.source)
        elif program.rate is None or slot.next_start.rate_reserved or is_room(state, slot, program.rate):
            spawn(state, slot)


def waive_token(slot: Slot) -> None:
    """The next start costs no token, or has got one."""
    slot.next_start = replace(slot.next_start, needs_token=False)


def is_room(state: State, slot: Slot, rate: StartRate) -> bool:
    """Whether `max_start_rate` has room for the slot now; if not, it waits until there is."""
    due = rate.book(state.now)
    if due > state.now:
        slot.next_start = replace(slot.next_start, rate_reserved=True)
        wait(state, slot, Reason.PACE, due)
        return False
    return True


def spawn(state: State, slot: Slot, asked_by: str | None = None) -> None:
    """Start a run now, whatever stands against it."""
    slot.enter(Phase.RUNNING, state.now)
    run = take_run(state, slot, asked_by)
    if slot.program.policy.schedule is not None and not slot.extra:
        schedule.begin(state, slot, run, slot.program.policy.schedule)
    message = "" if slot.delivery is None else slot.delivery.message
    state.out.append(Spawn(slot.name, run.id, slot.health.failures, message))


def take_run(state: State, slot: Slot, asked_by: str | None = None) -> Run:
    """The slot has the next run from now on."""
    slot.wait, slot.next_start = None, NO_NEXT
    slot.run = run = Run(state.next_run, state.now, asked_by)
    state.next_run += 1
    return run


def begin_limits(state: State, slot: Slot, run: Run, since: Instant) -> None:
    """The run began at `since`: `max_runtime` and a service's milestones count from then."""
    program, policy = slot.program, slot.program.policy
    run.started = since
    if slot.phase in SIGNALLED or run.warm is not None:  # stopped before it had started; or its message begins it
        return
    expires_at = run.limits.expires_at if policy.max_runtime is None else since + policy.max_runtime
    if program.is_service and not slot.extra:
        program.past.healthy_at = state.now
        run.limits = RunTimes(expires_at, since + policy.min_runtime, since + policy.stable_after)
    elif expires_at is not None:
        run.limits = RunTimes(expires_at)  # any other run keeps `NO_LIMITS`


# --- messages ---------------------------------------------------------------------------------------------------------


def take(state: State, slot: Slot, source: Deliveries) -> None:
    """The slot may start: it gets the message that is kept for it, or one in hand, or waits for one."""
    program = slot.program
    if slot.delivery is not None:
        spawn(state, slot)
    elif source.queue:
        give(state, slot, source.queue.popleft())
    elif program.rate is not None and slot.held_for is None and (due := program.rate.next(state.now)) > state.now:
        wait(state, slot, Reason.PACE, due)
    else:  # a probe keeps what it is held for until its message has come
        source.waiting[slot] = None
        wait(state, slot, Reason.MESSAGE, None, slot.held_for)


def give(state: State, slot: Slot, delivery: Delivery) -> None:
    """The slot's run gets this message: at once, unless `max_start_rate` has no room for another start."""
    program, source = slot.program, slot.program.source
    assert source is not None
    slot.delivery = delivery
    state.in_work[program.name, delivery.message] = slot
    if slot.phase is Phase.READY:
        deliver(state, slot, source)
        return
    source.waiting.pop(slot, None)
    if program.rate is None or is_room(state, slot, program.rate):
        spawn(state, slot)


def deliver(state: State, slot: Slot, source: Deliveries) -> None:
    """The process that has waited for it gets its message: from here on the run counts."""
    run, delivery = slot.run, slot.delivery
    assert run is not None
    assert delivery is not None
    del source.ready[slot]
    run.warm, run.boot = None, state.now - run.started
    slot.enter(Phase.RUNNING, state.now)
    state.out.append(Deliver(slot.name, run.id, delivery.message))
    begin_limits(state, slot, run, state.now)
    state.arm_slot(slot)


# --- hold -------------------------------------------------------------------------------------------------------------


def hold(state: State, slot: Slot) -> None:
    """Wait for a token of the budget, behind those that came before."""
    slot.program.holds.for_token.append(slot)
    wait(state, slot, Reason.HOLD, None)
    state.arm_program(slot.program)


def feed_held(state: State, program: Program) -> None:
    """Let held slots start, as many as there are tokens."""
    while program.holds.for_token and program.budget.take(state.now):
        slot = program.holds.for_token.popleft()
        waive_token(slot)
        start(state, slot)


def block(state: State, slot: Slot, outcome: Outcome) -> None:
    """Wait until the cause of a fatal or unstartable end has gone; slots of a program are tried again in turn."""
    program = slot.program
    if slot.pause is not None:
        wait(state, slot, Reason.HOLD, None, outcome)
        return
    if not program.holds.files_held:
        program.holds.files_held = True
        state.out.append(HoldFiles(program.name, on=True))
    if program.holds.retry_at is None or program.holds.retry_at <= state.now:
        program.holds.retry_at = state.now + program.policy.retry.refill
    program.holds.for_cause.append(slot)
    wait(state, slot, Reason.HOLD, None, outcome)
    state.arm_program(program)


def retry_held(state: State, program: Program) -> None:
    """Let the slot that has been held the longest for a cause try again."""
    if not program.holds.for_cause:
        return
    program.holds.retry_at = state.now + program.policy.retry.refill
    if program.source is not None and program.source.retried():
        return  # the last one that tries still waits for its message
    slot = program.holds.for_cause.popleft()
    waive_token(slot)
    start(state, slot)
    state.arm_program(program)


def release(state: State, program: Program, outcome: Outcome) -> None:
    """The cause has gone: every slot that it held starts."""
    freed = [slot for slot in program.holds.for_cause if slot.held_for is outcome]
    for slot in freed:
        program.holds.for_cause.remove(slot)
        waive_token(slot)
        start(state, slot)
    if program.source is not None:
        program.source.end_retries(outcome)
    unwatch_if_empty(state, program)
    state.arm_program(program)


def unwatch_if_empty(state: State, program: Program) -> None:
    """Nobody is held for a cause any more: no need to look at files."""
    if program.holds.files_held and not program.holds.for_cause:
        program.holds.files_held = False
        if program.source is not None:
            program.source.end_retries()
        state.out.append(HoldFiles(program.name, on=False))


def leave_queues(state: State, slot: Slot) -> None:
    """The slot no longer waits for a token or for a cause to go away."""
    program = slot.program
    if slot.delivery is not None:  # it may have been a probe
        settling.give_back(state, slot)
        unwatch_if_empty(state, program)
    if slot.reason is Reason.MESSAGE and program.source is not None:
        program.source.waiting.pop(slot, None)
        if slot.held_for is not None:
            unwatch_if_empty(state, program)
    if slot.reason is not Reason.HOLD:
        return
    if slot.held_for is None:
        program.holds.for_token.remove(slot)
    else:
        program.holds.for_cause.remove(slot)
        unwatch_if_empty(state, program)
    state.arm_program(program)


def recover(state: State, program: Program) -> None:
    """An outage is over: every count starts again, and slots in backoff start within a second, as tokens allow."""
    waiting = [slot for slot in program.slots if slot.reason is Reason.BACKOFF and slot.phase is Phase.WAITING]
    for slot in program.slots:
        forget_failures(slot)
    for index, slot in enumerate(waiting):
        spread = state.now + RECOVERY_SPREAD * index / len(waiting)
        if slot.wait is not None and slot.wait.wake_at is not None and spread < slot.wait.wake_at:
            slot.wait = slot.wait._replace(wake_at=spread)
            state.arm_slot(slot)


def forget_failures(slot: Slot) -> None:
    """The slot's count of failures starts again."""
    if slot.health.failures:
        slot.health = replace(slot.health, failures=0)


def first_start(state: State, slot: Slot, place: int) -> None:
    """A slot becomes wanted: it waits for what its program is `after`, then for its place among those that join."""
    if slot.run is not None:  # an earlier minisup's: the next one follows it
        slot.wanted = not slot.leaving
        if slot.wanted and slot.program.policy.schedule is not None:
            schedule.plan_around(state, slot, slot.run)
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
    return all(slot.run is not None and slot.run.up for slot in program.staying())


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
