"""The stream of facts: the last ones for whoever asks, and every one, as it comes, for those who follow.

What happens to single runs (`started`, `ended`, `held`, `probed`) is told while somebody follows or the log is at
debug; it is not remembered. While neither is so, a run costs nothing here.
"""

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from minisup import narrate
from minisup.control.handler import Following
from minisup.control.protocol import notification_line
from minisup.core import facts
from minisup.core.messages import Record
from minisup.core.model import Phase, Reason
from minisup.core.policy.timestamp import stamp
from minisup.core.slot import Slot
from minisup.core.state import State
from minisup.host.clock import Clock
from minisup.host.output.following import SHUTDOWN

METHOD: Final = "events.follow"

REMEMBERED: Final = 1000
"""Facts that are remembered; those of single runs are not."""


Wants = Callable[[object], bool]
"""Whether somebody is to be told a fact."""


def every(_fact: object) -> bool:
    """Wants all facts."""
    return True


class Events:
    """Remembers facts and tells them to those who follow. `on_followed` is told whether anybody does."""

    def __init__(self, clock: Clock, on_followed: Callable[[bool], None]) -> None:
        self._clock = clock
        self._on_followed = on_followed
        self._last: deque[tuple[object, float]] = deque(maxlen=REMEMBERED)
        self._followers: dict[Following, Wants] = {}
        self._held: set[Slot] = set()

    def take(self, fact: object) -> None:
        """A fact, of any importance."""
        wall = self._clock.wall()
        if type(fact) not in narrate.DETAILS:
            self._last.append((fact, wall))
        if self._followers:
            line = b""
            for following, wants in tuple(self._followers.items()):
                if wants(fact):
                    line = line or notification_line(METHOD, {"event": document(fact, wall)})
                    following.send(line)

    def last(self, limit: int, wants: Wants = every) -> list[dict[str, Any]]:
        """The last `limit` facts that are wanted, oldest first."""
        newest = islice((entry for entry in reversed(self._last) if wants(entry[0])), limit)
        return [document(fact, wall) for fact, wall in reversed(list(newest))]

    def add(self, lines: int, wants: Wants = every) -> Following:
        """A client that is told the last `lines` facts that it wants, then every one as it comes."""
        following = Following(METHOD, self._forget)
        for event in self.last(lines, wants):
            following.tell({"event": event})
        self._followers[following] = wants
        self._on_followed(True)
        return following

    def end(self) -> None:
        """Minisup ends: say so."""
        for following in tuple(self._followers):
            following.end(SHUTDOWN)

    def changes(self, fleet: State) -> list[object]:
        """The facts about slots that have come to be held, or are tried again, since the last call."""
        held = {
            slot
            for program in fleet.programs.values()
            for slot in (*program.holds.for_token, *program.holds.for_cause)
            if _waits(slot)
        }
        tried = [facts.SlotProbed(slot.name, slot.run.id) for slot in self._held - held if slot.run]
        new = [facts.SlotHeld(slot.name, slot.health.cause) for slot in held - self._held]
        self._held = held
        return [*sorted(tried), *sorted(new)]

    def _forget(self, following: Following) -> None:
        self._followers.pop(following, None)
        if not self._followers:
            self._held.clear()  # who follows next is told which are held then
            self._on_followed(False)


def document(fact: object, wall: float) -> dict[str, Any]:
    """A fact as `events --json` and a log in JSON show it. `wall` is when it became one, seconds since 1970."""
    assert isinstance(fact, tuple)  # a NamedTuple of `minisup.core.facts`
    return {
        "timestamp": stamp(wall),
        "level": narrate.level(fact),
        "message": narrate.sentence(fact),
        "fact": facts.name_of(fact),
        "fields": fact._asdict(),  # type: ignore[attr-defined]
    }


def run_ended(record: Record) -> facts.RunEnded:
    """The fact that a run has ended."""
    return facts.RunEnded(
        record.slot, record.run, record.outcome, record.code, record.signal, record.duration, record.cause
    )


def _waits(slot: Slot) -> bool:
    return slot.phase is Phase.WAITING and slot.reason is Reason.HOLD
