"""From a queue to a slot: how many messages the source may give, which slot gets one, and who is started ahead of it.

A slot that may start waits for a message (`Reason.MESSAGE`), after everything else that a start waits for: pace,
backoff, a token, what the program is after, the operator. So the source is told (`Credit`) to give as many messages as
there are slots in that wait, or ready, and an outage costs no more receives than it costs launches. While the program
is held for a cause (fatal, unstartable) only the slot that tries again may get one: a retry is one receive.

A message that crosses a smaller credit on its way is kept in hand for the next free slot, unless anything stands
against a start (a failure, a stop, a pause): then it is returned at once. One that is in work already is not delivered
again: the run that has it goes on.
"""

from collections import deque

from minisup.core.deliveries import Deliveries, Delivery
from minisup.core.facts import LeaseLost, SourceFailed, SourceRecovered
from minisup.core.life import launch, settling, stopping
from minisup.core.messages import (
    Credit,
    LeaseExpired,
    MessagesWaiting,
    Received,
    Settlement,
    SourceDown,
    SourceUp,
    Spawn,
)
from minisup.core.model import MessageSource, OnLost, Phase
from minisup.core.policy.outcome import KillReason
from minisup.core.program import Program
from minisup.core.slot import Slot, WarmUp
from minisup.core.state import State


def received(state: State, event: Received) -> None:
    """A message has come: a slot gets it, or it waits in hand, or it goes back."""
    program = state.programs.get(event.program)
    source = None if program is None else program.source
    delivery = Delivery(event.message, max(1, event.receives), event.age, state.now)
    if (event.program, event.message) in state.in_work:
        pass  # its lease had run out: whoever talks to the queue has the new receipt
    elif program is None or source is None:
        settling.send_back(state, event.program, event.message)
    else:
        source.credit = max(0, source.credit - 1)
        program.stats.received += 1
        slot = first(program, source)
        if slot is not None:
            launch.give(state, slot, delivery)
        elif len(source.queue) < most_in_hand(state, program, source):
            state.in_work[program.name, event.message] = None
            source.queue.append(delivery)
        else:
            settling.count(source, Settlement.RETURN)
            settling.send_back(state, program.name, event.message)


def balance(state: State) -> None:
    """At the end of a step: processes that are ready are as many as there are to be, and the source knows the rest."""
    for program in list(state.sourced.values()):
        source = program.source
        assert source is not None
        ahead = 0
        if source.queue or source.policy.prefetch:
            most = most_in_hand(state, program, source)
            ahead = min(most, source.policy.prefetch)
            while len(source.queue) > most:
                settling.count(source, Settlement.RETURN)
                settling.send_back(state, program.name, source.queue.pop().message)
        if source.policy.warm or source.ready:
            warm(state, program, source)
        takers = len(source.retried()) if program.holds.files_held else len(source.waiting) + len(source.ready)
        credit = max(0, takers + ahead - len(source.queue))
        if credit != source.credit:
            told = Credit(program.name, credit)
            if credit < source.credit:  # before what this step returns, so that it does not come back at once
                state.out.insert(0, told)
            else:
                state.out.append(told)
            source.credit = credit


def first(program: Program, source: Deliveries) -> Slot | None:
    """Which slot gets the next message: the one that has been ready longest, else that has waited longest."""
    if program.holds.files_held:
        return next(iter(source.retried()), None)
    return next(iter(source.ready or source.waiting), None)


def most_in_hand(state: State, program: Program, source: Deliveries) -> int:
    """How many messages may be in hand while no slot is free: none while anything stands against a start."""
    if state.shutdown is not None or program.leaving or program.gated:
        return 0
    if program.failing.since is not None or program.holds.files_held:
        return 0
    works = any(slot.wanted and slot.pause is None for slot in program.slots)
    return max(source.policy.prefetch, program.numprocs) if works else 0


def warm(state: State, program: Program, source: Deliveries) -> None:
    """Start processes ahead of their messages, as many as the policy wants and `max_start_rate` has room for."""
    while len(source.ready) > source.policy.warm:
        replace(state, next(iter(source.ready)))
    cold = [slot for slot in source.waiting if slot.held_for or not program.holds.files_held]
    for slot in cold[: source.policy.warm - len(source.ready)]:
        if program.rate is not None:
            if program.rate.next(state.now) > state.now:
                return
            program.rate.book(state.now)
        prepare(state, slot, source)


def prepare(state: State, slot: Slot, source: Deliveries) -> None:
    """Start a process that waits for its message."""
    del source.waiting[slot]
    source.ready[slot] = None
    slot.enter(Phase.READY, state.now)
    held_for = slot.held_for
    run = launch.take_run(state, slot)
    run.warm = WarmUp(state.now + source.policy.warm_age, held_for)
    state.out.append(Spawn(slot.name, run.id, slot.health.failures, ready=True))
    state.arm_slot(slot)


def ready_due(state: State, slot: Slot) -> None:
    """A process that waits for its message may have grown too old: its connections have, too."""
    warm = None if slot.run is None else slot.run.warm
    if slot.phase is Phase.READY and warm is not None and warm.replace_at <= state.now:
        replace(state, slot)


def replace(state: State, slot: Slot) -> None:
    """A process that is ready is too old, or one too many: it ends, and has had no message."""
    stopping.send_stop(state, slot, KillReason.STOP, slot.program.policy.stop.timeout)


def take_over(state: State, program: Program, policy: MessageSource | None) -> None:
    """Another configuration says how the program gets its messages; those in work are not touched."""
    source = program.source
    if policy is not None and source is not None:
        source.policy = policy
    elif policy is not None:
        program.source = Deliveries(policy, program.stats)
        state.sourced[program.name] = program
    else:
        assert source is not None  # else nothing has changed
        leave(state, program, source)


def leave(state: State, program: Program, source: Deliveries) -> None:
    """The program has no source any more: slots that wait for a message start without one."""
    while source.queue:
        settling.send_back(state, program.name, source.queue.pop().message)
    for slot in list(source.ready):
        replace(state, slot)
    program.source = None
    del state.sourced[program.name]
    if source.credit:
        state.out.append(Credit(program.name, 0))
    for slot in source.waiting:
        launch.start(state, slot)


# --- what the source itself says --------------------------------------------------------------------------------------


def lease_expired(state: State, event: LeaseExpired) -> None:
    """Somebody else may have the message by now: that is told, and the run goes on unless the policy says otherwise."""
    slot = state.in_work.get((event.program, event.message))
    if slot is None:
        drop(state, event)
        return
    if slot.delivery is None or slot.delivery.lost:
        return
    slot.delivery = slot.delivery._replace(lost=True)
    source = slot.program.source
    state.note(LeaseLost(slot.name, 0 if slot.run is None else slot.run.id, event.message))
    if source is None:
        return
    source.lost += 1
    source.stats.leases_lost += 1
    if source.policy.on_lost is OnLost.STOP and slot.phase in {Phase.RUNNING, Phase.DRAINING}:
        replace(state, slot)


def drop(state: State, event: LeaseExpired) -> None:
    """A message in hand is somebody else's by now: no run gets it."""
    program = state.programs.get(event.program)
    source = None if program is None else program.source
    if source is not None and state.in_work.pop((event.program, event.message), event) is None:
        source.queue = deque(one for one in source.queue if one.message != event.message)
        source.lost += 1
        source.stats.leases_lost += 1


def source_down(state: State, event: SourceDown) -> None:
    """It does not work: told once, until it does."""
    program = state.programs.get(event.program)
    source = None if program is None else program.source
    if source is None:
        return
    if source.failed_at is None:
        source.failed_at = state.now
        state.note(SourceFailed(event.program, event.error))
    source.error, source.backlog = event.error, None


def source_up(state: State, event: SourceUp) -> None:
    """It works, for the first time or again."""
    program = state.programs.get(event.program)
    source = None if program is None else program.source
    if source is None:
        return
    if source.failed_at is not None:
        state.note(SourceRecovered(event.program, state.now - source.failed_at))
        source.failed_at, source.error = None, ""
    source.up_at, source.max_receives = state.now, event.max_receives


def backlog(state: State, event: MessagesWaiting) -> None:
    """How many messages wait."""
    program = state.programs.get(event.program)
    if program is not None and program.source is not None:
        program.source.backlog = event.waiting
