"""A program that scales itself: when it is looked at, and what becomes of the answer.

Slots join as with `minisup scale`, and leave by attrition: a slot is not refilled after its own exit. While the program
is off, paused, waits for others or shuts down, nothing is scaled; while its retry budget is degraded or holding, no
slot joins.
"""

from minisup.core import facts
from minisup.core.handlers.resizing import is_on, scale_to
from minisup.core.label import budget_label
from minisup.core.life import notices
from minisup.core.messages import Measure, Measured
from minisup.core.model import Instant, Policy, Scale
from minisup.core.policy.autoscale import Autoscaler, Decision
from minisup.core.program import Program
from minisup.core.state import State


def begin(state: State) -> None:
    """Minisup is ready: look at once."""
    for program in state.programs.values():
        state.arm_program(program)


def tick(state: State, program: Program, scaler: Autoscaler) -> None:
    """It is time to look: ask the probe, or decide without one."""
    scaler.next_at = state.now + scaler.scale.every
    if not is_scaling(state, program):
        scaler.wake(state.now)
        return
    scaler.look(state.now)
    if not scaler.scale.probed:
        carry_out(state, program, scaler, scaler.by_idleness(program.numprocs, state.now))
        return
    if scaler.failed_at is not None:
        carry_out(state, program, scaler, scaler.by_staleness(program.numprocs, state.now))
    if not scaler.asked:
        scaler.asked = True
        state.out.append(Measure(program.name))


def measured(state: State, event: Measured) -> None:
    """The probe has answered, or failed to. Ignored when nobody waits for that any more."""
    program = state.programs.get(event.program)
    scaler = None if program is None else program.scaler
    if program is None or scaler is None or not scaler.asked:
        return
    scaler.asked = False
    if not is_scaling(state, program):
        return
    if event.visible is None:
        if scaler.failed(event.error, state.now):
            state.note(facts.ProbeFailed(program.name, event.error, program.numprocs))
        return
    if scaler.failed_at is not None:
        state.note(facts.ProbeAnswered(program.name, state.now - scaler.failed_at, event.visible))
    scaler.answered(event.visible, program.numprocs, state.now)
    carry_out(state, program, scaler, scaler.by_backlog(program.numprocs, starts(program), state.now))


def carry_out(state: State, program: Program, scaler: Autoscaler, decision: Decision) -> None:
    """Let slots join or leave, unless that is not the time for more."""
    was = program.numprocs
    more = decision.numprocs > was
    if decision.numprocs == was or (more and budget_label(program, state.now) != "ok"):
        return
    scaler.last, scaler.last_at, scaler.was = decision, state.now, was
    state.note(autoscaled(program, scaler, decision))
    if not was:
        program.past.healthy_at = state.now  # it has had nothing to prove since its last slot left
    scale_to(state, program, decision.numprocs, now=False)
    notices.state_of(state, program)


def autoscaled(program: Program, scaler: Autoscaler, decision: Decision) -> facts.Autoscaled:
    """A decision as a fact."""
    numprocs, reason, visible, each, busy, runs, idle, stale = decision
    target = scaler.scale.target_wait
    return facts.Autoscaled(
        program.name, scaler.was, numprocs, reason, visible, each, target, round(busy, 2), runs, idle, stale
    )


def is_scaling(state: State, program: Program) -> bool:
    """Whether the number of slots is ours to change now."""
    if program.leaving or program.gated or program.failing.given_up or state.shutdown is not None or not state.booted:
        return False
    return is_on(program) and not program.is_paused()


def starts(program: Program) -> list[Instant]:
    """When each run in progress began."""
    return [slot.run.started for slot in program.slots if slot.run and not slot.is_ready]


def take_over(program: Program, policy: Policy, now: Instant) -> None:
    """Another configuration says how the program scales itself; what was learned of its work stays."""
    old, new = program.scaler, policy.scale
    if new is None:
        program.scaler = None
    elif old is None:
        program.scaler = Autoscaler(new, now)
    else:
        old.scale = new
        old.wake(now)
        old.next_at = now
        old.by_hand(within(new, program.numprocs), now)


def within(scale: Scale, numprocs: int) -> int:
    """The number of slots that comes nearest and is allowed."""
    return min(scale.max, max(scale.min, numprocs))


def numprocs_after(program: Program, policy: Policy, old: Policy, came_back: bool) -> int:
    """How many slots a program has under another policy: what it has been scaled to, as far as the file allows."""
    if policy.scale is not None and not came_back:
        return within(policy.scale, program.numprocs)
    if came_back or policy.numprocs != old.numprocs or policy.scale != old.scale:
        return policy.numprocs
    return program.numprocs
