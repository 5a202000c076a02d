"""Runs of an earlier minisup: those that go on when this one comes up, and those that ended while none lived.

A run that goes on is the run of its slot. If the slot is wanted, the next run follows it; if not, it is drained without
a limit. If the configuration has no such slot any more, the slot exists for this run alone and goes with it.
"""

from minisup.core import facts
from minisup.core.deliveries import Delivery
from minisup.core.life import launch, notices
from minisup.core.messages import Lost, Record, RunSurvived
from minisup.core.model import Outcome, Phase, Policy
from minisup.core.program import Program
from minisup.core.slot import Run, Slot
from minisup.core.state import State


def survived(state: State, event: RunSurvived) -> None:
    """A run goes on: its slot runs before anything is wanted."""
    slot = state.slots.get(event.slot) or make_room(state, event.slot)
    state.next_run = max(state.next_run, event.run + 1)
    slot.run = run = Run(event.run, event.since)
    run.pid = event.pid
    slot.gate_pending = True
    if event.message:
        slot.delivery = Delivery(event.message, event.receives, None, state.now)
        state.in_work[slot.program.name, event.message] = slot
    slot.program.counts.active += 1
    slot.enter(Phase.RUNNING, state.now)
    launch.begin_limits(state, slot, run, event.since)
    state.arm_slot(slot)
    state.note(facts.Survived(slot.name, event.pid, event.run, slot.leaving))


def lost(state: State, event: Lost) -> None:
    """A run ended, nobody knows when or how: a row without a duration."""
    state.next_run = max(state.next_run, event.run + 1)
    record = Record(event.run, event.slot, event.since, None, Outcome.LOST, None, None, 0.0, None, 0, "")
    state.out.append(record)
    slot = state.slots.get(event.slot)
    if slot is not None:
        slot.last = record
        slot.program.stats.outcomes[Outcome.LOST] += 1


def make_room(state: State, name: str) -> Slot:
    """A slot that the configuration does not have, for as long as its run lasts."""
    of, _, number = name.rpartition(":")
    program = state.programs.get(of)
    if program is None:
        program = state.programs[of] = Program(Policy(name=of, numprocs=0, autostart=False), 0, state.now)
        program.leaving = True
    [slot] = state.add_slots(program, [int(number)])
    return slot


def drain_unwanted(state: State) -> None:
    """What runs and is not among the programs that are brought up may finish; nothing follows it."""
    for slot in state.slots.values():
        if slot.phase is Phase.RUNNING and not slot.wanted:
            slot.enter(Phase.DRAINING, state.now)
            notices.state_of(state, slot.program)
