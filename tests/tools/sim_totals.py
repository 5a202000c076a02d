"""What a simulated world came to, in numbers: launches, failures, polls, and how fast it recovered from an outage."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf

from minisup.core.facts import StateChanged
from minisup.core.messages import Record
from minisup.core.model import COUNTED, HEALTHY, Instant, Outcome, Seconds
from minisup.sim.world import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramTotals:
    """The numbers of one program over a span of virtual time. Runs count by their end, launches by their start."""

    seconds: Seconds
    launches: int
    outcomes: Counter[Outcome]
    holds: int  # times that the program has begun to hold
    busy: Seconds  # in runs that worked

    @property
    def worked_an_hour(self) -> float:
        """Runs an hour that worked."""
        return self.outcomes[Outcome.WORKED] / self.seconds * 3600.0

    @property
    def polls_a_second(self) -> float:
        """Launches a second, whatever they found: what a queue or a dependency sees of us."""
        return self.launches / self.seconds

    @property
    def failures(self) -> int:
        """Ends that cost a token."""
        return sum(self.outcomes[outcome] for outcome in COUNTED)

    @property
    def waste(self) -> float:
        """Share of the ended runs that did not work."""
        ended = self.outcomes.total()
        return 1.0 - self.outcomes[Outcome.WORKED] / ended if ended else 0.0

    def lines(self) -> list[str]:
        """The numbers in words."""
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        return [
            f"{self.launches} launches in {self.seconds:g} s ({self.polls_a_second:.2f}/s)",
            f"{counts or 'no run ended'}; {self.waste:.1%} did not work",
            f"{self.worked_an_hour:.0f} worked an hour; began to hold {self.holds} times",
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Seconds from the end of an outage; None: it has not happened."""

    first_worked: Seconds | None  # the first run that worked has ended
    full: Seconds | None  # every slot has started a run that worked


def report(trace: Trace, program: str, start: Instant, end: Instant) -> ProgramTotals:
    """The numbers of a program in [start, end)."""
    records = [record for record in _of(trace.records, program) if start <= _ended(record) < end]
    return ProgramTotals(
        seconds=end - start,
        launches=launches(trace, program, start, end),
        outcomes=Counter(record.outcome for record in records),
        holds=sum(1 for when, fact in trace.notes if fact == StateChanged(program, "holding") and start <= when < end),
        busy=sum(record.duration or 0.0 for record in records if record.outcome is Outcome.WORKED),
    )


def launches(trace: Trace, program: str, start: Instant = 0.0, end: Instant = inf) -> int:
    """How many runs of a program were started in [start, end)."""
    prefix = f"{program}:"
    return sum(1 for when, slot in trace.launches if start <= when < end and slot.startswith(prefix))


def recovery(trace: Trace, program: str, since: Instant, slots: int) -> Recovery:
    """How a program with so many slots came back after an outage that ended at `since`."""
    first: Instant | None = None
    started: dict[str, Instant] = {}
    for record in _of(trace.records, program):
        if record.started < since or record.outcome not in HEALTHY:
            continue
        first = min(first or inf, _ended(record))
        started.setdefault(record.slot, record.started)
    full = max(started.values()) if len(started) == slots else None
    return Recovery(
        first_worked=None if first is None else first - since,
        full=None if full is None else full - since,
    )


def _of(records: Iterable[Record], program: str) -> Iterator[Record]:
    prefix = f"{program}:"
    return (record for record in records if record.slot.startswith(prefix))


def _ended(record: Record) -> Instant:
    return record.started + (record.duration or 0.0)
