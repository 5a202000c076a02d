"""From a Procfile and the `.env` beside it to a minisup configuration.

A Procfile has `name: command` lines. A shell runs the commands, so a command that needs one gets one. Its processes
run for long unless their command says otherwise; `release` is run once, before all others.
"""

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from minisup.config.problems import did_you_mean, named, show
from minisup.convert.commands import JOB, SERVICE, TASK, Judged, judge
from minisup.convert.ledger import Converted, Fate, Ledger, Spot
from minisup.convert.names import label
from minisup.convert.read import directory_of, read_text
from minisup.convert.render import written
from minisup.convert.shell import command_of
from minisup.errors import UsageError

RELEASE: Final = "release"
FIRST_PORT: Final = 5000
PORT_STEP: Final = 100

_LINE: Final = re.compile(r"([A-Za-z0-9_.-]+)\s*:\s*(.+)")
_PORT: Final = re.compile(r"\$\{?PORT\b")
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
    first_web = next((name for name, _, _ in lines if name == "web"), lines[0][0] if lines else "")
    for number, (name, command, spot) in enumerate(lines):
        port = FIRST_PORT + PORT_STEP * number
        table = _program(name, command, spot, counts.get(name, counts.get("all", 1)), ledger)
        if _PORT.search(command):
            table["environment"] = {"PORT": _port(table.get("numprocs", 1), port, fixed=name != first_web)}
        programs[label(name, programs)] = table
    _release(programs)
    _env_file(path, out, programs, ledger)
    if not lines and not ledger.problems:
        ledger.problem(Spot(path, 0), "", "there is no line `name: command` in it")
    return ledger.finish("procfile", [path], {"program": programs})


def _lines(path: str, text: str, ledger: Ledger) -> list[tuple[str, str, Spot]]:
    """Name, command and place of each process. Of a name that is there twice the last one counts."""
    found: dict[str, tuple[str, str, Spot]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        spot, stripped = Spot(path, number), line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if not match or "\0" in line:
            ledger.problem(spot, "", f"expected name: command, got {show(stripped)}")
            continue
        if match[1] in found:
            ledger.note(found[match[1]][2], match[1], Fate.UNNEEDED, f"{match[1]} is there again in line {number}")
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


def _program(name: str, command: str, spot: Spot, count: int, ledger: Ledger) -> dict[str, Any]:
    ours = command_of(command)
    judged = _kind(name, command)
    table: dict[str, Any] = {"command": ours.command}
    if judged.kind != JOB:
        table["kind"] = judged.kind
    if count != 1:
        table["numprocs"] = count
    if ours.many and judged.kind == SERVICE:
        table["stop"] = {"scope": "group"}
    through = "; a shell runs it, because it has what only a shell understands" if ours.by_shell else ""
    ledger.note(spot, name, Fate.TAKEN, f"program.{name}, a {judged.kind}: {judged.why}{through}")
    return table


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


def _port(count: int, port: int, *, fixed: bool) -> str:
    """What $PORT is: minisup's own for the first web process, else 5000, 5100 ... as a Procfile's runners give it."""
    if count == 1:
        return str(port) if fixed else f"${{PORT:-{port}}}"
    return f"{port // 10}${{MINISUP_SLOT}}" if count <= 10 else f"{port // 100}${{MINISUP_SLOT}}"  # noqa: PLR2004


def _release(programs: dict[str, dict[str, Any]]) -> None:
    if RELEASE in programs:
        for name, table in programs.items():
            if name != RELEASE:
                table["after"] = [RELEASE]


def _env_file(path: str, out: str | None, programs: dict[str, dict[str, Any]], ledger: Ledger) -> None:
    beside = directory_of(path)
    env = os.path.join(beside, ".env")
    if not os.path.isfile(env):
        return
    relative = os.path.relpath(env, os.path.abspath(out or beside))
    for table in programs.values():
        table["env_file"] = relative
    ledger.note(Spot(path, 0), ".env", Fate.TAKEN, f"env_file = {written(relative)} of each program")
