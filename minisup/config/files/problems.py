"""Collecting the problems of a configuration, and listing them."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from minisup.config.files.globs import escaped
from minisup.config.files.ownership import VARIABLE, Trust, stranger
from minisup.config.text.masking import conceal
from minisup.config.text.toml_lines import Path, key_text, line_of
from minisup.errors import ConfigError, Problem

MOST_PROBLEMS: Final = 500
"""Problems after which the rest of a configuration is not looked at: each hint takes a millisecond or more."""


class Source(NamedTuple):
    """A file that was read: its name and its directory as the user knows them, what it holds and on which lines.

    `real` is the directory without links on the way: paths that go up with `..` begin there, as they do in a shell.
    """

    name: str
    here: str
    real: str
    data: Mapping[str, object]
    lines: dict[Path, int]


class ProblemReport:
    """The problems found so far. `bad` holds the key paths of a source whose values could not be understood.

    `looked_at` are patterns for the files that were read, or would have been if they were there. Names of files begin
    in `cwd`; empty: it is gone. `looking` is told each of them before it is opened. `strangers` are the problems that
    files are not only of those in `trust`; None: that does not matter. `secrets` are values that no problem may show.
    """

    __slots__ = ("bad", "cwd", "looked_at", "looking", "problems", "secrets", "strangers", "trust")

    def __init__(self, cwd: str = "", looking: Callable[[str], None] | None = None) -> None:
        self.cwd = cwd
        self.looking = looking
        self.trust: Trust | None = None
        self.strangers: list[Problem] = []
        self.secrets: set[str] = set()
        self.problems: list[Problem] = []
        self.bad: set[tuple[str, Path]] = set()
        self.looked_at: dict[str, None] = {}

    def looks_at(self, path: str, *, pattern: bool = False) -> None:
        """What stands at `path`, or what the pattern names, decides about the configuration."""
        if self.looking is not None:
            self.looking(path)
        here = escaped(self.cwd or "/")
        self.looked_at[os.path.join(here, path if pattern else escaped(path))] = None

    def judge(self, seen: os.stat_result, file: str, line: int = 0, key: str = "", what: str = "") -> None:
        """Note who else may change a file that was read; `what` is its name if that is not `file`."""
        found = None if self.trust is None else stranger(seen, self.trust)
        if found is not None:
            cure = f"{found.cure}, or set {VARIABLE}={found.name} where minisup is started"
            whose = f"{what}: " if what else ""
            self.strangers.append(Problem(file, line, key, f"{whose}{found.why}, and minisup is root: {cure}"))

    def add(self, source: Source, path: Path, message: str) -> None:
        """A value that is understood but cannot be."""
        self.problems.append(Problem(source.name, line_of(source.lines, path), key_text(path), message))

    def reject(self, source: Source, path: Path, message: str) -> None:
        """A value that is not understood: it takes no part in further checks."""
        self.bad.add((source.name, path))
        self.add(source, path, message)

    @property
    def full(self) -> bool:
        """Whether there are so many problems that nobody reads more."""
        return len(self.problems) >= MOST_PROBLEMS

    def understood(self, source: Source, path: Path) -> bool:
        """Whether the value at `path`, and every table around it, could be read."""
        return not any((source.name, path[:end]) in self.bad for end in range(1, len(path) + 1))

    def error(self, path: str) -> ConfigError:
        """All problems of the configuration that starts at `path`, ordered by file and line."""
        found = [self._concealed(problem) for problem in self.problems[:MOST_PROBLEMS]]
        if self.full:
            found.append(Problem(path, 0, "", f"{MOST_PROBLEMS} problems are enough; the rest was not looked at"))
        order = {problem.file: number for number, problem in reversed(list(enumerate(found)))}
        order[path] = -1
        problems = sorted(found, key=lambda problem: (order[problem.file], problem.line))
        return ConfigError(_all_said(path, problems), problems, tuple(self.looked_at))

    def _concealed(self, problem: Problem) -> Problem:
        file, message = (conceal(text, self.secrets) for text in (problem.file, problem.message))
        return Problem(file, problem.line, problem.key, message)


def _all_said(path: str, problems: Sequence[Problem]) -> str:
    files = {problem.file for problem in problems}
    count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
    first = f"{min(files)} has {count}" if len(files) == 1 else f"{path} and its includes have {count}"
    return "\n".join([first, *_columns(problems)])


def _columns(problems: Sequence[Problem]) -> list[str]:
    from minisup.cell_width import padded, width  # noqa: PLC0415 - as below

    where = [f"{problem.file}:{problem.line}" if problem.line else problem.file for problem in problems]
    wide = max(map(width, where), default=0)
    wide_key = max((width(problem.key) for problem in problems), default=0)
    return [
        f"  {padded(place, wide)}  {padded(problem.key, wide_key)}  {problem.message}"
        if wide_key
        else f"  {padded(place, wide)}  {problem.message}"
        for place, problem in zip(where, problems, strict=True)
    ]


def format_problems(error: ConfigError, verb: str = "start") -> str:
    """The text for the screen: `cannot start: minisup.toml has 3 problems` and a line for each."""
    return f"cannot {verb}: {error}"
