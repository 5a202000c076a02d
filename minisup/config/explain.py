"""What a configuration will do, in words and seconds: the text of `minisup check`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from minisup.config.interpolate import mask
from minisup.config.outage import outage
from minisup.config.problems import named, printable
from minisup.config.schema import Config, Program, Supervisor
from minisup.config.tables import LogTo
from minisup.config.units import format_duration, format_rate, write_duration
from minisup.core.model import GiveUp, Kind, Restart, Seconds
from minisup.core.shutdown import LEVEL, StopPlan, fit, level_end, levels, usable

_LABEL_WIDTH: Final = 10
_EXAMPLE_JOB: Final[Seconds] = 0.2
_SAFE: Final = frozenset("@%_-+=:,./*")


def explain(config: Config) -> str:
    """The effective values, and what pace, failures, stop and shutdown come to. Secrets are masked."""
    count = len(config.programs)
    blocks = [f"{', '.join(map(printable, config.files))}: {count} program{'s' if count != 1 else ''}, no errors"]
    blocks.append("\n".join(_labelled(_supervisor(config.supervisor))))
    width = max(map(len, config.programs))
    stops = shutdown_plans(config)
    for name, program in config.programs.items():
        lines = [f"  {name:{width}}  {_what(program)}", *_labelled(_program(program, stops[name], config))]
        blocks.append("\n".join(lines))
    notes = [note for name, program in config.programs.items() for note in _notes(program, stops[name], config)]
    return "\n\n".join([*blocks, *notes]) + "\n"


def shutdown_plans(config: Config) -> dict[str, tuple[Seconds, StopPlan]]:
    """For each program: when its stop begins at the latest, and what is then left for drain and timeout."""
    level = levels(program.policy() for program in config.programs.values())
    span, top = usable(config.supervisor.shutdown_timeout), max(level.values(), default=0)
    plans: dict[str, tuple[Seconds, StopPlan]] = {}
    for name, program in config.programs.items():
        begin = level_end(level[name] - 1, top, 0.0, span) if level[name] else 0.0
        plans[name] = begin, fit(program.stop, level_end(level[name], top, 0.0, span) - begin)
    return plans


def _labelled(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    for label, text in lines:
        first, *more = text.split("\n")
        yield f"    {label:{_LABEL_WIDTH}}{first}".rstrip()
        for line in more:
            yield " " * (4 + _LABEL_WIDTH) + line


def _supervisor(supervisor: Supervisor) -> Iterator[tuple[str, str]]:
    limit = supervisor.shutdown_timeout
    yield "shutdown", f"{_span(limit)} ({supervisor.platform.value}): all is over after {_span(usable(limit))}"
    group = f", group {supervisor.socket_group}" if supervisor.socket_group else ""
    yield "socket", f"{supervisor.socket or 'the usual place'}, mode {supervisor.socket_mode:04o}{group}"
    yield "state", supervisor.state_dir or "the usual place"
    time = ", with the time" if supervisor.log.time else ""
    yield "log", f"{supervisor.log.level.value}{time}"
    if supervisor.environment:
        yield "variables", _variables(supervisor.environment)


def _what(program: Program) -> str:
    argv = " ".join(map(_word, program.for_slot(0, hide=True).argv))
    kind = {Kind.JOB: "", Kind.SERVICE: "service, ", Kind.TASK: "task, "}[program.kind]
    return f"{kind}{program.numprocs} slot{'s' if program.numprocs != 1 else ''} of: {argv}"


def _word(word: str) -> str:
    if word and all(letter.isalnum() or letter in _SAFE for letter in word):
        return word
    return "'" + printable(word).replace("'", "'\"'\"'") + "'"


def _program(program: Program, plan: tuple[Seconds, StopPlan], config: Config) -> Iterator[tuple[str, str]]:
    yield "pace", _pace(program)
    if program.exit.idle:
        yield "idle", _idle(program)
    yield "failure", _failure(program)
    yield "stop", _stop(program, plan, config)
    yield "exits", _exits(program)
    if program.after:
        yield "after", ", ".join(program.after)
    if program.groups:
        yield "groups", " ".join(f"@{name}" for name in program.groups)
    yield "runs", _runs(program)
    yield "output", _output(program)
    environment = {**program.file_environment, **dict.fromkeys(program.environment, "")}
    if environment or program.clear_env:
        shown = program.for_slot(0, hide=True).environment
        alone = "nothing inherited" if program.clear_env else ""
        yield "variables", "; ".join(filter(None, [_variables({name: shown[name] for name in environment}), alone]))


def _pace(program: Program) -> str:
    said = _rhythm(program)
    if not program.autostart:
        said += "; not before `minisup start`"
    if program.max_start_rate is not None:
        said += f"; all slots together start {format_rate(program.max_start_rate)} at most"
    if program.max_runtime is not None:
        said += f"\na run is ended after {_span(program.max_runtime)} (max_runtime)"
    return said


def _rhythm(program: Program) -> str:
    shortest = program.min_runtime
    setting = f"min_runtime = {write_duration(shortest)}" if shortest else "min_runtime = 0"
    if program.kind is Kind.TASK:
        return "each slot until a run has worked" if program.restart is not Restart.NEVER else "each slot once"
    if program.kind is Kind.SERVICE:
        return f"runs for long; up once it has run for {_span(shortest)}; recovered after {_span(program.stable_after)}"
    if program.restart is not Restart.ALWAYS:
        return "each slot once" if program.restart is Restart.NEVER else "each slot until a run has worked"
    if not shortest:
        return f"the next run starts at once ({setting})"
    rate = program.numprocs / shortest
    said = f"a run every {_span(shortest)} a slot at most: {rate:.{1 if rate >= 1 else 3}f} runs/s"
    if shortest > _EXAMPLE_JOB:
        busy = f"{_EXAMPLE_JOB / shortest * 100:.2g} %"
        return f"{said}. Jobs of {_span(_EXAMPLE_JOB)} keep it {busy} busy ({setting})"
    return f"{said} ({setting})"


def _idle(program: Program) -> str:
    idle = program.idle
    steps = [min(idle.max_wait, idle.wait * idle.factor**step) for step in range(3)]
    ladder = ", ".join(_span(step) for step in dict.fromkeys(steps))
    codes = _codes(program.exit.idle)
    return f"exit {codes} found no work: waits {ladder} ... up to {_span(idle.max_wait)}; work wakes two slots"


def _failure(program: Program) -> str:
    if program.restart is Restart.NEVER:
        return "not started again (restart = never)"
    retry, count = program.retry, program.numprocs
    said = (
        f"waits {_ladder(program)}; the budget is {retry.budget + count} tokens, one back every {_span(retry.refill)}"
    )
    said += "\n" + _outage(program)
    if retry.give_up is not GiveUp.NEVER:
        then = "minisup drains and exits 75" if retry.give_up is GiveUp.EXIT else "the program goes off"
        said += f"\nafter failing for {_span(retry.give_up_after)} {then} (retry.give_up = {retry.give_up.value})"
    return said


def _ladder(program: Program) -> str:
    retry = program.retry
    steps = list(dict.fromkeys(min(retry.max_backoff, retry.backoff * 2.0**step) for step in range(3)))
    if not any(steps):
        return "not at all"
    return ", ".join(f"{_bare(step / 2)}-{_span(step)}" for step in steps) + f" ... up to {_span(retry.max_backoff)}"


def _outage(program: Program) -> str:
    if not program.numprocs:
        return "no slots: nothing runs"
    course = outage(program.retry, program.numprocs)
    rate = f"{course.per_minute:.2g} a minute"
    back = f"back within {_span(course.recovery)} of recovery"
    if course.empty_after is None:
        return f"if everything fails: about {rate}, within the budget; {back}"
    first = f"about {course.tries} tries in the first {format_duration(course.empty_after)}"
    return f"if everything fails: {first}, then at most {rate}; {back}"


def _stop(program: Program, plan: tuple[Seconds, StopPlan], config: Config) -> str:
    stop, (begin, cut) = program.stop, plan
    whom = "" if stop.scope.value == "group" else " to its first process"
    usual = _course(stop.drain, _short(stop.signal) + whom, stop.timeout)
    limit = _span(config.supervisor.shutdown_timeout)
    later = ""
    if begin:
        first = named(name for name, other in config.programs.items() if program.name in other.after)
        later = f"after {first}, at the latest at {_span(begin)}: "
    return f"{usual}; at shutdown ({limit}): {later}{_course(cut.drain, _short(stop.signal), cut.timeout)}"


def _course(drain: Seconds, signal: str, timeout: Seconds) -> str:
    quiet = f"{_span(drain)} without a signal, " if drain else ""
    return f"{quiet}{signal}, {_span(timeout)}, KILL"


def _short(signal: str) -> str:
    return signal.removeprefix("SIG")


def _exits(program: Program) -> str:
    codes = program.exit
    sets = ((codes.ok, "worked"), (codes.idle, "idle"), (codes.recycle, "recycled"), (codes.fatal, "fatal"))
    said = [f"{_codes(some)} {word}" for some, word in sets if some]
    return ", ".join([*said, "any other failed" if said else "every code failed"])


def _codes(codes: Iterable[int]) -> str:
    return " ".join(map(str, sorted(codes)))


def _runs(program: Program) -> str:
    said = [f"in {printable(program.for_slot(0, hide=True).directory)}"]
    if program.identity:
        who = program.identity
        said.append(f"as {who.name or 'minisup'} (uid {_id(who.uid)}, gid {_id(who.gid)})")
    if program.umask is not None:
        said.append(f"umask {program.umask:03o}")
    return ", ".join(said)


def _id(number: int | None) -> str:
    return "minisup's" if number is None else str(number)


def _output(program: Program) -> str:
    log = program.log
    if log.to in {LogTo.INHERIT, LogTo.NONE}:
        return {LogTo.INHERIT: "written by the runs themselves", LogTo.NONE: "discarded"}[log.to]
    return f"{log.to.value}, {log.format.value}, stderr {log.stderr.value}"


def _variables(environment: Mapping[str, str]) -> str:
    return " ".join(f"{printable(name)}={_word(mask(name, text))}" for name, text in environment.items())


def _notes(program: Program, plan: tuple[Seconds, StopPlan], config: Config) -> Iterator[str]:
    begin, cut = plan
    if program.stop.drain <= cut.drain or begin:  # who stops later has the time that the others leave
        return
    limit = config.supervisor.shutdown_timeout
    top = max(levels(other.policy() for other in config.programs.values()).values())
    need = write_duration(_needed(program.stop.drain + program.stop.timeout + top * LEVEL))
    yield (
        f"  note {program.name}: stop.drain {write_duration(program.stop.drain)} does not fit into shutdown_timeout "
        f"{write_duration(limit)}: a run longer than {_span(cut.drain)} is cut at shutdown.\n"
        f'      fix: shutdown_timeout = "{need}" here and the same in the platform'
        f"          {program.origin.file}:{program.origin.line}"
    )


def _needed(seconds: Seconds) -> Seconds:
    """The least shutdown_timeout, in whole seconds, of which `seconds` are usable."""
    least = int(max(seconds + 0.5, seconds / 0.9))
    return float(next(limit for limit in range(least, least + 3) if usable(float(limit)) >= seconds))


def _span(seconds: Seconds) -> str:
    """Settings up to two minutes are shown in seconds, as they are mostly written."""
    return f"{_bare(seconds)} s" if 1 <= seconds <= 120 else format_duration(seconds)  # noqa: PLR2004


def _bare(seconds: Seconds) -> str:
    return f"{round(seconds, 2):g}"
