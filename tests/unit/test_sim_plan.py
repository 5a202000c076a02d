"""What a scene is made of, what it comes to, and how recorded runs become one."""

from math import e, inf
from random import Random
from statistics import mean, median

import pytest

from minisup.core.model import ExitCodes, GiveUp, Kind, Outcome, Policy, Restart, Retry
from minisup.sim.arrivals import Burst, Mailbox, poisson
from minisup.sim.jobs import Span
from minisup.sim.load_plan import RUN, Load, Scene, capacity, failing_code, usual_lasts
from minisup.sim.play import PLATFORM, play
from minisup.sim.recorded import MOST, HistoryRun, load
from minisup.sim.run_times import Exponential, Fixed, Lognormal, Samples, Uniform
from minisup.sim.summary import medians, most_launches, spread, summary

IDLE = ExitCodes(idle=frozenset({7}))


@pytest.mark.parametrize(
    ("lasts", "average"),
    [
        (Fixed(2.0), 2.0),
        (Uniform(1.0, 5.0), 3.0),
        (Exponential(2.0), 2.0),
        (Lognormal(2.0, 0.5), 2.0 * e**0.125),
        (Samples((1.0, 2.0, 6.0)), 3.0),
    ],
)
def test_durations_are_drawn_around_their_mean(lasts, average):
    chance = Random(1)
    drawn = [lasts.draw(chance) for _ in range(20_000)]
    assert lasts.mean == pytest.approx(average)
    assert mean(drawn) == pytest.approx(average, rel=0.03)
    if isinstance(lasts, Lognormal):
        assert median(drawn) == pytest.approx(2.0, rel=0.03)


def test_messages_are_taken_oldest_first_and_waits_are_known():
    box = Mailbox([Burst(1.0, 2), Burst(5.0, 1)], [Burst(3.0, 1)])
    chance = Random(1)
    assert not box.pop(0.5, chance)
    assert [box.pop(when, chance) for when in (4.0, 4.5, 4.5, 4.5)] == [True, True, True, False]
    assert box.waits == [3.0, 3.5, 1.5]
    assert (box.polls, box.clear, box.oldest()) == (2, [0.5, 4.5, 4.5], None)
    box.arrive(9.0)
    assert (box.backlog, box.arrived, box.oldest()) == (1, 4, 5.0)


def test_messages_by_chance_come_at_their_rate():
    box = Mailbox(poisson(2.0, Random(1)))
    box.arrive(5000.0)
    assert box.arrived == pytest.approx(10_000, rel=0.03)
    assert list(poisson(0.0, Random(1))) == []


def test_what_a_program_can_do():
    assert capacity(Policy(name="a", numprocs=4), Fixed(2.0)) == 2.0
    assert capacity(Policy(name="a", numprocs=4), Fixed(0.1)) == 4.0  # its pace
    assert capacity(Policy(name="a", numprocs=4, max_start_rate=0.5), Fixed(2.0)) == 0.5
    assert capacity(Policy(name="a", min_runtime=0.0), Fixed(0.0)) == inf
    assert usual_lasts(Policy(name="a")) == RUN
    assert usual_lasts(Policy(name="a", kind=Kind.SERVICE)) == Fixed(inf)


def test_a_failing_run_has_a_code_that_means_nothing_else():
    assert failing_code(Policy(name="a")) == 1
    assert failing_code(Policy(name="a", exit=ExitCodes(ok=frozenset({0, 1}), idle=frozenset({2})))) == 3


def test_the_law_of_the_budget_is_that_of_the_design():
    assert most_launches(Policy(name="a", numprocs=20), 600.0) == 30 + 20 * 2 + 40
    assert most_launches(Policy(name="a", numprocs=20), 600.0, 2) == 2 * (30 + 20 * 2) + 40
    assert most_launches(Policy(name="a", retry=Retry(max_failure_ratio=0.0, budget=0, refill=60.0)), 60.0) == 3


def played(policy, seconds=600.0, seed=1, deploys=(), **words):
    scene = Scene(seconds=seconds, loads={policy.name: Load(**words)}, deploys=deploys, targets=(policy.name,))
    return summary(policy, scene, play([policy], scene, seed))


def test_the_numbers_of_a_calm_program():
    facts = played(Policy(name="a", numprocs=2))
    assert facts["launches"] == 601
    assert facts["outcomes"] == {"worked": 599}
    assert facts["worked_per_hour"] == 3594.0
    assert facts["busy"] == pytest.approx(1.0, abs=0.001)
    assert facts["longest_wait"] == pytest.approx(0.5)  # the second slot starts later at boot
    assert (facts["holds"], facts["polls"], facts["queue"], facts["outages"], facts["deploys"]) == (0, 0, None, [], [])
    assert sum(facts["course"]["launches"]) == 601
    assert sum(facts["course"]["failed"]) == 0


def test_the_numbers_of_an_outage():
    facts = played(Policy(name="a", numprocs=2), outages=(Span(60.0, 120.0), Span(500.0, 900.0)))
    first, second = facts["outages"]
    assert (first["began"], first["ended"]) == (60.0, 120.0)
    assert 0 < first["first_worked"] <= first["back"] + 2.0 < 40.0
    assert first["launches"] <= first["most_launches"]
    assert (second["first_worked"], second["back"]) == (None, None)
    assert facts["outcomes"]["failed"] == first["launches"] + second["launches"]
    assert facts["longest_wait"] > 10.0


def test_what_a_deploy_does_is_not_the_recovery_of_an_outage():
    quick = Retry(backoff=0.1, max_backoff=0.1, refill=1000.0, budget=0)
    facts = played(Policy(name="a", retry=quick), outages=(Span(60.0, 120.0),), deploys=(300.0,))
    (outage,) = facts["outages"]
    assert (outage["first_worked"], outage["back"]) == (None, None)
    assert facts["outcomes"]["worked"] > 100


def test_a_queue_is_worked_off():
    policy = Policy(name="a", numprocs=4, min_runtime=0.0, exit=IDLE)
    facts = played(policy, queued=True, rate=1.0, bursts=(Burst(100.0, 100),), outages=(Span(300.0, 330.0),))
    queue = facts["queue"]
    assert queue["arrived"] == pytest.approx(700, rel=0.1)
    assert queue["taken"] + queue["left"] == queue["arrived"]
    assert 30.0 <= queue["worst_wait"] < 150.0
    assert queue["median_wait"] <= queue["p95_wait"] <= queue["worst_wait"]
    assert facts["polls"] == facts["outcomes"]["idle"] > 0
    (outage,) = facts["outages"]
    assert outage["back"] is None
    assert 0 < outage["caught_up"] < 200.0
    assert max(facts["course"]["waiting"]) > 50


def test_empty_polls_that_exit_0_are_not_called_work():
    facts = played(Policy(name="a"), queued=True, bursts=(Burst(10.0, 5),))
    assert facts["outcomes"]["worked"] == pytest.approx(facts["polls"] + 5, abs=1)  # one may still run
    assert facts["worked_per_hour"] == pytest.approx(30.0, abs=6.0)


def test_messages_that_nobody_takes_wait_until_the_end():
    facts = played(Policy(name="a", numprocs=0), queued=True, bursts=(Burst(10.0, 5),))
    assert facts["queue"] == {
        "arrived": 5, "taken": 0, "left": 5, "median_wait": None, "p95_wait": None, "worst_wait": 590.0,
    }  # fmt: skip


def test_runs_that_take_longer_than_a_shutdown_are_cut():
    facts = played(Policy(name="a", numprocs=3), deploys=(100.0,), lasts=Fixed(1000.0))
    assert facts["deploys"] == [{"asked": 100.0, "seconds": 4.5, "cut": 3}]
    assert facts["launches"] == 6
    calm = played(Policy(name="a", numprocs=3), deploys=(100.0, 200.0))
    assert [deploy["cut"] for deploy in calm["deploys"]] == [0, 0]


def test_a_service_is_back_when_it_runs():
    service = Policy(name="a", kind=Kind.SERVICE, exit=ExitCodes(ok=frozenset()))
    facts = played(service, lasts=Fixed(inf), outages=(Span(0.0, 60.0),))
    (outage,) = facts["outages"]
    assert outage["first_worked"] is None
    assert 0 < outage["back"] < 35.0
    through = played(service, lasts=Fixed(inf), outages=(Span(60.0, 120.0),), deploys=(300.0,))
    assert through["outages"][0]["back"] == 0.0


def test_a_minisup_that_gives_up_is_started_again_by_the_platform():
    policy = Policy(name="a", retry=Retry(give_up=GiveUp.EXIT, give_up_after=60.0))
    scene = Scene(seconds=600.0, loads={"a": Load(outages=(Span(100.0, 300.0),))}, deploys=(500.0,))
    result = play([policy], scene, 1)
    assert len(result.exits) >= 2
    assert all(when - 100.0 < 200.0 for when in result.exits[:2])
    later = [when for when, _ in result.trace.launches if when > 300.0]
    assert later
    assert min(later) <= 300.0 + PLATFORM + 60.0


def test_a_minisup_that_has_left_at_a_deploy_or_at_the_end_is_not_asked():
    policy = Policy(name="a", retry=Retry(give_up=GiveUp.EXIT, give_up_after=60.0))
    scene = Scene(seconds=100.0, loads={"a": Load(outages=(Span(0.0, 900.0),))}, deploys=(62.0,))
    result = play([policy], scene, 1)
    assert [deploy.asked for deploy in result.deploys] == [62.0]
    assert result.exits == []


def test_the_same_seed_is_the_same_and_medians_are_of_all():
    words = {"fails": 0.2, "outages": (Span(100.0, 160.0),)}
    policy = Policy(name="a", numprocs=5)
    one, same, other = (played(policy, seed=seed, **words) for seed in (1, 1, 2))
    assert one == same != other
    both = medians([one, other])
    assert both["launches"]["least"] <= both["launches"]["median"] <= both["launches"]["most"]
    assert both["outages"][0]["caught_up"] is None
    assert both["worst_wait"] is None
    assert spread([3.0, None, 1.0]) == {"median": 2.0, "least": 1.0, "most": 3.0, "missing": 1}


def test_each_seed_has_outages_of_its_own():
    scene = Scene(seconds=600.0, loads={"a": Load(outages=(Span(100.0, 200.0),))})
    (span,) = scene.varied(3).loads["a"].outages
    assert 100.0 < span.start < 160.0
    assert 100.0 < span.end - span.start < 110.0
    assert scene.varied(3) == scene.varied(3) != scene.varied(4)


def seen(*outcomes, every=10.0, lasts=1.0):
    return [HistoryRun(number * every, lasts, Outcome(outcome)) for number, outcome in enumerate(outcomes)]


def test_recorded_runs_become_durations_a_rate_of_failures_and_outages():
    runs = seen(*["worked"] * 8, "failed", "worked", *["failed"] * 6, *["worked"] * 4)
    made = load(runs, 2, 200.0, 200.0)
    assert made.outages == (Span(100.0, 160.0),)
    assert made.fails == pytest.approx(1 / 14)
    assert made.lasts == Samples((1.0,) * 13)
    assert not made.queued


def test_a_few_failures_are_bad_luck_and_more_than_there_are_slots_are_an_outage():
    assert load(seen("worked", *["failed"] * 4, "worked"), 1, 60.0, 60.0).outages == ()
    assert load(seen("worked", *["failed"] * 8, "worked"), 8, 100.0, 100.0).outages == ()
    goes_on = load(seen("worked", *["crashed"] * 9), 8, 100.0, 100.0)
    assert goes_on.outages == (Span(10.0, 90.001),)
    assert goes_on.fails == 0.0


def test_with_idle_runs_there_was_a_queue_and_its_messages_come_again():
    made = load(seen("worked", "idle", "worked"), 1, 30.0, 60.0)
    assert made.queued
    assert made.known == (Burst(0.0, 1), Burst(20.0, 1), Burst(30.0, 1), Burst(50.0, 1))
    assert made.idle_lasts == 1.0


def test_a_history_without_worked_runs_says_nothing_about_their_durations():
    made = load([HistoryRun(0.0, None, Outcome.WORKED), HistoryRun(1.0, 0.5, Outcome.TIMEOUT)], 1, 10.0, 10.0)
    assert (made.lasts, made.fails_after, made.fails) == (RUN, Samples((0.5,)), 0.5)
    assert load([], 1, 0.0, 10.0).fails == 0.0


def test_of_many_durations_an_even_choice_is_kept():
    made = load(seen(*["worked"] * (2 * MOST + 5), every=0.1), 1, 3000.0, 3000.0)
    assert 0.5 * MOST < len(made.lasts.seen) <= MOST


def test_a_task_of_a_scene_is_done():
    facts = played(Policy(name="a", kind=Kind.TASK, restart=Restart.ON_FAILURE))
    assert facts["outcomes"] == {"worked": 1}


def test_what_was_simulated_can_be_recorded_and_simulated_again():
    policy = Policy(name="a", numprocs=4, min_runtime=0.0, exit=IDLE)
    scene = Scene(
        seconds=3600.0,
        loads={"a": Load(lasts=Uniform(1.0, 3.0), queued=True, rate=1.0, outages=(Span(600.0, 900.0),))},
    )
    first = play([policy], scene, 1)
    runs = [HistoryRun(record.started, record.duration, record.outcome) for record in first.trace.records]
    again = load(runs, 4, 3600.0, 3600.0)
    (outage,) = again.outages
    assert outage.start == pytest.approx(600.0, abs=5.0)
    assert outage.end == pytest.approx(900.0, abs=20.0)
    assert again.lasts.mean == pytest.approx(2.0, rel=0.05)
    facts = played(policy, 3600.0, lasts=again.lasts, queued=True, known=again.known, outages=again.outages)
    assert facts["outcomes"]["worked"] == pytest.approx(len(again.known), abs=5)
    assert facts["outcomes"]["failed"] == pytest.approx(summary(policy, scene, first)["outcomes"]["failed"], rel=0.2)
