"""One `[program.NAME]` and its slots: what they share."""

from collections import deque
from typing import NamedTuple

from minisup.core.deliveries import Deliveries
from minisup.core.messages import Record
from minisup.core.model import Instant, Kind, Phase, Policy
from minisup.core.policy.autoscale import Autoscaler
from minisup.core.policy.budget import Budget
from minisup.core.policy.causes import Causes
from minisup.core.policy.outcome import code_table, final_outcomes
from minisup.core.policy.pace import StartRate
from minisup.core.policy.stats import Stats
from minisup.core.slot import LiveTimer, Pause, Slot


class Touched(NamedTuple):
    """The last change of watched files: one of them as people are told, their number, and when it was told."""

    file: str
    files: int
    at: Instant


class Counts:
    """How many slots are there for something."""

    __slots__ = ("active", "extras")

    def __init__(self) -> None:
        self.active = 0  # neither off nor done
        self.extras = 0  # of these, slots that are there for one run that an operator asked for


class Holds:
    """Slots that a hold keeps waiting, and what ends it."""

    __slots__ = ("files_held", "for_cause", "for_token", "retry_at")

    def __init__(self) -> None:
        self.for_token: deque[Slot] = deque()  # first come first served
        self.for_cause: deque[Slot] = deque()  # tried again in turn
        self.retry_at: Instant | None = None
        self.files_held = False  # the host looks at the files that the program needs


class Failing:
    """How long a program has been failing, why, and what comes of that. `since` None: it is well."""

    __slots__ = ("causes", "give_up_at", "given_up", "since", "told_at", "tries")

    def __init__(self, now: Instant) -> None:
        self.since: Instant | None = None
        self.tries = 0  # unhealthy ends since then
        self.causes = Causes()  # of these
        self.give_up_at: Instant | None = None
        self.given_up = False
        self.told_at = now  # when it was told last that it fails

    def end(self) -> None:
        """The program is well; that it was given up before stays so."""
        self.since = self.give_up_at = None
        self.tries = 0


class IdleLadder:
    """The ladder that all slots of a program climb."""

    __slots__ = ("sleepers", "streak")

    def __init__(self) -> None:
        self.streak = 0
        self.sleepers: dict[Slot, None] = {}  # all that wait for reason idle, and some that did


class Rolling:
    """Running services that are restarted one after another."""

    __slots__ = ("harsh", "now", "queue")

    def __init__(self) -> None:
        self.queue: deque[Slot] = deque()
        self.now: Slot | None = None  # whose turn it is
        self.harsh = False  # without a drain


class Past:
    """When something happened last."""

    __slots__ = ("begun_at", "healthy_at", "touched", "worked")

    def __init__(self) -> None:
        self.begun_at: Instant | None = None  # its first run
        self.healthy_at: Instant | None = None  # its healthy end (a service: its start), or its return from no slot
        self.worked: Record | None = None
        self.touched: Touched | None = None  # what it watches has changed


class Program:
    """One `[program.NAME]` and its slots. Its records are changed in place: most change with each run.

    Who may write what:

    - `policy`, `codes`, `final`, `rate`, `leaving`, `level`, `dependents`: `reconfigure` (`rate` also `resizing`).
    - `numprocs`, `on`, `paused`, `slots`: `resizing`, `requests` and boot; `State` adds and forgets slots.
    - `scaler`: `autoscale_control`; `budget`: `launch`, `ending`, and what changes its size.
    - `counts`: `launch.want`, `stopping`, `extra_run` and `adopted_runs`, with the slot's phase.
    - `holds`: `launch`.
    - `failing`: `ending`; `begin_again` and `pausing.grant_time`, a reload of `retry`; `told_at` `notices`.
    - `idle`: `ending`; a resumed slot rejoins the sleepers.
    - `rolling`: `requests` queues, `stopping` takes turns.
    - `past`: `ending`, `requests` and `autoscale_control`; `stats`: `ending` and `adopted_runs`.
    - `gated`: `launch.open_gates`; `stop_begun`: `stopping`; `told_state`, `stopped_by`: `notices`, `requests`.
    - `timer`, `spent`: `State` alone.
    """

    __slots__ = (
        "budget",
        "codes",
        "counts",
        "dependents",
        "failing",
        "final",
        "gated",
        "holds",
        "idle",
        "is_service",
        "leaving",
        "level",
        "name",
        "numprocs",
        "on",
        "past",
        "paused",
        "policy",
        "rate",
        "rolling",
        "scaler",
        "slots",
        "source",
        "spent",
        "stats",
        "stop_begun",
        "stopped_by",
        "timer",
        "told_state",
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
        self.paused: Pause | None = None  # scales itself, has no slots, and is to have none for now
        self.stopped_by = ""  # who asked last that slots of it end, unless somebody has started it since
        self.leaving = False  # as its slots: the configuration does not have it
        self.dependents: list[Program] = []  # those that are `after` this one
        self.gated = bool(policy.after)  # its first start waits for what it is `after`
        self.budget = Budget(policy.retry, policy.numprocs, now)
        self.rate = StartRate(policy.max_start_rate, policy.numprocs) if policy.max_start_rate else None
        self.scaler = Autoscaler(policy.scale, now) if policy.scale else None
        self.stats = Stats(now)
        self.source = Deliveries(policy.source, self.stats) if policy.source else None
        self.slots = [Slot(self, index, now) for index in range(policy.numprocs)]
        self.counts = Counts()
        self.holds = Holds()
        self.failing = Failing(now)
        self.idle = IdleLadder()
        self.rolling = Rolling()
        self.past = Past()
        self.told_state = ""
        self.stop_begun = False  # its part of the shutdown
        self.timer = LiveTimer()
        self.spent = 0  # the highest generation of a timer of a slot that is gone

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
        self.failing.given_up = False
        self.failing.end()

    def due(self, now: Instant) -> Instant | None:
        """When the program next needs attention: a token for a held slot, its retry, giving up, a look at the work."""
        times = [self.budget.next_token(now)] if self.holds.for_token else []
        holds, give_up_at = self.holds, self.failing.give_up_at
        if holds.for_cause and holds.retry_at is not None:
            times.append(holds.retry_at)
        if give_up_at is not None and give_up_at > now:  # once it is past, the end of an old run decides
            times.append(give_up_at)
        if self.scaler is not None and not self.leaving:
            times.append(self.scaler.next_at)
        return min(times, default=None)
