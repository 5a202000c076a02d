"""A program with a source, event by event: what crosses on its way, and what comes when nobody expects it."""

import pytest

from minisup.core.deliveries import MOST_REMEMBERED, Deliveries
from minisup.core.facts import LeaseLost
from minisup.core.fleet import Fleet
from minisup.core.messages import (
    Asked,
    Booted,
    ConfigReloaded,
    Credit,
    Deliver,
    Due,
    Exited,
    LeaseExpired,
    MessagesWaiting,
    Note,
    Received,
    RunSurvived,
    ScaleAsked,
    Settle,
    Settlement,
    ShutdownAsked,
    Signal,
    SourceDown,
    SourceUp,
    Spawn,
    SpawnFailed,
    Started,
    Verb,
)
from minisup.core.model import ExitCodes, MessageSource, Phase, Policy, Reason, Retry, Stop
from minisup.core.policy.stats import Stats


def policy(name="a", numprocs=2, source=None, **keys):
    codes = ExitCodes(reject=frozenset({65}))
    return Policy(name=name, numprocs=numprocs, min_runtime=0.0, exit=codes, source=source or MessageSource(), **keys)


class Desk:
    """A fleet whose starts are answered at once, unless `broken` says why they cannot be."""

    def __init__(self, *policies, boot=True):
        self.now, self.broken, self.out = 0.0, "", []
        self.policies = policies or (policy(),)
        self.fleet = Fleet(self.policies, shutdown_timeout=10.0, uniform=max)
        if boot:
            self.feed(Booted())

    def feed(self, event):
        actions = self.fleet.step(event, self.now)
        self.out += actions
        for action in actions:
            if isinstance(action, Spawn) and self.broken:
                self.feed(SpawnFailed(action.slot, action.run, self.broken, scarce=False))
            elif isinstance(action, Spawn):
                self.feed(Started(action.slot, action.run, 100 + action.run))
        return actions

    def at(self, now):
        """Let time pass, and everything happen that is due."""
        self.now = now
        for key in [*self.fleet.slots, *self.fleet.programs]:
            timer = (self.fleet.slots.get(key) or self.fleet.programs[key]).timer
            if timer.due is not None and timer.due <= now:
                self.feed(Due(key, timer.generation))

    def send(self, *messages, program="a", receives=1):
        for message in messages:
            self.feed(Received(program, message, receives))

    def end(self, slot="a:0", code=0, **how):
        self.feed(Exited(slot, self.fleet.slots[slot].run.id, code, **how))

    def ask(self, verb, *slots, now=False):
        self.feed(Asked(verb, slots or tuple(self.fleet.slots), now, frozenset({"a"})))

    def reload(self, *policies, remade=frozenset()):
        self.feed(ConfigReloaded(policies, 10.0, remade=remade))

    @property
    def source(self):
        return self.fleet.programs["a"].source

    def settled(self):
        return [(action.message, str(action.how)) for action in self.out if isinstance(action, Settle)]

    def credits(self):
        return [action.messages for action in self.out if isinstance(action, Credit)]


def test_a_message_that_is_in_work_already_is_not_given_again():
    desk = Desk()
    desk.send("m1", "m1")
    assert [slot.phase for slot in desk.fleet.slots.values()] == [Phase.RUNNING, Phase.WAITING]
    assert desk.settled() == []


@pytest.mark.parametrize("program", ["a", "nobody"])
def test_a_message_for_who_has_no_source_goes_back(program):
    desk = Desk(Policy(name="a"))
    desk.send("m1", program=program)
    assert desk.settled() == [("m1", "return")]


def test_messages_beyond_what_may_be_in_hand_go_back():
    desk = Desk(policy(numprocs=1))
    desk.send("m1", "m2", "m3")
    assert desk.settled() == [("m3", "return")]
    desk.end()
    assert desk.fleet.slots["a:0"].delivery.message == "m2"


def test_what_is_in_hand_goes_back_when_the_program_leaves_fails_or_shuts_down():
    for stop in (lambda desk: desk.reload(), lambda desk: desk.end(code=1), lambda desk: desk.feed(ShutdownAsked())):
        desk = Desk(policy(numprocs=1))
        desk.send("m1", "m2")
        stop(desk)
        assert ("m2", "return") in desk.settled()


def test_nothing_is_received_ahead_of_what_the_program_is_after():
    desk = Desk(policy(source=MessageSource(prefetch=3), after=("b",)), Policy(name="b", kind="task", autostart=False))
    assert desk.credits() == []
    desk.send("m1")
    assert desk.settled() == [("m1", "return")]


def test_fewer_processes_are_ready_when_fewer_are_wanted():
    desk = Desk(policy(source=MessageSource(warm=2)))
    assert len(desk.source.ready) == 2
    desk.reload(policy(source=MessageSource(warm=1)))
    assert len(desk.source.ready) == 1
    assert [action.signal for action in desk.out if isinstance(action, Signal)] == ["SIGTERM"]


def test_no_process_is_started_ahead_where_the_rate_has_no_room():
    desk = Desk(policy(numprocs=3, source=MessageSource(warm=3), max_start_rate=0.1))
    desk.at(1.0)
    before = len([action for action in desk.out if isinstance(action, Spawn)])
    desk.ask(Verb.RESTART)
    for slot in list(desk.fleet.slots.values()):
        if slot.phase is Phase.STOPPING:
            desk.feed(Exited(slot.name, slot.run.id, None, "SIGTERM"))
    assert len([action for action in desk.out if isinstance(action, Spawn)]) == before


def test_a_reload_takes_the_source_away_in_every_place():
    desk = Desk(policy(numprocs=4, source=MessageSource(warm=1)))
    desk.send("m1", "m2")
    assert {slot.phase for slot in desk.fleet.slots.values()} == {Phase.READY, Phase.RUNNING, Phase.WAITING}
    desk.reload(Policy(name="a", numprocs=4))
    assert desk.source is None
    assert desk.credits()[-1] == 0
    assert desk.fleet.slots["a:3"].phase is Phase.RUNNING, "who waited for a message starts without one"
    desk.feed(LeaseExpired("a", "m1"))
    assert [
        action.fact.message for action in desk.out if isinstance(action, Note) and type(action.fact) is LeaseLost
    ] == ["m1"]
    desk.end("a:0")
    assert ("m1", "ack") not in desk.settled() or ("m2", "ack") not in desk.settled()


def test_a_source_that_is_removed_gives_back_what_is_in_hand():
    desk = Desk(policy(numprocs=1))
    desk.send("m1", "m2")
    desk.reload(Policy(name="a"))
    assert ("m2", "return") in desk.settled()
    desk.end(code=1)
    assert ("m1", "return") in desk.settled()


def test_a_reload_adds_a_program_with_a_source_and_replaces_what_is_ready():
    desk = Desk(Policy(name="b"))
    desk.reload(Policy(name="b"), policy(source=MessageSource(warm=1)))
    assert len(desk.source.ready) == 1
    (slot,) = desk.source.ready
    desk.reload(Policy(name="b"), policy(source=MessageSource(warm=1)), remade=frozenset({"a"}))
    assert slot.phase is Phase.STOPPING


def test_a_program_with_a_source_that_goes_and_comes_back_counts_on():
    desk = Desk(policy(numprocs=1), Policy(name="b"))
    desk.send("m1")
    desk.end()
    desk.reload(Policy(name="b"))
    assert "a" not in desk.fleet.programs
    desk.reload(Policy(name="b"), policy(numprocs=1))
    assert desk.fleet.programs["a"].stats.acked == 1
    desk.send("m2")
    desk.end()
    assert desk.fleet.programs["a"].stats.acked == 2


def test_a_lease_is_lost_once():
    desk = Desk()
    desk.send("m1")
    desk.feed(LeaseExpired("a", "m1"))
    desk.feed(LeaseExpired("a", "m1"))
    assert desk.source.lost == 1
    desk.end()
    assert desk.settled() == [("m1", "ack")]


def test_what_is_said_of_a_source_that_is_not_there_changes_nothing():
    desk = Desk(Policy(name="a"))
    for program in ("a", "nobody"):
        for event in (
            SourceDown(program, "no"),
            SourceUp(program),
            MessagesWaiting(program, 3),
            LeaseExpired(program, "m"),
        ):
            assert desk.feed(event) == []


def test_a_source_that_has_always_worked_is_not_said_to_have_recovered():
    desk = Desk()
    assert desk.feed(SourceUp("a", 3)) == []
    assert desk.source.max_receives == 3
    desk.feed(MessagesWaiting("a", 7))
    assert desk.source.backlog == 7
    desk.feed(SourceDown("a", "refused"))
    desk.feed(SourceDown("a", "refused"))
    assert desk.source.backlog is None


def test_the_queues_own_limit_counts_and_not_the_policys():
    desk = Desk(policy(numprocs=1))
    desk.feed(SourceUp("a", 2))
    desk.send("m1", receives=2)
    desk.end(code=1)
    assert desk.settled() == [("m1", "reject")]


def test_a_survivor_settles_the_message_that_it_has():
    desk = Desk(boot=False)
    desk.feed(RunSurvived("a:0", 7, 107, 0.0, "m1", 2))
    desk.feed(Booted())
    desk.feed(Exited("a:0", 7, None))
    assert [action.how for action in desk.out if isinstance(action, Settle)] == [Settlement.LEAVE]


def test_a_survivor_of_a_program_without_a_source_gives_its_message_back_when_it_is_stopped():
    desk = Desk(Policy(name="a", stop=Stop(drain=0.0)), boot=False)
    desk.feed(RunSurvived("a:0", 7, 107, 0.0, "m1", 2))
    desk.feed(Booted())
    desk.ask(Verb.STOP, now=True)
    desk.feed(Exited("a:0", 7, None, "SIGTERM"))
    assert desk.settled() == [("m1", "return")]


def test_a_warm_run_that_a_shutdown_ends_was_neither_cut_nor_finished():
    desk = Desk(policy(numprocs=1, source=MessageSource(warm=1)))
    desk.feed(ShutdownAsked())
    desk.feed(Exited("a:0", desk.fleet.slots["a:0"].run.id, None, "SIGTERM"))
    assert (desk.fleet.shutdown.cut, desk.fleet.shutdown.finished) == (0, 0)


def test_a_kept_message_starts_after_its_place_in_the_rate():
    desk = Desk(policy(numprocs=2, max_start_rate=0.5))
    desk.send("m1", "m2")
    desk.end("a:0")
    desk.end("a:1")
    desk.at(5.0)
    desk.send("m3", "m4", "m5")
    for second in range(6, 20):
        desk.at(float(second))
        for slot in list(desk.fleet.slots.values()):
            if slot.run is not None:
                desk.end(slot.name)
    assert {message for message, how in desk.settled() if how == "ack"} >= {"m1", "m2", "m3", "m4"}


@pytest.mark.parametrize("warm", [0, 1])
def test_a_hold_receives_for_one_slot_at_a_time_and_ends_with_its_cause(warm):
    desk = Desk(policy(numprocs=2, source=MessageSource(warm=warm), retry=Retry(refill=10.0)))
    for name in ("a:0", "a:1"):
        desk.send(f"m{name}")
    for slot in list(desk.fleet.slots.values()):
        desk.end(slot.name, code=78)
    assert [slot.reason for slot in desk.fleet.slots.values()] == [Reason.HOLD, Reason.HOLD]
    desk.at(10.0)
    desk.at(20.0)
    assert desk.credits()[-1] == 1
    assert len(desk.source.retried()) == 1
    desk.send("again")
    working = next(slot for slot in desk.fleet.slots.values() if slot.delivery is not None)
    desk.end(working.name)
    assert not desk.fleet.programs["a"].holds.files_held
    assert desk.credits()[-1] == 2


def test_a_slot_that_tries_and_is_stopped_meanwhile_ends_the_hold():
    desk = Desk(policy(numprocs=1, retry=Retry(refill=10.0)))
    desk.send("m1")
    desk.end(code=78)
    desk.at(10.0)
    assert desk.fleet.slots["a:0"].reason is Reason.MESSAGE
    desk.ask(Verb.STOP)
    assert not desk.fleet.programs["a"].holds.files_held
    assert desk.credits()[-1] == 0


def test_a_cause_that_has_gone_ends_the_mark_of_a_ready_process():
    source = Deliveries(MessageSource(warm=1), Stats(0.0))
    desk = Desk(policy(numprocs=2, source=MessageSource(warm=1), retry=Retry(refill=10.0)))
    desk.send("m1", "m2")
    desk.end("a:0", code=78)
    desk.at(10.0)
    assert desk.fleet.slots["a:0"].is_ready
    desk.end("a:1")
    assert desk.source.retried() == []
    assert source.retried() == []


def test_failures_of_few_messages_are_remembered():
    source = Deliveries(MessageSource(), Stats(0.0))
    for number in range(MOST_REMEMBERED + 5):
        source.failed(f"m{number}")
    assert len(source.failures) == MOST_REMEMBERED
    assert len(source.suspects) == MOST_REMEMBERED


def test_scaling_in_ends_what_is_ready_at_once():
    desk = Desk(policy(numprocs=2, source=MessageSource(warm=2)))
    desk.feed(ScaleAsked("a", 1))
    assert desk.fleet.slots["a:1"].phase is Phase.STOPPING
    desk.send("m1")
    assert any(isinstance(action, Deliver) and action.slot == "a:0" for action in desk.out)


def test_a_reload_starts_as_many_ahead_as_the_rate_has_room_for():
    desk = Desk(policy(numprocs=3, max_start_rate=0.1))
    desk.send("m1", "m2")
    desk.end("a:0")
    desk.end("a:1")
    desk.reload(policy(numprocs=3, max_start_rate=0.1, source=MessageSource(warm=3)))
    assert len(desk.source.ready) == 1


def test_a_message_that_is_kept_for_its_place_goes_back_at_a_stop_also_without_its_source():
    desk = Desk(policy(numprocs=2, max_start_rate=0.1))
    desk.send("m1", "m2")
    desk.end("a:0")
    desk.end("a:1")
    desk.at(10.0)
    desk.send("m3", "m4")
    kept = next(slot for slot in desk.fleet.slots.values() if slot.phase is Phase.WAITING)
    assert (kept.reason, kept.delivery.message) == (Reason.PACE, "m4")
    desk.reload(Policy(name="a", numprocs=2, max_start_rate=0.1))
    desk.ask(Verb.STOP, kept.name)
    assert ("m4", "return") in desk.settled()
