"""One place of a program: what should be there, what is, and when it next needs attention.

The fields that change together are one record. Most records are never changed, only replaced whole; `Run`, `LeftBehind`
and `LiveTimer` are changed in place, because each run would pay for new ones.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from minisup.core.deliveries import Delivery
from minisup.core.messages import Record
from minisup.core.model import TRANSITIONS, Instant, Outcome, Phase, Reason, Seconds
from minisup.core.policy.outcome import KillReason
from minisup.core.policy.planned_start import PlannedStart

if TYPE_CHECKING:
    from minisup.core.program import Program


GONE = frozenset({Phase.OFF, Phase.DONE})
"""Phases in which nothing of a slot runs or will run by itself."""

SIGNALLED = frozenset({Phase.STOPPING, Phase.KILLING})
"""Phases of a run that has our signal."""


class TransitionError(Exception):
    """The core tried a move that the table of transitions does not have: a defect of minisup."""


class SlotWait(NamedTuple):
    """What a slot waits for. `wake_at` None: an event ends the wait."""

    reason: Reason
    wake_at: Instant | None
    held_for: Outcome | None = None
    """FATAL or UNSTARTABLE: held until that cause has gone; None: held for a token, or not held."""


class Pause(NamedTuple):
    """Since when an operator wants no new run, and who that was."""

    at: Instant
    by: str


class StopTimes(NamedTuple):
    """How a run is ended: the signal at `drain_until`, SIGKILL `timeout` seconds later, at `kill_at`.

    `drain_until` None: it has no limit, or the signal is out; `kill_at` None: it is not out yet.
    """

    timeout: Seconds
    drain_until: Instant | None = None
    kill_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class NextStart:
    """What stands for the next start of a slot."""

    at_once: bool = False
    """A restart was asked for: it starts as soon as the run in progress has ended, at whatever end."""
    needs_token: bool = False
    rate_reserved: bool = False
    """It has its place within `max_start_rate`."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a slot's last ends say."""

    healthy: bool | None = None
    """Whether the last end was healthy; None: there was none."""
    failures: int = 0
    """Counted ends in a row."""
    cause: str = ""
    """Text: why the last unhealthy end."""


@dataclass(frozen=True, slots=True)
class RunSignals:
    """What signals have to do with a run."""

    ours: KillReason | None = None
    """Why we signalled it first; None: we have not."""
    sent: frozenset[str] = frozenset()
    """What an operator sent before we had signalled it."""
    oom_detail: str = ""
    """Text: the memory that it took, and of how much."""
    out_of_reach: bool = False
    """It cannot be signalled."""


class RunTimes(NamedTuple):
    """When `max_runtime` ends a run, and when a service is up and stable; None: never, or it has been."""

    expires_at: Instant | None = None
    up_at: Instant | None = None
    stable_at: Instant | None = None


class WarmUp(NamedTuple):
    """A process that was started ahead of its message, and has not got it."""

    replace_at: Instant
    """When it has waited for too long."""
    held_for: Outcome | None
    """FATAL or UNSTARTABLE: it tries again with its message whether that cause has gone."""


NO_NEXT, NO_SIGNALS, NO_LIMITS = NextStart(), RunSignals(), RunTimes()


class Run:
    """A run in progress. It is starting as long as it has no `pid`."""

    __slots__ = ("asked_by", "boot", "id", "limits", "pid", "planned_at", "signals", "started", "up", "warm")

    def __init__(self, run: int, started: Instant, asked_by: str | None = None) -> None:
        self.id = run
        self.started = started
        self.asked_by = asked_by  # who asked for it; None: the policy
        self.pid = 0
        self.up = False  # a service's run has been running for min_runtime
        self.signals = NO_SIGNALS
        self.limits = NO_LIMITS
        self.warm: WarmUp | None = None  # while it waits for its message
        self.boot: Seconds | None = None  # how long its process had been there when that came; None: it came with it
        self.planned_at: Instant | None = None  # when the next planned start comes due meanwhile


class LeftBehind:
    """What the runs of a slot have left behind."""

    __slots__ = ("alive", "kill_at", "warned")

    def __init__(self) -> None:
        self.alive: dict[int, int] = {}  # run -> members of its session that outlived it
        self.kill_at: dict[int, Instant] = {}  # run -> when these, signalled already, are killed
        self.warned = False  # they are more than anybody wants, and that was told


class LiveTimer:
    """The one live timer of a slot, a program or the fleet. `due` None: it is not armed."""

    __slots__ = ("due", "generation")

    def __init__(self, generation: int = 0) -> None:
        self.due: Instant | None = None
        self.generation = generation


class Slot:
    """One place of a program. `wanted` is what should be, `phase` what is.

    Who may write what, and when:

    - `phase`, `since`: `enter` alone.
    - `wanted`: whoever carries out a request (`requests`, `pausing`, `resizing`, `extra_run`, `stopping`), boot and a
      done task's end.
    - `wait`: `launch.wait` sets it; a start or a stop takes it away; the end of an outage brings it forward.
    - `pause`, `saved_wait`: `pausing` and the resizing of a program that is paused; a stop takes both away.
    - `run`: `launch.spawn` and `adopted_runs` set it, `ending.end_run` takes it away. In it `signals` are of
      `stopping` and `signalling`, `limits` of `ending` and `stopping`, `planned_at` of `schedule`.
    - `stop`: `stopping`; None from when nothing is to be ended any more.
    - `next_start`: `launch`, `ending` and `requests`; a start and `stopping.settle` reset it.
    - `health`: `ending`; a restart and the end of an outage forget the failures.
    - `leftovers`: `ending` and `stopping`, `kill_at` also `leavings` and `requests`, `warned` `notices`.
    - `delivery`: `launch` gives it, `settling` takes it away.
    - `plan`: `schedule`, `launch` and `clock_changes`.
    - `timer`: `State.arm_slot` alone.
    """

    __slots__ = (
        "delivery",
        "extra",
        "gate_pending",
        "health",
        "index",
        "last",
        "leftovers",
        "name",
        "next_start",
        "output",
        "pause",
        "phase",
        "plan",
        "program",
        "run",
        "saved_wait",
        "served",
        "since",
        "stop",
        "timer",
        "wait",
        "wanted",
        "worked",
    )

    def __init__(self, program: "Program", index: int, now: Instant, generation: int = 0) -> None:
        self.program = program
        self.index = index
        self.name = f"{program.name}:{index}"
        self.wanted = False
        self.phase = Phase.OFF
        self.since = now
        self.wait: SlotWait | None = None  # None: it does not wait
        self.pause: Pause | None = None
        self.saved_wait: SlotWait | None = None  # while it waits because it is paused: for what it would wait
        self.run: Run | None = None
        self.stop: StopTimes | None = None
        self.next_start = NO_NEXT
        self.gate_pending = False  # its run has not waited for what the program is `after`: the next one will
        self.health = Health()
        self.worked = False  # a run of this slot has worked
        self.last: Record | None = None
        self.output = False  # the last run's pipe still holds output
        self.leftovers = LeftBehind()
        self.extra = False  # it is there for one run that an operator asked for
        self.delivery: Delivery | None = None  # the message of its run, or of the one that is to start
        self.plan: PlannedStart | None = None  # of a program with a schedule
        self.served: float | None = None  # at boot: until when (wall) an earlier minisup has seen to its schedule
        self.timer = LiveTimer(generation)

    @property
    def leaving(self) -> bool:
        """Whether the program has fewer slots by now: this one exists as long as something of it runs."""
        return self.index >= self.program.numprocs

    @property
    def reason(self) -> Reason | None:
        """What the slot waits for; None: it does not wait."""
        return None if self.wait is None else self.wait.reason

    @property
    def is_ready(self) -> bool:
        """Whether it has a process that was started ahead of its message, and has not got it."""
        return self.run is not None and self.run.warm is not None

    @property
    def is_working(self) -> bool:
        """Whether it has a run in progress that counts: one that is not waiting for its message."""
        return self.run is not None and self.run.warm is None

    @property
    def held_for(self) -> Outcome | None:
        """The cause that holds it; None: none does."""
        return None if self.wait is None else self.wait.held_for

    def is_killed(self) -> bool:
        """Whether a SIGKILL that the run dies of may be ours, or an operator's."""
        return self.run is not None and (self.run.signals.ours is not None or "SIGKILL" in self.run.signals.sent)

    def enter(self, phase: Phase, now: Instant) -> None:
        """Move to `phase`; raises `TransitionError` if the table has no such move."""
        if phase not in TRANSITIONS[self.phase]:
            raise TransitionError(f"{self.name} cannot go from {self.phase} to {phase}")
        self.phase = phase
        self.since = now

    def due(self) -> Instant | None:
        """When the slot next needs attention: the earliest of its own times."""
        times: tuple[Instant | None, ...] = ()
        earliest = None if self.wait is None else self.wait.wake_at
        if self.run is not None:
            earliest, times = self.run.planned_at, self.run.limits
            if self.run.warm is not None and self.phase is Phase.READY:
                earliest = self.run.warm.replace_at
        if self.stop is not None:
            times = (*times, self.stop.drain_until, self.stop.kill_at)
        if times is not NO_LIMITS:
            for time in times:
                if time is not None and (earliest is None or time < earliest):
                    earliest = time
        if self.leftovers.kill_at:
            sweep = min(self.leftovers.kill_at.values())
            earliest = sweep if earliest is None else min(earliest, sweep)
        return earliest
