"""An operator scales a program: how many slots it has, without touching the runs in progress.

A slot whose number is not below `numprocs` is leaving: it drains for as long as its run takes, and is gone when its
last process is. Until then a scale-out keeps it.
"""

from minisup.core.handlers import extra_run, requests
from minisup.core.life import launch, notices, stopping
from minisup.core.messages import Resize, ScaleAsked
from minisup.core.model import Phase
from minisup.core.program import Program
from minisup.core.slot import Pause, Slot
from minisup.core.state import State


def scale_asked(state: State, event: ScaleAsked) -> None:
    """Take leave of the highest slots, or let new ones join; ignored once minisup shuts down."""
    if state.shutdown is not None:
        return
    program = state.programs[event.program]
    limits = program.policy.scale
    if limits is not None:
        event = event._replace(numprocs=min(limits.max, max(limits.min, event.numprocs)))
    notices.scaled(state, program, event)
    scale_to(state, program, event.numprocs, now=event.now)
    if program.scaler is not None:  # that holds for a while, and scaling goes on from it
        program.scaler.by_hand(event.numprocs, state.now)
    notices.state_of(state, program)


def scale_to(state: State, program: Program, numprocs: int, *, now: bool) -> None:
    """From now on the program has so many slots."""
    was, program.on = program.numprocs, is_on(program)
    paused = pause_of(program)
    resize(state, program, numprocs)
    for slot in reversed([slot for slot in program.slots if slot.index >= numprocs and not slot.extra]):
        leave(state, slot, now=now)
    if state.shutdown is None:  # else that was the last of all that was to be done
        join(state, program, was, paused)
        program.paused = None if numprocs or program.scaler is None else paused
        launch.feed_held(state, program)
        state.arm_program(program)
        launch.open_gates(state, program.dependents)


def is_on(program: Program) -> bool:
    """Whether slots that join are wanted: if any that stays is, or was until its task was done."""
    staying = program.staying()
    return any(slot.wanted or slot.phase is Phase.DONE for slot in staying) if staying else program.on


def resize(state: State, program: Program, numprocs: int) -> None:
    """Budget, start rate and the world of new runs follow the number of slots."""
    program.budget.resize(numprocs - program.numprocs, state.now)
    program.numprocs = numprocs
    if program.rate is not None:
        program.rate.allow(numprocs)
    state.out.append(Resize(program.name, numprocs))


def leave(state: State, slot: Slot, *, now: bool) -> None:
    """No run follows the one in progress, which gets as long as it takes; what was promised earlier holds.

    A service would take for ever: it gets its own drain, then the signal, as at a restart.
    """
    policy = slot.program.policy.stop
    patience = policy.drain if slot.program.is_service else None
    was_off = slot.phase is Phase.OFF
    stopping.stop(state, slot, 0.0 if now else patience, policy.timeout)
    if was_off and slot.phase is Phase.OFF:
        state.gone.append(slot)


def pause_of(program: Program) -> Pause | None:
    """Since when and by whom the program is paused as a whole; None: it is not."""
    slot = next((slot for slot in program.slots if slot.wanted), None) if program.is_paused() else None
    return program.paused if slot is None else slot.pause


def join(state: State, program: Program, was: int, paused: Pause | None) -> None:
    """New slots start one after another, as at boot; those that were leaving are kept. All are paused if it was."""
    there = {slot.index: slot for slot in program.slots}
    numbers = range(was, program.numprocs)
    for index in numbers:
        if index in there and there[index].extra:
            extra_run.take_over(state, there[index])
        if program.on and index in there:
            if paused is not None:
                there[index].pause = paused
            requests.bring_back(state, there[index], now=False)
    fresh = state.add_slots(program, [index for index in numbers if index not in there]) if numbers else []
    for place, slot in enumerate(fresh if program.on else ()):
        if paused is not None:
            slot.pause = paused
        launch.first_start(state, slot, place)
