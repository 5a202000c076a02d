"""What simulated processes do, as data: how long a run takes, how it ends, how it takes a signal, what it leaves.

All chance comes from the `Random` that the world passes in; all durations are seconds, all instants virtual time.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from random import Random
from typing import NamedTuple

from minisup.core.model import Instant, Outcome, Seconds
from minisup.sim.run_times import Durations

HARMLESS = frozenset({"SIGSTOP", "SIGCONT"})
"""Signals that end no process; here they do nothing at all."""


class Reaction(StrEnum):
    """What a process does when it gets a stop signal; SIGKILL leaves no choice."""

    DIES = "dies"
    FINISHES = "finishes"
    IGNORES = "ignores"


class Span(NamedTuple):
    """From `start` up to, not including, `end`."""

    start: Instant
    end: Instant


class Trouble(NamedTuple):
    """While it lasts no run can be started, for this cause. `scarce` as in `SpawnFailed`."""

    start: Instant
    end: Instant
    cause: str = "no such file"
    scarce: bool = False


class RunPlan(NamedTuple):
    """What a run will do if nobody disturbs it."""

    lasts: Seconds
    code: int | None
    signal: str | None
    said: Outcome | None = None


class Queue:
    """Messages that arrive at random (`rate` a second, Poisson) or are pushed; a run pops one or finds none."""

    def __init__(self, rate: float = 0.0) -> None:
        self.rate = rate
        self.backlog = 0
        self.arrived = 0
        self._next: Instant = 0.0 if rate else inf

    def push(self, count: int) -> None:
        """Add messages now."""
        self.backlog += count
        self.arrived += count

    def visible(self, now: Instant, chance: Random) -> int:
        """How many messages wait now."""
        while self._next <= now:
            self.push(1)
            self._next += chance.expovariate(self.rate)
        return self.backlog

    def pop(self, now: Instant, chance: Random) -> bool:
        """Take one message; false if there is none."""
        self.visible(now, chance)
        if not self.backlog:
            return False
        self.backlog -= 1
        return True


@dataclass(slots=True, kw_only=True)
class Job:
    """The command of a program, as the simulator sees it.

    A run's fate is decided when it starts: a run that began before an outage still works. `lasts` is a fixed duration,
    the two ends of a uniform distribution, or any other distribution; `inf` is a service.
    """

    lasts: Seconds | tuple[Seconds, Seconds] | Durations = 0.2
    code: int | None = 0
    signal: str | None = None  # dies by this signal instead
    fails: float = 0.0  # probability of a failing run
    fails_after: Seconds | Durations = 1.0
    fail_code: int = 1
    outages: tuple[Span, ...] = ()  # a run that starts in one fails
    troubles: tuple[Trouble, ...] = ()
    starting: Seconds = 0.0  # between the decision to start a run and its first moment, or the news that it cannot
    queue: Queue | None = None
    waiting: int | None = None  # what the probe says, if not what waits in the queue
    probe_error: str = ""  # why the probe says nothing
    idle_code: int = 7
    idle_says: Outcome | None = None  # what the output of a run without work says, if it exits 0
    says: Outcome | None = None  # what that of any other says
    idle_lasts: Seconds = 0.02
    reaction: Reaction = Reaction.DIES
    reacts_in: Seconds = 0.0
    unkillable: bool = False  # hangs in the kernel: not even SIGKILL ends it
    leftovers: int = 0  # members of the session that outlive the leader
    leftovers_last: Seconds = inf
    leftovers_reaction: Reaction = Reaction.DIES
    clogged: Seconds = 0.0  # how long after the end its output cannot be taken

    def trouble(self, now: Instant) -> Trouble | None:
        """Why no run can be started now."""
        return next((t for t in self.troubles if t.start <= now < t.end), None)

    def plan(self, now: Instant, chance: Random) -> RunPlan:
        """What a run that starts now will do."""
        if self.fails and chance.random() < self.fails:
            return RunPlan(_drawn(self.fails_after, chance), self.fail_code, None)
        for outage in self.outages:
            if outage.start <= now < outage.end:
                return RunPlan(_drawn(self.fails_after, chance), self.fail_code, None)
        if self.queue is not None and not self.queue.pop(now, chance):
            return RunPlan(self.idle_lasts, self.idle_code, None, self.idle_says)
        return RunPlan(_drawn(self.lasts, chance), None if self.signal else self.code, self.signal, self.says)


def _drawn(lasts: Seconds | tuple[Seconds, Seconds] | Durations, chance: Random) -> Seconds:
    if isinstance(lasts, float | int):
        return lasts
    return chance.uniform(*lasts) if isinstance(lasts, tuple) else lasts.draw(chance)


@dataclass(slots=True)
class Start:
    """A run that is starting: `signals` reach it when it has started, (name, whether to its group)."""

    slot: str
    run: int
    trouble: Trouble | None
    message: str | None = ""  # what the run gets; None: it is ready, and its message has not come
    signals: list[tuple[str, bool]] = field(default_factory=list)


class Process:
    """A simulated run: its plan, bent by the signals that it gets, and what it will leave behind."""

    __slots__ = ("code", "ends", "job", "leftovers", "run", "said", "signal", "slot", "started", "survivor")

    def __init__(self, slot: str, run: int, job: Job, now: Instant, plan: RunPlan) -> None:
        self.slot = slot
        self.run = run
        self.job = job
        self.started = now
        self.ends = now + plan.lasts
        self.code = plan.code
        self.signal = plan.signal
        self.said = plan.said
        self.leftovers = job.leftovers
        self.survivor = False  # an earlier minisup started it: nobody can read how it ends

    def begin(self, plan: RunPlan, now: Instant) -> None:
        """Its message has come: what it does with it begins now."""
        self.ends, self.code, self.signal, self.said = now + plan.lasts, plan.code, plan.signal, plan.said

    def take(self, signal: str, now: Instant, *, group: bool) -> None:
        """Get a signal; `ends` may be sooner afterwards."""
        if self.job.unkillable or signal in HARMLESS:
            return
        if signal == "SIGKILL":
            self.leftovers = 0
            self._end(now, None, signal)
            return
        if group and self.job.leftovers_reaction is Reaction.DIES:
            self.leftovers = 0
        soon = now + self.job.reacts_in
        if self.job.reaction is Reaction.DIES:
            self._end(soon, None, signal)
        elif self.job.reaction is Reaction.FINISHES:
            self._end(soon, self.code if self.signal is None else None, self.signal)

    def _end(self, when: Instant, code: int | None, signal: str | None) -> None:
        if when <= self.ends:
            self.ends, self.code, self.signal = when, code, signal
