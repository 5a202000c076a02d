"""From a Procfile and the `.env` beside it to a minisup configuration.

A Procfile has `name: command` lines. A shell runs the commands, so a command that needs one gets one. Its processes
run for long unless their command says otherwise; `release` is run once, before all others.
"""

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from minisup.config.files.envfile import read_variables
from minisup.config.files.problems import ProblemReport
from minisup.config.files.sources import read_bytes
from minisup.config.text.wording import did_you_mean, named, show
from minisup.convert.command_kind import JOB, SERVICE, TASK, Judged, judge
from minisup.convert.names import label
from minisup.convert.read import directory_of, read_text
from minisup.convert.render import written
from minisup.convert.report_builder import Converted, KeyResult, Ledger, Location
from minisup.convert.shell import command_of
from minisup.errors import UsageError

RELEASE: Final = "release"
FIRST_PORT: Final = 5000
PORT_STEP: Final = 100

_LINE: Final = re.compile(r"([A-Za-z0-9_.-]+)\s*:\s*(.+)")
_EACH_PORT: Final = "export PORT=$(({} + MINISUP_SLOT)); "
_MORE_SLOTS: Final = (
    "Slots of one program have the same PORT, unless it is imported with --scale NAME=N: then each has its own."
)
_LONGEST_PORT: Final = 5
_FILE: Final = "file"
_MOST: Final = 10_000


def import_procfile(path: str, out: str | None = None, *, scale: str = "") -> Converted:
    """The import of the Procfile `path`. `out`: the directory that the TOML file will be in; else that of `path`.

    `scale`: how many of each, as `web=2,worker=3`; 1 where it says nothing, `all=2` for all. UsageError: it is not
    understood. ConfigError: all problems of the file.
    """
    ledger = Ledger()
    lines = _lines(path, read_text(path, ledger) or "", ledger)
    counts = _scale(scale, [name for name, _, _ in lines])
    programs: dict[str, dict[str, Any]] = {}
    env_file = _env_file(path, out, ledger)
    ports = _Ports(lines, env_file.get("PORT", ""))
    for name, command, spot in lines:
        table = _program(name, command, spot, counts.get(name, counts.get("all", 1)), ports, ledger)
        programs[label(name, programs)] = table
    _release(programs)
    for table in programs.values():
        table.update({"env_file": env_file[_FILE]} if _FILE in env_file else {})
    if any(table.get("numprocs", 1) < 2 for table in programs.values()):  # noqa: PLR2004 - more slots than one
        ledger.remark(Location(path, 0), _MORE_SLOTS)
    if not lines and not ledger.problems:
        ledger.problem(Location(path, 0), "", "there is no line `name: command` in it")
    return ledger.finish("procfile", [path], {"program": programs})


def _lines(path: str, text: str, ledger: Ledger) -> list[tuple[str, str, Location]]:
    """Name, command and place of each process. Of a name that is there twice the last one counts."""
    found: dict[str, tuple[str, str, Location]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        spot, stripped = Location(path, number), line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if not match or "\0" in line:
            ledger.problem(spot, "", f"expected name: command, got {show(stripped)}")
            continue
        if match[1] in found:
            ledger.note(found[match[1]][2], match[1], KeyResult.UNNEEDED, f"{match[1]} is there again in line {number}")
        found[match[1]] = (match[1], match[2], spot)
    return list(found.values())


def _scale(text: str, names: Sequence[str]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        name, _, count = (word.strip() for word in part.partition("="))
        if not count.isascii() or not count.isdigit() or int(count[:9]) > _MOST:
            raise UsageError(f"cannot import: --scale {part!r}: expected NAME=NUMBER, as web=2,worker=3")
        if name not in names and name != "all":
            hint = did_you_mean(name, names) or f"; there are {named(names)}"
            raise UsageError(f"cannot import: --scale {part!r}: the Procfile has no {name!r}{hint}")
        counts[name] = int(count)
    return counts


class _Ports:
    """What $PORT is: 5000 for the first line, 5100 for the second, one more for each further slot.

    The first web process, which platforms know, has their PORT, or that of `.env`, if there is one.
    """

    __slots__ = ("_base", "_first_web", "_given", "_numbers")

    def __init__(self, lines: Sequence[tuple[str, str, Location]], in_env_file: str) -> None:
        names = [name for name, _, _ in lines]
        self._given = in_env_file.isascii() and in_env_file.isdecimal() and len(in_env_file) <= _LONGEST_PORT
        self._base = int(in_env_file) if self._given else FIRST_PORT
        self._numbers = {name: number for number, name in enumerate(names)}
        self._first_web = "web" if "web" in names else next(iter(names), "")

    def of(self, name: str) -> str:
        """The port of its first slot, as minisup reads it."""
        port = self._base + PORT_STEP * self._numbers[name]
        return f"${{PORT:-{port}}}" if name == self._first_web and not self._given else str(port)


def _program(name: str, command: str, spot: Location, count: int, ports: _Ports, ledger: Ledger) -> dict[str, Any]:
    judged = _kind(name, command)
    port = ports.of(name)
    ours = command_of(command) if count in {0, 1} else command_of(command, before=_EACH_PORT.format(port))
    table: dict[str, Any] = {"command": ours.command}
    if judged.kind != JOB:
        table["kind"] = judged.kind
    if count != 1:
        table["numprocs"] = count
    if count in {0, 1}:
        table["environment"] = {"PORT": port}
    if ours.many and judged.kind == SERVICE:
        table["stop"] = {"scope": "group"}
    through = "; a shell runs it, because it has what only a shell understands" if ours.by_shell else ""
    if count not in {0, 1}:
        through = "; a shell gives each slot a PORT of its own"
    ledger.note(
        spot,
        name,
        KeyResult.TAKEN,
        f"program.{name}, a {judged.kind}: {judged.why}; PORT is {_said(port, count)}{through}",
    )
    return table


def _said(port: str, count: int) -> str:
    """The ports in words."""
    if count not in {0, 1}:
        first = int(port.removeprefix("${PORT:-").removesuffix("}"))
        return f"{first}, {first + 1} ..."
    return port


def _kind(name: str, command: str) -> Judged:
    if name == RELEASE:
        return Judged(TASK, "it prepares a release; the others start when it has worked")
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    judged = judge(words)
    if judged.kind:
        return judged
    return Judged(SERVICE, 'processes of a Procfile run for long; kind = "job" if it ends after each piece of work')


def _release(programs: dict[str, dict[str, Any]]) -> None:
    if RELEASE in programs:
        for name, table in programs.items():
            if name != RELEASE:
                table["after"] = [RELEASE]


def _env_file(path: str, out: str | None, ledger: Ledger) -> dict[str, str]:
    """The `.env` beside the Procfile: its name from the TOML file, and the PORT that it sets. Empty: there is none."""
    beside = directory_of(path)
    env = os.path.join(beside, ".env")
    if not os.path.isfile(env):
        return {}
    relative = os.path.relpath(env, os.path.abspath(out or beside))
    ledger.note(Location(path, 0), ".env", KeyResult.TAKEN, f"env_file = {written(relative)} of each program")
    report = ProblemReport()
    port = read_variables(read_bytes(env, report, "") or b"", env, "", report, os.environ).values.get("PORT")
    return {_FILE: relative} | ({"PORT": port} if port else {})
