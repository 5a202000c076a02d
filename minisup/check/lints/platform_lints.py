"""Whether a stop has the time that it was promised, and the memory there is: the platform, systemd, the cgroup."""

from collections.abc import Iterator
from math import ceil
from typing import Final

from minisup.check.lints.subject import Found, Subject
from minisup.check.phrases import span
from minisup.check.stop_text import ShutdownPlan
from minisup.config.keys.log_tables import LogStderr, LogTo
from minisup.config.keys.supervisor_table import Platform
from minisup.config.schema import ProgramTable
from minisup.config.text.units import format_size, write_duration
from minisup.core.model import Seconds, Stop
from minisup.core.policy.shutdown import LEVEL, usable

OWN_FILES: Final = 120
"""Descriptors that minisup needs beside those of its runs: 64 clients, the history, starts under way, /proc."""

ECS_MOST: Final[Seconds] = 120.0
"""The highest `stopTimeout` of a task on Fargate."""


def drain_is_cut(subject: Subject) -> Iterator[Found]:
    """At shutdown a run gets less time than its program's drain promises. A default is nobody's promise."""
    limit = write_duration(subject.config.supervisor.shutdown_timeout)
    for name, program in subject.programs():
        plan, drain = subject.plans[name], write_duration(program.stop.drain)
        longest = _longest(program)
        if not _promise_is_cut(program, plan):
            continue
        message = (
            f"stop.drain {drain} does not fit into shutdown_timeout {limit}: a run longer than {span(plan.drain)} is"
        )
        fix = _more_time(subject, longest + program.stop.timeout, "stop.drain", program.stop.timeout)
        yield Found(f"{message} cut at shutdown", fix, name, "stop.drain")


def runs_are_cut(subject: Subject) -> Iterator[Found]:
    """Runs have taken longer than a shutdown leaves them, although `stop` would let them finish."""
    limit = write_duration(subject.config.supervisor.shutdown_timeout)
    for name, program in subject.programs():
        plan, usual = subject.plans[name], subject.around.often(name)
        if usual is None or plan.begin or _promise_is_cut(program, plan) or usual.p95 <= plan.drain:
            continue
        message = (
            f"one run in 20 takes more than {span(usual.p95)} (of the last {usual.runs:,}), and with shutdown_timeout "
            f"{limit} one longer than {span(plan.drain)} is cut at shutdown"
        )
        needed = min(usual.p95, _longest(program))
        if needed > plan.drain:
            fix = _more_time(subject, needed + program.stop.timeout, "stop.drain", program.stop.timeout)
            yield Found(message, fix, name, "stop.drain")


def fargate_waits_no_longer(subject: Subject) -> Iterator[Found]:
    """The shutdown counts on more time than ECS can give."""
    supervisor = subject.config.supervisor
    if supervisor.platform is not Platform.ECS or supervisor.shutdown_timeout <= ECS_MOST:
        return
    limit = write_duration(supervisor.shutdown_timeout)
    message = f"shutdown_timeout {limit} is more than ECS waits: on Fargate SIGKILL comes after {span(ECS_MOST)}"
    fix = f'shutdown_timeout = "120s" and stopTimeout 120, with runs that end within {span(usable(ECS_MOST))}'
    yield Found(message, fix, key="shutdown_timeout")


def timeout_is_cut(subject: Subject) -> Iterator[Found]:
    """At shutdown a run that was signalled gets SIGKILL earlier than its program's timeout promises.

    The default is nobody's promise, and where the drain is cut too, that warning has the fix for both.
    """
    limit = write_duration(subject.config.supervisor.shutdown_timeout)
    for name, program in subject.programs():
        plan, timeout = subject.plans[name], program.stop.timeout
        if timeout <= max(plan.timeout, Stop().timeout) or plan.begin or _promise_is_cut(program, plan):
            continue
        message = (
            f"stop.timeout {write_duration(timeout)} does not fit into shutdown_timeout {limit}: "
            f"at shutdown SIGKILL comes {span(plan.timeout)} after SIG{program.stop.signal.removeprefix('SIG')}"
        )
        drain = _longest(program) if program.wrote_drain else min(_longest(program), timeout)
        yield Found(message, _more_time(subject, drain + timeout, "stop.timeout", drain), name, "stop.timeout")


def systemd_signals_jobs(subject: Subject) -> Iterator[Found]:
    """The unit lets systemd signal every process itself, or nobody."""
    unit = subject.around.unit
    if unit is None or unit.kill_mode == "mixed":
        return
    what = {
        "control-group": "systemd sends SIGTERM to every job when it stops minisup, and nothing drains",
        "process": "what minisup could not end in time outlives it",
        "none": "systemd ends nothing, and what hangs stays for ever",
    }.get(unit.kill_mode, "systemd does not know it")
    yield Found(f"KillMode={unit.kill_mode}: {what}", "KillMode=mixed", key="KillMode", unit=unit.name)


def systemd_is_impatient(subject: Subject) -> Iterator[Found]:
    """The unit kills before the shutdown's own deadline."""
    unit, limit = subject.around.unit, subject.config.supervisor.shutdown_timeout
    if unit is None or unit.stop_timeout is None or unit.stop_timeout >= limit:
        return
    message = f"TimeoutStopSec={unit.stop_timeout:g} is less than shutdown_timeout {write_duration(limit)}"
    fix = f"TimeoutStopSec={limit:g}"
    yield Found(f"{message}: systemd may kill everything before", fix, key="TimeoutStopSec", unit=unit.name)


def systemd_stops_all_for_one(subject: Subject) -> Iterator[Found]:
    """The unit is stopped when the kernel kills one job for its memory."""
    unit = subject.around.unit
    if unit is None or unit.oom_policy == "continue":
        return
    message = f"OOMPolicy={unit.oom_policy}: when the kernel kills one job for its memory, systemd stops all of them"
    yield Found(message, "OOMPolicy=continue", key="OOMPolicy", unit=unit.name)


def memory_is_promised_twice(subject: Subject) -> Iterator[Found]:
    """All slots together may use more memory than the cgroup has: the kernel kills one before minisup does."""
    limit = subject.around.memory
    needs = {name: _most_processes(program) * _memory(subject, program) for name, program in subject.programs()}
    if limit is None or sum(needs.values()) <= limit:
        return
    name = max(needs, key=needs.__getitem__)
    program, one = subject.config.programs[name], _memory(subject, subject.config.programs[name])
    source = "limits.memory" if program.limits and program.limits.memory else "the most that a run has used"
    own = f"{_most_processes(program)} slots of {format_size(one)} ({source})"
    others = sum(needs.values()) - needs[name]
    more = f" and {format_size(others)} for the other programs" if others else ""
    message = f"{own}{more} are {format_size(sum(needs.values()))}, and the cgroup has {format_size(limit)}"
    fits = max(0, limit - others) // one
    key = "scale.max" if program.scale else "numprocs"
    fix = f"{key} = {fits}" if fits else "less limits.memory, fewer slots"
    yield Found(message, f"{fix}, or a container with {ceil(sum(needs.values()) / 2**20)} MiB", name, key)


def files_are_few(subject: Subject) -> Iterator[Found]:
    """All slots together may need more descriptors than minisup may have: the last ones cannot start."""
    limit = subject.around.files
    needs = {name: _most_processes(program) * _pipes(program) for name, program in subject.programs()}
    paths = {path for _, program in subject.programs() for path in _log_files(program)}
    need = OWN_FILES + len(paths) + sum(needs.values())
    if limit is None or need <= limit:
        return
    name = max(needs, key=needs.__getitem__)
    program = subject.config.programs[name]
    message = (
        f"{_most_processes(program)} slots need {needs[name]} open files for what they print, all together {need}, and "
        f"minisup may have {limit}: some runs cannot start"
    )
    fix = f"a hard limit of {need} where minisup is started (ulimit -Hn, docker run --ulimit nofile=, LimitNOFILE=)"
    yield Found(message, fix, name, "scale.max" if program.scale else "numprocs")


def _pipes(program: ProgramTable) -> int:
    """How many of its pipes minisup reads while a run of the program goes on."""
    if program.log.to is LogTo.INHERIT:
        return 0
    return 1 if program.log.stderr is LogStderr.JOIN else 2


def _log_files(program: ProgramTable) -> Iterator[str]:
    """The files that its slots write to."""
    most = _most_processes(program)
    for slot in range(most):
        yield from (path for path in program.log_paths(slot, most) if path is not None)


def _memory(subject: Subject, program: ProgramTable) -> int:
    """The most that a run may use; 0: nobody knows."""
    if program.limits and program.limits.memory:
        return program.limits.memory
    usual = subject.around.often(program.name)
    return usual.memory if usual else 0


def _most_processes(program: ProgramTable) -> int:
    return program.scale.max if program.scale else program.numprocs


def _promise_is_cut(program: ProgramTable, plan: ShutdownPlan) -> bool:
    """Whether the drain that somebody has written is cut. Who stops later has the time that the others leave."""
    return program.wrote_drain and not plan.begin and _longest(program) > plan.drain


def _longest(program: ProgramTable) -> Seconds:
    """How long a run may go on without a signal."""
    return min(program.stop.drain, program.max_runtime or program.stop.drain)


def _more_time(subject: Subject, seconds: Seconds, key: str, other: Seconds) -> str:
    """The shutdown_timeout that gives a program so many seconds; or, where there is no more, what `key` can be.

    `other`: what the other part of its stop takes of them.
    """
    platform = subject.config.supervisor.platform
    later = max(plan.level for plan in subject.plans.values()) * LEVEL
    need = whole_timeout(seconds + later)
    if platform is Platform.ECS and need > ECS_MOST:
        room = usable(ECS_MOST) - later
        rest = max(room - other, room / 2)
        has = "stopTimeout 120 is the most that Fargate gives"
        return f'shutdown_timeout = "120s" and {key} = "{int(rest)}s" at most ({has})'
    return f'shutdown_timeout = "{write_duration(need)}" here and the same in the platform ({_told(platform, need)})'


def whole_timeout(seconds: Seconds) -> Seconds:
    """The least shutdown_timeout, in whole seconds, of which `seconds` are usable."""
    least = int(max(seconds + 0.5, seconds / 0.9))
    return float(next(limit for limit in range(least, least + 3) if usable(float(limit)) >= seconds))


def _told(platform: Platform, seconds: Seconds) -> str:
    """How a platform is told how long to wait."""
    whole = f"{seconds:.0f}"
    return {
        Platform.DOCKER: f"docker stop -t {whole}, stop_grace_period: {whole}s",
        Platform.ECS: f"stopTimeout {whole}",
        Platform.KUBERNETES: f"terminationGracePeriodSeconds: {whole}",
        Platform.HOST: f"TimeoutStopSec={whole}",
    }[platform]
