"""From a crontab to a minisup configuration: each line a job with a schedule.

cron runs commands by `sh`, with the variables that stand above them; a `%` ends the command and begins its input.
"""

import os
import re
import shlex
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from minisup.config.text.wording import show
from minisup.convert.crontab.crontab_names import name_of
from minisup.convert.crontab.crontab_user import home_of, not_a_user, user_before
from minisup.convert.crontab.crontab_when import When, when
from minisup.convert.names import label
from minisup.convert.read import read_text
from minisup.convert.render import written
from minisup.convert.report_builder import Converted, KeyResult, Ledger, Location
from minisup.convert.shell import command_of, without_cd
from minisup.convert.templates import escaped

_VARIABLE: Final = re.compile(r"""(?:(["'])(.+?)\1|([A-Za-z_][A-Za-z0-9_]*))\s*=\s*(.*)""")
_PERCENT: Final = re.compile(r"(?<!\\)%")
_OWN_HOME: Final = "${HOME:-/}"
_ORDER: Final = ("command", "kind", "restart", "directory", "user", "schedule", "environment")
_GOES_ELSEWHERE: Final = re.compile(r"\s*cd\s+[\"']?/")


class _Variables:
    """The variables that stand above a line."""

    __slots__ = ("environment", "jitter", "shell", "zone")

    def __init__(self) -> None:
        self.environment: dict[str, str] = {}
        self.shell = "sh"
        self.zone = ""
        self.jitter = ""

    def copy(self) -> "_Variables":
        """What is known up to here."""
        found = _Variables()
        found.environment, found.shell = dict(self.environment), self.shell
        found.zone, found.jitter = self.zone, self.jitter
        return found


class _Line(NamedTuple):
    """A line with a schedule, and the variables above it."""

    spot: Location
    when: When
    variables: _Variables


def import_crontab(path: str, *more: str, system: bool | None = None) -> Converted:
    """The import of the crontab `path` and of `more` of them.

    `system`: their lines name a user before the command; None: they do not, and a file that does is refused.
    ConfigError: all problems of the files.
    """
    ledger = Ledger()
    programs: dict[str, dict[str, Any]] = {}
    for file in (path, *more):
        lines = _lines(file, ledger)
        if system is None and not _names_users(file, lines, ledger):
            for line in lines:
                _entry(line, "", line.when.rest.strip(), programs, ledger)
        elif system is not None:
            for line in lines:
                _system_entry(line, programs, ledger) if system else _entry(
                    line, "", line.when.rest.strip(), programs, ledger
                )
    if not programs and not ledger.problems:
        ledger.problem(Location(path, 0), "", "there is no line with a schedule and a command in it")
    return ledger.finish("crontab", [path, *more], {"program": programs})


def _lines(path: str, ledger: Ledger) -> list[_Line]:
    """The lines with a schedule; those with a variable are noted."""
    found: list[_Line] = []
    variables = _Variables()
    for number, line in enumerate((read_text(path, ledger) or "").splitlines(), 1):
        spot, text = Location(path, number), line.strip()
        if not text or text.startswith("#"):
            continue
        match = _VARIABLE.fullmatch(text)
        if "\0" in text:
            ledger.problem(spot, "", "holds the character NUL")
        elif match and "=" in (match[2] or ""):
            ledger.problem(spot, "", f"{show(match[2])} cannot be the name of a variable")
        elif match:
            _variable(match[2] or match[3], _unquoted(match[4]), variables, spot, ledger)
        else:
            try:
                found.append(_Line(spot, when(text), variables.copy()))
            except ValueError as error:
                ledger.problem(spot, "", str(error))
    return found


def _names_users(path: str, lines: list[_Line], ledger: Ledger) -> bool:
    """Whether the lines name users: then they need --system, which is a problem."""
    found = user_before([line.when.rest for line in lines])
    if found is None:
        return False
    number, user = found
    ledger.problem(
        lines[number].spot,
        "",
        f"{show(user)} stands where the command begins, and is a user: the lines of {os.path.basename(path)} name one, "
        f"so import it with --system (--no-system if it is the command)",
    )
    return True


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]
    return text[1:-1] if quoted else text


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return not available_timezones()  # it cannot be told here
    return True


def _variable(name: str, value: str, variables: _Variables, spot: Location, ledger: Ledger) -> None:
    """A line NAME = value: for the lines below it."""
    fate, said = KeyResult.TAKEN, f"environment: {name}, of the programs below"
    if name == "SHELL":
        variables.shell = value or "sh"
        said = f"{show(value)} runs the commands below"
    elif name == "CRON_TZ" and not _is_zone(value):
        fate, said = (
            KeyResult.UNSUPPORTED,
            f"{show(value)} is no time zone that this machine knows; set schedule.timezone",
        )
    elif name == "CRON_TZ":
        variables.zone = value
        said = "schedule.timezone of the programs below"
    elif name == "RANDOM_DELAY" and value.isdecimal():
        variables.jitter = f"{value}m"
        said = f"schedule.jitter = {show(variables.jitter)} of the programs below"
    elif name in {"MAILTO", "MAILFROM"}:
        fate, said = (
            KeyResult.UNSUPPORTED,
            "minisup sends no mail; output goes to the console, and `minisup logs` shows it",
        )
    else:
        variables.environment[name] = escaped(value)
    if name == "HOME":
        said += ", and their directory, because cron starts them there"
    ledger.note(spot, name, fate, said)


def _system_entry(line: _Line, programs: dict[str, dict[str, Any]], ledger: Ledger) -> None:
    """A line that names a user."""
    user, command = (*line.when.rest.split(None, 1), "", "")[:2]
    wrong = not_a_user(user) if user else ""
    if wrong:
        ledger.problem(line.spot, "", wrong)
    elif not command:
        ledger.problem(line.spot, "", "there is no command after the user")
    else:
        _entry(line, user, command, programs, ledger)


def _entry(line: _Line, user: str, command: str, programs: dict[str, dict[str, Any]], ledger: Ledger) -> None:
    if not command:
        ledger.problem(line.spot, "", "there is no command")
        return
    name = label(name_of(_PERCENT.split(command)[0]), programs)
    directory, rest = without_cd(command)
    programs[name] = table = _program(rest, line)
    said = [_said(name, table, command), line.when.said]
    if directory:
        table["directory"] = directory
        said.append(f"directory = {show(directory)}, from its cd")
    elif not _GOES_ELSEWHERE.match(command):
        said.append(_directory(table, line.variables, user))
    if user and user not in {"root", "0"}:
        table["user"] = user
    if line.variables.environment:
        table["environment"] = dict(line.variables.environment)
    programs[name] = {key: table[key] for key in _ORDER if key in table}
    ledger.note(line.spot, name, KeyResult.TAKEN, "; ".join(filter(None, said)))


def _directory(table: dict[str, Any], variables: _Variables, user: str) -> str:
    """Set the directory, where cron starts the command: HOME of the crontab, else that of the user. Says so."""
    home = variables.environment.get("HOME") or (escaped(home_of(user)) if user else _OWN_HOME)
    if not home:
        return f"cron starts it in the home of {user}, whom this machine does not know: set directory"
    table["directory"] = home
    return f"directory = {show(home)}: cron starts it there"


def _program(command: str, line: _Line) -> dict[str, Any]:
    when, variables = line.when, line.variables
    table: dict[str, Any] = {"command": command_of(_with_input(command), variables.shell).command}
    if when.at_boot:
        return {**table, "kind": "task", "restart": "never"}
    schedule = dict(when.schedule)
    if variables.zone and "cron" in schedule:
        schedule["timezone"] = variables.zone
    if variables.jitter and "cron" in schedule:
        schedule.setdefault("jitter", variables.jitter)
    return {**table, "schedule": schedule}


def _with_input(text: str) -> str:
    r"""The command with what follows its first `%` as its input; further ones are line ends, and `\%` is a `%`."""
    command, *lines = (part.replace("\\%", "%") for part in _PERCENT.split(text))
    if not lines:
        return command
    return f"printf '%s\\n' {' '.join(map(shlex.quote, lines))} | {{ {command.rstrip()}\n}}"


def _said(name: str, table: dict[str, Any], command: str) -> str:
    more = "; what follows % is its input, by a pipe" if _PERCENT.search(command) else ""
    if "schedule" not in table:
        return f"program.{name}, a task that runs once when minisup starts{more}"
    return f"program.{name}: schedule = {written(table['schedule'])}{more}"
