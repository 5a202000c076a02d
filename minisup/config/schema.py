"""What a configuration holds. The types are the reference: `docs/reference/config.md` is generated from them.

A field with a `Key` is a key of the file under the same name; the others are found out while it is read.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from minisup.config.keys.key_info import (
    NEW_MINISUP,
    NEXT_RUN,
    NOW,
    Command,
    Environment,
    FilePath,
    Glob,
    Ignore,
    Key,
    Label,
    Mode,
    Rate,
    SlotPath,
    declared,
    says,
)
from minisup.config.keys.log_tables import Log, LogTo
from minisup.config.keys.scale_tables import ScaleTable
from minisup.config.keys.source_table import SourceTable
from minisup.config.keys.supervisor_table import SupervisorTable
from minisup.config.keys.tables import Limits, QueueTable, ScheduleTable, Worked
from minisup.config.text.calendar import Cron
from minisup.config.text.interpolate import interpolate
from minisup.config.text.toml_lines import Path as LinePath
from minisup.core.model import ExitCodes, Idle, Kind, MessageSource, Policy, Restart, Retry, Seconds, Stop
from minisup.core.model import Scale as ScalePolicy
from minisup.core.model import Schedule as SchedulePolicy

MOST_PROCESSES: Final = 10_000


class Identity(NamedTuple):
    """Whom a run runs as, looked up when the configuration is read. None: as minisup itself.

    `groups` are the supplementary groups. `name` and `home` belong to `user`: they become USER, LOGNAME and HOME.
    """

    name: str | None = None
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None
    home: str | None = None


class Origin(NamedTuple):
    """Where a program comes from: file, line, the file's directory, the cwd of `up`, and the variables at load.

    `real` is the file's directory without links on the way.
    """

    file: str
    line: int
    here: str
    real: str
    cwd: str
    variables: Mapping[str, str]


NOWHERE: Final = Origin("", 0, "/", "/", "/", MappingProxyType({}))


class SlotConfig(NamedTuple):
    """What a slot runs, with all variables filled in.

    `environment` is env_file, then program.environment, then MINISUP_PROGRAM, MINISUP_SLOT, MINISUP_NUMPROCS and
    MINISUP_HERE. MINISUP_RUN_ID and MINISUP_FAILURES belong to a run and are added by whoever starts it.
    """

    argv: tuple[str, ...]
    environment: dict[str, str]
    directory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramTable:
    """`[program.NAME]`: what to run, how often, and what its exits mean."""

    command: Command = field(
        metadata=says(
            Key(
                "What a slot runs. A string is split as a shell splits words, then variables are filled in; no shell "
                'runs unless the command is `["sh", "-c", "..."]`.'
            ),
            NEXT_RUN,
        )
    )
    kind: Kind = field(
        default=Kind.JOB,
        metadata=says(
            Key("`job`: takes one piece of work and exits. `service`: runs for long. `task`: once, until it worked."),
            NEW_MINISUP,
        ),
    )
    numprocs: int = field(
        default=1, metadata=says(Key("How many of it run at the same time.", low=0, high=MOST_PROCESSES), NOW)
    )
    min_runtime: Seconds = field(
        default=1.0,
        metadata=says(
            Key(
                "The next run of a slot starts no sooner than this after the start of the last. `0`: at once.",
                low=0,
                default='`"1s"`; with a source `0`',
            ),
            NOW,
        ),
    )
    max_runtime: Seconds | None = field(
        default=None,
        metadata=says(Key("A run is ended after this; its outcome is `timeout`.", above=0, default="none"), NOW),
    )
    restart: Restart = field(
        default=Restart.ALWAYS,
        metadata=says(
            Key(
                "When a slot starts again after a run that ended by itself.",
                default='`"always"`; for a task `"on-failure"`',
            ),
            NOW,
        ),
    )
    autostart: bool = field(default=True, metadata=says(Key("Whether `minisup up` starts it."), NOW))
    after: tuple[Label, ...] = field(
        default=(),
        metadata=says(Key("Tasks that must have worked and services that must be up before the first start."), NOW),
    )
    stable_after: Seconds = field(
        default=10.0,
        metadata=says(Key("A service that has run for so long has recovered from its failures.", low=0), NOW),
    )
    directory: SlotPath | None = field(
        default=None,
        metadata=says(Key("The working directory.", default="the one in which `minisup up` was started"), NEXT_RUN),
    )
    user: str | None = field(
        default=None,
        metadata=says(
            Key("Name or number. Another user than minisup's own needs root.", default="minisup's own"), NEXT_RUN
        ),
    )
    group: str | None = field(default=None, metadata=says(Key("Name or number.", default="the user's"), NEXT_RUN))
    umask: Mode | None = field(
        default=None,
        metadata=says(Key('Octal digits in quotes, as `"022"`.', low=0, high=0o777, default="minisup's own"), NEXT_RUN),
    )
    environment: Environment = field(default_factory=dict, metadata=says(Key("Variables of the run."), NEXT_RUN))
    env_file: FilePath | None = field(
        default=None,
        metadata=says(
            Key("`KEY=VALUE` lines, read when the configuration is. `environment` wins over them."), NEXT_RUN
        ),
    )
    clear_env: bool = field(
        default=False, metadata=says(Key("The run does not inherit minisup's environment."), NEXT_RUN)
    )
    groups: tuple[Label, ...] = field(default=(), metadata=says(Key("Addressed together, as `@NAME`."), NOW))
    max_start_rate: Rate | None = field(
        default=None, metadata=says(Key("Starts of all slots together.", above=0, high=10_000, default="none"), NOW)
    )
    watch: tuple[Glob, ...] = field(
        default=(),
        metadata=says(
            Key(
                "A change of these files restarts the program: its runs may finish first. `*`, `?` and `[]` stand for "
                "part of a name, `**` for any number of directories."
            ),
            NOW,
        ),
    )
    preset: Label | None = field(
        default=None, metadata=says(Key("Defaults for a known kind of worker; every key that is given wins."), NOW)
    )
    exit: ExitCodes = field(
        default_factory=ExitCodes,
        metadata=says(
            Key("What exit codes (0 to 255) mean. A code that is named in one set leaves the defaults of the others."),
            NOW,
        ),
    )
    idle: Idle = field(
        default_factory=Idle, metadata=says(Key("How runs without work are recognised and spaced out."), NOW)
    )
    worked: Worked = field(default_factory=Worked, metadata=says(Key("How runs that found work prove it."), NOW))
    retry: Retry = field(default_factory=Retry, metadata=says(Key("What happens after failures."), NOW))
    stop: Stop = field(default_factory=Stop, metadata=says(Key("How a run is stopped."), NOW))
    log: Log = field(default_factory=Log, metadata=says(Key("Where output goes."), NEXT_RUN))
    limits: Limits | None = field(default=None, metadata=says(Key("Limits of a run."), NEXT_RUN))
    schedule: ScheduleTable | None = field(default=None, metadata=says(Key("Starts by the clock."), NOW))
    scale: ScaleTable | None = field(default=None, metadata=says(Key("Scales itself; instead of `numprocs`."), NOW))
    source: SourceTable | None = field(
        default=None,
        metadata=says(Key("minisup receives messages and starts a run for each, instead of a worker that asks."), NOW),
    )
    queue: QueueTable | None = field(default=None, metadata=says(Key("Facts about the queue, for the lints."), NOW))
    ignore: tuple[Ignore, ...] = field(
        default=(),
        metadata=says(
            Key('Warnings of `check` that are not wanted, with the reason: `["MS104 jobs may be cut"]`.'), NOW
        ),
    )
    name: str = ""
    identity: Identity | None = None  # of user and group
    file_environment: Mapping[str, str] = field(default_factory=dict)  # what env_file holds
    file_shown: Mapping[str, str] = field(default_factory=dict)  # the same with filled-in secrets masked
    filled: tuple[str, ...] = ()  # the keys that the preset filled in
    wrote_drain: bool = field(default=False, compare=False)  # the file gives stop.drain: it is no default
    origin: Origin = NOWHERE

    @property
    def reads_output(self) -> bool:
        """Whether what its runs print decides about their outcome."""
        idle = self.idle
        return any(rule is not None for rule in (idle.output, idle.unless_output, self.worked.output))

    @property
    def knows_idle(self) -> bool:
        """Whether it has a rule by which a run that found no work is recognised."""
        idle = self.idle
        return bool(self.exit.idle) or any(
            rule is not None for rule in (idle.output, idle.unless_output, idle.faster_than)
        )

    def policy(self) -> Policy:
        """What the core needs to know."""
        return Policy(
            name=self.name,
            kind=self.kind,
            numprocs=self.numprocs,
            min_runtime=self.min_runtime,
            max_runtime=self.max_runtime,
            restart=self.restart,
            autostart=self.autostart,
            after=self.after,
            stable_after=self.stable_after,
            groups=self.groups,
            max_start_rate=self.max_start_rate,
            exit=self.exit,
            idle=self.idle,
            retry=self.retry,
            stop=self.stop,
            schedule=self._schedule(),
            scale=self._scale(),
            source=self._source(),
        )

    def _source(self) -> MessageSource | None:
        source = self.source
        if source is None:
            return None
        return MessageSource(
            return_delay=source.return_delay,
            max_return_delay=source.max_return_delay,
            max_receives=source.max_receives,
            warm=source.warm,
            warm_age=source.warm_age,
            prefetch=source.prefetch,
            on_lost=source.on_lost,
        )

    def _schedule(self) -> SchedulePolicy | None:
        given = self.schedule
        if given is None:
            return None
        calendar = None if given.cron is None else Cron(" ".join(given.cron.split()), given.timezone or "")
        return SchedulePolicy(
            every=given.every,
            calendar=calendar,
            overlap=given.overlap,
            jitter=given.jitter,
            catch_up=given.catch_up,
        )

    def _scale(self) -> ScalePolicy | None:
        scale = self.scale
        if scale is None:
            return None
        return ScalePolicy(
            min=scale.min,
            max=scale.max,
            target_wait=scale.target_wait,
            every=scale.every,
            probed=scale.probe is not None or self.source is not None,
        )

    def for_slot(self, slot: int, numprocs: int | None = None, *, hide: bool = False) -> SlotConfig:
        """What slot number `slot` runs; `numprocs` if it is not the file's. With `hide` secrets are masked.

        It cannot fail: the same templates were filled in when the configuration was read.
        """
        own = self.own_variables(slot, self.numprocs if numprocs is None else numprocs)
        known = {**self.origin.variables, **own}
        directory = interpolate(self.directory, known, hide=hide) if self.directory else self.origin.cwd
        given = {name: interpolate(text, known, hide=hide) for name, text in self.environment.items()}
        return SlotConfig(
            tuple(interpolate(word, known, hide=hide) for word in self.command),
            {**(self.file_shown if hide else self.file_environment), **given, **own},
            os.path.join(self.origin.here, directory),
        )

    def probe_command(self, *, hide: bool = False) -> tuple[str, ...]:
        """What the probe runs, filled in as for the first slot; empty: none. `hide` as in `for_slot`."""
        probe = None if self.scale is None else self.scale.probe
        known = {**self.origin.variables, **self.own_variables(0, self.numprocs)}
        words = () if probe is None or probe.command is None else probe.command
        return tuple(interpolate(word, known, hide=hide) for word in words)

    def receiver_command(self, *, hide: bool = False) -> tuple[str, ...]:
        """The receiver of the user's own, filled in as for the first slot; empty: none. `hide` as in `for_slot`."""
        known = {**self.origin.variables, **self.own_variables(0, self.numprocs)}
        words = () if self.source is None or self.source.command is None else self.source.command
        return tuple(interpolate(word, known, hide=hide) for word in words)

    @property
    def most_slots(self) -> int:
        """How many slots it may come to have by itself."""
        return self.numprocs if self.scale is None else self.scale.max

    def log_paths(self, slot: int, numprocs: int | None = None, *, hide: bool = False) -> tuple[str | None, str | None]:
        """The files of slot number `slot` for its stdout and its separate stderr; None: it has none.

        With `hide` secrets are masked.
        """
        known = {
            **self.origin.variables,
            **self.own_variables(slot, self.numprocs if numprocs is None else numprocs),
        }

        def filled(path: str | None) -> str | None:
            if path is None or self.log.to is not LogTo.FILE:
                return None
            name = interpolate(path, known, hide=hide)
            here = self.origin.real if ".." in name.split("/") else self.origin.here
            return os.path.normpath(os.path.join(here, name))

        return filled(self.log.path), filled(self.log.stderr_path)

    def own_variables(self, slot: int, numprocs: int) -> dict[str, str]:
        """The variables that minisup gives to every run of a slot."""
        return {
            "MINISUP_PROGRAM": self.name,
            "MINISUP_SLOT": str(slot),
            "MINISUP_NUMPROCS": str(numprocs),
            "MINISUP_HERE": self.origin.here,
        }


PROGRAM_KEYS: Final = declared(ProgramTable)
"""The keys of `[program.NAME]`, and what a reload does with each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A configuration that has no problems. `files` are the files it was read from, the main one first."""

    supervisor: SupervisorTable
    programs: dict[str, ProgramTable]
    files: tuple[str, ...]
    lines: Mapping[str, Mapping[LinePath, int]] = field(default_factory=dict)  # of the keys, by file
    read_at: float = field(default=0.0, compare=False)  # when that began, wall clock
    looked_at: tuple[str, ...] = ()  # patterns for all files that decided about it, also for those that are not there
    secrets: frozenset[str] = field(default=frozenset(), compare=False, repr=False)  # values that must not be shown
