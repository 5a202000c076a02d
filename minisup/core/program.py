"""One `[program.NAME]` and its slots: what they share."""

from collections import deque
from typing import NamedTuple

from minisup.core.autoscale import Autoscaler
from minisup.core.budget import Budget
from minisup.core.causes import Causes
from minisup.core.messages import Record
from minisup.core.model import Instant, Kind, Phase, Policy
from minisup.core.outcome import code_table, final_outcomes
from minisup.core.pace import StartRate
from minisup.core.slot import LiveTimer, Pause, Slot
from minisup.core.stats import Stats


class Touched(NamedTuple):
    """The last change of watched files: one of them as people are told, their number, and when it was told."""

    file: str
    files: int
    at: Instant


class Program:
    """One `[program.NAME]` and its slots."""

    __slots__ = (
        "active",
        "begun_at",
        "blocked",
        "budget",
        "causes",
        "codes",
        "dependents",
        "extras",
        "failing_since",
        "final",
        "gated",
        "give_up_at",
        "given_up",
        "held",
        "idle_streak",
        "is_service",
        "last_healthy_at",
        "last_worked",
        "leaving",
        "level",
        "name",
        "numprocs",
        "on",
        "paused",
        "policy",
        "probe_at",
        "rate",
        "rolling",
        "rolling_harsh",
        "rolling_now",
        "scaler",
        "sleepers",
        "slots",
        "spent",
        "stats",
        "stop_begun",
        "stopped_by",
        "timer",
        "told_at",
        "told_state",
        "touched",
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
        self.stopped_by = ""  # who asked last that slots of it end, unless somebody has started it since
        self.paused: Pause | None = None  # scales itself, has no slots, and is to have none for now
        self.spent = 0  # the highest generation of a timer of a slot that is gone
        self.budget = Budget(policy.retry, policy.numprocs, now)
        self.rate = StartRate(policy.max_start_rate, policy.numprocs) if policy.max_start_rate else None
        self.scaler = Autoscaler(policy.scale, now) if policy.scale else None
        self.stats = Stats(now)
        self.causes = Causes()  # of its failures since it was last well
        self.last_worked: Record | None = None
        self.slots = [Slot(self, index, now) for index in range(policy.numprocs)]
        self.leaving = False  # as its slots: the configuration does not have it
        self.dependents: list[Program] = []  # those that are `after` this one
        self.gated = bool(policy.after)  # its first start waits for what it is `after`
        self.active = 0  # slots that are neither off nor done
        self.extras = 0  # of these, slots that are there for one run that an operator asked for
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
        self.last_healthy_at: Instant | None = (
            None  # its last healthy end (a service: its last start), or its return from no slot
        )
        self.tries = 0  # unhealthy ends since failing_since
        self.told_at: Instant = now
        self.told_state = ""
        self.touched: Touched | None = None  # what it watches has changed
        self.rolling: deque[Slot] = deque()  # running services that are still to be restarted
        self.rolling_now: Slot | None = None
        self.rolling_harsh = False
        self.stop_begun = False  # its part of the shutdown
        self.timer = LiveTimer()

    def staying(self) -> list[Slot]:
        """Its slots without those that a scale-in has taken leave of."""
        return self.slots if len(self.slots) <= self.numprocs else self.slots[: self.numprocs]

    def is_empty(self) -> bool:
        """Whether it scales itself and is to have no slots now, though the last runs may be on their way out."""
        return self.scaler is not None and not self.numprocs and not self.leaving

    def is_dormant(self) -> bool:
        """Whether it has scaled itself to nothing: work that arrives, or the end of a pause, brings it back."""
        return self.is_empty() and self.on

    def is_paused(self) -> bool:
        """Whether all that is wanted of it is paused, so that it can neither fail nor recover."""
        wanted = [slot for slot in self.slots if slot.wanted]
        return all(slot.pause is not None for slot in wanted) if wanted else self.paused is not None

    def is_at_rest(self) -> bool:
        """Whether nothing of it is to run, because it is off, paused or scaled to nothing: that is no failure."""
        return all(slot.pause is not None if slot.wanted else slot.phase is not Phase.DONE for slot in self.slots)

    def begin_again(self) -> None:
        """Whatever has failed is over: nothing of it is there any more, or is there anew."""
        self.given_up = False
        self.failing_since = self.give_up_at = None
        self.tries = 0

    def due(self, now: Instant) -> Instant | None:
        """When the program next needs attention: a token for a held slot, a probe, giving up, a look at the work."""
        times = [self.budget.next_token(now)] if self.held else []
        if self.blocked and self.probe_at is not None:
            times.append(self.probe_at)
        if self.give_up_at is not None and self.give_up_at > now:  # once it is past, the end of an old run decides
            times.append(self.give_up_at)
        if self.scaler is not None and not self.leaving:
            times.append(self.scaler.next_at)
        return min(times, default=None)
