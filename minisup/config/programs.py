"""From a table `[program.NAME]` to a `ProgramTable`: variables, defaults that depend on the kind, users, env_file."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from minisup.config.files.envfile import EnvFile, read_variables
from minisup.config.files.problems import ProblemReport, Source
from minisup.config.files.safe_open import LARGEST_FILE, read_file
from minisup.config.files.sources import TOO_LARGE, reason
from minisup.config.keys.log_tables import LogStderr, LogTo
from minisup.config.keys.scale_tables import ScaleTable
from minisup.config.presets import Keys, layered, paths, preset_keys
from minisup.config.rules.privileges import our_rights, refused
from minisup.config.rules.scheduling import check_schedule
from minisup.config.rules.table_context import TableContext
from minisup.config.rules.validate import check_program
from minisup.config.schema import Identity, Origin, ProgramTable
from minisup.config.text.toml_lines import Path, key_text, line_of
from minisup.config.text.wording import show
from minisup.config.users import AccountError, find_identity
from minisup.config.values import NO_NAME, is_label
from minisup.config.walk import Walker, build
from minisup.core.model import ExitCodes, Kind, Restart, Scope
from minisup.errors import Problem

_KIND_DEFAULTS: Final[Mapping[Kind, Mapping[str, Any]]] = MappingProxyType(
    {
        Kind.JOB: {},
        Kind.SERVICE: {"exit": {"ok": frozenset()}, "stop": {"drain": 0.0, "scope": Scope.LEADER}},
        Kind.TASK: {"restart": Restart.ON_FAILURE},
    }
)
_RESERVED: Final = "all"

REJECT: Final = frozenset({65})
"""The exit code (EX_DATAERR of sysexits.h) by which a run with a message says that the message is bad."""


class LoadContext(NamedTuple):
    """What all programs share: the variables at load and the working directory of `up`."""

    variables: Mapping[str, str]
    cwd: str


def read_program(
    name: str, raw: object, source: Source, world: LoadContext, report: ProblemReport
) -> tuple[ProgramTable, TableContext]:
    """The program, with defaults where `report` got a problem."""
    path: Path = ("program", name)
    if not is_label(name):
        report.add(source, path, f"{show(name)} {NO_NAME}")
    if name == _RESERVED:
        report.add(source, path, f"{show(name)} means every program; choose another name")
    given = _walk(name, raw, source, world, report)
    place = TableContext(source, report, path)
    identity = _identity(given, place)
    file = _file_environment(given, identity, place, {} if given.get("clear_env") else world.variables)
    program: ProgramTable = build(
        ProgramTable,
        {
            **given,
            "name": name,
            "identity": identity,
            "file_environment": file.values,
            "file_shown": file.shown,
            "filled": tuple(paths(preset_keys(given.get("preset")), given)),
            "wrote_drain": place.has("stop.drain"),
            "origin": Origin(
                source.name, line_of(source.lines, path), source.here, source.real, world.cwd, world.variables
            ),
        },
        _defaults(given),
    )
    check_program(program, place)
    check_schedule(program, place)
    for key, message in refused(program.limits, our_rights()) if program.limits else ():
        place.problem(f"limits.{key}", message)
    return program, place


def _walk(name: str, raw: object, source: Source, world: LoadContext, report: ProblemReport) -> dict[str, Any]:
    """The given keys. numprocs is read first: it is a variable for the others."""
    path: Path = ("program", name)
    known = {**world.variables, "MINISUP_HERE": source.here, "MINISUP_PROGRAM": name}
    first: dict[str, Any] = {}
    if isinstance(raw, dict) and "numprocs" in raw:
        first = Walker(source, report, known).table(ProgramTable, {"command": "-", "numprocs": raw["numprocs"]}, path)
        raw = {key: value for key, value in raw.items() if key != "numprocs"}
    known["MINISUP_NUMPROCS"] = str(first.get("numprocs", 1))
    given = Walker(source, report, known, {**known, "MINISUP_SLOT": "0"}).table(ProgramTable, raw, path)
    return {**given, "numprocs": first["numprocs"]} if "numprocs" in first else given


def _defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    preset: Keys = preset_keys(given.get("preset"))
    kind = given.get("kind", preset.get("kind", Kind.JOB))
    defaults: dict[str, Any] = layered({"command": (), **_KIND_DEFAULTS[kind]}, preset)
    codes = given.get("exit", {})
    named_codes = frozenset().union(*codes.values())
    sourced = isinstance(given.get("source"), dict)
    plain = {
        "ok": ExitCodes().ok,
        "fatal": ExitCodes().fatal,
        "reject": REJECT if sourced else frozenset(),
        **defaults.get("exit", {}),
    }
    defaults["exit"] = {name: default - named_codes for name, default in plain.items()}
    if sourced:
        defaults["min_runtime"] = 0.0  # the queue paces
    if isinstance(given.get("scale"), dict):  # what it starts with
        defaults["numprocs"] = given["scale"].get("min", ScaleTable().min)
    if given.get("log", {}).get("to") is LogTo.FILE:
        defaults["log"] = {"stderr": LogStderr.JOIN}
    return defaults


def _identity(given: Mapping[str, Any], place: TableContext) -> Identity | None:
    try:
        return find_identity(given.get("user"), given.get("group"))
    except AccountError as error:
        place.problem(error.key, str(error), "user", "group")
    return None


def _file_environment(
    given: Mapping[str, Any], identity: Identity | None, place: TableContext, known: Mapping[str, str]
) -> EnvFile:
    """What env_file holds. `known`: the variables that it may fill in, no others than a run would have anyway."""
    file = given.get("env_file")
    if file is None:
        return EnvFile({}, {})
    key = key_text((*place.path, "env_file"))
    place.report.looks_at(file)
    try:
        raw, seen = read_file(file, identity)
    except OSError as error:  # what to correct is the line that names it
        place.problem("env_file", f"cannot read {file}: {reason(error)}")
        return EnvFile({}, {})
    if len(raw) > LARGEST_FILE:
        place.report.problems.append(Problem(file, 0, key, TOO_LARGE))
        return EnvFile({}, {})
    if identity is None or not identity.uid:  # it runs as minisup: who writes the variables can run what they like
        line = line_of(place.source.lines, (*place.path, "env_file"))
        place.report.judge(seen, place.source.name, line, key, file)
    return read_variables(raw, file, key, place.report, known)
