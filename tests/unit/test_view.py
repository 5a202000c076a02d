"""The document of `status --json`: its shape, and what it says in each state."""

import json
from datetime import timedelta, timezone

import pytest

from minisup.core.messages import Exited, RunSurvived, Verb
from minisup.core.model import ExitCodes, GiveUp, Kind, Outcome, Policy, Retry, Stop
from minisup.core.view import snapshot
from minisup.sim.jobs import Job, Reaction, Span, Trouble
from minisup.sim.world import World

WALL = 1_795_341_600.0  # 2026-11-22T10:00:00Z, when the virtual clock is at 0


def document(world, names=None, **more):
    made = snapshot(
        world.fleet,
        now=world.now,
        wall=WALL + world.now,
        version="0.1.0",
        pid=1,
        instance="7f3a",
        uptime=world.now,
        names=names,
        **more,
    )
    json.dumps(made)  # it is plain data
    return made


def world_of(job, *policies, seconds=0.0, **arguments):
    policies = policies or (Policy(name="email"),)
    world = World(policies, {policy.name: job for policy in policies}, uniform=lambda _, high: high, **arguments)
    world.boot()
    world.run(seconds)
    return world


def only(world):
    [program] = document(world)["programs"]
    return program


def test_the_shape_is_the_documented_one():
    world = world_of(Job(lasts=0.143), Policy(name="email", numprocs=2, groups=("mail",)), seconds=1.6)
    made = document(world)
    assert list(made) == [
        "schema", "version", "pid", "instance", "uptime", "state", "bounds", "output_lost", "programs",
    ]  # fmt: skip
    assert (made["schema"], made["pid"], made["uptime"], made["state"]) == (1, 1, 1.6, "running")
    [program] = made["programs"]
    assert list(program) == [
        "name", "kind", "state", "wanted", "running", "phases", "groups", "leftovers", "scale", "source", "failing_for",
        "budget", "runs", "per_minute", "busy", "duration", "totals", "last_worked", "late", "slots",
    ]  # fmt: skip
    assert program["budget"] == {"tokens": 12.0, "size": 12, "label": "ok"}
    assert program["groups"] == ["mail"]
    assert program["phases"] == {"running": 1, "waiting": 1}
    assert list(program["runs"]) == ["total", *(outcome.value for outcome in Outcome)]
    assert program["runs"]["total"] == program["runs"]["worked"] == 3
    assert program["duration"] == {"p50": 0.143, "p95": 0.143, "p99": 0.143}
    assert program["per_minute"] == 3.0
    assert program["busy"] == pytest.approx((3 * 0.143 + 0.1) / 3.2, abs=0.002)
    assert program["slots"][0] == {
        "name": "email:0", "slot": 0, "phase": "waiting", "pid": None, "run": None, "since": 0.457,
        "age": None, "reason": "pace", "cause": None, "paused": None, "leaving": False, "goal_met": True,
        "next_in": 0.4, "failures": 0, "leftovers": 0,
        "last": {
            "run": 3, "outcome": "worked", "code": 0, "signal": None, "duration": 0.143,
            "ended": "2026-11-22T10:00:01.143Z", "because": None,
        },
    }  # fmt: skip
    assert program["slots"][1]["run"] == program["slots"][1]["pid"] == 4
    assert program["slots"][1]["reason"] is None


def test_only_the_named_slots_are_shown_and_programs_without_any_are_not():
    world = world_of(Job(), Policy(name="email", numprocs=2), Policy(name="sms"))
    made = document(world, names=frozenset({"email:1"}))
    assert [program["name"] for program in made["programs"]] == ["email"]
    assert [slot["name"] for slot in made["programs"][0]["slots"]] == ["email:1"]
    assert made["programs"][0]["wanted"] == 2  # the program's numbers are of the whole program


def test_nothing_to_show_is_null():
    program = only(world_of(Job(), Policy(name="email", numprocs=0)))
    assert program["busy"] is None
    assert program["duration"] == {"p50": None, "p95": None, "p99": None}
    assert program["state"] == "off"


@pytest.mark.parametrize(
    ("job", "policy", "seconds", "state"),
    [
        (Job(lasts=9.0), {}, 1.0, "running"),
        (Job(lasts=0.1), {"min_runtime": 9.0}, 1.0, "waiting"),
        (Job(lasts=0.1, code=1), {"retry": Retry(backoff=9.0)}, 1.0, "backoff"),
        (Job(lasts=0.1, code=1), {"retry": Retry(backoff=0.1, budget=0, refill=60.0)}, 5.0, "holding"),
        (Job(lasts=0.1), {"kind": Kind.TASK}, 1.0, "done"),
        (Job(lasts=0.1), {"autostart": False}, 1.0, "off"),
    ],
)
def test_a_programs_state_is_the_first_word_that_fits(job, policy, seconds, state):
    assert only(world_of(job, Policy(name="email", **policy), seconds=seconds))["state"] == state


def test_a_stop_is_draining_then_stopping_and_says_when_it_goes_on():
    stop = Stop(drain=5.0, timeout=3.0)
    world = world_of(Job(lasts=60.0, reaction=Reaction.IGNORES), Policy(name="email", stop=stop), seconds=1.0)
    world.ask(Verb.STOP, "email")
    assert (only(world)["state"], only(world)["wanted"]) == ("draining", 0)
    assert only(world)["slots"][0]["next_in"] == 5.0
    world.run(6.0)
    assert only(world)["state"] == "stopping"
    assert only(world)["slots"][0]["next_in"] == 2.0
    world.run(3.0)
    assert only(world)["slots"][0]["last"]["signal"] == "SIGKILL"
    assert only(world)["slots"][0]["last"]["code"] is None


def test_a_shutdown_is_draining_then_stopping():
    world = world_of(Job(lasts=600.0, reaction=Reaction.IGNORES), seconds=1.0)
    world.shut_down()
    assert document(world)["state"] == "draining"
    world.run(5.0)
    assert document(world)["state"] == "stopping"


def test_a_failing_slot_names_its_cause_and_the_next_try():
    program = only(world_of(Job(lasts=0.1, code=3), Policy(name="email", retry=Retry(backoff=8.0)), seconds=1.1))
    assert program["failing_for"] == 1.0
    assert program["budget"]["label"] == "degraded"
    [slot] = program["slots"]
    assert (slot["reason"], slot["cause"], slot["failures"], slot["next_in"]) == ("backoff", "exit 3", 1, 7.0)


def test_slots_that_hold_say_when_their_turn_comes():
    retry = Retry(backoff=0.1, max_backoff=0.1, budget=0, refill=10.0)
    world = world_of(Job(lasts=0.1, code=1), Policy(name="email", numprocs=3, retry=retry), seconds=5.0)
    program = only(world)
    assert program["budget"]["label"] == "holding"
    turns = sorted(slot["next_in"] for slot in program["slots"])
    assert turns[1] - turns[0] == pytest.approx(10.0)
    assert turns[2] - turns[1] == pytest.approx(10.0)


def test_slots_that_cannot_start_say_why_and_when_their_probe_comes():
    job = Job(troubles=(Trouble(0.0, 1e9, "no such file: php"),))
    world = world_of(job, Policy(name="email", numprocs=2, retry=Retry(refill=10.0)), seconds=2.0)
    first, second = only(world)["slots"]
    assert (first["reason"], first["cause"], first["next_in"]) == ("hold", "no such file: php", 8.0)
    assert second["next_in"] == 18.0
    assert first["last"]["outcome"] == "unstartable"


def test_a_slot_that_waits_for_another_program_names_it():
    world = world_of(Job(lasts=9.0), Policy(name="migrate", kind=Kind.TASK), Policy(name="email", after=("migrate",)))
    slot = document(world)["programs"][1]["slots"][0]
    assert (slot["reason"], slot["cause"], slot["next_in"]) == ("after", "after migrate (running)", None)


def test_a_program_that_was_given_up_says_so():
    retry = Retry(give_up=GiveUp.STOP, give_up_after=3.0)
    program = only(world_of(Job(lasts=0.1, code=1), Policy(name="email", retry=retry), seconds=9.0))
    assert program["state"] == "off"
    assert program["slots"][0]["cause"] == "given up: exit 1"


def test_a_run_that_nobody_saw_end_has_no_duration():
    world = world_of(Job(lasts=9.0))
    world.fleet.step(Exited("email:0", 1, None), 5.0)
    last = only(world)["slots"][0]["last"]
    assert (last["outcome"], last["duration"], last["code"], last["signal"]) == ("lost", None, None, None)


def test_a_run_is_as_old_as_its_process_whatever_its_slot_has_gone_through():
    world = world_of(Job(lasts=60.0), Policy(name="email", stop=Stop(drain=30.0)), seconds=5.0)
    world.ask(Verb.STOP, "email")
    world.run(2.0)
    slot = only(world)["slots"][0]
    assert (slot["phase"], slot["since"], slot["age"]) == ("draining", 2.0, 7.0)
    world.ask(Verb.START, "email")
    world.run(0.1)
    slot = only(world)["slots"][0]
    assert (slot["phase"], slot["since"], slot["age"]) == ("running", 0.1, 7.1)


def test_a_survivor_is_as_old_as_its_process():
    world = World([Policy(name="email")], {"email": Job(lasts=60.0)})
    world.feed(RunSurvived("email:0", 7, 70, since=-100.0))
    assert only(world)["slots"][0]["age"] == 100.0


def test_leftovers_are_counted():
    world = world_of(Job(lasts=0.1, leftovers=3), Policy(name="email", numprocs=2, min_runtime=0.5), seconds=0.4)
    assert only(world)["leftovers"] == 6
    assert [slot["leftovers"] for slot in only(world)["slots"]] == [3, 3]


def test_an_outage_of_some_runs_is_degraded_until_it_is_over():
    job = Job(lasts=0.1, fails_after=0.1, outages=(Span(5.0, 15.0),), code=0)
    world = world_of(job, Policy(name="email", numprocs=2, exit=ExitCodes()), seconds=8.0)
    assert only(world)["budget"]["label"] == "degraded"
    assert only(world)["failing_for"] == pytest.approx(2.9, abs=0.5)
    world.run(30.0)
    assert only(world)["failing_for"] is None
    assert only(world)["budget"]["label"] == "ok"


def test_an_empty_half_of_the_budget_is_degraded_even_when_all_is_well():
    world = world_of(Job(lasts=9.0))
    world.fleet.programs["email"].budget.tokens = 5.5
    assert only(world)["budget"]["label"] == "degraded"


def test_what_is_paused_says_by_whom_and_since_when():
    world = world_of(Job(lasts=9.0), Policy(name="email", numprocs=2), seconds=1.0)
    world.ask(Verb.PAUSE, "email:0")
    first, second = only(world)["slots"]
    assert only(world)["state"] == "paused"
    assert (first["phase"], first["cause"]) == ("running", "paused by app since 10:00")
    assert (first["paused"], first["goal_met"]) == ({"by": "app", "since": "2026-11-22T10:00:01.000Z"}, False)
    assert (second["phase"], second["cause"], second["paused"]) == ("running", None, None)
    world.run(3 * 3600.0)
    [first, _] = only(world)["slots"]
    assert (first["phase"], first["reason"], first["next_in"]) == ("waiting", "paused", None)
    assert first["cause"] == "paused by app since 10:00"
    assert (first["paused"], first["goal_met"]) == ({"by": "app", "since": "2026-11-22T10:00:01.000Z"}, True)
    world.run(24 * 3600.0)
    assert only(world)["slots"][0]["cause"] == "paused by app since 2026-11-22 10:00"


def test_the_time_of_a_pause_is_told_in_the_zone_of_the_machine():
    world = world_of(Job(lasts=9.0))
    world.ask(Verb.PAUSE, "email")
    made = document(world, zone=timezone(timedelta(hours=9)))
    assert made["programs"][0]["slots"][0]["cause"] == "paused by app since 19:00"


def test_a_slot_that_leaves_says_so_and_does_not_count_for_the_state_of_its_program():
    world = world_of(Job(lasts=9.0), Policy(name="email", numprocs=2), seconds=1.0)
    world.scale("email", 1)
    program = only(world)
    assert program["state"] == "running"
    assert (program["wanted"], program["running"], program["budget"]["size"]) == (1, 2, 11)
    assert program["slots"][1]["phase"] == "draining"
    assert program["slots"][1]["cause"] == "leaves: email is scaled to 1"
    assert [(slot["leaving"], slot["goal_met"]) for slot in program["slots"]] == [(False, True), (True, False)]
    world.scale("email", 0)
    assert only(world)["state"] == "draining"
    world.run(10.0)
    assert (only(world)["state"], only(world)["slots"]) == ("off", [])


def test_a_slot_tells_whether_it_does_what_was_asked_of_it():
    world = world_of(Job(lasts=9.0), seconds=1.0)
    assert only(world)["slots"][0]["goal_met"]
    world.ask(Verb.RESTART, "email")
    assert not only(world)["slots"][0]["goal_met"], "its run is still the old one"
    world.run(10.0)
    assert only(world)["slots"][0]["goal_met"]
    world.ask(Verb.STOP, "email")
    assert not only(world)["slots"][0]["goal_met"]
    world.run(20.0)
    assert (only(world)["slots"][0]["phase"], only(world)["slots"][0]["goal_met"]) == ("off", True)


def test_a_slot_that_waits_after_a_failure_does_not_do_what_was_asked_of_it():
    world = world_of(Job(lasts=0.1, fails_after=0.1, outages=(Span(0.0, 60.0),)), seconds=5.0)
    [slot] = only(world)["slots"]
    assert (slot["phase"], slot["reason"], slot["goal_met"]) == ("waiting", "backoff", False)


def test_a_program_without_slots_is_shown_when_it_is_named():
    world = world_of(Job(), Policy(name="email", numprocs=0), Policy(name="sms"))
    assert document(world, names=frozenset())["programs"] == []
    [program] = document(world, names=frozenset(), programs=frozenset({"email"}))["programs"]
    assert program["name"] == "email"
