"""Replies that wait until what was asked for has come about (`--wait`), and requests that wait for earlier ones."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import NamedTuple

from minisup.control.handler import Deferred
from minisup.core.messages import Verb
from minisup.core.model import Outcome, Phase, Reason
from minisup.core.slot import GONE, Slot
from minisup.core.state import State
from minisup.errors import MinisupError


class Wait(NamedTuple):
    """A reply that waits. `is_over` raises MinisupError when it never will be."""

    is_over: Callable[[State], bool]
    result: Mapping[str, object]
    deferred: Deferred


class Waits:
    """All replies that wait. Looked at once a turn while there are any."""

    def __init__(self) -> None:
        self.pending: list[Wait] = []
        self.postponed: deque[Callable[[], None]] = deque()  # requests that come after what is being carried out
        self._ends: list[Deferred] = []

    def add(self, wait: Wait) -> None:
        """Answer when it is over."""
        self.pending.append(wait)

    def add_end(self, deferred: Deferred) -> None:
        """Answer when minisup leaves."""
        self._ends.append(deferred)

    def look(self, state: State, todo: Sized) -> None:
        """Answer those that have waited long enough, forget those whose client has gone; go on with what was postponed.

        `todo` holds what an earlier request still asks for.
        """
        while self.postponed and not todo:
            self.postponed.popleft()()
        self.pending = [wait for wait in self.pending if not wait.deferred.settled and not _answered(wait, state)]

    def finish(self) -> None:
        """Minisup leaves: those that waited for that are told."""
        for deferred in self._ends:
            deferred.resolve({"done": True})


def _answered(wait: Wait, state: State) -> bool:
    try:
        if not wait.is_over(state):
            return False
    except MinisupError as error:
        wait.deferred.reject(error)
    else:
        wait.deferred.resolve({"done": True, **wait.result})
    return True


def until_slots(verb: Verb, slots: Sequence[str], mark: int) -> Callable[[State], bool]:
    """Every slot has come to what was asked, or is gone; `mark` is the last run id that was given before."""

    def is_over(state: State) -> bool:
        there = [state.slots[name] for name in slots if name in state.slots]
        if verb is not Verb.STOP:  # an extra run hears nothing else
            there = [slot for slot in there if not slot.extra]
        return all(CAME_ABOUT[verb](slot, mark) for slot in there)

    return is_over


def until_scaled(programs: Sequence[str], numprocs: int, own: str = "") -> Callable[[State], bool]:
    """Each program has so many slots: those that were too many are gone, but for the slot whose run waits for that."""

    def is_over(state: State) -> bool:
        for name in programs:
            now = state.programs[name].numprocs
            if now != numprocs:
                raise MinisupError(
                    f"cannot wait for {name}={numprocs}: it has been scaled to {now} meanwhile; "
                    f"`minisup status {name}` shows how it is"
                )
        return not any(slot.leaving and not slot.extra and slot.name != own for slot in slots_of(state, programs))

    return is_over


def slots_of(state: State, programs: Sequence[str]) -> list[Slot]:
    """All slots of these programs."""
    return [slot for name in programs for slot in state.programs[name].slots]


def has_stopped(slot: Slot, _mark: int) -> bool:
    """Stop: the slot is off (a task may have become done)."""
    return slot.phase in GONE


def has_paused(slot: Slot, _mark: int) -> bool:
    """Pause: no run is in progress."""
    return not slot.run


def has_started(slot: Slot, mark: int) -> bool:
    """Start and resume: a run is in progress, or one has started and ended since; or it waits for its planned time."""
    planned = slot.phase is Phase.WAITING and slot.reason is Reason.SCHEDULE
    runs = slot.run is not None and slot.run.pid > 0
    return runs or planned or has_restarted(slot, mark)


def has_restarted(slot: Slot, mark: int) -> bool:
    """Restart: a run has started since the request; a slot that is off or paused was not meant.

    One that waits for a message has no run that could be older, and may wait for long.
    """
    empty = slot.phase is Phase.WAITING and slot.reason is Reason.MESSAGE
    fresh = slot.run is not None and slot.run.id > mark and slot.run.pid > 0
    ended = slot.last is not None and slot.last.run > mark and slot.last.outcome is not Outcome.UNSTARTABLE
    return fresh or ended or empty or slot.phase in GONE or slot.pause is not None


CAME_ABOUT: dict[Verb, Callable[[Slot, int], bool]] = {
    Verb.START: has_started,
    Verb.STOP: has_stopped,
    Verb.RESTART: has_restarted,
    Verb.PAUSE: has_paused,
    Verb.RESUME: has_started,
}
