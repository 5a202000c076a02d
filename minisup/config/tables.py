"""The tables inside `[supervisor]` and `[program.NAME]`, and what each of their keys means.

The records of the core (`exit`, `idle`, `retry`, `stop`) are used as they are; what their keys mean is said here.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field
from enum import StrEnum
from typing import Annotated, Final, NamedTuple

from minisup.core.model import ExitCodes, Idle, Retry, Seconds, Stop

Size = Annotated[int, "size"]
"""Bytes; in the file also `"256MiB"`, `"10MB"`."""

Rate = Annotated[float, "rate"]
"""Starts a second; in the file `"20/s"`, `"60/m"`."""

Mode = Annotated[int, "mode"]
"""Permission bits; in the file octal digits in quotes, `"0600"`."""

FilePath = Annotated[str, "path"]
"""A path; in the file it may be relative to the file's own directory."""

Label = Annotated[str, "label"]
"""A name of a program or a group: letters, digits, `.`, `_`, `-`."""

Pattern = Annotated[str, "pattern"]
"""A regular expression."""

SignalName = Annotated[str, "signal"]
"""A signal by name, as `SIGTERM`; in the file also `"TERM"` or its number."""

Cron = Annotated[str, "cron"]
"""Five cron fields: minute, hour, day of month, month, day of week."""

Zone = Annotated[str, "zone"]
"""A time zone by name, as `Asia/Tokyo`."""

Command = Annotated[tuple[str, ...], "command"]
"""Words of a command; in the file also a string, split as a shell does. Variables are filled in for each slot."""

SlotPath = Annotated[str, "slot path"]
"""A path in which variables are filled in for each slot."""

Environment = Annotated[Mapping[str, str], "environment"]
"""Variables of an environment: names and text."""

NO_VALUES: Final[frozenset[str]] = frozenset()


class Key(NamedTuple):
    """What is known about a key beside its type: its meaning, the values it may have, and what is not supported yet."""

    doc: str
    low: float | None = None
    above: float | None = None
    high: float | None = None
    later: bool = False
    later_values: frozenset[str] = NO_VALUES
    default: str = ""  # in words, where it depends on other keys
    hint: object = None  # the type in the file, where the record of the core has a plainer one


def says(key: Key) -> Mapping[str, Key]:
    """The metadata of a dataclass field that is a key of the file."""
    return {"key": key}


class Rotation(NamedTuple):
    """When a log file is rotated, in bytes, how many rotated ones are kept, and whether these are compressed."""

    max_size: int = 50_000_000
    keep: int = 10
    compress: bool = True


class LogTo(StrEnum):
    """Where a program's output goes."""

    CONSOLE = "console"
    FILE = "file"
    INHERIT = "inherit"
    NONE = "none"


class LogFormat(StrEnum):
    """How a program's lines are written."""

    PREFIX = "prefix"
    RAW = "raw"
    JSON = "json"


class LogStderr(StrEnum):
    """Whether a run's stderr is kept apart from its stdout."""

    SEPARATE = "separate"
    JOIN = "join"


class LineFormat(StrEnum):
    """How minisup's own lines are written."""

    TEXT = "text"
    JSON = "json"


class Level(StrEnum):
    """How much minisup says."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Keep(StrEnum):
    """Of which runs the history keeps the last output."""

    FAILED = "failed"
    ALL = "all"
    NONE = "none"


class Overlap(StrEnum):
    """What happens when a run is due while the last one still runs."""

    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Where the output of a program's runs goes."""

    to: LogTo = field(
        default=LogTo.CONSOLE,
        metadata=says(
            Key(
                "`console`: minisup's own stdout and stderr, line by line. `inherit`: the run writes there itself, "
                "minisup reads nothing. `none`: discarded. `file`: the file at `path`.",
            )
        ),
    )
    format: LogFormat = field(
        default=LogFormat.PREFIX,
        metadata=says(
            Key(
                "`prefix`: each line begins with its slot, `email:0 | `. `raw`: lines as they are. "
                "`json`: an object a line, with `timestamp`, `program`, `slot`, `run`, `stream` and `line`.",
            )
        ),
    )
    stderr: LogStderr = field(
        default=LogStderr.SEPARATE,
        metadata=says(
            Key(
                "`separate`: stderr to stderr. `join`: both to stdout, in the order in which they were written.",
                default="`separate`; for files `join`",
            )
        ),
    )
    time: bool = field(
        default=False,
        metadata=says(Key("With `prefix`: each line begins with the time in UTC. `json` always has it.")),
    )
    path: SlotPath | None = field(
        default=None,
        metadata=says(
            Key(
                "The file. It and its directory are made when the first line comes; who names the same path shares it.",
            )
        ),
    )
    stderr_path: SlotPath | None = field(default=None, metadata=says(Key("The file of a separate stderr.")))
    max_size: Size = field(
        default=50_000_000,
        metadata=says(Key("Before the file grows above this it becomes `PATH.1`, that one `PATH.2` ...", low=1024)),
    )
    keep: int = field(default=10, metadata=says(Key("How many rotated files are kept.", low=0, high=10_000)))
    compress: bool = field(
        default=True, metadata=says(Key("Rotated files are compressed, aside and at low priority: `PATH.1.gz`."))
    )

    @property
    def rotation(self) -> "Rotation":
        """How the files are rotated."""
        return Rotation(self.max_size, self.keep, self.compress)


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
class Schedule:
    """Starts by the clock instead of by pace."""

    every: Seconds | None = field(
        default=None, metadata=says(Key("Counted from the start of the last run; the first is at boot.", above=0))
    )
    cron: Cron | None = field(
        default=None, metadata=says(Key("Minute, hour, day of month, month, day of week. Not together with `every`."))
    )
    timezone: Zone | None = field(default=None, metadata=says(Key("The time zone of `cron`.", default="the system's")))
    overlap: Overlap = field(
        default=Overlap.SKIP, metadata=says(Key("A start that is due while the last run goes on is left out."))
    )
    jitter: Seconds = field(default=0.0, metadata=says(Key("Each start is later by up to this.", low=0)))
    catch_up: bool = field(
        default=False, metadata=says(Key("A start that was missed while minisup was down happens at once."))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How the length of a queue is found out."""

    command: Command = field(metadata=says(Key("Prints the number of messages that wait.")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """As many processes as the queue needs; instead of `numprocs`."""

    min: int = field(default=1, metadata=says(Key("At least so many processes.", low=0, high=10_000)))
    max: int = field(default=10, metadata=says(Key("At most so many processes.", low=1, high=10_000)))
    target_wait: Seconds = field(default=30.0, metadata=says(Key("How long a message may wait in the queue.", above=0)))
    every: Seconds = field(default=5.0, metadata=says(Key("How often the queue is looked at.", above=0)))
    probe: Probe | None = field(default=None, metadata=says(Key("How it is looked at.")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Facts about the queue, for the lints of `check`."""

    visibility_timeout: Seconds | None = field(
        default=None, metadata=says(Key("How long a message that was taken stays hidden.", above=0))
    )
    max_receives: int | None = field(
        default=None,
        metadata=says(Key("After so many tries a message goes to the dead-letter queue.", low=1, high=1000)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorLog:
    """minisup's own lines, on stderr."""

    format: LineFormat = field(
        default=LineFormat.TEXT,
        metadata=says(
            Key(
                "`text`: sentences. `json`: an object a line, with `timestamp`, `level`, `message` and, where the line "
                "tells a fact, `fact` and `fields`.",
            )
        ),
    )
    level: Level = field(
        default=Level.INFO,
        metadata=says(Key("The least important lines that are written. `debug`: every start and end.")),
    )
    time: bool = field(
        default=False, metadata=says(Key("Each line of text begins with the time in UTC. `json` always has it."))
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


CORE_KEYS: Final[Mapping[type, Mapping[str, Key]]] = {
    ExitCodes: {
        "ok": Key("The run worked.", default="`[0]`; for a service `[]`"),
        "idle": Key("The run found no work."),
        "recycle": Key("The run asks to be replaced; that costs nothing."),
        "fatal": Key("Trying again will not help: the program is held and probed."),
    },
    Idle: {
        "output": Key("A clean exit whose output matches this was idle.", later=True, hint=Pattern | None),
        "faster_than": Key("A clean exit in less than this was idle.", above=0, later=True),
        "wait": Key("The wait after the first idle run in a row of the program.", low=0),
        "max_wait": Key("The longest wait.", low=0),
        "factor": Key("Each further idle run in a row makes the wait longer by this.", low=1, high=1000),
    },
    Retry: {
        "backoff": Key("The longest wait after a slot's first failure; doubled with each further one in a row.", low=0),
        "max_backoff": Key("The longest wait of all.", low=0),
        "budget": Key("Relaunches after failure that the program has, beside one for each process.", low=0, high=1e6),
        "refill": Key("Time brings back one relaunch in this time.", above=0),
        "max_failure_ratio": Key(
            "The share of failures that a program may have for ever: a healthy run brings back p / (1 - p) relaunches.",
            low=0,
            high=0.95,
        ),
        "give_up": Key("`never`: probe for ever. `exit`: minisup drains and exits 75. `stop`: the program goes off."),
        "give_up_after": Key("After failing for so long.", above=0),
    },
    Stop: {
        "drain": Key("No signal for so long: the run may finish.", low=0, default='`"60s"`; for a service `0`'),
        "signal": Key("Then this signal.", hint=SignalName),
        "timeout": Key("SIGKILL after so long.", low=0),
        "scope": Key(
            "Whom the signal reaches: the run's first process, or its group.",
            default='`"group"`; for a service `"leader"`',
        ),
    },
}


def key_of(table: type, item: "Field[object]") -> Key | None:
    """What is known about a field of a table; None: it is not a key of the file."""
    if table in CORE_KEYS:
        return CORE_KEYS[table][item.name]
    key = item.metadata.get("key")
    return key if isinstance(key, Key) else None
