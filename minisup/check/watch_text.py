"""What a program's `watch` names today: for `minisup check`."""

from collections.abc import Sequence
from typing import NamedTuple

from minisup.config.files.globs import MOST_DIRECTORIES, Glance, absent, literal
from minisup.config.schema import ProgramTable
from minisup.config.text.toml_lines import printable
from minisup.core.model import Kind


class Watched(NamedTuple):
    """A pattern, how many files it names now, and what is odd about that, in words."""

    pattern: str
    files: int
    remark: str


def watched_by(program: ProgramTable) -> Sequence[Watched]:
    """Each pattern of a program; the file system is looked at."""
    return [_watched(pattern, Glance()) for pattern in program.watch]


def watch_lines(program: ProgramTable) -> str:
    """What is watched, and what a change leads to: lines of `check`."""
    lines = []
    for one in watched_by(program):
        count = f"{one.files:,} file{'s' if one.files != 1 else ''}"
        lines.append(f"{printable(one.pattern)}: {one.remark or count}")
    whole = {
        Kind.JOB: "a change lets each run finish and starts the next one at once",
        Kind.SERVICE: "a change restarts one slot after another",
        Kind.TASK: "a change lets each run finish; what is done runs again",
    }
    planned = "a change starts nothing: the next planned run has the new files"
    return "\n".join([*lines, planned if program.schedule else whole[program.kind]])


def _watched(pattern: str, glance: Glance) -> Watched:
    files = len(glance.at(pattern))
    remark = ""
    if glance.full:
        remark = f"{files:,} and more: there are over {MOST_DIRECTORIES:,} directories; name narrower patterns"
    elif glance.folders:
        remark = "is a directory, and only files are watched: write /** behind it"
    elif not files:
        gone = absent(pattern)
        remark = f"no file today, there is no directory {printable(gone)}" if gone else "no file today"
    return Watched(_plain(pattern), files, remark)


def _plain(pattern: str) -> str:
    """A pattern to be read: parts that stand for one name are that name."""
    parts = [(literal(part), part) for part in pattern.split("/")]
    return "/".join(part if plain is None else plain for plain, part in parts)
