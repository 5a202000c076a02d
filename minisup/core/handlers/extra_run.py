"""One extra run of a program, because an operator asks for it now (`minisup run`).

It has a slot of its own, the first free number from `numprocs` on: one that leaves from birth and is gone with its
last process. It starts whatever pace, idle ladder, backoff, hold, pause, schedule or `after` say, costs no token and
no place in `max_start_rate`, and nothing follows it. It is the operator's run, not the policy's: it is recorded and
counted with the others, and neither its failure nor its success says anything about the program's health.
`max_runtime`, limits, stop and shutdown reach it like any run. A scale-out that wants its number takes it over: from
then on it is that slot's run, and what follows it waits for the schedule, and for what the program is `after`.
"""

from itertools import count

from minisup.core import facts
from minisup.core.life import launch, schedule
from minisup.core.messages import RunAsked
from minisup.core.model import Phase
from minisup.core.slot import Slot
from minisup.core.state import State


def run_asked(state: State, event: RunAsked) -> None:
    """Start it; ignored once minisup shuts down."""
    if state.shutdown is not None:
        return
    program = state.programs[event.program]
    taken = {slot.index for slot in program.slots}
    [slot] = state.add_slots(program, [next(index for index in count(program.numprocs) if index not in taken)])
    slot.extra = True
    program.counts.active += 1
    program.counts.extras += 1
    state.note(facts.ExtraRun(slot.name, state.next_run, event.by))
    launch.spawn(state, slot, event.by)


def take_over(state: State, slot: Slot) -> None:
    """The program has come to have a slot of this number. If it is off, the run may finish and nothing follows it."""
    program = slot.program
    slot.extra, slot.gate_pending = False, True
    program.counts.extras -= 1
    slot.wanted = program.on and slot.phase is Phase.RUNNING  # else a start decides, by its phase
    if program.on and slot.run is not None:
        launch.begin_limits(state, slot, slot.run, slot.run.started)
        if slot.wanted and program.policy.schedule is not None:
            schedule.plan_around(state, slot, slot.run)
        state.arm_slot(slot)
    elif slot.phase is Phase.RUNNING:
        slot.enter(Phase.DRAINING, state.now)
