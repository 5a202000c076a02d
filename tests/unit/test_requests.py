"""Every pair of the request table, performed: what it says of a request is what happens."""

import pytest

from minisup.core.fleet import Fleet
from minisup.core.messages import (
    Asked,
    Booted,
    Due,
    Exited,
    Record,
    ScaleAsked,
    Signal,
    SignalAsked,
    Spawn,
    Started,
    Verb,
)
from minisup.core.model import Kind, MessageSource, Phase, Policy
from minisup.core.request_table import TABLE, Effect, Place, Request, effect, is_meant, left_alone, place

NOW = 100.0


class World:
    """A fleet of one job `a` with two slots, or of what a place needs; every run starts at once."""

    def __init__(self, *policies):
        self.fleet = Fleet(policies or [Policy(name="a", numprocs=2)], shutdown_timeout=10.0, uniform=max)
        self.out = []
        self.feed(Booted(), 0.0)
        for slot in self.fleet.slots.values():
            if slot.name == "a:1":
                self.feed(Due("a:1", slot.timer.generation), 1.0)

    def feed(self, event, now=NOW):
        actions = self.fleet.step(event, now)
        self.out += actions
        for action in actions:
            if isinstance(action, Spawn):
                self.feed(Started(action.slot, action.run, 100 + action.run), now)

    def ask(self, verb, *, now=False, named=frozenset({"a"}), slots=None):
        self.feed(Asked(Verb(verb), slots or self.slots(), now, named))

    def end(self, code=0, now=NOW):
        self.feed(Exited("a:1", self.slot.run.id, code), now)

    def slots(self):
        return tuple(name for name in self.fleet.slots if name.startswith("a:"))

    @property
    def slot(self):
        return self.fleet.slots["a:1"]


def waiting():
    world = World(Policy(name="a", numprocs=2, min_runtime=1000.0))
    world.end(now=2.0)
    return world


def after_others():
    return World(Policy(name="b", kind=Kind.TASK), Policy(name="a", numprocs=2, after=("b",)))


def for_message():
    return World(Policy(name="a", numprocs=2, min_runtime=0.0, source=MessageSource()))


def ready():
    return World(Policy(name="a", numprocs=2, min_runtime=0.0, source=MessageSource(warm=2)))


def paused():
    world = waiting()
    world.ask("pause")
    return world


def paused_run():
    world = World()
    world.ask("pause")
    return world


def restarting():
    world = World()
    world.ask("restart")
    return world


def draining():
    world = World()
    world.ask("stop")
    return world


def signalled():
    world = World(Policy(name="a", numprocs=2, max_runtime=50.0))
    world.feed(Due("a:1", world.slot.timer.generation), 60.0)
    return world


def stopping():
    world = World()
    world.ask("stop", now=True)
    return world


def off():
    world = stopping()
    world.end(now=NOW)
    return world


def done():
    world = World(Policy(name="a", numprocs=2, kind=Kind.TASK))
    world.end(now=2.0)
    return world


def leaving():
    world = World()
    world.feed(ScaleAsked("a", 1))
    return world


WORLDS = {
    Place.WAITING: waiting,
    Place.AFTER_OTHERS: after_others,
    Place.FOR_MESSAGE: for_message,
    Place.READY: ready,
    Place.PAUSED: paused,
    Place.PAUSED_RUN: paused_run,
    Place.RUNNING: World,
    Place.RESTARTING: restarting,
    Place.DRAINING: draining,
    Place.SIGNALLED: signalled,
    Place.STOPPING: stopping,
    Place.OFF: off,
    Place.DONE: done,
    Place.LEAVING: leaving,
}
VERBS = {request: Verb(request) for request in Request if request in set(Verb)}


def test_every_pair_is_in_the_table():
    assert set(TABLE) == set(Place) == set(WORLDS)
    assert all(set(cells) == set(Request) for cells in TABLE.values())


def test_what_is_left_alone_says_why_and_nothing_else_does():
    for cells in TABLE.values():
        for cell in cells.values():
            assert bool(cell.why) == (cell.effect is Effect.LEFT)


@pytest.mark.parametrize("where", Place, ids=lambda where: where.name.lower())
def test_each_place_is_told_from_the_others(where):
    assert place(WORLDS[where]().slot) is where


@pytest.mark.parametrize("now", [False, True], ids=["", "now"])
@pytest.mark.parametrize("named", [True, False], ids=["named", "by pattern"])
@pytest.mark.parametrize("request_", Request, ids=str)
@pytest.mark.parametrize("where", Place, ids=lambda where: where.name.lower())
def test_a_request_changes_a_slot_where_the_table_says_so_and_nowhere_else(where, request_, named, now):
    world = WORLDS[where]()
    before, world.out[:] = picture(world.slot), []
    expected = effect(world.slot, request_, named=named, now=now)
    perform(world, request_, named=named, now=now)
    signals = [action for action in world.out if isinstance(action, Signal) and action.slot == "a:1"]
    changed = "a:1" not in world.fleet.slots or picture(world.slot) != before or bool(signals)
    assert changed == (expected is Effect.ACTS)


def perform(world, request, *, named, now):
    if request in VERBS:
        world.ask(VERBS[request], now=now, named=frozenset({"a"} if named else {"all"}), slots=("a:1",))
    elif request is Request.SIGNAL:
        world.feed(SignalAsked(("a:1",), "SIGUSR1"))
    elif request is Request.SCALE_IN:
        world.feed(ScaleAsked("a", 1, now))
    else:
        world.feed(ScaleAsked("a", 2, now))


def picture(slot):
    """All that a request can change of a slot."""
    return (
        *(slot.phase, slot.wanted, slot.leaving, slot.wait, slot.saved_wait, slot.pause, slot.stop, slot.next_start),
        *((slot.run.id, slot.run.limits, slot.run.planned_at, slot.run.signals) if slot.run else ()),
    )


@pytest.mark.parametrize("where", Place, ids=lambda where: where.name.lower())
def test_what_is_not_meant_is_not_changed_and_what_is_named_is_meant(where):
    slot = WORLDS[where]().slot
    for request in Request:
        assert is_meant(slot, request, named=True)
        if not is_meant(slot, request, named=False):
            assert effect(slot, request, named=False, now=True) is Effect.SO


# --- what an operator saw ---------------------------------------------------------------------------------------------


def test_a_pause_during_the_drain_of_a_stop_is_left_alone_with_a_reason_and_the_run_gets_its_signal():
    world = draining()
    why = left_alone(world.slot, Request.PAUSE, named=True, now=False)
    assert why == ("a:1 is being stopped, and a pause does not take that back; `minisup start a:1` does, then pause it")
    world.ask("pause")
    world.feed(Due("a:1", world.slot.timer.generation), NOW + 60.0)
    assert world.slot.phase is Phase.STOPPING


def test_that_way_works():
    world = draining()
    world.ask("start")
    world.ask("pause")
    assert place(world.slot) is Place.PAUSED_RUN


@pytest.mark.parametrize(("targets", "runs"), [({"all"}, False), ({"a*"}, False), ({"a"}, True), ({"a:1"}, True)])
def test_restart_all_does_not_run_a_finished_task_again_and_restart_of_its_name_does(targets, runs):
    world = done()
    world.ask("restart", named=frozenset(targets), slots=("a:1",))
    assert (world.slot.phase is Phase.RUNNING) == runs


def test_records_of_runs_before_are_kept_by_what_is_left_alone():
    world = off()
    assert isinstance(world.slot.last, Record)
    assert left_alone(world.slot, Request.RESUME, named=True, now=False).startswith("a:1 is off, not paused")
    assert not left_alone(world.slot, Request.RESUME, named=False, now=False)
