"""The nouns: what a program is asked to do, where a slot stands, and how it may move.

Durations are seconds. Instants are seconds on the caller's monotonic clock. The policy records (`ExitCodes`, `Idle`,
`Retry`, `Stop`) are also the types of the configuration file's tables: their field names are its keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, Protocol

Seconds = Annotated[float, "seconds"]
"""A duration in seconds; in the configuration file also `"300ms"`, `"1s"`, `"5m"`, `"2h"`."""

Instant = float
"""A reading of the monotonic clock, in seconds."""


class Kind(StrEnum):
    """What a program is: a queue job, a long-running service, or a task that is done once it has worked."""

    JOB = "job"
    SERVICE = "service"
    TASK = "task"


class Restart(StrEnum):
    """Whether a slot starts again after a run that ended by itself."""

    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    NEVER = "never"


class GiveUp(StrEnum):
    """What happens when a program has been failing for `give_up_after`."""

    NEVER = "never"
    EXIT = "exit"
    STOP = "stop"


class Scope(StrEnum):
    """Whom a stop signal reaches: the leader of the run, or its process group."""

    LEADER = "leader"
    GROUP = "group"


class Outcome(StrEnum):
    """What a run came to. The order is the order in which the rules are tried (see `outcome.py`)."""

    STOPPED = "stopped"
    TIMEOUT = "timeout"
    OOM = "oom"
    UNSTARTABLE = "unstartable"
    CRASHED = "crashed"
    FATAL = "fatal"
    REJECTED = "rejected"
    RECYCLED = "recycled"
    IDLE = "idle"
    WORKED = "worked"
    FAILED = "failed"
    LOST = "lost"


HEALTHY: Final = frozenset({Outcome.WORKED, Outcome.IDLE, Outcome.REJECTED})
"""Ends that prove that the program boots and its queue answers: who rejects a message has read it."""

COUNTED: Final = frozenset({Outcome.FAILED, Outcome.CRASHED, Outcome.TIMEOUT, Outcome.OOM})
"""Ends that cost a token of the retry budget to relaunch."""


class Phase(StrEnum):
    """Where a slot stands."""

    OFF = "off"
    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    DRAINING = "draining"
    STOPPING = "stopping"
    KILLING = "killing"
    DONE = "done"


class Reason(StrEnum):
    """Why a wanted slot waits. Each names the timer or the event that ends the wait."""

    PACE = "pace"
    IDLE = "idle"
    BACKOFF = "backoff"
    HOLD = "hold"
    SCHEDULE = "schedule"
    AFTER = "after"
    MESSAGE = "message"
    PAUSED = "paused"
    OUTPUT = "output"
    LEFTOVERS = "leftovers"


TRANSITIONS: Final[Mapping[Phase, Mapping[Phase, str]]] = MappingProxyType(
    {
        Phase.OFF: {
            Phase.WAITING: "start",
            Phase.RUNNING: "a survivor is found, or one extra run is asked for",
            Phase.DRAINING: "shutdown or scale-in, leftovers remain",
            Phase.STOPPING: "the same without drain, leftovers remain",
        },
        Phase.WAITING: {
            Phase.WAITING: "another reason to wait",
            Phase.READY: "a process starts ahead of its message",
            Phase.RUNNING: "a run starts",
            Phase.DRAINING: "stop or scale-in, leftovers remain",
            Phase.STOPPING: "stop --now, leftovers remain",
            Phase.OFF: "stop or scale-in",
        },
        Phase.READY: {
            Phase.WAITING: "the process ends before its message",
            Phase.RUNNING: "its message is delivered",
            Phase.STOPPING: "stop, restart, pause, scale-in, shutdown, or older than warm_age",
            Phase.DONE: "the process ends before its message, nothing left to do",
        },
        Phase.RUNNING: {
            Phase.WAITING: "the run ends",
            Phase.DRAINING: "stop, restart, scale-in, shutdown",
            Phase.STOPPING: "no drain, max_runtime, or limits.memory",
            Phase.KILLING: "third signal",
            Phase.OFF: "the run ends, given up, or an extra one",
            Phase.DONE: "the run ends, nothing left to do",
        },
        Phase.DRAINING: {
            Phase.RUNNING: "start, scale-out, or pause of a restart: the drain is cancelled",
            Phase.WAITING: "the run ends, restart",
            Phase.STOPPING: "the drain is over, max_runtime, or limits.memory",
            Phase.KILLING: "third signal, or the deadline",
            Phase.OFF: "the last process ends",
            Phase.DONE: "the run ends, nothing left to do",
        },
        Phase.STOPPING: {
            Phase.WAITING: "the run ends, still wanted",
            Phase.KILLING: "stop.timeout is over",
            Phase.OFF: "the last process ends",
            Phase.DONE: "the run ends, nothing left to do",
        },
        Phase.KILLING: {
            Phase.WAITING: "the run ends, still wanted",
            Phase.OFF: "the last process ends",
            Phase.DONE: "the run ends, nothing left to do",
        },
        Phase.DONE: {
            Phase.WAITING: "start or restart",
            Phase.DRAINING: "stop or scale-in, leftovers remain",
            Phase.STOPPING: "stop --now, leftovers remain",
            Phase.OFF: "stop or scale-in",
        },
    }
)
"""Every move that a slot can make, and its cause. The diagram in the docs is drawn from this table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitCodes:
    """Which exit codes mean what. A code that no set names is a failure."""

    ok: frozenset[int] = frozenset({0})
    idle: frozenset[int] = frozenset()
    recycle: frozenset[int] = frozenset()
    fatal: frozenset[int] = frozenset({78})
    reject: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """How a run that found no work is recognised, and how long its slot then waits.

    The host looks at the output (`output`, `unless_output`) and tells the core what it said; the rest is the core's.
    """

    output: str | None = None
    unless_output: str | None = None
    faster_than: Seconds | None = None
    wait: Seconds = 1.0
    max_wait: Seconds = 20.0
    factor: float = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Backoff of a slot and budget of a program."""

    backoff: Seconds = 1.0
    max_backoff: Seconds = 30.0
    budget: int = 10
    refill: Seconds = 15.0
    max_failure_ratio: float = 0.5
    give_up: GiveUp = GiveUp.NEVER
    give_up_after: Seconds = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """How a run is stopped: drain without a signal, then `signal`, then SIGKILL after `timeout`."""

    drain: Seconds = 60.0
    signal: str = "SIGTERM"
    timeout: Seconds = 10.0
    scope: Scope = Scope.GROUP


class Overlap(StrEnum):
    """What happens when a start is due while the last run still runs."""

    SKIP = "skip"
    QUEUE = "queue"


class Calendar(Protocol):
    """Times of the wall clock, as a cron expression gives them. Pure, and comparable as data is."""

    def next_after(self, wall: float) -> float:
        """The first time after `wall`; both in seconds since 1970."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Starts by the clock: `every` so many seconds, or at the times of a `calendar`; one of them is None."""

    every: Seconds | None = None
    calendar: Calendar | None = None
    overlap: Overlap = Overlap.SKIP
    jitter: Seconds = 0.0
    catch_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How a program scales itself, instead of a fixed number of slots. Without a probe: by how its runs end."""

    min: int = 1
    max: int = 10
    target_wait: Seconds = 30.0
    every: Seconds = 5.0
    probed: bool = True


class OnLost(StrEnum):
    """What becomes of a run whose message may have been given to somebody else."""

    CONTINUE = "continue"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSource:
    """A queue of which each run gets one message: what the core needs to know of it."""

    return_delay: Seconds = 10.0
    max_return_delay: Seconds = 900.0
    max_receives: int = 5
    warm: int = 0
    warm_age: Seconds = 300.0
    prefetch: int = 0
    on_lost: OnLost = OnLost.CONTINUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All that the core knows about a program: one `[program.NAME]` without its command and its world."""

    name: str
    kind: Kind = Kind.JOB
    numprocs: int = 1
    min_runtime: Seconds = 1.0
    max_runtime: Seconds | None = None
    restart: Restart = Restart.ALWAYS
    autostart: bool = True
    after: tuple[str, ...] = ()
    stable_after: Seconds = 10.0
    groups: tuple[str, ...] = ()
    max_start_rate: float | None = None  # starts a second
    exit: ExitCodes = field(default_factory=ExitCodes)
    idle: Idle = field(default_factory=Idle)
    retry: Retry = field(default_factory=Retry)
    stop: Stop = field(default_factory=Stop)
    schedule: Schedule | None = None
    scale: Scale | None = None  # numprocs is then what it starts with
    source: MessageSource | None = None  # each run then gets a message
