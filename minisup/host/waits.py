"""Replies that wait until what was asked for has come about (`--wait`)."""

from collections.abc import Callable
from typing import NamedTuple

from minisup.control.handler import Deferred
from minisup.core.messages import Verb
from minisup.core.model import Outcome
from minisup.core.state import GONE, Slot, State


class Wait(NamedTuple):
    """A reply that waits for slots; `mark` is the last run id that was given when it was asked."""

    verb: Verb
    slots: tuple[str, ...]
    mark: int
    deferred: Deferred


class Waits:
    """All replies that wait. Looked at once a turn while there are any."""

    def __init__(self) -> None:
        self.pending: list[Wait] = []
        self._ends: list[Deferred] = []

    def add(self, wait: Wait) -> None:
        """Answer when every slot has come to what was asked."""
        self.pending.append(wait)

    def add_end(self, deferred: Deferred) -> None:
        """Answer when minisup leaves."""
        self._ends.append(deferred)

    def look(self, state: State) -> None:
        """Answer those that have waited long enough, and forget those whose client has gone."""
        left = []
        for wait in self.pending:
            if wait.deferred.settled:
                continue
            came_about = CAME_ABOUT[wait.verb]
            there = [slot for name in wait.slots if (slot := state.slots.get(name))]  # one may have gone with its run
            if all(came_about(slot, wait.mark) for slot in there):
                wait.deferred.resolve({"done": True, "slots": list(wait.slots)})
            else:
                left.append(wait)
        self.pending = left

    def finish(self) -> None:
        """Minisup leaves: those that waited for that are told."""
        for deferred in self._ends:
            deferred.resolve({"done": True})


def has_stopped(slot: Slot, _mark: int) -> bool:
    """Stop: the slot is off (a task may have become done)."""
    return slot.phase in GONE


def has_started(slot: Slot, mark: int) -> bool:
    """Start: a run is in progress, or one has started and ended since."""
    return (slot.run > 0 and slot.pid > 0) or has_restarted(slot, mark)


def has_restarted(slot: Slot, mark: int) -> bool:
    """Restart: a run has started since the request; a slot that is off was not meant."""
    fresh = slot.run > mark and slot.pid > 0
    ended = slot.last is not None and slot.last.run > mark and slot.last.outcome is not Outcome.UNSTARTABLE
    return fresh or ended or slot.phase in GONE


CAME_ABOUT: dict[Verb, Callable[[Slot, int], bool]] = {
    Verb.START: has_started,
    Verb.STOP: has_stopped,
    Verb.RESTART: has_restarted,
}
