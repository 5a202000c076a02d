"""What happens in a world, told in lines: `0.200 email:0 run 1 worked (exit 0)`. Scenarios compare these lines."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from minisup.core.fleet import Fleet
from minisup.core.messages import (
    Action,
    Asked,
    Credit,
    Deliver,
    Event,
    Forget,
    Halt,
    HoldFiles,
    Leftovers,
    Note,
    Received,
    Record,
    Remember,
    RunSurvived,
    ScaleAsked,
    Settle,
    Settlement,
    Signal,
    SignalLeftovers,
    Spawn,
    Started,
)
from minisup.core.model import Instant, Phase, Reason
from minisup.core.policy.timestamp import stamp_second

_UNSAID = (None, "", ())
"""Values that a fact may have and that say nothing."""

State = tuple[Phase, Reason | None, Instant | None]


class Teller:
    """Collects the lines: one for each start, end, signal and fact, and for each new state of a slot."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ends: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.starts: Counter[str] = Counter()
        self._fleet: Fleet | None = None
        self._states: dict[str, State] = {}

    def follow(self, fleet: Fleet) -> None:
        """Tell about this fleet."""
        self._fleet = fleet
        self._states = {name: _state(fleet, name) for name in fleet.slots}

    def saw(self, now: Instant, event: Event, actions: Sequence[Action]) -> None:
        """One step of the core (a `Watcher` of a world)."""
        if isinstance(event, Started):
            self._tell(now, f"{event.slot} run {event.run} starts")
        elif isinstance(event, RunSurvived):
            self._tell(now, f"{event.slot} run {event.run} goes on, started {event.since:.3f}")
        elif isinstance(event, Received):
            self._tell(now, f"{event.program} receives {event.message}, {_times(event.receives)}")
        elif isinstance(event, Leftovers):
            self._tell(now, f"{event.slot} run {event.run} has {event.left} leftovers")
        for action in actions:
            self._tell_action(now, action)
        self._tell_states(now, event)

    def summary(self) -> list[str]:
        """One line a program: starts and ends since the last summary."""
        told = []
        for program in sorted(self.starts.keys() | self.ends.keys()):
            ends = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.ends[program].items()))
            told.append(f"{program}: {self.starts[program]} starts; {ends or 'no end'}")
        self.starts.clear()
        self.ends.clear()
        return told

    def show(self, now: Instant, names: Sequence[str]) -> None:
        """Where the programs stand: budget, and each slot with its failures in a row."""
        assert self._fleet is not None
        for name, program in self._fleet.programs.items():
            if names and name not in names:
                continue
            tokens = program.budget.level(now)
            self._tell(now, f"{name}: {tokens:.2f} of {program.budget.size:g} tokens")
            for slot, state in self._fleet.slots.items():
                if _program(slot) == name:
                    self._tell(
                        now, f"  {slot} {_in_words(_state(self._fleet, slot))}, failures {state.health.failures}"
                    )

    def _tell(self, now: Instant, text: str) -> None:
        self.lines.append(f"{now:8.3f} {text}")

    def _tell_action(self, now: Instant, action: Action) -> None:
        if isinstance(action, Spawn):
            self.starts[_program(action.slot)] += 1
        elif isinstance(action, Record):
            self.ends[_program(action.slot)][action.outcome] += 1
            self._tell(now, f"{action.slot} run {action.run} {action.outcome} ({_how(action)})")
        elif isinstance(action, Signal):
            self._tell(now, f"{action.slot} run {action.run} gets {action.signal} ({action.scope})")
        elif isinstance(action, SignalLeftovers):
            self._tell(now, f"{action.slot} leftovers of run {action.run} get {action.signal}")
        elif isinstance(action, Note):
            self._tell(now, f"fact: {_fact(action.fact)}")
        elif isinstance(action, Deliver | Credit | Settle | HoldFiles):
            self._tell(now, _of_program(action))
        elif isinstance(action, Remember):
            self._tell(now, f"{action.slot} is seen to until {stamp_second(action.wall)}")
        elif isinstance(action, Forget):
            self._states.pop(action.slot, None)
            self._tell(now, f"{action.slot} is gone")
        elif isinstance(action, Halt):
            self._tell(now, f"minisup exits {action.code}")

    def _tell_states(self, now: Instant, event: Event) -> None:
        assert self._fleet is not None
        for name in self._fleet.slots:
            state = _state(self._fleet, name)
            old = self._states.get(name)
            if state == old:
                continue
            self._states[name] = state
            if state[0] is not Phase.RUNNING:
                self._tell(now, f"{name} {_in_words(state)}")
            elif old and old[0] is Phase.DRAINING and isinstance(event, Asked | ScaleAsked):
                self._tell(now, f"{name} is running: the drain is cancelled")


def _state(fleet: Fleet, name: str) -> State:
    slot = fleet.slots[name]
    waits = slot.phase in {Phase.WAITING, Phase.DRAINING, Phase.STOPPING, Phase.KILLING}
    return slot.phase, slot.reason if slot.phase is Phase.WAITING else None, slot.due() if waits else None


def _in_words(state: State) -> str:
    phase, reason, due = state
    until = "" if due is None else f" until {due:.3f}"
    if phase is Phase.WAITING:
        return f"waits: {reason}{until}"
    return f"is {phase}{until}"


def _program(slot: str) -> str:
    return slot.rpartition(":")[0]


def _how(record: Record) -> str:
    how = record.signal or ((record.cause or "?") if record.code is None else f"exit {record.code}")
    return how if record.duration is None else f"{how} after {record.duration:.3f} s"


def _of_program(action: Deliver | Credit | Settle | HoldFiles) -> str:
    if isinstance(action, HoldFiles):
        return f"{action.program} files are {'watched' if action.on else 'no longer watched'}"
    if isinstance(action, Deliver):
        return f"{action.slot} run {action.run} gets {action.message}"
    if isinstance(action, Credit):
        return f"{action.program} may receive {action.messages}"
    return f"{action.program} {_settled(action)}"


def _times(count: int) -> str:
    return {1: "the first time", 2: "the second time"}.get(count, f"time {count}")


def _settled(action: Settle) -> str:
    if action.how is Settlement.ACK:
        return f"acknowledges {action.message}"
    if action.how is Settlement.REJECT:
        return f"sets {action.message} aside: {action.reason}"
    if action.how is Settlement.LEAVE:
        return f"leaves {action.message} to its lease"
    return f"returns {action.message}" + (f", hidden for {action.delay:.3f} s" if action.delay else "")


def _fact(fact: object) -> str:
    values: tuple[object, ...] = fact if isinstance(fact, tuple) else ()
    names: tuple[str, ...] = getattr(fact, "_fields", ())
    words = [f"{name}={_word(value)}" for name, value in zip(names, values, strict=True) if value not in _UNSAID]
    return " ".join([type(fact).__name__, *words])


def _word(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return ",".join(value) if isinstance(value, tuple) else str(value)
