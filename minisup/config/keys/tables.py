"""The tables inside `[supervisor]` and `[program.NAME]`, and what each of their keys means.

The records of the core (`exit`, `idle`, `retry`, `stop`) are used as they are; what their keys mean is said here.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from minisup.config.keys.key_info import Cron, Key, Pattern, Size, Zone, says
from minisup.core.model import Overlap, Seconds


class Keep(StrEnum):
    """Of which runs the history keeps the last output."""

    FAILED = "failed"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """How a run that found work proves that all went well."""

    output: Pattern | None = field(
        default=None,
        metadata=says(
            Key(
                "A clean exit that was not idle worked if a line of its output matches this (its last 200 lines or "
                "28 KiB are looked at), and failed if none does.",
                default="none: a clean exit is enough",
            )
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of a run."""

    memory: Size | None = field(
        default=None,
        metadata=says(
            Key(
                "Resident memory of all processes of the run's session, looked at once a second. A run above this is "
                "ended as by `stop` without drain; its outcome is `oom`.",
                above=0,
            )
        ),
    )
    nofile: int | None = field(
        default=None, metadata=says(Key("Open files of a process at most (soft and hard limit).", low=3, high=2**30))
    )
    nice: int | None = field(
        default=None,
        metadata=says(
            Key(
                "Priority of its processes, -20 (first) to 19 (last). Below minisup's own it needs privileges.",
                low=-20,
                high=19,
            )
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTable:
    """Starts by the clock instead of by pace."""

    every: Seconds | None = field(
        default=None, metadata=says(Key("Counted from the start of the last run; the first is at boot.", above=0))
    )
    cron: Cron | None = field(
        default=None, metadata=says(Key("Minute, hour, day of month, month, day of week. Not together with `every`."))
    )
    timezone: Zone | None = field(default=None, metadata=says(Key("The time zone of `cron`.", default="the system's")))
    overlap: Overlap = field(
        default=Overlap.SKIP,
        metadata=says(
            Key("A start that is due while the last run goes on: `skip` leaves it out, `queue` lets one follow it.")
        ),
    )
    jitter: Seconds = field(default=0.0, metadata=says(Key("Each start is later by up to this.", low=0)))
    catch_up: bool = field(
        default=False,
        metadata=says(
            Key("For `cron`: starts that were missed while minisup was down are made up for by one, at once.")
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTable:
    """Facts about the queue, for the lints of `check`."""

    visibility_timeout: Seconds | None = field(
        default=None, metadata=says(Key("How long a message that was taken stays hidden.", above=0))
    )
    max_receives: int | None = field(
        default=None,
        metadata=says(Key("After so many tries a message goes to the dead-letter queue.", low=1, high=1000)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProtection:
    """Protection of an ECS task from scale-in and deployments while it works."""

    enabled: bool = field(default=True, metadata=says(Key("Whether minisup asks for it.")))
    poll: Seconds = field(
        default=1.0,
        metadata=says(
            Key(
                "After a run that found no work or failed, the next run of that program counts as work only when it "
                "has been in progress for so long: longer than the wait of a long poll.",
                low=0,
            )
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is remembered about runs."""

    keep: Seconds = field(default=30 * 86400.0, metadata=says(Key("Older runs are forgotten.", above=0)))
    max_rows: int = field(
        default=1_000_000, metadata=says(Key("The most runs that are remembered; 0: none.", low=0, high=10**12))
    )
    output: Keep = field(default=Keep.FAILED, metadata=says(Key("Of which runs the last output is kept.")))
    tail: Size = field(default=8192, metadata=says(Key("How much of it a run.", low=0, high=2**15)))
