"""Replies that wait until what was asked for has come about (`--wait`), and requests that wait for earlier ones."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Final, NamedTuple

from minisup.control.handler import Deferred
from minisup.core.messages import Verb
from minisup.core.model import Instant, Phase, Seconds
from minisup.core.slot import Slot
from minisup.core.state import State
from minisup.errors import MinisupError
from minisup.host.loop import Loop
from minisup.host.requests.came_about import CameAbout

EACH: Final[Seconds] = 0.5
"""Between two times that a client is told how far it is. Who waits for less is told nothing."""

STARTING: Final = frozenset({Verb.START, Verb.RESUME})

NEVER: Final = "minisup has ended; `minisup up` starts it again"
NOT_CONFIGURED: Final = "the configuration does not have it any more; put it back and `minisup reload`"
"""Why it never comes."""

Missing = Callable[[State], Sequence[Slot]]
"""The slots in which it has not come about yet. Raises MinisupError when it never will."""


class Wait(NamedTuple):
    """A reply that waits: what it waits for as in `cannot wait for ...`, what is missing, of how many slots."""

    what: str
    missing: Missing
    slots: int
    result: Mapping[str, object]
    deferred: Deferred


class Waits:
    """All replies that wait. Looked at once a turn while there are any."""

    def __init__(self, loop: Loop, state: State) -> None:
        self.pending: list[Wait] = []
        self.postponed: deque[Callable[[], None]] = deque()  # requests that come after what is being carried out
        self._ends: list[Deferred] = []
        self._loop = loop
        self._state = state

    def add(self, wait: Wait, *, progress: bool = False) -> None:
        """Answer when nothing is missing any more. `progress`: tell meanwhile how far it is."""
        self.pending.append(wait)
        if progress:
            self._tell_later(wait)

    def add_end(self, deferred: Deferred, *, progress: bool = False) -> None:
        """Answer when minisup leaves."""
        self._ends.append(deferred)
        if progress:
            runs = [slot for slot in self._state.slots.values() if slot.run]
            self._tell_later(Wait("shutdown", lambda _: [slot for slot in runs if slot.run], len(runs), {}, deferred))

    def look(self, todo: Sized) -> None:
        """Answer those that have waited long enough, forget those whose client has gone; go on with what was postponed.

        `todo` holds what an earlier request still asks for.
        """
        while self.postponed and not todo:
            self.postponed.popleft()()
        self.pending = [wait for wait in self.pending if not self._is_over(wait)]

    def finish(self) -> None:
        """Minisup leaves: who waited for that has it, and what anybody else waits for never comes."""
        for wait in self.pending:
            if not self._is_over(wait):
                wait.deferred.reject(MinisupError(f"cannot wait for {wait.what}: {NEVER}"))
        self.pending.clear()
        for deferred in self._ends:
            deferred.resolve({"done": True})

    def _is_over(self, wait: Wait) -> bool:
        """Whether nobody waits for it any more; who waited until now has the answer."""
        if wait.deferred.settled:
            return True
        try:
            if wait.missing(self._state):
                return False
        except MinisupError as error:
            wait.deferred.reject(error)
        else:
            wait.deferred.resolve({"done": True, **wait.result})
        return True

    def _tell_later(self, wait: Wait) -> None:
        self._loop.after(EACH, lambda: self._tell(wait))

    def _tell(self, wait: Wait) -> None:
        if wait.deferred.settled:
            return
        try:
            missing = wait.missing(self._state)
        except MinisupError:
            return  # the next look says so
        wait.deferred.tell(progress_of(missing, wait.slots, self._loop.clock.monotonic()))
        self._tell_later(wait)


def until_slots(verb: Verb, came_about: CameAbout, slots: Sequence[str], mark: int) -> Missing:
    """Every slot has come to what was asked, or is gone; `mark` is the last run id that was given before."""
    extra = verb is Verb.STOP  # an extra run hears nothing else
    programs = dict.fromkeys(name.rpartition(":")[0] for name in slots) if verb in STARTING else {}

    def missing(state: State) -> Sequence[Slot]:
        for name in programs:
            refuse_gone(state, verb, name)
        there = [state.slots[name] for name in slots if name in state.slots]
        return [slot for slot in there if (extra or not slot.extra) and not came_about(state, slot, mark)]

    return missing


def refuse_gone(state: State, verb: Verb, name: str) -> None:
    """A wait for runs of a program that a reload has taken away."""
    program = state.programs.get(name)
    if program is None or program.leaving:
        raise MinisupError(f"cannot wait for {name} to {verb}: {NOT_CONFIGURED}")


def until_scaled(programs: Sequence[str], numprocs: int, own: str = "") -> Missing:
    """Each program has so many slots: those that were too many are gone, but for the slot whose run waits for that."""

    def missing(state: State) -> Sequence[Slot]:
        for name in programs:
            refuse_another_size(state, name, numprocs)
        return [slot for slot in leaving_slots(state, programs) if slot.name != own]

    return missing


def refuse_another_size(state: State, name: str, numprocs: int) -> None:
    """A wait for a size that the program is no longer to have. One that a reload takes away is to have no slots."""
    program = state.programs.get(name)
    now = 0 if program is None else program.numprocs
    if now != numprocs:
        gone = program is None or program.leaving
        why = (
            NOT_CONFIGURED
            if gone
            else f"it has been scaled to {now} meanwhile; `minisup status {name}` shows how it is"
        )
        raise MinisupError(f"cannot wait for {name}={numprocs}: {why}")


def leaving_slots(state: State, programs: Sequence[str]) -> list[Slot]:
    """The slots of these programs that are too many; those of extra runs are not."""
    found = [state.programs[name] for name in programs if name in state.programs]
    return [slot for program in found for slot in program.slots if slot.leaving and not slot.extra]


def progress_of(missing: Sequence[Slot], slots: int, now: Instant) -> Mapping[str, object]:
    """How far it is: so many of the slots are there, and what the others do; `longest` in seconds."""
    phases: dict[Phase, list[Slot]] = {}
    for slot in missing:
        phases.setdefault(slot.phase, []).append(slot)
    return {
        "done": slots - len(missing),
        "of": slots,
        "missing": [
            {"phase": phase.value, "slots": len(those), "longest": round(max(now - slot.since for slot in those), 3)}
            for phase, those in phases.items()
        ],
    }
