"""From a crontab to a minisup configuration: each line a job with a schedule.

cron runs commands by `sh`, with the variables that stand above them; a `%` ends the command and begins its input.
"""

import os
import re
import shlex
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from minisup.config import cron
from minisup.config.problems import show
from minisup.config.units import parse_duration
from minisup.convert.ledger import Converted, Fate, Ledger, Spot
from minisup.convert.names import label
from minisup.convert.read import read_text
from minisup.convert.render import written
from minisup.convert.shell import command_of
from minisup.convert.templates import escaped

_ALIASES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_REBOOT: Final = "@reboot"
_EVERY: Final = "@every"
_VARIABLE: Final = re.compile(r"""(?:(["'])(.+?)\1|([A-Za-z_][A-Za-z0-9_]*))\s*=\s*(.*)""")
_FIELDS: Final = 5
_PERCENT: Final = re.compile(r"(?<!\\)%")
_NOT_A_NAME: Final = re.compile(r"^[-./\d]*$|=|^-|[$|&;<>(){}\"']")
_DULL: Final = frozenset(
    {
        *("php", "python", "python3", "ruby", "node", "perl", "sh", "bash", "env", "exec", "cd", "test", "nice"),
        *("ionice", "timeout", "flock", "sudo", "artisan", "console", "manage.py", "null", "root", "true", "bin"),
    }
)


class When(NamedTuple):
    """When a line is due: a `schedule`, or at boot."""

    schedule: dict[str, str]
    at_boot: bool
    rest: str


class _Variables:
    """The variables that stand above a line."""

    __slots__ = ("environment", "jitter", "shell", "zone")

    def __init__(self) -> None:
        self.environment: dict[str, str] = {}
        self.shell = "sh"
        self.zone = ""
        self.jitter = ""


def import_crontab(path: str, *, system: bool = False) -> Converted:
    """The import of the crontab `path`. `system`: its lines name a user before the command.

    ConfigError: all problems of the file.
    """
    ledger = Ledger()
    variables = _Variables()
    programs: dict[str, dict[str, Any]] = {}
    for number, line in enumerate((read_text(path, ledger) or "").splitlines(), 1):
        spot, text = Spot(path, number), line.strip()
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
            _entry(text, system, variables, programs, spot, ledger)
    if not programs and not ledger.problems:
        ledger.problem(Spot(path, 0), "", "there is no line with a schedule and a command in it")
    if not system and path.startswith("/etc/cron"):
        ledger.remark(Spot(path, 0), "If the lines name a user before the command, this needs --system.")
    return ledger.finish("crontab", [path], {"program": programs})


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]
    return text[1:-1] if quoted else text


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return not available_timezones()  # it cannot be told here
    return True


def _variable(name: str, value: str, variables: _Variables, spot: Spot, ledger: Ledger) -> None:
    """A line NAME = value: for the lines below it."""
    fate, said = Fate.TAKEN, f"environment: {name}, of the programs below"
    if name == "SHELL":
        variables.shell = value or "sh"
        said = f"{show(value)} runs the commands below"
    elif name == "CRON_TZ" and not _is_zone(value):
        fate, said = Fate.UNSUPPORTED, f"{show(value)} is no time zone that this machine knows; set schedule.timezone"
    elif name == "CRON_TZ":
        variables.zone = value
        said = "schedule.timezone of the programs below"
    elif name == "RANDOM_DELAY" and value.isdecimal():
        variables.jitter = f"{value}m"
        said = f"schedule.jitter = {show(variables.jitter)} of the programs below"
    elif name in {"MAILTO", "MAILFROM"}:
        fate, said = Fate.UNSUPPORTED, "minisup sends no mail; output goes to the console, and `minisup logs` shows it"
    else:
        variables.environment[name] = escaped(value)
    ledger.note(spot, name, fate, said)


def _entry(
    text: str, system: bool, variables: _Variables, programs: dict[str, dict[str, Any]], spot: Spot, ledger: Ledger
) -> None:
    try:
        when = _when(text)
    except ValueError as error:
        ledger.problem(spot, "", str(error))
        return
    user, command = (*when.rest.split(None, 1), "", "")[:2] if system else ("", when.rest.strip())
    if not command:
        ledger.problem(spot, "", f"there is no command{' after the user' if system else ''}")
        return
    name = label(_name(command), programs)
    programs[name] = table = _program(command, when, variables)
    if user and user not in {"root", "0"}:
        table["user"] = user
    if variables.environment:
        table["environment"] = dict(variables.environment)
    said, fate = _said(name, table, command)
    ledger.note(spot, name, fate, said)


def _when(text: str) -> When:
    """When the line is due, and the rest of it. ValueError: it is not a schedule; the text says why."""
    if text.startswith("@"):
        return _when_named(*(*text.split(None, 1), "")[:2])
    words = text.split(None, _FIELDS)
    fields = " ".join(words[:_FIELDS])
    wrong = cron.fault(fields)
    if wrong:
        raise ValueError(f"{show(fields)} is not a schedule that minisup knows: {wrong}")
    return When({"cron": fields}, at_boot=False, rest=words[_FIELDS] if len(words) > _FIELDS else "")


def _when_named(word: str, rest: str) -> When:
    name = word.lower()
    if name == _REBOOT:
        return When({}, at_boot=True, rest=rest)
    if name == _EVERY:
        length, command = (*rest.split(None, 1), "", "")[:2]
        try:
            parse_duration(length)
        except ValueError as error:
            raise ValueError(f"{_EVERY} {show(length)} {error}") from None
        return When({"every": length}, at_boot=False, rest=command)
    if name not in _ALIASES:
        raise ValueError(f"{show(word)} is not known; there are {', '.join([*_ALIASES, _REBOOT])}")
    return When({"cron": _ALIASES[name]}, at_boot=False, rest=rest)


def _program(command: str, when: When, variables: _Variables) -> dict[str, Any]:
    table: dict[str, Any] = {"command": command_of(_with_input(command), variables.shell).command}
    if when.at_boot:
        return {**table, "kind": "task", "restart": "never"}
    schedule = dict(when.schedule)
    if variables.zone and "cron" in schedule:
        schedule["timezone"] = variables.zone
    if variables.jitter:
        schedule["jitter"] = variables.jitter
    return {**table, "schedule": schedule}


def _with_input(text: str) -> str:
    r"""The command with what follows its first `%` as its input; further ones are line ends, and `\%` is a `%`."""
    command, *lines = (part.replace("\\%", "%") for part in _PERCENT.split(text))
    if not lines:
        return command
    return f"printf '%s\\n' {' '.join(map(shlex.quote, lines))} | {{ {command.rstrip()}\n}}"


def _name(command: str) -> str:
    """A name from the word that says the most: `schedule:run` of `php /srv/artisan schedule:run`."""
    words = [os.path.basename(word.rstrip("/")) for word in command.replace("&&", " ").split()]
    telling = [word for word in words if word and word not in _DULL and not _NOT_A_NAME.search(word)]
    best = next((word for word in telling if ":" in word), telling[0] if telling else "job")
    return best.rpartition(".")[0].lower() or best.lower()


def _said(name: str, table: dict[str, Any], command: str) -> tuple[str, Fate]:
    more = "; what follows % is its input, by a pipe" if _PERCENT.search(command) else ""
    if "schedule" not in table:
        return f"program.{name}, a task that runs once when minisup starts{more}", Fate.TAKEN
    return f"program.{name}: schedule = {written(table['schedule'])}{more}", Fate.TAKEN
