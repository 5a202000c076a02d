"""The simulator itself: it must be right before it can judge the core."""

from math import inf
from random import Random

import pytest
import sim_settings as settings
from scenario_script import ScriptError, main, perform

from minisup.core.messages import Due
from minisup.core.model import ExitCodes, Kind, Policy, Restart, Scope
from minisup.sim.jobs import Job, Process, Queue, Reaction, RunPlan, Span, Trouble
from minisup.sim.world import StuckError, World

SCENARIO = "program email\njob email lasts=200ms\n\nup\nrun 300ms\n----\n"


def test_words_of_a_program_line_are_the_keys_of_a_configuration():
    made = settings.policy("email", ["numprocs=3", "min_runtime=200ms", "retry.budget=4", "exit.idle=7,8", "after=a,b"])
    assert (made.numprocs, made.min_runtime, made.retry.budget, made.after) == (3, 0.2, 4, ("a", "b"))
    assert made.exit.idle == {7, 8}
    assert settings.policy("email", ["autostart=false", "stop.signal=SIGQUIT"]).stop.signal == "SIGQUIT"


def test_what_is_not_said_follows_from_the_kind():
    service = settings.policy("web", ["kind=service"])
    assert (service.kind, service.exit.ok, service.stop.drain) == (Kind.SERVICE, frozenset(), 0.0)
    assert service.stop.scope is Scope.LEADER
    assert settings.policy("migrate", ["kind=task"]).restart is Restart.ON_FAILURE
    assert settings.policy("email", []).exit == ExitCodes()


def test_words_of_a_job_line():
    made = settings.job(["lasts=1s-3s", "exit=SIGSEGV", "on_term=ignores", "leftovers=2", "queue=1.5"])
    assert (made.lasts, made.signal, made.reaction, made.leftovers) == ((1.0, 3.0), "SIGSEGV", Reaction.IGNORES, 2)
    assert made.queue.rate == 1.5
    again = settings.job(["exit=3"], made)
    assert (again.code, again.signal, again.leftovers) == (3, None, 2)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["numprocs"], "expected key=value"),
        (["numproc=2"], "unknown key"),
        (["min_runtime=soon"], "expected a duration"),
        (["retry.size=2"], "unknown key"),
    ],
)
def test_a_wrong_word_is_an_error(words, problem):
    with pytest.raises(ValueError, match=problem):
        settings.policy("email", words)


def test_a_process_dies_finishes_or_ignores():
    def after(reaction, signal="SIGTERM", *, group=True, **more):
        job = Job(lasts=60.0, reaction=reaction, reacts_in=2.0, leftovers=1, **more)
        process = Process("email:0", 1, job, 0.0, job.plan(0.0, Random(1)))
        process.take(signal, 5.0, group=group)
        return process.ends, process.code, process.signal, process.leftovers

    assert after(Reaction.DIES) == (7.0, None, "SIGTERM", 0)
    assert after(Reaction.FINISHES) == (7.0, 0, None, 0)
    assert after(Reaction.IGNORES) == (60.0, 0, None, 0)
    assert after(Reaction.DIES, group=False) == (7.0, None, "SIGTERM", 1)
    assert after(Reaction.DIES, leftovers_reaction=Reaction.IGNORES) == (7.0, None, "SIGTERM", 1)
    assert after(Reaction.IGNORES, "SIGKILL") == (5.0, None, "SIGKILL", 0)


def test_a_process_that_ends_before_it_reacts_ends_by_itself():
    job = Job(lasts=3.0, reacts_in=10.0)
    process = Process("email:0", 1, job, 0.0, job.plan(0.0, Random(1)))
    process.take("SIGTERM", 1.0, group=True)
    assert (process.ends, process.code, process.signal) == (3.0, 0, None)


def test_a_run_that_begins_before_an_outage_works_and_one_that_begins_in_it_fails():
    job = Job(lasts=2.0, fails_after=0.5, outages=(Span(10.0, 20.0),))
    assert job.plan(9.9, Random(1)) == RunPlan(2.0, 0, None)
    assert job.plan(10.0, Random(1)) == RunPlan(0.5, 1, None)
    assert job.plan(20.0, Random(1)) == RunPlan(2.0, 0, None)


def test_trouble_lasts_for_its_span():
    job = Job(troubles=(Trouble(1.0, 2.0),))
    assert [bool(job.trouble(now)) for now in (0.5, 1.0, 1.9, 2.0)] == [False, True, True, False]


def test_messages_arrive_at_their_rate_and_are_popped_once():
    queue, chance = Queue(2.0), Random(1)
    popped = sum(queue.pop(now / 10, chance) for now in range(100_000))
    assert popped == pytest.approx(20_000, rel=0.03)
    assert queue.arrived == popped + queue.backlog
    assert not Queue().pop(1e9, chance)


def test_a_scenario_is_compared_and_rewritten(tmp_path, capsys):
    path = tmp_path / "a.txt"
    path.write_text(SCENARIO, encoding="utf-8")
    assert main([str(path)]) == 1
    assert "differs" in capsys.readouterr().out
    assert main(["--rewrite", str(path)]) == 0
    assert "rewritten" in capsys.readouterr().out
    assert main([str(path)]) == 0
    assert "   0.200 email:0 run 1 worked (exit 0 after 0.200 s)\n" in path.read_text(encoding="utf-8")


def test_to_perform_what_was_performed_changes_nothing():
    once = perform(SCENARIO)
    assert perform(once) == once


def test_random_jitter_is_the_seeds():
    text = "supervisor seed={} jitter=random\nprogram a\njob a exit=1 lasts=1s\n\nup\nrun 20s\n"
    assert perform(text.format(1)) == perform(text.format(1))
    assert perform(text.format(1)) != perform(text.format(2))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("program a\n\nup\nrun 1s\nexit a:0 0\nexit a:0 0\n", "'a:0'"),
        ("program a\n\npush a 3\n", "a has no queue"),
        ("program a\n\nshow\nrun\n", "list index"),
        ("outage b 3s\n", "'b'"),
    ],
)
def test_a_command_that_cannot_be_done_is_named_with_its_line(text, problem):
    with pytest.raises(ScriptError, match=rf"line \d: cannot do .*{problem}"):
        perform(text)


def test_show_can_be_asked_of_one_program():
    told = perform("program a\nprogram b\n\nup\nshow b\n")
    assert " b: 11.00 of 11 tokens" in told
    assert " a: " not in told


def test_a_summary_of_a_program_that_does_nothing_says_so():
    told = perform("program a min_runtime=60s\njob a lasts=30s\n\nup\nskip 10s\n\nskip 10s\n\nskip 20s\n")
    assert told.count("(nothing happens)") == 1
    assert "a: 0 starts; 1 worked" in told


def test_a_world_that_does_not_advance_is_noticed(monkeypatch):
    world = World([Policy(name="a")], {"a": Job()})
    world.timers.arm("a:0", 1, 0.0)
    monkeypatch.setattr(World, "feed", lambda self, event: self.timers.arm(event.key, event.generation + 1, 0.0))
    with pytest.raises(StuckError, match=r"at 0\.0 s"):
        world.run(1.0)


def test_time_does_not_go_back_and_stands_still_after_the_end():
    world = World([Policy(name="a")], {"a": Job(lasts=inf)})
    world.boot()
    world.run(5.0)
    world.run(-3.0)
    assert world.now == 5.0
    world.shut_down(now=True)
    world.run(0.0)
    assert world.trace.halted == (5.0, 0)
    world.run(10.0)
    assert world.now == 5.0
    steps = world.trace.steps
    world.feed(Due("a:0", 1))
    assert world.trace.steps == steps + 1


def test_two_runs_in_a_slot_or_a_signal_for_another_run_would_be_noticed():
    world = World([Policy(name="a")], {"a": Job(lasts=inf)})
    world.boot()
    world.fleet.slots["a:0"].run.id = 2
    with pytest.raises(AssertionError, match="a signal for run 2 of a:0, which runs 1"):
        world.shut_down(now=True)
