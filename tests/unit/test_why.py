"""The facts behind `minisup why`, in each state, and the words that are made of them."""

# ruff: noqa: E501 - the expected text is as wide as what is printed

import json

import pytest

from minisup.cli.status.why_text import budget, cause_words, text
from minisup.core.messages import Exited, Record, Verb
from minisup.core.model import ExitCodes, GiveUp, Idle, Kind, Outcome, Policy, Retry, Schedule, Stop
from minisup.core.policy.causes import MOST, Causes
from minisup.core.policy.clean_exit import MUST_NOT_END
from minisup.core.why import explain
from minisup.sim.jobs import Job, Reaction, Span, Trouble
from minisup.sim.world import World

WALL = 1_795_341_600.0  # 2026-11-22T10:00:00Z, when the virtual clock is at 0


def world_of(*policies, jobs=None, seconds=0.0, job=None):
    jobs = {policy.name: job or Job() for policy in policies} | (jobs or {})
    world = World(policies, jobs, uniform=lambda _, high: high)
    world.boot()
    world.run(seconds)
    return world


def facts(world, name="sms"):
    program = world.fleet.programs[name]
    made = explain(world.fleet, program, program.slots, now=world.now, wall=WALL + world.now)
    return json.loads(json.dumps(made))  # it is plain data


def words(world, name="sms", state="running"):
    return text({"schema": 1, "state": state, "programs": [facts(world, name)]})


def first_line(world, name="sms"):
    return words(world, name).splitlines()[0]


def ill(**job):
    return Job(lasts=0.2, code=1, **job)


OUTAGE = Policy(name="sms", numprocs=4, retry=Retry(backoff=0.1, max_backoff=0.5))


def test_a_program_that_holds_says_of_what_since_when_and_what_comes_next():
    world = world_of(OUTAGE, job=Job(lasts=0.2, outages=(Span(2.0, 1000.0),), fails_after=0.2), seconds=60.0)
    assert (
        words(world)
        == """\
sms is holding: all 4 slots wait for the retry budget. The next probe is sms:1 in 2.3 s.

  Why       21 runs have failed since 10:00:02 UTC (58 s ago); the last run that worked was 8, 58 s ago.
            21 x exit 1, last: run 29, 12 s ago
  Slots     sms:0  waiting (hold) for 27 s, next in 32 s, last: run 28 failed (exit 1) after 0.2 s, 6th failure in a row
            sms:1  waiting (hold) for 55 s, next in 2.3 s, last: run 26 failed (exit 1) after 0.2 s, 5th failure in a row
            sms:2  waiting (hold) for 42 s, next in 17 s, last: run 27 failed (exit 1) after 0.2 s, 5th failure in a row
            sms:3  waiting (hold) for 12 s, next in 47 s, last: run 29 failed (exit 1) after 0.2 s, 5th failure in a row
  Budget    0 of 14 tokens; each relaunch after a failure takes one, one comes back every 15 s.
            4 slots wait for one; the next comes in 2.3 s.
            Each run that works or is idle brings back 1; the first one ends the outage:
            the slots in backoff start at once.
  Give up   never (retry.give_up = "never")
  You can   minisup restart sms    try all slots now
            minisup logs --run 29  the output of the last failure
"""
    )


def test_what_cannot_be_started_says_so_and_that_a_change_is_enough():
    world = world_of(
        Policy(name="sms"), job=Job(troubles=(Trouble(0.0, 100.0, "cannot start php: no such file"),)), seconds=7
    )
    said = words(world)
    assert said.startswith("sms is holding: its slot waits for the cause to go away. The next probe is sms:0 in 8 s.\n")
    assert "            1 x unstartable cannot start php: no such file, last: run 1, 7 s ago\n" in said
    assert "; or as soon as a file that it needs changes\n" in said
    assert "  Budget    11 of 11 tokens; a probe of what cannot be started takes none.\n" in said


def test_a_spent_budget_says_when_the_next_token_comes_also_while_no_slot_waits_for_one():
    program = facts(world_of(Policy(name="sms"), job=ill(), seconds=2.0))
    spent = {**program, "budget": {**program["budget"], "label": "holding", "tokens": 0.2, "queue": 0}}
    assert budget(spent)[0] == "0 of 11 tokens; each relaunch after a failure takes one, one comes back every 15 s."


BROKEN = Policy(name="sms", retry=Retry(give_up=GiveUp.STOP, give_up_after=10.0))


def test_giving_up_is_announced_and_then_told():
    world = world_of(BROKEN, job=ill(), seconds=4.0)
    assert facts(world)["give_up"] == {"policy": "stop", "after": 10.0, "in": 6.2, "given_up": False}
    assert 'in 6.2 s the program goes off, unless a run works before (retry.give_up = "stop")' in words(world)
    world.run(20.0)
    assert first_line(world) == "sms is off: it was given up after 10 s of failing."
    assert 'after 10 s of failing the program goes off (retry.give_up = "stop")' in words(world)
    assert "minisup start sms" in words(world)


def test_giving_up_can_mean_that_minisup_leaves():
    leaving = Policy(name="sms", retry=Retry(give_up=GiveUp.EXIT))
    assert "minisup drains and exits 75" in words(world_of(leaving, job=ill(), seconds=4.0))


def test_backoff_names_the_slots_and_the_next_try():
    world = world_of(Policy(name="sms", numprocs=2), jobs={"sms:0": ill(), "sms:1": Job(lasts=50.0)}, seconds=1.0)
    assert first_line(world) == "sms is running: 1 of 2 slots has a run in progress. The next run is sms:0 in 0.2 s."
    world = world_of(Policy(name="sms"), job=ill(), seconds=1.0)
    assert first_line(world) == "sms is in backoff: its slot waits after a failure. The next run is sms:0 in 0.2 s."


def test_waits_are_explained():
    assert first_line(world_of(Policy(name="sms"), seconds=0.5)) == (
        "sms is waiting: a slot starts a run every 1 s at most (min_runtime). The next run is sms:0 in 0.5 s."
    )
    idle = Policy(name="sms", min_runtime=0.0, idle=Idle(wait=1.0))
    world = world_of(idle, job=Job(code=7), seconds=0.5)
    assert first_line(world).startswith("sms is in backoff")
    calm = world_of(Policy(name="sms", numprocs=0))
    assert first_line(calm) == "sms is off: it has no slots (numprocs = 0)."


def test_what_waits_for_others_names_them():
    task = Policy(name="migrate", kind=Kind.TASK)
    server = Policy(name="shop", kind=Kind.SERVICE)
    world = world_of(
        task,
        server,
        Policy(name="sms", after=("migrate", "shop")),
        jobs={"migrate": ill(), "shop": Job(lasts=1e6)},
        seconds=2,
    )
    said = words(world)
    assert said.startswith("sms is waiting: what it is after is not ready.\n")
    assert "  After     migrate must have worked; its state is backoff\n            shop is ready\n" in said
    world.ask(Verb.STOP, "migrate")
    world.run(3.0)
    assert "migrate must have worked; its state is off; `minisup why migrate` says why" in words(world)


def test_off_done_and_running():
    quiet = world_of(Policy(name="sms", autostart=False), seconds=1.0)
    assert first_line(quiet) == "sms is off: it does not start by itself (autostart = false)."
    task = world_of(Policy(name="sms", kind=Kind.TASK), seconds=3.0)
    assert first_line(task) == "sms is done: run 1 worked 2.8 s ago. It does not run again by itself."
    stopped = world_of(Policy(name="sms"), seconds=0.5)
    stopped.ask(Verb.STOP, "sms")
    assert first_line(stopped) == "sms is off: it was stopped, or never asked to start."


STEPS = [
    (0.0, "sms:0 is ended by max_runtime in 50 s, unless its run ends before."),
    (5.0, "sms is draining. sms:0 gets its stop signal in 7 s, unless its run ends before."),
    (10.0, "sms is stopping. sms:0 gets SIGKILL in 5 s, unless its run ends before."),
]


@pytest.mark.parametrize(("until", "said"), STEPS, ids=["running", "draining", "stopping"])
def test_a_stop_says_what_comes_next(until, said):
    policy = Policy(name="sms", max_runtime=50.0, stop=Stop(drain=7.0, timeout=8.0))
    world = world_of(policy, job=Job(lasts=1e6, reaction=Reaction.IGNORES))
    if until:
        world.ask(Verb.STOP, "sms")
        world.run(0.0 if until == 5.0 else 10.0)
    assert first_line(world).endswith(said)


def test_a_run_without_any_limit_and_one_that_was_killed_wait_for_the_end_alone():
    world = world_of(Policy(name="sms", stop=Stop(drain=1e9)), job=Job(lasts=1e6, unkillable=True))
    assert facts(world)["slots"][0]["next"] == {"what": "end", "in": None, "event": "end"}
    world.shut_down()
    world.run(9.05)
    assert facts(world)["slots"][0]["phase"] == "killing"
    assert facts(world)["next"] is None
    assert words(world, state="stopping").splitlines()[0].endswith(" minisup is shutting down: nothing starts.")
    assert "You can" not in words(world, state="stopping")


def test_a_drain_without_limit_names_no_moment():
    world = world_of(Policy(name="sms"), job=Job(lasts=1e6))
    world.ask(Verb.RESTART, "sms")
    assert facts(world)["slots"][0]["next"] == {"what": "end", "in": None, "event": "end"}
    assert "minisup stop sms --now" in words(world)


def record(run, line="", code=1):
    return Record(run, "sms:0", 0.0, 0.2, Outcome.FAILED, code, None, 0.0, None, 0, line)


def test_causes_are_grouped_by_how_and_by_their_last_line():
    causes = Causes()
    for run, line in enumerate(["refused", "refused", "gone", "refused", "gone", "odd"], 1):
        causes.add(record(run, line), now=float(run))
    assert [(cause.line, cause.runs, cause.run, cause.ended) for cause in causes.by_count()] == [
        ("refused", 3, 4, 4.0),
        ("gone", 2, 5, 5.0),
        ("odd", 1, 6, 6.0),
    ]


def test_what_workers_log_is_one_cause_whatever_the_time():
    causes = Causes()
    for run in range(1, 4):
        causes.add(
            record(run, f"[2026-11-25T02:32:4{run}.4439{run}+00:00] production.ERROR: Connection refused"), now=0.0
        )
        causes.add(record(run, f"2026-11-25 02:32:4{run},12{run} ERROR no route"), now=0.0)
        causes.add(record(run, f"02:32:4{run} SQLSTATE[HY000] [200{run}] 127.0.0.1:6379"), now=0.0)
    assert [cause.runs for cause in causes.by_count()] == [3, 3, 1, 1, 1]  # other numbers are other causes
    assert causes.by_count()[0].line.endswith(("+00:00] production.ERROR: Connection refused", ",123 ERROR no route"))


def test_a_failure_by_its_output_is_not_told_as_exit_0_alone():
    cause = {"outcome": "failed", "code": 0, "signal": None, "line": "refused", "run": 7, "ago": 2.0}
    assert cause_words(cause) == 'exit 0 without its worked.output "refused", last: run 7, 2 s ago'


def test_a_failure_by_its_code_is_not_told_as_one_by_its_output():
    cause = {
        "outcome": "failed",
        "code": 0,
        "signal": None,
        "because": "kind",
        "line": MUST_NOT_END,
        "run": 7,
        "ago": 2.0,
    }
    assert cause_words(cause) == "exit 0, but a service must not end, last: run 7, 2 s ago"


def test_a_service_that_daemonizes_is_told_to_stay():
    """As nginx does without `daemon off`: the daemon holds the port, and each try after that fails."""
    policy = Policy(name="sms", kind=Kind.SERVICE, exit=ExitCodes(ok=frozenset()))
    world = world_of(policy, job=Job(lasts=0.1, leftovers=1), seconds=0.2)
    assert facts(world)["slots"][0]["left_behind"] == [{"run": 1, "processes": 1}]
    assert "1 x exit 0, but a service must not end, last: run 1, " in words(world)
    told = "  Left      sms:0: 1 process of run 1 goes on in the background: run it in the foreground\n"
    assert told in words(world)


def test_what_many_runs_have_left_behind_is_summed_up():
    world = world_of(Policy(name="sms", min_runtime=0.1), job=Job(lasts=0.05, leftovers=2), seconds=0.78)
    assert """\
  Left      sms:0: 2 processes of run 1 go on in the background
            sms:0: 2 processes of run 2 go on in the background
            sms:0: 2 processes of run 3 go on in the background
            sms:0: 2 processes of run 4 go on in the background
            sms:0: 2 processes of run 5 go on in the background
            and of 3 runs more: stop and shutdown end that
""" in words(world)


def test_no_more_than_a_few_causes_are_kept_the_least_recent_goes():
    causes = Causes()
    for run in range(MOST + 5):
        causes.add(record(run, f"line {run}"), now=0.0)
        causes.add(record(run, "always"), now=0.0)
    kept = causes.by_count()
    assert len(kept) == MOST
    assert kept[0].line == "always"
    assert kept[1].line == f"line {MOST + 4}"


def test_a_new_streak_of_failures_forgets_the_causes_of_the_last():
    job = Job(outages=(Span(2.0, 4.0), Span(100.0, 104.0)), fails_after=0.1)
    world = world_of(Policy(name="sms"), job=job, seconds=60.0)
    assert facts(world)["failing"] is None
    world.run(43.0)
    assert sum(cause["runs"] for cause in facts(world)["failing"]["causes"]) == facts(world)["failing"]["runs"]


def test_memory_is_one_cause_however_much_it_was_and_a_kill_by_the_kernel_another():
    world = world_of(Policy(name="sms", min_runtime=0.0), job=Job(lasts=1000.0), seconds=1.0)
    for size in (300, 400, 500):
        world.fill("sms:0", size << 20, 256 << 20)
        world.run(30.0)
    world.feed(Exited("sms:0", world.fleet.slots["sms:0"].run.id, None, "SIGKILL", oom=True))
    by_count = world.fleet.programs["sms"].failing.causes.by_count()
    assert [(cause.line, cause.runs) for cause in by_count] == [
        ("500 MiB of 256 MiB", 3),
        ("killed by the kernel, which had no memory left", 1),
    ]
    assert "3 x oom: 500 MiB of 256 MiB, last: run 3, " in words(world)


def test_changed_files_are_named_and_the_runs_from_before_are_counted():
    world = world_of(Policy(name="sms", numprocs=2), job=Job(lasts=10.0), seconds=5.0)
    assert facts(world)["touched"] is None
    assert "  Watch" not in words(world)
    world.change("sms", "app/Sms.php", 3)
    world.run(1.0)
    assert facts(world)["touched"] == {"file": "app/Sms.php", "files": 3, "ago": 1.0, "left": 2}
    line = "  Watch     app/Sms.php and 2 more files changed 1 s ago: a restart; 2 runs from before may finish.\n"
    assert line in words(world)
    world.run(4.2)
    assert "changed 5.2 s ago: a restart; 1 run from before may finish.\n" in words(world)
    world.change("sms", "app/Sms.php")
    world.run(20.0)
    assert "  Watch     app/Sms.php changed 20 s ago: a restart.\n" in words(world)


class Steps:
    """A calendar whose times are the multiples of so many seconds."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __str__(self):
        return "*/10 * * * * Asia/Tokyo"

    def next_after(self, wall):
        return (wall // self.seconds + 1) * self.seconds


def test_what_waits_for_its_schedule_says_by_what_and_when():
    world = world_of(Policy(name="sms", schedule=Schedule(every=20.0)), job=Job(lasts=1.0), seconds=5.0)
    assert first_line(world).startswith(
        "sms is waiting: a run is planned every 20 s, from start to start. The next run is "
    )
    assert first_line(world).endswith("(in 15 s): sms:0.")
    assert "start the waiting slots now" in words(world)
    world = world_of(Policy(name="sms", schedule=Schedule(calendar=Steps(600.0), jitter=5.0)), seconds=5.0)
    assert "its schedule is */10 * * * * Asia/Tokyo, each later by up to 5 s." in first_line(world)
    assert facts(world)["slots"][0]["reason"] == "schedule"
    assert facts(world)["schedule"]["overlap"] == "skip"
