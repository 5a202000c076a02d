"""Extra runs (`minisup run`): who asked for each, what it prints, and how it ended.

A follower is registered between the core's decision and the start of the process, so that no line is lost; it is told
the end after the last line, which may have to wait until the pipe of the run is empty.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from minisup.control.handler import Deferred, Following
from minisup.core.facts import ExtraRun, ExtraRunEnded
from minisup.host.output.following import Followers
from minisup.host.output.pump import Pump

METHOD: Final = "run.follow"

MOST: Final = 64
"""Extra runs in progress of one program: who asks for more has made a mistake."""

Result = dict[str, object]


class Asker(Protocol):
    """Who wants to know about an extra run."""

    def began(self, run: ExtraRun) -> None:
        """It is about to start."""

    def ended(self, result: Result) -> None:
        """It is over, and all that it printed has been told."""


class EndedRun(NamedTuple):
    """A run that is over and whose output has not all been read."""

    asker: Asker
    result: Result


class Extras:
    """All extra runs in progress."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._next: Asker | None = None
        self._askers: dict[int, Asker] = {}
        self._owing: dict[int, EndedRun] = {}

    def ask(self, asker: Asker, carry_out: Callable[[], None]) -> None:
        """Let `carry_out` bring about an extra run, whose `asker` is told about it."""
        self._next = asker
        try:
            carry_out()
        finally:
            self._next = None

    def take(self, fact: object) -> None:
        """A fact about an extra run."""
        if type(fact) is ExtraRun and self._next is not None:
            asker = self._askers[fact.run] = self._next
            asker.began(fact)
        elif type(fact) is ExtraRunEnded and (found := self._askers.pop(fact.run, None)):
            if self._pump.owes(fact.run):
                self._owing[fact.run] = EndedRun(found, result_of(fact))
            else:
                found.ended(result_of(fact))

    def drained(self) -> None:
        """The output of some run has been read to its end."""
        for run in [run for run in self._owing if not self._pump.owes(run)]:
            asker, result = self._owing.pop(run)
            asker.ended(result)


class Waiter:
    """Wants to know how it ended, if anything."""

    def __init__(self, deferred: Deferred | None) -> None:
        self._deferred = deferred
        self.run: Result = {}

    def began(self, run: ExtraRun) -> None:
        """See `Asker`."""
        self.run = {"slot": run.slot, "run": run.run}

    def ended(self, result: Result) -> None:
        """See `Asker`."""
        if self._deferred is not None:
            self._deferred.resolve({"done": True, **result})


class RunFollower:
    """Wants to see what it prints, then how it ended. `about`: what is told first, with its slot and its run."""

    def __init__(self, followers: Followers, about: Result) -> None:
        self.following: Following | None = None
        self._followers = followers
        self._about = about

    def began(self, run: ExtraRun) -> None:
        """See `Asker`."""
        self.following = self._followers.add([], lambda slot: slot == run.slot, 0, run.run, METHOD)
        self.following.tell({"began": {"slot": run.slot, "run": run.run, **self._about}})

    def ended(self, result: Result) -> None:
        """See `Asker`."""
        assert self.following is not None
        self.following.tell({"result": result})
        self.following.end("done")


def result_of(fact: ExtraRunEnded) -> Result:
    """How the run ended, as the control socket shows it."""
    return {
        "slot": fact.slot,
        "run": fact.run,
        "outcome": fact.outcome.value,
        "code": fact.code,
        "signal": fact.signal,
        "duration": round(fact.duration, 3),
        "cause": fact.cause,
    }
