"""What no single key can tell: combinations that are impossible."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from minisup.config.keys.log_tables import LogFormat, LogStderr, LogTo
from minisup.config.keys.supervisor_table import SupervisorTable
from minisup.config.presets import PRESETS
from minisup.config.rules.scaling import check_scale
from minisup.config.rules.sourcing import check_source
from minisup.config.rules.table_context import TableContext
from minisup.config.schema import ProgramTable
from minisup.config.text.units import write_duration
from minisup.config.text.wording import did_you_mean, named, show
from minisup.core.model import ExitCodes, Kind

_LONGEST_SOCKET: Final = 107  # bytes of sun_path, less its NUL
_MOST_CYCLES: Final = 20
_MOST_HINTS: Final = 20
"""Names that are compared with those of all programs: with thousands of these it takes a tenth of a second each."""

_SETS: Final = ("ok", "idle", "recycle", "fatal", "reject")
_FILE_KEYS: Final = ("path", "stderr_path", "max_size", "keep", "compress")


def check_supervisor(supervisor: SupervisorTable, place: TableContext) -> None:
    """Impossible in [supervisor]."""
    if supervisor.socket and len(os.fsencode(supervisor.socket)) > _LONGEST_SOCKET:
        place.problem("socket", f"the path has more than {_LONGEST_SOCKET} bytes; no socket can have it")


def check_program(program: ProgramTable, place: TableContext) -> None:
    """Impossible in one [program.NAME]."""
    _check_preset(program, place)
    _check_order(program, place)
    _check_exit_codes(program.exit, place)
    _check_log(program, place)
    check_scale(program, place)
    check_source(program, place)


def _check_order(program: ProgramTable, place: TableContext) -> None:
    pairs = (
        ("idle.wait", program.idle.wait, "idle.max_wait", program.idle.max_wait),
        ("retry.backoff", program.retry.backoff, "retry.max_backoff", program.retry.max_backoff),
    )
    for small, low, large, high in pairs:
        if low > high:
            table, _, word = large.partition(".")
            default = "" if place.has(large) else ", the default"
            at = small if place.has(small) else large
            place.problem(
                at,
                f"{small} {write_duration(low)} is above {large} {write_duration(high)}{default}; raise {table}.{word}",
                small,
                large,
            )


def _check_exit_codes(codes: ExitCodes, place: TableContext) -> None:
    for number, one in enumerate(_SETS):
        for other in _SETS[number + 1 :]:
            both = sorted(getattr(codes, one) & getattr(codes, other))
            if both:
                word = "exit code" if len(both) == 1 else "exit codes"
                place.problem(
                    f"exit.{other}", f"{word} {named(map(str, both))} cannot be both {one} and {other}", f"exit.{one}"
                )


def _check_log(program: ProgramTable, place: TableContext) -> None:
    log = program.log
    if log.to is not LogTo.FILE:
        for key in _FILE_KEYS:
            if place.has(f"log.{key}"):
                place.problem(f"log.{key}", f'is only for to = "file", and this is {show(log.to.value)}', "log.to")
    else:
        if log.path is None:
            place.problem("log", 'to = "file" needs a path', "log.path")
        if log.stderr is LogStderr.SEPARATE and log.stderr_path is None:
            place.problem("log.stderr", 'stderr = "separate" needs a stderr_path', "log.stderr_path")
        if log.stderr is LogStderr.JOIN and log.stderr_path is not None:
            place.problem("log.stderr_path", 'stderr = "join" has no file of its own', "log.stderr")
    if log.time and log.to in {LogTo.INHERIT, LogTo.NONE}:
        place.problem("log.time", f"is only for what minisup writes, and to is {show(log.to.value)}", "log.to")
    elif log.time and log.format is not LogFormat.PREFIX:
        why = "raw lines are never changed" if log.format is LogFormat.RAW else "json lines always have it"
        place.problem("log.time", f'is only for format = "prefix": {why}', "log.format")
    if log.to is LogTo.INHERIT:
        _check_unread(program, place)


def _check_unread(program: ProgramTable, place: TableContext) -> None:
    """Rules that look at output which minisup does not read."""
    rules = {
        "idle.output": program.idle.output,
        "idle.unless_output": program.idle.unless_output,
        "worked.output": program.worked.output,
    }
    wrong = 'with log.to = "inherit" minisup does not read the output'
    for key in (key for key, rule in rules.items() if rule is not None and place.has(key)):
        place.problem(key, wrong, "log.to")
    if any(key in program.filled for key in rules):
        place.problem("preset", f'{wrong}, and this preset needs it; write log.to = "console"', "log.to")


def _check_preset(program: ProgramTable, place: TableContext) -> None:
    name = program.preset
    if name is not None and name not in PRESETS:
        hint = did_you_mean(name, PRESETS) or f"; there are {named(PRESETS)}"
        place.problem("preset", f"{show(name)} is no preset{hint}")


def check_after(programs: Mapping[str, ProgramTable], places: Mapping[str, TableContext], *, complete: bool) -> None:
    """Impossible in `after`: an unknown program (unless not all files could be read), a job, itself, a cycle."""
    wrongs = 0
    for name, other in ((name, other) for name, program in programs.items() for other in program.after):
        wrong = _wrong_after(name, other, programs, places, complete, hint=wrongs < _MOST_HINTS)
        if wrong:
            wrongs += 1
            places[name].problem("after", wrong)
    for cycle in _cycles(programs):
        places[cycle[0]].problem("after", f"is a circle: {' -> '.join([*cycle, cycle[0]])}; nobody could start")


def _wrong_after(
    name: str,
    other: str,
    programs: Mapping[str, ProgramTable],
    places: Mapping[str, TableContext],
    complete: bool,
    *,
    hint: bool,
) -> str:
    if other == name:
        return "names itself"
    if other not in programs:
        near = did_you_mean(other, programs.keys() - {name}) if hint else ""
        return f"{show(other)} is no program here{near}" if complete else ""
    place = places[other]
    if programs[other].kind is Kind.JOB and place.report.understood(place.source, (*place.path, "kind")):
        return f"{show(other)} is a job, and a job never ends; name tasks and services"
    return ""


def _cycles(programs: Mapping[str, ProgramTable]) -> list[Sequence[str]]:
    """Each circle of two or more programs once, beginning with the program that comes first; only some of very many."""
    found: dict[frozenset[str], Sequence[str]] = {}
    done: set[str] = set()
    for start in programs:
        trail: dict[str, Iterator[str]] = {}  # and what each is after, as far as that was not looked at
        todo = [start]
        while todo and len(found) < _MOST_CYCLES:  # depth first, without recursion: a chain may be as long as the file
            name = todo[-1]
            if name not in trail and name not in done:
                trail[name] = iter(programs[name].after)
            other = next(trail[name], None) if name in trail else None
            if other is None:
                todo.pop()
                trail.pop(name, None)
                done.add(name)
            elif other in trail and other != name:
                cycle = [*trail][[*trail].index(other) :]
                found.setdefault(frozenset(cycle), cycle)
            elif other in programs and other != name:
                todo.append(other)
    return list(found.values())
