"""A run that cannot be signalled: told once, and neither cut nor gone as long as it lives."""

from datetime import UTC, datetime

from minisup.core.facts import Cut, LeftAlive
from minisup.core.facts import OutOfReach as Told
from minisup.core.fleet import Fleet
from minisup.core.messages import Booted, Due, Exited, Note, ShutdownAsked, SignalDenied, Spawn, Started
from minisup.core.model import Phase, Policy
from minisup.core.view import cause_of


def booted():
    fleet = Fleet([Policy(name="a")], shutdown_timeout=10.0, uniform=max)
    assert Spawn("a:0", 1, 0) in fleet.step(Booted(), 0.0)
    fleet.step(Started("a:0", 1, 7), 0.0)
    return fleet


def test_it_is_told_once_and_of_this_run_alone():
    fleet = booted()
    assert fleet.step(SignalDenied("a:0", 2), 1.0) == []
    assert fleet.step(SignalDenied("b:0", 1), 1.0) == []
    assert fleet.step(SignalDenied("a:0", 1), 1.0) == [Note(Told("a:0", 1))]
    assert fleet.step(SignalDenied("a:0", 1), 1.0) == []
    assert cause_of(fleet, fleet.slots["a:0"], datetime.now(UTC)) == (
        "cannot be signalled: it runs with the rights of another user"
    )
    fleet.step(Exited("a:0", 1, 0), 2.0)
    assert not fleet.slots["a:0"].run.signals.out_of_reach


def test_a_shutdown_leaves_it_alive_and_cuts_nothing():
    fleet = booted()
    fleet.step(SignalDenied("a:0", 1), 1.0)
    fleet.step(ShutdownAsked(now=True), 1.0)
    facts = []
    for now in range(2, 40):
        for key, generation in (("a:0", fleet.slots["a:0"].timer.generation), ("*", fleet.timer.generation)):
            facts += [
                action.fact for action in fleet.step(Due(key, generation), float(now)) if isinstance(action, Note)
            ]
    assert fleet.slots["a:0"].phase is Phase.KILLING
    assert LeftAlive("a:0", 1) in facts
    assert not [fact for fact in facts if isinstance(fact, Cut)]
