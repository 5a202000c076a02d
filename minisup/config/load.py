"""From files to a `Config`, or to all of their problems at once."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from minisup.config.files.container import in_container
from minisup.config.files.ownership import VARIABLE, Trust
from minisup.config.files.problems import ProblemReport, Source, format_problems
from minisup.config.files.sources import read_includes, read_source
from minisup.config.files.workdir import current_directory
from minisup.config.keys.supervisor_table import SHUTDOWN_TIMEOUT, Platform, SupervisorTable
from minisup.config.programs import LoadContext, read_program
from minisup.config.rules.logfiles import check_log_files
from minisup.config.rules.table_context import TableContext
from minisup.config.rules.validate import check_after, check_supervisor
from minisup.config.schema import Config, ProgramTable
from minisup.config.text.interpolate import OWN
from minisup.config.text.wording import did_you_mean, named, show
from minisup.config.users import AccountError, find_group, trusted
from minisup.config.walk import Walker, build
from minisup.errors import ConfigError, Problem

__all__ = ["find_config", "format_problems", "load"]

DEFAULT_PATHS: Final = ("minisup.toml", "/etc/minisup/minisup.toml")
_TOP: Final = ("supervisor", "program")


def find_config(option: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The file to read: `option`, else $MINISUP_CONFIG, else ./minisup.toml, else /etc/minisup/minisup.toml.

    ConfigError: none is named and none of the usual ones exists.
    """
    chosen = option or environ.get("MINISUP_CONFIG")
    if chosen:
        return chosen
    for path in DEFAULT_PATHS:
        if os.path.exists(path):
            return path
    message = f"there is no {' and no '.join(DEFAULT_PATHS)}; name a file with -c FILE or MINISUP_CONFIG"
    raise ConfigError(message, [Problem(DEFAULT_PATHS[0], 0, "", "no such file")])


def load(
    path: str | os.PathLike[str],
    environ: Mapping[str, str] = os.environ,
    cwd: str | None = None,
    looking: Callable[[str], None] | None = None,
    *,
    guarded: bool = False,
) -> Config:
    """The configuration in the file `path` and its includes.

    `cwd`: where relative paths begin, and the default of `directory`; else the current directory, under the name that
    its user knows. `looking` is told the name of each file before it is opened.
    `guarded`: minisup that is root on a host does not take it from others (`ownership`).

    ConfigError: there are problems; all of them are in `.problems`, and the text lists them.
    """
    name, now = os.fspath(path), time.time()
    report = ProblemReport(_directory(name, environ) if cwd is None else cwd, looking)
    if guarded and os.geteuid() == 0:
        report.trust = _trust(environ, report)
    main = read_source(name, report)
    if main is None:
        raise report.error(name)
    config = _read(main, environ, report, now)
    if report.strangers and (config.supervisor.platform is Platform.HOST or not in_container()):
        report.problems += report.strangers
    if report.problems:
        raise report.error(name)
    return config


def _trust(environ: Mapping[str, str], report: ProblemReport) -> Trust:
    try:
        return trusted(environ)
    except AccountError as error:
        report.problems.append(Problem(VARIABLE, 0, "", str(error)))
    return trusted({})


def _directory(path: str, environ: Mapping[str, str]) -> str:
    try:
        return current_directory(environ, path)
    except OSError:
        return ""


def _read(main: Source, environ: Mapping[str, str], report: ProblemReport, now: float) -> Config:
    variables = {key: text for key, text in environ.items() if key not in OWN}
    supervisor, variables = _read_supervisor(main, variables, report)
    found = list(read_includes(main, supervisor.include, report))
    sources = [main, *(source for source in found if source)]
    complete = len(sources) == len(found) + 1
    if not report.cwd:
        report.add(main, (), "the current directory is gone; start minisup in another one")
    world = LoadContext(variables, report.cwd or "/")
    programs: dict[str, ProgramTable] = {}
    places: dict[str, TableContext] = {}
    for source, key, raw in _tables(sources, report):
        if report.full:
            break
        if key in programs:
            first = programs[key].origin
            report.add(source, ("program", key), f"is there twice; the first is at {first.file}:{first.line}")
        else:
            programs[key], places[key] = read_program(key, raw, source, world, report)
    if not programs and complete and isinstance(main.data.get("program", {}), dict):
        report.add(main, (), "there is no program; add a table [program.NAME] with a command")
    check_after(programs, places, complete=complete)
    check_log_files(programs, places)
    return Config(
        supervisor=supervisor,
        programs=programs,
        files=tuple(source.name for source in sources),
        lines={source.name: source.lines for source in sources},
        read_at=now,
        looked_at=tuple(report.looked_at),
        secrets=frozenset(report.secrets),
    )


def _tables(sources: list[Source], report: ProblemReport) -> Iterator[tuple[Source, str, object]]:
    """Every [program.NAME] of all files; other tables are problems."""
    for source in sources:
        _check_top(source, source is sources[0], report)
        programs = source.data.get("program", {})
        if not isinstance(programs, dict):
            report.reject(source, ("program",), f"expected tables [program.NAME], got {show(programs)}")
            continue
        for name, raw in programs.items():
            yield source, name, raw


def _check_top(source: Source, is_main: bool, report: ProblemReport) -> None:
    for name in source.data:
        if report.full:
            break
        if name not in _TOP:
            hint = did_you_mean(name, _TOP) or f"; there are {named(_TOP)}"
            report.add(
                source, (name,), f"unknown table{hint}" if isinstance(source.data[name], dict) else f"unknown key{hint}"
            )
        elif name == "supervisor" and not is_main:
            report.add(source, (name,), "belongs in the main file; an included file has programs only")


def _read_supervisor(
    main: Source, variables: Mapping[str, str], report: ProblemReport
) -> tuple[SupervisorTable, dict[str, str]]:
    """[supervisor] and all variables. Its environment is read first, because the rest may use it."""
    known = {**variables, "MINISUP_HERE": main.here}
    raw = main.data.get("supervisor", {})
    first: dict[str, object] = {}
    if isinstance(raw, dict) and "environment" in raw:
        first = {"environment": raw["environment"]}
        raw = {key: value for key, value in raw.items() if key != "environment"}
    given = Walker(main, report, known).table(SupervisorTable, first, ("supervisor",))
    own = {**_not_understood(first.get("environment")), **given.get("environment", {})}
    rest = Walker(main, report, {**known, **own}).table(SupervisorTable, raw, ("supervisor",))
    return _build_supervisor(main, {**given, **rest}, report), {**variables, **own}


def _not_understood(environment: object) -> dict[str, str]:
    """Empty values for all names: one that has a problem is not also reported wherever it is used."""
    return dict.fromkeys(environment, "") if isinstance(environment, dict) else {}


def _build_supervisor(main: Source, given: Mapping[str, Any], report: ProblemReport) -> SupervisorTable:
    place = TableContext(main, report, ("supervisor",))
    socket_gid = _socket_gid(given.get("socket_group"), place)
    default = SHUTDOWN_TIMEOUT[given.get("platform", Platform.DOCKER)]
    supervisor: SupervisorTable = build(
        SupervisorTable, {**given, "socket_gid": socket_gid}, {"shutdown_timeout": default}
    )
    check_supervisor(supervisor, place)
    return supervisor


def _socket_gid(group: str | None, place: TableContext) -> int | None:
    try:
        return None if group is None else find_group(group)
    except AccountError as error:
        place.problem("socket_group", str(error))
    return None
