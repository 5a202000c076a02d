"""Where everything stands: the mutable inside of the fleet. `fleet.py` says by which rules it changes."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from minisup.core.budget import Budget
from minisup.core.causes import Causes
from minisup.core.messages import Action, Arm, Forget, Note, Record
from minisup.core.model import TRANSITIONS, Instant, Kind, Outcome, Phase, Policy, Reason, Seconds
from minisup.core.outcome import Ours, code_table, final_outcomes
from minisup.core.pace import StartRate
from minisup.core.shutdown import levels
from minisup.core.stats import Stats

GONE = frozenset({Phase.OFF, Phase.DONE})
"""Phases in which nothing of a slot runs or will run by itself."""


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
        "aside",
        "booked",
        "cause",
        "charged",
        "crowded",
        "drain_until",
        "excess",
        "expires_at",
        "failures",
        "fresh",
        "generation",
        "healthy",
        "held_for",
        "index",
        "kill_at",
        "last",
        "leftovers",
        "name",
        "ours",
        "output",
        "paused_at",
        "paused_by",
        "phase",
        "pid",
        "program",
        "reason",
        "run",
        "sent",
        "since",
        "stable_at",
        "started",
        "stop_timeout",
        "sweeps",
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
        self.ours: Ours | None = None  # why we signalled the run first
        self.excess = ""  # text: the memory that it took, and of how much
        self.sent: frozenset[str] = frozenset()  # what an operator sent to the run before we had signalled it
        self.paused_at: Instant | None = None  # an operator wants no new run since then
        self.paused_by = ""
        self.aside: Aside | None = None  # while it waits because of that: for what it would wait
        self.fresh = False  # restart was asked for: the next run starts as soon as this one has ended
        self.charged = False  # the next start costs a token
        self.booked = False  # the next start has its place within max_start_rate
        self.output = False  # the last run's pipe still holds output
        self.failures = 0  # counted ends in a row
        self.healthy: bool | None = None  # whether the last end was healthy; None: there was none
        self.worked = False  # a run of this slot has worked
        self.up = False  # a service's run has been running for min_runtime
        self.last: Record | None = None
        self.leftovers: dict[int, int] = {}  # run -> members of its session that outlived it
        self.crowded = False  # its leftovers are more than anybody wants, and that was told
        self.sweeps: dict[int, Instant] = {}  # run -> when its leftovers, signalled already, are killed
        self.stop_timeout: Seconds = program.policy.stop.timeout
        self.wake_at: Instant | None = None
        self.drain_until: Instant | None = None
        self.kill_at: Instant | None = None
        self.expires_at: Instant | None = None  # max_runtime
        self.up_at: Instant | None = None
        self.stable_at: Instant | None = None
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
        if self.sweeps:
            sweep = min(self.sweeps.values())
            earliest = sweep if earliest is None else min(earliest, sweep)
        return earliest


class Program:
    """One `[program.NAME]` and its slots."""

    __slots__ = (
        "active",
        "armed",
        "begun_at",
        "blocked",
        "budget",
        "causes",
        "codes",
        "dependents",
        "failing_since",
        "final",
        "gated",
        "generation",
        "give_up_at",
        "given_up",
        "held",
        "idle_streak",
        "is_service",
        "last_worked",
        "leaving",
        "level",
        "name",
        "numprocs",
        "on",
        "policy",
        "probe_at",
        "proof_at",
        "rate",
        "rolling",
        "rolling_harsh",
        "rolling_now",
        "sleepers",
        "slots",
        "spent",
        "stats",
        "stop_begun",
        "told_at",
        "told_state",
        "tries",
        "watched",
    )

    def __init__(self, policy: Policy, level: int, now: Instant) -> None:
        self.policy = policy
        self.name = policy.name
        self.level = level
        self.codes = code_table(policy.exit)
        self.final = final_outcomes(policy)
        self.is_service = policy.kind is Kind.SERVICE
        self.numprocs = policy.numprocs  # slots that it is to have: the policy's until somebody scales it
        self.on = False  # what a slot that joins does, when there is no other to go by: whether it is wanted
        self.spent = 0  # the highest generation of a timer of a slot that is gone
        self.budget = Budget(policy.retry, policy.numprocs, now)
        self.rate = StartRate(policy.max_start_rate, policy.numprocs) if policy.max_start_rate else None
        self.stats = Stats(now)
        self.causes = Causes()  # of its failures since it was last well
        self.last_worked: Record | None = None
        self.slots = [Slot(self, index, now) for index in range(policy.numprocs)]
        self.leaving = False  # as its slots: the configuration does not have it
        self.dependents: list[Program] = []  # those that are `after` this one
        self.gated = bool(policy.after)  # its first start waits for what it is `after`
        self.active = 0  # slots that are neither off nor done
        self.begun_at: Instant | None = None  # its first run
        self.idle_streak = 0
        self.sleepers: dict[Slot, None] = {}  # all that wait for reason idle, and some that did
        self.held: deque[Slot] = deque()  # wait for a token, first come first served
        self.blocked: deque[Slot] = deque()  # held for a cause, probed in turn
        self.probe_at: Instant | None = None
        self.watched = False  # the host looks at the files that it needs
        self.failing_since: Instant | None = None
        self.give_up_at: Instant | None = None
        self.given_up = False
        self.proof_at: Instant | None = None  # its last healthy end (a service: its last start)
        self.tries = 0  # unhealthy ends since failing_since
        self.told_at: Instant = now
        self.told_state = ""
        self.rolling: deque[Slot] = deque()  # running services that are still to be restarted
        self.rolling_now: Slot | None = None
        self.rolling_harsh = False
        self.stop_begun = False  # its part of the shutdown
        self.generation = 0
        self.armed: Instant | None = None

    def staying(self) -> list[Slot]:
        """Its slots without those that a scale-in has taken leave of."""
        return self.slots if len(self.slots) <= self.numprocs else self.slots[: self.numprocs]

    def is_paused(self) -> bool:
        """Whether all that is wanted of it is paused, so that it can neither fail nor recover."""
        wanted = [slot for slot in self.slots if slot.wanted]
        return bool(wanted) and all(slot.paused_at is not None for slot in wanted)

    def due(self, now: Instant) -> Instant | None:
        """When the program next needs attention: a token for a held slot, a probe, giving up."""
        times = [self.budget.next_token(now)] if self.held else []
        if self.blocked and self.probe_at is not None:
            times.append(self.probe_at)
        if self.give_up_at is not None and self.give_up_at > now:  # once it is past, the end of an old run decides
            times.append(self.give_up_at)
        return min(times, default=None)


class Shutdown:
    """A shutdown under way."""

    __slots__ = ("asked_at", "begun", "code", "cut", "finished", "halt_at", "span", "step", "top")

    def __init__(self, now: Instant, span: Seconds, code: int, step: int, top: int, halt_at: Instant) -> None:
        self.begun = now
        self.asked_at = now
        self.span = span
        self.code = code
        self.step = step  # 1 drain, 2 signal, 3 kill
        self.top = top  # the highest level of a program
        self.halt_at = halt_at
        self.finished = 0
        self.cut = 0


class State:
    """All programs and slots, the instant of the current step, and the actions that it has come to so far."""

    def __init__(
        self,
        policies: Sequence[Policy],
        *,
        shutdown_timeout: Seconds,
        first_run: int = 1,
        uniform: Callable[[float, float], float],
        exit_when_done: bool = False,
        now: Instant = 0.0,
    ) -> None:
        level = levels(policies)
        self.now = now
        self.out: list[Action] = []
        self.uniform = uniform
        self.next_run = first_run
        self.shutdown_timeout = shutdown_timeout
        self.exit_when_done = exit_when_done
        self.booted = False
        self.halted = False
        self.shutdown: Shutdown | None = None
        self.armed: Instant | None = None
        self.generation = 0
        self.gone: list[Slot] = []  # left in this step; forgotten at its end
        self.programs = {policy.name: Program(policy, level[policy.name], now) for policy in policies}
        self.slots = {slot.name: slot for program in self.programs.values() for slot in program.slots}
        for program in self.programs.values():
            for name in program.policy.after:
                self.programs[name].dependents.append(program)

    def add_slots(self, program: Program, indexes: Iterable[int]) -> list[Slot]:
        """New slots of a program, off. Their timers are newer than those of slots that had the same names."""
        fresh = [Slot(program, index, self.now) for index in indexes]
        for slot in fresh:
            slot.generation = program.spent
        program.slots = sorted([*program.slots, *fresh], key=lambda slot: slot.index)
        self.slots = {slot.name: slot for other in self.programs.values() for slot in other.slots}
        return fresh

    def forget_gone(self) -> None:
        """Forget the slots that have left, and their programs if the configuration does not have those."""
        for slot in self.gone:
            program, slots = slot.program, slot.program.slots
            del slots[next(place for place in reversed(range(len(slots))) if slots[place] is slot)]
            del self.slots[slot.name]
            program.sleepers.pop(slot, None)
            program.spent = max(program.spent, slot.generation)
            self.out.append(Forget(slot.name))
            if program.leaving and not slots:
                del self.programs[program.name]
        self.gone.clear()

    def note(self, fact: object) -> None:
        """Tell a fact."""
        self.out.append(Note(fact))

    def arm_slot(self, slot: Slot) -> None:
        """Let the slot's one timer agree with its times."""
        due = slot.due()
        if due != slot.armed:
            slot.armed = due
            slot.generation += 1
            self.out.append(Arm(slot.name, slot.generation, due))

    def arm_program(self, program: Program) -> None:
        """Let the program's one timer agree with its times."""
        due = program.due(self.now)
        if due != program.armed:
            program.armed = due
            program.generation += 1
            self.out.append(Arm(program.name, program.generation, due))
