"""How often a program runs if all is well, and what share of the time that keeps it busy."""

from collections.abc import Iterator
from typing import Final

from minisup.check.phrases import codes, percent, rate, rule, span
from minisup.check.schedule_text import schedule_lines
from minisup.check.stop_text import ending
from minisup.config.schema import ProgramTable
from minisup.config.text.units import format_rate, format_size, write_duration
from minisup.config.text.wording import one_of
from minisup.core.model import Kind, Restart, Seconds
from minisup.core.policy.pace import idle_wait

EXAMPLE: Final[Seconds] = 0.2
"""Seconds that a job takes in the examples."""

_RUNGS: Final = 3


def pace_lines(program: ProgramTable) -> Iterator[tuple[str, str]]:
    """Pace, idle waits and limits, by their labels."""
    yield "pace", "\n".join(_pace(program))
    if program.knows_idle:
        yield "idle", "\n".join(_idle(program))
    limits = "\n".join(_limits(program))
    if limits:
        yield "limits", limits


def _pace(program: ProgramTable) -> Iterator[str]:
    first = "" if program.autostart else "not before `minisup start`; then "
    if program.schedule is not None:
        lines = list(schedule_lines(program, program.schedule))
        yield first + lines[0]
        yield from lines[1:]
    else:
        yield first + _rhythm(program)
    if program.max_start_rate is not None and program.numprocs:
        yield f"all slots together start {format_rate(program.max_start_rate)} at most{_slowed(program)}"
    if program.max_runtime is not None:
        yield f"a run is ended after {span(program.max_runtime)} (max_runtime): {ending(program)}; that is a failure"


def _rhythm(program: ProgramTable) -> str:
    shortest = program.min_runtime
    if program.kind is Kind.SERVICE:
        return f"runs for long; up once it has run for {span(shortest)}; recovered after {span(program.stable_after)}"
    if program.restart is Restart.NEVER:
        return "each slot once"
    if program.kind is Kind.TASK or program.restart is Restart.ON_FAILURE:
        return "each slot until a run has worked"
    if not program.numprocs:
        return "no slots: nothing runs"
    if program.source is not None and not shortest:
        return f"a message starts a run: while messages wait, jobs of {span(EXAMPLE)} are {_unpaced(program)}"
    if not shortest:
        return f"the next run starts at once (min_runtime = 0): jobs of {span(EXAMPLE)} are {_unpaced(program)}"
    said = f"a run every {span(shortest)} a slot at most: {rate(program.numprocs / shortest)}"
    setting = f"(min_runtime = {write_duration(shortest)})"
    if shortest > EXAMPLE:
        return f"{said}. Jobs of {span(EXAMPLE)} keep it {percent(EXAMPLE / shortest)} busy {setting}"
    return f"{said} {setting}"


def _unpaced(program: ProgramTable) -> str:
    return f"{rate(program.numprocs / EXAMPLE)}, 100 % busy while there is work"


def _slowed(program: ProgramTable) -> str:
    """What max_start_rate leaves of the pace."""
    most = program.max_start_rate or 0.0
    if program.kind is not Kind.JOB or program.restart is not Restart.ALWAYS:
        return ""
    free = program.numprocs / max(program.min_runtime, EXAMPLE)
    if most >= free:
        return f": more than jobs of {span(EXAMPLE)} reach"
    return f": jobs of {span(EXAMPLE)} keep it {percent(most * EXAMPLE / program.numprocs)} busy"


def _idle(program: ProgramTable) -> Iterator[str]:
    idle = program.idle
    rungs = dict.fromkeys(idle_wait(idle, streak) for streak in range(1, _RUNGS + 1))
    more = f" ... up to {span(idle.max_wait)}" if idle_wait(idle, _RUNGS) < idle_wait(idle, 10**6) else ""
    ladder = ", ".join(span(rung) for rung in rungs) + more
    yield f"{_recognised(program)} found no work: waits {ladder}; work wakes two slots"
    longest = max(idle_wait(idle, 10**6), program.min_runtime)
    if program.numprocs and longest:
        yield f"a queue that stays empty is asked by {rate(program.numprocs / longest)}"
    if program.min_runtime and program.kind is Kind.JOB:
        yield "these waits pace it: with min_runtime = 0 a backlog would be worked off at full speed"


def _recognised(program: ProgramTable) -> str:
    """The rules by which an idle run is known."""
    idle = program.idle
    rules = [
        f"exit {codes(program.exit.idle)}" if program.exit.idle else "",
        f"a clean exit with a line like {rule('idle.output', idle.output)}" if idle.output is not None else "",
        f"a clean exit without a line like {rule('idle.unless_output', idle.unless_output)}"
        if idle.unless_output is not None
        else "",
        f"a clean exit in under {span(idle.faster_than)}" if idle.faster_than is not None else "",
    ]
    return one_of([rule for rule in rules if rule])


def _limits(program: ProgramTable) -> Iterator[str]:
    limits = program.limits
    if limits is None:
        return
    if limits.memory is not None:
        all_slots = f", {format_size(limits.memory * program.numprocs)} for all slots" if program.numprocs > 1 else ""
        yield f"{format_size(limits.memory)} of memory a run{all_slots}; above it: {ending(program)}; that is a failure"
    files = [] if limits.nofile is None else [f"{limits.nofile} open files a process"]
    nice = [] if limits.nice is None else [f"priority {limits.nice} (nice)"]
    if files or nice:
        yield ", ".join([*files, *nice])
