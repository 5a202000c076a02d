"""Another configuration: programs join, change and go, and no run in progress is touched.

Policies count at once, except for what a run got when it started (`max_runtime`). A program that is gone drains for as
long as its runs take, as a scale-in does, and is forgotten with its last slot; one that comes back before keeps it.
What the operator has decided stays: what is off or paused remains so, and so does a scale unless the file's number of
slots is another one. A program of which another kind is wanted stays as it is until minisup begins anew.
"""

from dataclasses import replace

from minisup.core.handlers import autoscale_control, clock_changes, requests, resizing
from minisup.core.life import launch, notices, receiving, stopping
from minisup.core.messages import ConfigReloaded
from minisup.core.model import GiveUp, Policy
from minisup.core.policy.outcome import code_table, final_outcomes
from minisup.core.policy.pace import StartRate
from minisup.core.policy.shutdown import levels
from minisup.core.program import Program
from minisup.core.state import State


def reloaded(state: State, event: ConfigReloaded) -> None:
    """Take over the policies of another configuration; ignored once minisup shuts down."""
    if state.shutdown is not None:
        return
    notices.reloaded(state, event)
    state.shutdown_timeout = event.shutdown_timeout
    fresh = [policy.name for policy in event.policies if policy.name not in state.programs]
    wanted = {policy.name: take_over(state, policy) for policy in event.policies}
    for name, program in state.programs.items():
        if name not in wanted:  # no run follows those in progress; the last slot takes the program with it
            program.leaving = True
            program.gated = False  # what it waited for may be gone, too
            wanted[name] = 0
    relink(state, event.policies)
    for name in fresh:
        begin(state, state.programs[name])
    for name, numprocs in wanted.items():
        resize(state, state.programs[name], numprocs)
    for program in list(state.programs.values()):
        refresh(state, program, remade=program.name in event.remade)
    launch.open_gates(state, list(state.programs.values()))
    stopping.consider_the_end(state)


def take_over(state: State, policy: Policy) -> int:
    """The program has this policy from now on, or is a new one; returns how many slots it is to have."""
    program = state.programs.get(policy.name)
    if program is None:
        state.add_program(policy)
        return policy.numprocs
    came_back, old = program.leaving, program.policy
    if policy.kind is not old.kind:  # all of it or nothing: exit codes, stop and pace belong to a kind
        policy = replace(old, after=policy.after)
    change(state, program, policy)
    return autoscale_control.numprocs_after(program, policy, old, came_back)


def change(state: State, program: Program, policy: Policy) -> None:
    """Another policy for a program, of the same kind."""
    old = program.policy
    program.leaving = False
    program.policy = policy
    program.codes, program.final = code_table(policy.exit), final_outcomes(policy)
    program.budget.retune(policy.retry, program.numprocs, state.now)
    if policy.scale != old.scale:
        autoscale_control.take_over(program, policy, state.now)
    elif program.scaler is not None:
        program.scaler.wake(state.now)  # the host has begun anew
    if policy.max_start_rate != old.max_start_rate:
        program.rate = StartRate(policy.max_start_rate, program.numprocs) if policy.max_start_rate else None
    if program.failing.since is not None and policy.retry != old.retry:
        plan_giving_up(program)
    if policy.source != old.source:
        receiving.take_over(state, program, policy.source)
    if policy.schedule != old.schedule:
        clock_changes.reschedule(state, program)


def begin(state: State, program: Program) -> None:
    """A new program starts as at boot, if it starts by itself."""
    program.on = program.policy.autostart
    for slot in program.slots if program.on else ():
        launch.first_start(state, slot, slot.index)


def resize(state: State, program: Program, numprocs: int) -> None:
    """Slots join or leave; a program on its way out without any is gone."""
    if numprocs != program.numprocs:
        resizing.scale_to(state, program, numprocs, now=False)
    if program.leaving and not program.slots:
        state.forget(program)


def plan_giving_up(program: Program) -> None:
    """When a program that is failing is given up by its new policy."""
    retry, since = program.policy.retry, program.failing.since
    never = retry.give_up is GiveUp.NEVER or since is None or program.failing.given_up
    program.failing.give_up_at = None if never or since is None else since + retry.give_up_after


def relink(state: State, policies: tuple[Policy, ...]) -> None:
    """Who is `after` whom, in the order of the new configuration; programs on their way out come last."""
    order = dict.fromkeys([*(policy.name for policy in policies), *state.programs])
    state.programs = {name: state.programs[name] for name in order}
    state.slots = {slot.name: slot for program in state.programs.values() for slot in program.slots}
    level = levels([program.policy for program in state.programs.values()])
    for program in state.programs.values():
        program.level = level[program.name]
        program.dependents = []
    for program in state.programs.values():
        for name in program.policy.after if not program.leaving else ():
            state.programs[name].dependents.append(program)


def refresh(state: State, program: Program, *, remade: bool) -> None:
    """What the new policy lets happen at once: held slots start or try again, a service gets its new runs."""
    launch.feed_held(state, program)
    launch.retry_held(state, program)
    if remade and program.is_service and not program.leaving:
        for slot in program.staying():
            if slot.run and slot.wanted:
                requests.restart_running(state, slot, now=False)
        stopping.roll(state, program)
    if remade and program.source is not None:
        for slot in list(program.source.ready):
            receiving.replace(state, slot)
    state.arm_program(program)
    notices.state_of(state, program)
