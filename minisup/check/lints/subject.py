"""What a lint looks at, and what it says."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from minisup.check.stop_text import ShutdownPlan, shutdown_plans
from minisup.check.systemd_unit import Unit
from minisup.config.schema import Config, ProgramTable
from minisup.core.model import Seconds


class Needs(StrEnum):
    """What a lint needs to know beside the configuration. Where nobody knows it, the lint says nothing."""

    NOTHING = ""
    UNIT = "unit"
    MEMORY = "memory"
    FILES = "files"
    HISTORY = "history"
    LOG_DIRECTORIES = "log directories"
    OWNERS = "owners of files"
    RIGHTS = "rights of users"
    DIRECTORIES = "rights of users to directories"
    SCRIPTS = "scripts"


class Usual(NamedTuple):
    """What the last worked runs of a program took: how many were looked at, seconds, the most bytes (0: not known).

    `capped`: slots start their runs at equal distances although the runs end long before.
    """

    runs: int
    median: Seconds
    p95: Seconds
    memory: int = 0
    capped: bool = False


class OpenLog(NamedTuple):
    """A log file (`key` of its program) below a `directory` that others may write to: `who`, empty if not known.

    `refused`: why minisup would not write there, as things are now; empty: it would.
    """

    key: str
    directory: str
    who: str
    refused: str = ""


NOBODY: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({})


class Others(NamedTuple):
    """Who else may change what minisup reads and runs, in words, beside the files that they may change.

    `files`: by file of the configuration. `directories`: by directory on the way to one, with that file. `env_files`
    and `commands`: by program. `as_root`: minisup is root here.
    """

    files: Mapping[str, str] = MappingProxyType({})
    directories: Mapping[str, tuple[str, str]] = NOBODY
    env_files: Mapping[str, tuple[str, str]] = NOBODY
    commands: Mapping[str, tuple[str, str]] = NOBODY
    as_root: bool = False


class ClosedPython(NamedTuple):
    """What of minisup's own `python` the user (`who`) of a program may not read or enter, who is to run its `probe`."""

    probe: str
    who: str
    python: str
    place: str


class Closed(NamedTuple):
    """A `place` on the way to a program's `directory`, or that itself, which its user (`who`) may not enter."""

    who: str
    directory: str
    place: str


class ShellScript(NamedTuple):
    """A shell's script, as it is called, and its `last` command, which does not take the shell's place."""

    path: str
    last: str


NO_HISTORY: Final[Mapping[str, Usual]] = MappingProxyType({})

ENOUGH: Final = 20
"""Runs below which nothing is said about what is usual."""


class Surroundings(NamedTuple):
    """What is known beside the configuration: systemd's unit, the cgroup's memory limit in bytes, usual runs.

    `files`: how many files minisup may have open (the hard limit); None: nobody knows.
    `open_logs`: by program, where others may write beside its log; None: nobody has looked at the directories.
    `others`: who else may change files; None: nobody has looked.
    `out_of_reach`: by program, why its user cannot start a helper of ours; None: nobody has looked.
    `closed`: by program, why its user cannot enter its directory; None: nobody has looked.
    `scripts`: by service, the script of a shell that stays; None: nobody has looked.
    """

    unit: Unit | None = None
    memory: int | None = None
    usual: Mapping[str, Usual] = NO_HISTORY
    open_logs: Mapping[str, OpenLog] | None = None
    files: int | None = None
    others: Others | None = None
    out_of_reach: Mapping[str, ClosedPython] | None = None
    closed: Mapping[str, Closed] | None = None
    scripts: Mapping[str, ShellScript] | None = None

    def known(self, needs: Needs, program: str = "") -> bool:
        """Whether a lint that needs this could look (at `program`; empty: at any)."""
        match needs:
            case Needs.UNIT:
                return self.unit is not None
            case Needs.MEMORY:
                return self.memory is not None
            case Needs.FILES:
                return self.files is not None
            case Needs.HISTORY:
                return self.often(program) is not None if program else any(map(self.often, self.usual))
            case Needs.LOG_DIRECTORIES:
                return self.open_logs is not None
            case Needs.OWNERS:
                return self.others is not None
            case Needs.RIGHTS:
                return self.out_of_reach is not None
            case Needs.DIRECTORIES:
                return self.closed is not None
            case Needs.SCRIPTS:
                return self.scripts is not None
            case _:
                return True

    def often(self, program: str) -> Usual | None:
        """The usual run of a program that has run often enough."""
        usual = self.usual.get(program)
        return usual if usual is not None and usual.runs >= ENOUGH else None


class Found(NamedTuple):
    """What a lint has found: what will happen, what to write instead, and at which key of which program.

    `program` empty: `[supervisor]`, or the `unit` if that is named.
    """

    message: str
    fix: str
    program: str = ""
    key: str = ""
    unit: str = ""


class Subject(NamedTuple):
    """What lints look at."""

    config: Config
    plans: Mapping[str, ShutdownPlan]
    around: Surroundings

    def programs(self) -> Iterator[tuple[str, ProgramTable]]:
        """The programs, in the order of the file."""
        return iter(self.config.programs.items())


class Lint(NamedTuple):
    """A rule: its number, what it warns of in a few words, how it looks, and what else it needs to know."""

    id: str
    title: str
    look: Callable[[Subject], Iterator[Found]]
    needs: Needs = Needs.NOTHING


def subject_of(config: Config, around: Surroundings) -> Subject:
    """A configuration that has no problems, ready to be looked at."""
    return Subject(config, shutdown_plans(config), around)
