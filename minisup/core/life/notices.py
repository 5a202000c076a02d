"""Which facts are worth telling, and when: the first of a kind at once, repetitions at 1, 10, 100 or each minute."""

from collections.abc import Collection, Sequence

from minisup.core import facts
from minisup.core.label import budget_label, has_worked, program_state
from minisup.core.messages import ConfigReloaded, Record, ScaleAsked, SignalAsked, WatchedFilesChanged
from minisup.core.model import Instant, Phase, Reason, Seconds
from minisup.core.policy.outcome import KillReason, described
from minisup.core.policy.planned_start import PlannedStart
from minisup.core.program import Program
from minisup.core.slot import Run, Slot
from minisup.core.state import Shutdown, State

EACH: Seconds = 60.0
"""A program that keeps failing is told at least this often."""

LATE: Seconds = 1.0
"""A planned start that is later than this is worth a word."""

MANY_LEFTOVERS = 10
"""More leftovers than this in a slot are a warning."""

TOLD_STATES = frozenset({"stopping", "draining", "off", "done", "holding"})
"""States that an operator hears of at once; a job goes in and out of the others with each run."""

ENDING_STATES = frozenset({"stopping", "draining", "off"})
"""Of these, what an operator brings about who stops it."""

STEPS = {1: "drain", 2: "signal", 3: "kill"}


def cause(record: Record) -> str:
    """Why a run was not healthy, as short as can be: `exit 1`, `SIGSEGV`, `timeout`, with what explains it."""
    return described(record.outcome, record.code, record.signal, record.cause)


def excess(size: int, limit: int) -> str:
    """So much memory of so much: `512 MiB of 256 MiB`."""
    return f"{mebibytes(size)} of {mebibytes(limit)}"


def mebibytes(size: int) -> str:
    """Bytes in MiB, rounded up to a tenth, so that what is above a limit is shown above it."""
    return f"{-(-size * 10 // 2**20) / 10:,.1f}".removesuffix(".0") + " MiB"


def begun(state: State, program: Program) -> None:
    """The first run of a program has started."""
    state.note(facts.ProgramStarted(program.name, len(program.slots)))


def failure(state: State, slot: Slot, record: Record) -> None:
    """An unhealthy end, when it is worth a word."""
    program = slot.program
    since = program.failing.since
    assert since is not None
    if program.failing.tries == 1:
        program.failing.told_at = state.now
        state.note(
            facts.FirstFailure(
                slot.name, record.run, record.outcome, record.code, record.signal,
                record.duration or 0.0, record.cause, next_in(state, slot), "" if slot.pause is None else slot.pause.by,
            )
        )  # fmt: skip
    elif is_round(program.failing.tries) or state.now - program.failing.told_at >= EACH:
        program.failing.told_at = state.now
        holding = budget_label(program, state.now) == "holding"
        state.note(
            facts.StillFailing(
                program.name, state.now - since, program.failing.tries, record.outcome, record.code, record.signal,
                record.cause, holding, program.policy.retry.refill,
            )
        )  # fmt: skip
    state_of(state, program)


def is_round(count: int) -> bool:
    """10, 100, 1000 ..."""
    while count >= 10 and count % 10 == 0:  # noqa: PLR2004  ten is what a decade is
        count //= 10
    return count == 1


def next_in(state: State, slot: Slot) -> Seconds | None:
    """Seconds until something happens in the slot; None: an event decides."""
    due: Instant | None = None if slot.wait is None else slot.wait.wake_at
    if slot.phase is Phase.WAITING and slot.reason is Reason.HOLD:
        due = slot.program.holds.retry_at if slot.held_for else slot.program.budget.next_token(state.now)
    return None if due is None else max(0.0, due - state.now)


def recovered(state: State, program: Program) -> None:
    """A program that was failing is well again."""
    assert program.failing.since is not None
    state.note(facts.Recovered(program.name, state.now - program.failing.since, program.failing.tries))


def state_of(state: State, program: Program) -> None:
    """The program's state, if it is one that is told and has not been. Holding is told once for as long as it fails."""
    if state.shutdown is not None:
        return
    word = program_state(program, state.now)
    if word not in TOLD_STATES:
        if program.told_state != "holding" or program.failing.since is None:
            program.told_state = ""
    elif word != program.told_state:
        program.told_state = word
        state.note(facts.StateChanged(program.name, word, program.stopped_by if word in ENDING_STATES else ""))


def all_gone(state: State, program: Program, frees: tuple[str, ...]) -> None:
    """Nothing of a program runs any more."""
    if has_worked(program) and program.past.begun_at is not None and program.told_state != "done":
        program.told_state = "done"
        state.note(facts.TaskWorked(program.name, state.now - program.past.begun_at, frees))
    else:
        state_of(state, program)


def leftovers(state: State, slot: Slot) -> None:
    """More processes than anybody wants outlive the slot's runs: said once until they are fewer."""
    count = sum(slot.leftovers.alive.values())
    if count > MANY_LEFTOVERS and not slot.leftovers.warned:
        state.note(facts.ManyLeftovers(slot.name, count))
    slot.leftovers.warned = count > MANY_LEFTOVERS


def start_late(state: State, slot: Slot, run: Run, plan: PlannedStart) -> None:
    """A planned start came late: told at the 1st, 10th, 100th in a row."""
    assert plan.delay is not None
    why, plan.why = plan.why or "busy", ""
    if plan.delay < LATE:
        plan.late = 0
        return
    plan.late += 1
    if is_round(plan.late):
        state.note(facts.StartLate(slot.name, run.id, plan.delay, why))


def starts_skipped(state: State, slot: Slot, count: int, why: str) -> None:
    """Planned starts were left out: told at the 1st, 10th, 100th of a run, and how many they were when it has ended."""
    plan = slot.plan
    assert plan is not None
    before, plan.skipped = plan.skipped, plan.skipped + count
    slot.program.stats.skipped += count
    over = not slot.run and plan.skipped > plan.told
    if over or (count and (not before or len(str(before)) < len(str(plan.skipped)))):
        plan.told = plan.skipped
        last = slot.last.run if slot.last is not None and why == "overlap" else 0
        run = last if slot.run is None else slot.run.id
        state.note(facts.StartsSkipped(slot.name, run, plan.skipped, why))


def clock_jumped(state: State, by: Seconds) -> None:
    """The wall clock was set."""
    state.note(facts.ClockJumped(by))


def gave_up(state: State, program: Program, lasted: Seconds) -> None:
    """A program was given up: what ends now ends because of that, whoever has stopped one of its slots before."""
    program.stopped_by = ""
    state.note(facts.GaveUp(program.name, lasted, str(program.policy.retry.give_up)))


def pauses(state: State, program: Program, asked: Collection[Slot], before: Collection[Slot], by: str) -> None:
    """Which of the slots that were asked something are paused now and were not before, and the other way round."""
    own = [slot for slot in asked if slot.program is program]
    begun = [slot for slot in own if slot.pause is not None and slot not in before]
    ended = [slot for slot in own if slot.pause is None and slot in before and slot.wanted]
    if begun:
        left = sum(1 for slot in begun if slot.run)
        state.note(facts.Paused(program.name, names(begun), left, by))
    if ended:
        state.note(facts.Resumed(program.name, names(ended), by))


def scaled(state: State, program: Program, event: ScaleAsked) -> None:
    """A program gets another number of slots; told before any of them acts on it."""
    if program.numprocs != event.numprocs:
        going = [slot for slot in program.slots[event.numprocs :] if not slot.extra]
        left = sum(1 for slot in going if slot.run or slot.leftovers.alive)
        state.note(facts.Scaled(program.name, program.numprocs, event.numprocs, left, event.by))


def extra_ended(state: State, slot: Slot, record: Record, by: str) -> None:
    """A run that an operator has asked for is over."""
    state.note(
        facts.ExtraRunEnded(
            slot.name, record.run, record.outcome, record.code, record.signal, record.duration or 0.0,
            record.cause, by,
        )
    )  # fmt: skip


def reloaded(state: State, event: ConfigReloaded) -> None:
    """Another configuration is about to be taken over."""
    policies = {policy.name: policy for policy in event.policies}
    there = {name: program for name, program in state.programs.items() if not program.leaving}
    changed = [
        name
        for name, program in there.items()
        if name in policies and (program.policy != policies[name] or name in event.remade | event.noted)
    ]
    state.note(
        facts.Reloaded(
            tuple(name for name in policies if name not in there),
            tuple(changed),
            tuple(name for name in there if name not in policies),
            event.by,
        )
    )


def files_changed(state: State, event: WatchedFilesChanged) -> None:
    """Files that a program watches have changed; told before its slots act on it."""
    state.note(facts.FilesChanged(event.program, event.file, event.files))


def signalled(state: State, slots: Sequence[Slot], event: SignalAsked) -> None:
    """An operator's signal went out."""
    for program in dict.fromkeys(slot.program for slot in slots):
        own = [slot for slot in slots if slot.program is program]
        state.note(facts.Signalled(program.name, names(own), event.signal, event.by))


def names(slots: Sequence[Slot]) -> tuple[str, ...]:
    """What the slots are called."""
    return tuple(slot.name for slot in slots)


def shutdown(state: State, by: str) -> None:
    """A step of the shutdown."""
    under_way = state.shutdown
    assert under_way is not None
    left = sum(1 for slot in state.slots.values() if slot.is_working)
    within = max(0.0, under_way.begun + under_way.span - state.now)
    state.note(facts.ShutdownStep(STEPS[under_way.step], left, within, by))


def count_cut(state: State, slot: Slot, run: Run, record: Record) -> None:
    """A run that died by our signal was cut; a service that ended at its stop signal did what services do.

    How a survivor ended cannot be read: once we had signalled it, it counts as cut.
    """
    under_way = state.shutdown
    assert under_way is not None
    if run.warm is not None:
        return  # it had no message: nothing was cut, and nothing was finished
    killed = record.signal == "SIGKILL" or slot.phase is Phase.KILLING
    by_signal = record.signal or record.code is None
    if run.signals.ours is KillReason.STOP and by_signal and (killed or not slot.program.is_service):
        under_way.cut += 1
        slot.program.stats.cut += 1
        state.note(facts.Cut(slot.name, record.run, state.now - record.started))
    else:
        under_way.finished += 1


def shutdown_ended(state: State, under_way: Shutdown, left: Sequence[tuple[str, Run]]) -> None:
    """The last fact."""
    for name, run in left:
        if run.signals.out_of_reach:
            state.note(facts.LeftAlive(name, run.id))
        else:
            under_way.cut += 1
            state.note(facts.Cut(name, run.id, state.now - run.started))
    state.note(facts.ShutdownEnded(under_way.finished, under_way.cut, state.now - under_way.begun))
