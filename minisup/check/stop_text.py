"""How a program ends, second by second: by `stop`, by `restart`, and at shutdown beside all others."""

from collections.abc import Iterator
from typing import NamedTuple

from minisup.check.phrases import short, span
from minisup.config.schema import Config, ProgramTable
from minisup.config.text.wording import named
from minisup.core.model import Kind, Restart, Scope, Seconds
from minisup.core.policy.shutdown import fit, level_end, levels, usable


class ShutdownPlan(NamedTuple):
    """A program's part of a shutdown: its level (0 stops first), when its stop begins at the latest, and the rest.

    `first` are the programs that are `after` it, and so stop before it.
    """

    level: int
    begin: Seconds
    drain: Seconds
    timeout: Seconds
    first: tuple[str, ...] = ()


def shutdown_plans(config: Config) -> dict[str, ShutdownPlan]:
    """How the time until the platform's SIGKILL is divided among the programs."""
    level = levels(program.policy() for program in config.programs.values())
    length, top = usable(config.supervisor.shutdown_timeout), max(level.values(), default=0)
    first: dict[str, dict[str, None]] = {name: {} for name in config.programs}
    for name, program in config.programs.items():
        for other in program.after:
            first[other][name] = None
    plans: dict[str, ShutdownPlan] = {}
    for name, program in config.programs.items():
        begin = level_end(level[name] - 1, top, 0.0, length) if level[name] else 0.0
        cut = fit(program.stop, level_end(level[name], top, 0.0, length) - begin)
        plans[name] = ShutdownPlan(level[name], begin, cut.drain, cut.timeout, tuple(first[name]))
    return plans


def stop_lines(program: ProgramTable, plan: ShutdownPlan, config: Config) -> Iterator[tuple[str, str]]:
    """What each way to stop does, by its label."""
    stop = program.stop
    yield "stop", f"{_course(program, stop.drain, stop.timeout)}: over after {span(stop.drain + stop.timeout)} at most"
    yield "restart", _restart(program)
    limit = config.supervisor.shutdown_timeout
    wait = f"after {named(plan.first)}, at the latest at {span(plan.begin)}: " if plan.begin else ""
    end = f"over after {span(plan.begin + plan.drain + plan.timeout)} of {span(limit)}"
    yield "shutdown", f"{wait}{_course(program, plan.drain, plan.timeout)}: {end}"


def ending(program: ProgramTable) -> str:
    """The signal, the time, the kill: how a run is ended that may not go on."""
    return _course(program, 0.0, program.stop.timeout)


def _course(program: ProgramTable, drain: Seconds, timeout: Seconds) -> str:
    whom = "" if program.stop.scope is Scope.GROUP else " to its first process"
    quiet = f"{span(drain)} without a signal, " if drain else ""
    return f"{quiet}{short(program.stop.signal)}{whom}, {span(timeout)}, KILL"


def _restart(program: ProgramTable) -> str:
    if program.kind is Kind.SERVICE:
        each = "one slot after another: " if program.numprocs > 1 else ""
        then = f", the next when that has been up for {span(program.min_runtime)}" if program.numprocs > 1 else ""
        return f"{each}{_course(program, program.stop.drain, program.stop.timeout)}, then the new run{then}"
    again = (
        "; what is done runs again if named"
        if program.kind is Kind.TASK or program.restart is not Restart.ALWAYS
        else ""
    )
    limit = "" if program.max_runtime is None else f", or after {span(program.max_runtime)} (max_runtime)"
    return f"no signal: each slot when its run has ended by itself{limit}, then at once{again}"
