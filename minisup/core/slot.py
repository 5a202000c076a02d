"""One place of a program: what should be there, what is, and when it next needs attention."""

from typing import TYPE_CHECKING, NamedTuple

from minisup.core.messages import Record
from minisup.core.model import TRANSITIONS, Instant, Outcome, Phase, Reason, Seconds
from minisup.core.outcome import KillReason
from minisup.core.planned_start import PlannedStart

if TYPE_CHECKING:
    from minisup.core.program import Program


GONE = frozenset({Phase.OFF, Phase.DONE})
"""Phases in which nothing of a slot runs or will run by itself."""

SIGNALLED = frozenset({Phase.STOPPING, Phase.KILLING})
"""Phases of a run that has our signal."""


class TransitionError(Exception):
    """The core tried a move that the table of transitions does not have: a defect of minisup."""


class Aside(NamedTuple):
    """What a paused slot would be waiting for. `held_for` as in the slot."""

    reason: Reason
    wake_at: Instant | None
    held_for: Outcome | None


class Slot:
    """One place of a program. `wanted` is what should be, `phase` what is."""

    __slots__ = (
        "armed",
        "asked_by",
        "cause",
        "drain_until",
        "expires_at",
        "extra",
        "failures",
        "gate_pending",
        "generation",
        "healthy",
        "held_for",
        "index",
        "kill_at",
        "last",
        "leftover_kill_at",
        "leftovers",
        "leftovers_warned",
        "name",
        "needs_token",
        "oom_detail",
        "ours",
        "out_of_reach",
        "output",
        "paused_at",
        "paused_by",
        "phase",
        "pid",
        "plan",
        "program",
        "rate_reserved",
        "reason",
        "restart_pending",
        "run",
        "saved_wait",
        "sent",
        "served",
        "since",
        "stable_at",
        "started",
        "stop_timeout",
        "up",
        "up_at",
        "wake_at",
        "wanted",
        "worked",
    )

    def __init__(self, program: "Program", index: int, now: Instant) -> None:
        self.program = program
        self.index = index
        self.name = f"{program.name}:{index}"
        self.wanted = False
        self.phase = Phase.OFF
        self.since = now
        self.reason: Reason | None = None
        self.held_for: Outcome | None = None  # FATAL or UNSTARTABLE: held for a cause; None: for the budget
        self.cause = ""  # text: why the last unhealthy end
        self.run = 0  # id of the run in progress; 0: none
        self.pid = 0
        self.started: Instant = now
        self.ours: KillReason | None = None  # why we signalled the run first
        self.out_of_reach = False  # the run in progress cannot be signalled
        self.oom_detail = ""  # text: the memory that it took, and of how much
        self.sent: frozenset[str] = frozenset()  # what an operator sent to the run before we had signalled it
        self.paused_at: Instant | None = None  # an operator wants no new run since then
        self.paused_by = ""
        self.extra = False  # it is there for one run that an operator asked for
        self.asked_by: str | None = None  # who asked for the run in progress; None: the policy
        self.gate_pending = (
            False  # its run in progress has not waited for what the program is `after`: the next one will
        )
        self.saved_wait: Aside | None = None  # while it waits because of that: for what it would wait
        self.restart_pending = False  # restart was asked for: the next run starts as soon as this one has ended
        self.needs_token = False  # the next start costs a token
        self.rate_reserved = False  # the next start has its place within max_start_rate
        self.output = False  # the last run's pipe still holds output
        self.failures = 0  # counted ends in a row
        self.healthy: bool | None = None  # whether the last end was healthy; None: there was none
        self.worked = False  # a run of this slot has worked
        self.up = False  # a service's run has been running for min_runtime
        self.last: Record | None = None
        self.leftovers: dict[int, int] = {}  # run -> members of its session that outlived it
        self.leftovers_warned = False  # its leftovers are more than anybody wants, and that was told
        self.leftover_kill_at: dict[int, Instant] = {}  # run -> when its leftovers, signalled already, are killed
        self.stop_timeout: Seconds = program.policy.stop.timeout
        self.wake_at: Instant | None = None
        self.drain_until: Instant | None = None
        self.kill_at: Instant | None = None
        self.expires_at: Instant | None = None  # max_runtime
        self.up_at: Instant | None = None
        self.stable_at: Instant | None = None
        self.plan: PlannedStart | None = None  # of a program with a schedule
        self.served: float | None = None  # at boot: until when (wall) an earlier minisup has seen to its schedule
        self.generation = 0
        self.armed: Instant | None = None

    @property
    def leaving(self) -> bool:
        """Whether the program has fewer slots by now: this one exists as long as something of it runs."""
        return self.index >= self.program.numprocs

    def is_killed(self) -> bool:
        """Whether a SIGKILL that the run dies of may be ours, or an operator's."""
        return self.ours is not None or "SIGKILL" in self.sent

    def enter(self, phase: Phase, now: Instant) -> None:
        """Move to `phase`; raises `TransitionError` if the table has no such move."""
        if phase not in TRANSITIONS[self.phase]:
            raise TransitionError(f"{self.name} cannot go from {self.phase} to {phase}")
        self.phase = phase
        self.since = now

    def due(self) -> Instant | None:
        """When the slot next needs attention: the earliest of its own times."""
        earliest = self.wake_at
        for time in (self.drain_until, self.kill_at, self.expires_at, self.up_at, self.stable_at):
            if time is not None and (earliest is None or time < earliest):
                earliest = time
        if self.leftover_kill_at:
            sweep = min(self.leftover_kill_at.values())
            earliest = sweep if earliest is None else min(earliest, sweep)
        return earliest
