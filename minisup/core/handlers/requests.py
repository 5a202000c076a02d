"""What an operator's start, stop, restart, pause and resume mean for a slot, by the phase that it is in."""

from collections.abc import Sequence
from dataclasses import replace

from minisup.core.handlers import pausing
from minisup.core.life import launch, notices, stopping
from minisup.core.messages import Asked, Verb, WatchedFilesChanged
from minisup.core.model import Kind, Phase, Reason
from minisup.core.program import Program, Touched
from minisup.core.request_table import AT_ONCE
from minisup.core.slot import GONE, SIGNALLED, Pause, Slot
from minisup.core.state import State

STARTS_OR_STOPS = frozenset({Verb.START, Verb.STOP, Verb.RESTART})


def asked(state: State, event: Asked) -> None:
    """Carry out a request; ignored once minisup shuts down, and, but for a stop, by slots that leave."""
    if state.shutdown is not None:
        return
    stop = event.verb is Verb.STOP
    slots = [slot for slot in (state.slots[name] for name in event.slots) if stop or not slot.leaving]
    paused = {slot for slot in slots if slot.pause is not None}
    if stop or event.verb is Verb.PAUSE:  # before any is: the end of one's turn begins the next one's
        for slot in slots:
            stopping.leave_rolling_queue(slot)
    note_stop(slots, event)
    for slot in slots:
        carry_out(state, slot, event)
    for program in state.programs.values():
        if program.is_empty() and program.name in event.named:
            ask_empty(state, program, event)
    programs: dict[str, Program] = {slot.program.name: slot.program for slot in slots}
    for program in programs.values():
        if event.verb is Verb.RESTART:
            roll_again(program, slots)
        stopping.roll(state, program)
        if any(
            slot.held_for and slot in paused for slot in program.holds.for_cause
        ):  # its cause may have gone meanwhile
            launch.retry_held(state, program)
        notices.pauses(state, program, slots, paused, event.by)
        notices.state_of(state, program)


def note_stop(slots: Sequence[Slot], event: Asked) -> None:
    """Remember who stops: it is told with what comes of it."""
    if event.verb in STARTS_OR_STOPS:
        for slot in slots:
            slot.program.stopped_by = event.by if event.verb is Verb.STOP else ""


def roll_again(program: Program, slots: Sequence[Slot]) -> None:
    """A fresh run on its way up is older than this restart: its turn comes once more, after all others'."""
    slot = program.rolling.now
    if (
        slot is not None
        and slot in slots
        and slot.run
        and not slot.next_start.at_once
        and slot not in program.rolling.queue
    ):
        program.rolling.queue.append(slot)


def ask_empty(state: State, program: Program, event: Asked) -> None:
    """The program scales itself and is to have no slots: the request decides whether work brings it back."""
    match event.verb:
        case Verb.PAUSE:
            program.paused = program.paused or (Pause(state.now, event.by) if program.on else None)
        case Verb.RESUME:
            program.paused = None
        case _:
            program.on, program.paused = event.verb != Verb.STOP, None
    stopping.consider_the_end(state)


def files_changed(state: State, event: WatchedFilesChanged) -> None:
    """What a program watches has changed: its runs make room for fresh ones, as a restart has it."""
    program = state.programs.get(event.program)  # None: a reload took it away meanwhile
    if program is None or state.shutdown is not None or program.policy.schedule is not None:
        return  # a schedule alone says when its runs start, and each of them has the new files anyway
    heard = [slot for slot in program.staying() if hears_of_files(slot)]
    if not heard:
        return
    program.past.touched = Touched(event.file, event.files, state.now)
    notices.files_changed(state, event)
    asked(state, Asked(Verb.RESTART, notices.names(heard), named=frozenset({program.name})))


def hears_of_files(slot: Slot) -> bool:
    """Whether a restart with nothing named changes anything in the slot."""
    if slot.phase is Phase.WAITING:
        return slot.reason in AT_ONCE
    return slot.pause is None and slot.phase is not Phase.OFF and (slot.wanted or slot.phase is Phase.DONE)


def carry_out(state: State, slot: Slot, event: Asked) -> None:
    """What is asked of one slot: a pair of the table in `request_table.py`."""
    match event.verb:
        case Verb.START:
            start(state, slot, now=event.now)
        case Verb.STOP:
            policy = slot.program.policy.stop
            stopping.stop(state, slot, 0.0 if event.now else policy.drain, policy.timeout)
        case Verb.RESTART:
            named = slot.name in event.named or slot.program.name in event.named
            restart(state, slot, now=event.now, named=named)
        case Verb.PAUSE:
            pausing.pause(state, slot, event.by, now=event.now)
        case _:
            resume(state, slot, now=event.now)


def start(state: State, slot: Slot, *, now: bool) -> None:
    """Off and done become wanted and start; a drain is cancelled; what is being stopped starts after its end."""
    if slot.pause is not None:
        resume(state, slot, now=now)
    else:
        bring_back(state, slot, now=now)


def bring_back(state: State, slot: Slot, *, now: bool) -> None:
    """As `start`, but a pause stays: the slot is to have runs again, by its phase."""
    if slot.phase in GONE:
        revive(state, slot, now=now, by_schedule=not now)
    elif slot.phase is Phase.WAITING:
        if now and slot.reason is not Reason.MESSAGE:
            start_waiting(state, slot)
    elif slot.phase is Phase.DRAINING:
        pausing.cancel_drain(state, slot)
    elif slot.phase in SIGNALLED:
        start_after_end(state, slot)


def resume(state: State, slot: Slot, *, now: bool) -> None:
    """A pause is over; with `now` so is the wait that it interrupted."""
    if slot.pause is None:
        return
    pausing.resume(state, slot)
    if now and slot.phase is Phase.WAITING:
        start_waiting(state, slot)


def revive(state: State, slot: Slot, *, now: bool, by_schedule: bool) -> None:
    """A slot that was off or done starts with a clean sheet: at once, unless its schedule is to say when."""
    program = slot.program
    if program.counts.active == program.counts.extras:
        program.begin_again()
        if program.policy.kind is Kind.TASK:
            program.past.begun_at = None  # it is done once more, and that takes as long as it takes from now
    pausing.grant_time(state, program)
    slot.health = replace(slot.health, healthy=None, failures=0)
    launch.want(slot)
    if program.gated and not now:
        launch.wait(state, slot, Reason.AFTER, None)
    else:
        launch.begin_anew(state, slot)
        if not by_schedule and slot.reason is Reason.SCHEDULE and slot.phase is Phase.WAITING:
            launch.start_at(state, slot, Reason.PACE, state.now)


def start_waiting(state: State, slot: Slot) -> None:
    """End a wait, whatever it is for, without a token."""
    launch.leave_queues(state, slot)
    launch.waive_token(slot)
    launch.start_at(state, slot, Reason.PACE, state.now)


def start_after_end(state: State, slot: Slot) -> None:
    """The signal is out: the next run starts when this one has ended."""
    slot.wanted = True
    slot.next_start = replace(slot.next_start, at_once=True)
    if slot.run is not None:
        return
    kill_at = None if slot.stop is None else slot.stop.kill_at
    for run in slot.leftovers.alive:  # they go on being stopped, but hold up nothing but a service
        slot.leftovers.kill_at[run] = kill_at if kill_at is not None else state.now
    slot.stop = None
    launch.start_at(state, slot, Reason.PACE, state.now)


def restart(state: State, slot: Slot, *, now: bool, named: bool) -> None:
    """A fresh run, when the one in progress has ended by itself, or at once where none is. What is paused stays so."""
    if slot.pause is not None:
        return
    if slot.phase is Phase.WAITING:
        if slot.reason in AT_ONCE:
            launch.forget_failures(slot)
            start_waiting(state, slot)
    elif slot.phase in GONE:
        if named:
            revive(state, slot, now=False, by_schedule=False)
    elif slot.wanted or named:
        restart_running(state, slot, now=now)


def restart_running(state: State, slot: Slot, *, now: bool) -> None:
    """Jobs and tasks drain all at once; running services take turns."""
    program = slot.program
    if slot.phase in SIGNALLED:
        start_after_end(state, slot)
    elif not slot.run:
        pausing.cancel_drain(state, slot)
    elif program.is_service:
        if slot not in program.rolling.queue and slot is not program.rolling.now:
            program.rolling.queue.append(slot)
        slot.wanted = True
        program.rolling.harsh = now
    else:
        stopping.drain_for_restart(state, slot, now=now)
