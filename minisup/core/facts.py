"""What an operator may want to know, as data. `narrate.py` turns each into a sentence."""

from typing import NamedTuple

from minisup.core.model import Outcome, Seconds


class ProgramStarted(NamedTuple):
    """The first run of a program has started."""

    program: str
    slots: int


class Survived(NamedTuple):
    """A run of an earlier minisup goes on. `leaving`: the configuration does not have its slot any more."""

    slot: str
    pid: int
    run: int
    leaving: bool


class RunStarted(NamedTuple):
    """A run has started. Told while somebody follows, as the next three are."""

    slot: str
    run: int
    pid: int


class RunEnded(NamedTuple):
    """A run has ended. `duration` None: nobody saw it; `cause`: its last line, or why it could not be started."""

    slot: str
    run: int
    outcome: Outcome
    code: int | None
    signal: str | None
    duration: Seconds | None
    cause: str


class SlotHeld(NamedTuple):
    """A slot waits for the program's retry budget or for what stands in its way to change."""

    slot: str
    cause: str


class SlotProbed(NamedTuple):
    """A slot that was held is tried again."""

    slot: str
    run: int


class FirstFailure(NamedTuple):
    """A program that was well has its first unhealthy end.

    `next_in` None: no run follows by itself; with `paused_by` an operator has to let it.
    """

    slot: str
    run: int
    outcome: Outcome
    code: int | None
    signal: str | None
    duration: Seconds
    cause: str
    next_in: Seconds | None
    paused_by: str = ""


class StillFailing(NamedTuple):
    """Told at the 10th, 100th ... unhealthy end, or after a minute without a word. `holding`: the budget is empty."""

    program: str
    lasted: Seconds
    failures: int
    outcome: Outcome
    code: int | None
    signal: str | None
    cause: str
    holding: bool
    probe_every: Seconds


class Recovered(NamedTuple):
    """The first healthy end after failures. `tries` counts the unhealthy ends in between."""

    program: str
    lasted: Seconds
    tries: int


class StateChanged(NamedTuple):
    """A program has come into a state that is told at once: draining, stopping, off, done, holding.

    `by` says who asked for its stop; empty: nobody did.
    """

    program: str
    state: str
    by: str = ""


class TaskWorked(NamedTuple):
    """Every slot of a task has worked; `frees` names the programs that may start now."""

    program: str
    took: Seconds
    frees: tuple[str, ...]


class GaveUp(NamedTuple):
    """A program has been failing for `give_up_after`; `then` is "exit" or "stop"."""

    program: str
    lasted: Seconds
    then: str


class StartLate(NamedTuple):
    """A planned start came `delay` after its time.

    `why`: "overlap" (it waited for the run before), "clock" (the clock had jumped over its time), "down" (no minisup
    ran at its time), "busy" (output that was not taken, max_start_rate, or a machine with too much to do).
    """

    slot: str
    run: int
    delay: Seconds
    why: str


class StartsSkipped(NamedTuple):
    """Planned starts were left out, `skipped` so far.

    `why`: "overlap" (`run` was still in progress), "paused" (`run` is 0).
    """

    slot: str
    run: int
    skipped: int
    why: str


class ClockJumped(NamedTuple):
    """The wall clock was set forward by so many seconds, or back (negative), and a schedule goes by it."""

    seconds: Seconds


class Paused(NamedTuple):
    """An operator has paused these slots; `left` of them finish a run first."""

    program: str
    slots: tuple[str, ...]
    left: int
    by: str


class Resumed(NamedTuple):
    """An operator has ended the pause of these slots."""

    program: str
    slots: tuple[str, ...]
    by: str


class Scaled(NamedTuple):
    """An operator has given a program `numprocs` slots where it had `was`; `left` of those that go finish first."""

    program: str
    was: int
    numprocs: int
    left: int
    by: str


class ExtraRun(NamedTuple):
    """An operator has asked for one run, which has a slot of its own."""

    slot: str
    run: int
    by: str


class ExtraRunEnded(NamedTuple):
    """A run that an operator has asked for has ended. `cause`: its last line, or why it could not be started."""

    slot: str
    run: int
    outcome: Outcome
    code: int | None
    signal: str | None
    duration: Seconds
    cause: str
    by: str


class Autoscaled(NamedTuple):
    """A program has scaled itself from `was` to `numprocs` slots.

    `reason`: backlog (messages wait), load (its slots are busy), quiet (fewer will do), worked (no run was idle), idle
    (most runs were), stale (the probe has been failing for `stale` seconds). `visible` messages wait, a run takes
    `each` seconds, `target` is how long a message may wait, `busy` slots are busy, `idle` of the last `runs` runs were.
    """

    program: str
    was: int
    numprocs: int
    reason: str
    visible: int | None
    each: Seconds | None
    target: Seconds
    busy: float
    runs: int
    idle: int
    stale: Seconds


class ProbeFailed(NamedTuple):
    """Nobody knows how many messages wait; told once, until there is an answer again."""

    program: str
    error: str
    numprocs: int


class ProbeAnswered(NamedTuple):
    """A probe that failed for `lasted` seconds answers again: `visible` messages wait."""

    program: str
    lasted: Seconds
    visible: int


class SourceFailed(NamedTuple):
    """The source of a program does not work; told once, until it does. `error`: in the system's words."""

    program: str
    error: str


class SourceRecovered(NamedTuple):
    """A source that had failed for `lasted` seconds works again."""

    program: str
    lasted: Seconds


class MessageRejected(NamedTuple):
    """A message was set aside: its run said so, or it has failed too often. `why`: how its last run ended."""

    slot: str
    run: int
    message: str
    receives: int
    why: str


class PoisonMessage(NamedTuple):
    """A message has failed three times while others of the program worked; told once. `line`: its last output."""

    program: str
    message: str
    receives: int
    line: str


class LeaseLost(NamedTuple):
    """Somebody else may have the message of a run in progress by now."""

    slot: str
    run: int
    message: str


class Reloaded(NamedTuple):
    """Another configuration counts from now on: the names of the programs that are new, changed, gone."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    by: str


class NotReloaded(NamedTuple):
    """A configuration could not be taken over, and the old one still counts."""

    why: str
    by: str


class FilesChanged(NamedTuple):
    """Files that a program watches have changed, and it restarts: `file` is one of them, `files` their number."""

    program: str
    file: str
    files: int


class Signalled(NamedTuple):
    """An operator has sent a signal to the runs in progress of these slots."""

    program: str
    slots: tuple[str, ...]
    signal: str
    by: str


class ManyLeftovers(NamedTuple):
    """More processes than anybody wants have outlived the runs of a slot."""

    slot: str
    left: int


class ShutdownStep(NamedTuple):
    """Shutdown goes a step further: "drain", "signal", "kill". `left`: runs in progress; `within`: seconds until D."""

    step: str
    left: int
    within: Seconds
    by: str


class Cut(NamedTuple):
    """A run was ended by our signal instead of by itself."""

    slot: str
    run: int
    after: Seconds


class ShutdownEnded(NamedTuple):
    """All is over."""

    finished: int
    cut: int
    took: Seconds


class OutputRuleSlow(NamedTuple):
    """A program's patterns for output took too long for a run: its exit code alone decided. Told once a program."""

    program: str
    run: int


class OutputLost(NamedTuple):
    """An output (a file's path, "stdout" or "stderr") has begun to lose what is written to it."""

    output: str
    error: str


class OutputStuck(NamedTuple):
    """A log file cannot be written to yet, because the machine has no thread left; it is tried again each second."""

    output: str


class OutputTaken(NamedTuple):
    """An output that lost what was written to it takes it again. `lost`: bytes, since minisup started."""

    output: str
    lost: int


class OutOfReach(NamedTuple):
    """A run that was to be signalled runs with the rights of another user (set-uid): minisup may not signal it."""

    slot: str
    run: int


class LeftAlive(NamedTuple):
    """Minisup leaves, and a run that it may not signal goes on."""

    slot: str
    run: int


class PipesClosed(NamedTuple):
    """Processes that outlive their runs hold more pipes open than a program may: those of `run` are no longer read.

    `closed`: how many of the program's have been closed so far.
    """

    slot: str
    run: int
    closed: int


class RotationFailed(NamedTuple):
    """A log file could not be rotated, or what was rotated not compressed: `doing` is "rotate" or "compress"."""

    output: str
    doing: str
    error: str


class HookFailed(NamedTuple):
    """A hook was called and did not do what it was to do. `program` empty: it was about minisup itself."""

    hook: str
    program: str
    why: str


class HookDropped(NamedTuple):
    """A hook was not called, because too many others wait. `dropped`: so many since minisup started."""

    hook: str
    program: str
    dropped: int


class ProtectionSet(NamedTuple):
    """The agent of ECS has turned the task's scale-in protection on, for `minutes` unless renewed, or off."""

    on: bool
    minutes: int


class ProtectionFailed(NamedTuple):
    """The agent of ECS could not be had to turn protection on or off; tried again in `again_in` seconds."""

    on: bool
    why: str
    again_in: Seconds


class ProtectionWorks(NamedTuple):
    """The agent of ECS does what it is asked: the first time, or after `failures` requests that failed."""

    failures: int


class Reopened(NamedTuple):
    """All log files have been opened anew, except `failed`, a sentence each; `by` says who asked."""

    files: int
    failed: tuple[str, ...]
    by: str


Fact = (
    ProgramStarted
    | Survived
    | RunStarted
    | RunEnded
    | SlotHeld
    | SlotProbed
    | FirstFailure
    | StillFailing
    | Recovered
    | StateChanged
    | TaskWorked
    | GaveUp
    | StartLate
    | StartsSkipped
    | ClockJumped
    | Paused
    | Resumed
    | Scaled
    | ExtraRun
    | ExtraRunEnded
    | Autoscaled
    | ProbeFailed
    | ProbeAnswered
    | SourceFailed
    | SourceRecovered
    | MessageRejected
    | PoisonMessage
    | LeaseLost
    | Reloaded
    | NotReloaded
    | FilesChanged
    | Signalled
    | ManyLeftovers
    | ShutdownStep
    | Cut
    | ShutdownEnded
    | OutputLost
    | OutputRuleSlow
    | OutputStuck
    | OutputTaken
    | OutOfReach
    | LeftAlive
    | PipesClosed
    | RotationFailed
    | HookFailed
    | HookDropped
    | ProtectionSet
    | ProtectionFailed
    | ProtectionWorks
    | Reopened
)


def name_of(fact: object) -> str:
    """What programs know a fact by: `first_failure`."""
    letters = (f"_{letter.lower()}" if letter.isupper() else letter for letter in type(fact).__name__)
    return "".join(letters).removeprefix("_")
