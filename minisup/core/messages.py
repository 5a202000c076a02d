"""What comes into the core and what goes out of it: frozen, plain, comparable, printable.

The host answers each `Spawn` with `Started` or `SpawnFailed`, mostly at once; it does not wait for another user's
process. Actions are carried out in the order in which they are returned. Slots are named `email:0`, programs `email`.
Timer keys are the name of the slot or the program that they wake, or `FLEET`.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from minisup.core.model import Instant, Outcome, Policy, Scope, Seconds

FLEET: Final = "*"
"""Timer key of the fleet itself: the shutdown deadline."""


class Verb(StrEnum):
    """What an operator can ask of slots."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    PAUSE = "pause"
    RESUME = "resume"


# --- in ---------------------------------------------------------------------------------------------------------------


class Booted(NamedTuple):
    """Minisup is ready. Without targets all programs with `autostart` start; else these and what they are `after`."""

    targets: tuple[str, ...] = ()


class RunSurvived(NamedTuple):
    """A run of an earlier minisup goes on. Fed before `Booted`; `since` is when it started.

    `message` is the one that it has in work, received `receives` times; empty: none, or nobody knows.
    """

    slot: str
    run: int
    pid: int
    since: Instant
    message: str = ""
    receives: int = 0


class Lost(NamedTuple):
    """A run of an earlier minisup ended while no minisup lived. Fed before `Booted`; `since` is when it started."""

    slot: str
    run: int
    since: Instant


class ClockSet(NamedTuple):
    """The wall clock is `ahead` seconds ahead of the monotonic one. Fed before `Booted`, and when that has changed."""

    ahead: Seconds


class Remembered(NamedTuple):
    """Up to `wall` (seconds since 1970) an earlier minisup has seen to a slot's schedule. Fed before `Booted`."""

    slot: str
    wall: float


class Started(NamedTuple):
    """The process of a run exists."""

    slot: str
    run: int
    pid: int


class SpawnFailed(NamedTuple):
    """A run could not be started. `scarce` means that the machine lacked something (EAGAIN, ENOMEM, EMFILE ...)."""

    slot: str
    run: int
    cause: str
    scarce: bool


class Exited(NamedTuple):
    """The leader of a run ended: by `code`, or by the signal `signal` (`"SIGKILL"`); neither if nobody could read it
    (a survivor of an earlier minisup).

    `leftovers` counts the members of its session that remain. `output` is true while its pipe holds output that its
    sink cannot take yet. `said` is what a clean exit came to by its output, where the program has a rule for that:
    `idle`, `worked` or `failed`; None: no rule, or nothing that it knows. `unread`: it had been ready, and has read
    nothing of its message.
    """

    slot: str
    run: int
    code: int | None
    signal: str | None = None
    cpu: Seconds = 0.0
    max_rss: int | None = None  # bytes
    oom: bool = False
    leftovers: int = 0
    output: bool = False
    last_line: str = ""
    said: Outcome | None = None
    unread: bool = False


class OverMemory(NamedTuple):
    """A run in progress, with its whole session, takes `size` bytes of memory, and its program allows `limit`."""

    slot: str
    run: int
    size: int
    limit: int


class SignalDenied(NamedTuple):
    """Minisup may not signal a run in progress: it has taken the rights of another user."""

    slot: str
    run: int


class Leftovers(NamedTuple):
    """The number of members that an ended run left behind has changed; 0: none is left."""

    slot: str
    run: int
    left: int


class OutputDrained(NamedTuple):
    """The pipe of the slot's last run is empty: its output has been taken."""

    slot: str


class Due(NamedTuple):
    """A timer that the core armed has come due. One of an older generation is ignored."""

    key: str
    generation: int


class Changed(NamedTuple):
    """A file that a held program needs has appeared or changed."""

    program: str


class WatchedFilesChanged(NamedTuple):
    """Files that a program watches have changed: `file` is one of them, as people are told, `files` their number."""

    program: str
    file: str
    files: int = 1


class Asked(NamedTuple):
    """An operator asks something of slots. `named` holds the targets as given, so that an exact name can be told.

    `by` says who asked, for people.
    """

    verb: Verb
    slots: tuple[str, ...]
    now: bool = False
    named: frozenset[str] = frozenset()
    by: str = ""


class ScaleAsked(NamedTuple):
    """An operator wants a program to have so many slots. `now`: those that are too many do not drain."""

    program: str
    numprocs: int
    now: bool = False
    by: str = ""


class RunAsked(NamedTuple):
    """An operator wants one extra run of a program, now, whatever its policy says. `by` says who asked, for people."""

    program: str
    by: str = ""


class ConfigReloaded(NamedTuple):
    """There is another configuration. `remade`: programs whose runs are made in another way from now on.

    `noted`: programs of which something has changed that the core does not know.
    """

    policies: tuple[Policy, ...]
    shutdown_timeout: Seconds
    remade: frozenset[str] = frozenset()
    by: str = ""
    noted: frozenset[str] = frozenset()


class SignalAsked(NamedTuple):
    """An operator sends a signal, by its name, to the runs in progress of these slots."""

    slots: tuple[str, ...]
    signal: str
    named: frozenset[str] = frozenset()
    by: str = ""


class ShutdownAsked(NamedTuple):
    """Shut down, or, when that is under way, one step harder: the second ends the drain, the third kills.

    `now` goes at least as far as ending the drain. A repeat within 0.5 s is the same request unless `now` is set.
    `by` says who asked, for people.
    """

    now: bool = False
    by: str = ""


class Measured(NamedTuple):
    """The answer to a `Measure`: how many messages wait, or None and why nobody knows."""

    program: str
    visible: int | None
    error: str = ""


class Received(NamedTuple):
    """A message has come from a program's source, for the `receives`-th time (1: the first).

    `age`: how long ago it was sent; None: the queue does not say.
    """

    program: str
    message: str
    receives: int = 1
    age: Seconds | None = None


class LeaseExpired(NamedTuple):
    """A message in work may have been given to somebody else."""

    program: str
    message: str


class SourceDown(NamedTuple):
    """The source of a program does not work; `error` says why, in the system's words."""

    program: str
    error: str


class SourceUp(NamedTuple):
    """The source of a program works: fed when it has been connected, and when it works again.

    `max_receives`: the queue itself sets a message aside after so many; None: it never does.
    """

    program: str
    max_receives: int | None = None


class MessagesWaiting(NamedTuple):
    """So many messages wait in a program's source."""

    program: str
    waiting: int


OperatorAsked = Asked | ScaleAsked | RunAsked | SignalAsked | ShutdownAsked
"""What an operator can ask for."""

Event = (
    RunSurvived
    | Lost
    | ClockSet
    | Remembered
    | Booted
    | Started
    | SpawnFailed
    | Exited
    | OverMemory
    | SignalDenied
    | Leftovers
    | OutputDrained
    | Due
    | Changed
    | WatchedFilesChanged
    | Measured
    | Received
    | LeaseExpired
    | SourceDown
    | SourceUp
    | MessagesWaiting
    | Asked
    | ScaleAsked
    | RunAsked
    | ConfigReloaded
    | SignalAsked
    | ShutdownAsked
)

# --- out --------------------------------------------------------------------------------------------------------------


class Spawn(NamedTuple):
    """Start a run in a slot. `failures` is the slot's number of counted ends in a row.

    `message`: it gets this one; `ready`: it is started ahead of its message, which a `Deliver` brings.
    """

    slot: str
    run: int
    failures: int
    message: str = ""
    ready: bool = False


class Deliver(NamedTuple):
    """Give a message to the run that is ready in a slot."""

    slot: str
    run: int
    message: str


class Credit(NamedTuple):
    """A program's source may give so many messages from now on; each one that comes uses one up."""

    program: str
    messages: int


class Settlement(StrEnum):
    """What becomes of a message that was delivered."""

    ACK = "ack"
    RETURN = "return"
    REJECT = "reject"
    LEAVE = "leave"
    """Nobody knows what became of its run: it is left to its lease."""


class Settle(NamedTuple):
    """Settle a message, which is no longer in work. `delay`: how long a returned one stays hidden.

    `reason`: why it is rejected, for people.
    """

    program: str
    message: str
    how: Settlement
    delay: Seconds = 0.0
    reason: str = ""


class Signal(NamedTuple):
    """Signal a run: leader or group; SIGKILL goes to its whole session.

    SIGCONT follows, so that a stopped process gets it, unless `wake` is false: an operator's signal goes as it is.
    """

    slot: str
    run: int
    signal: str
    scope: Scope
    wake: bool = True


class SignalLeftovers(NamedTuple):
    """Signal what an ended run left behind: every member of its session that is still there."""

    slot: str
    run: int
    signal: str


class Arm(NamedTuple):
    """Wake `key` at `due`; replaces every timer of that key. `due` None: the key has no timer now."""

    key: str
    generation: int
    due: Instant | None


class HoldFiles(NamedTuple):
    """Look (once a second) at the files that a program needs and send `Changed`; `on` false: no longer."""

    program: str
    on: bool


class Measure(NamedTuple):
    """Ask the program's probe how many messages wait; answered by one `Measured`, later."""

    program: str


class Resize(NamedTuple):
    """A program has so many slots from now on: each run that starts is told (MINISUP_NUMPROCS)."""

    program: str
    numprocs: int


class Forget(NamedTuple):
    """A slot is gone: nothing of it runs, and no event about it will be answered."""

    slot: str


class Remember(NamedTuple):
    """Keep for a later minisup (`Remembered`) up to when a slot's schedule has been seen to."""

    slot: str
    wall: float


class Record(NamedTuple):
    """A run has ended: a row of the history. `duration` None: it ended while no minisup lived.

    `delay`: how much later than planned it started; None: no schedule had planned it. With a source: its `message`,
    how often that had been received, how long it had waited for this run (`wait`; None: the queue does not say when it
    was sent), and how long the process had been there before it came (`boot`; None: it was started with it).
    """

    run: int
    slot: str
    started: Instant
    duration: Seconds | None
    outcome: Outcome
    code: int | None
    signal: str | None
    cpu: Seconds
    max_rss: int | None
    failures: int
    cause: str
    delay: Seconds | None = None
    message: str = ""
    receives: int = 0
    wait: Seconds | None = None
    boot: Seconds | None = None


class Note(NamedTuple):
    """A fact for the log and for the stream of events (see `facts.py`)."""

    fact: object


class Halt(NamedTuple):
    """All is over: leave with this exit code."""

    code: int


Action = (
    Spawn
    | Deliver
    | Credit
    | Settle
    | Signal
    | SignalLeftovers
    | Arm
    | HoldFiles
    | Measure
    | Resize
    | Forget
    | Remember
    | Record
    | Note
    | Halt
)
