"""The `log` tables: where the output of runs goes, and minisup's own lines."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from minisup.config.keys.key_info import Key, Size, SlotPath, says


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
                "`prefix`: each line begins with its slot, `email:0 | `; on a terminal escape sequences other than "
                "colours are written out. `raw`: lines as they are. "
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
                "The file. It and its directory are made when the first line comes; who names the same path shares it. "
                "A device, such as `/dev/null`, is written and never rotated.",
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
