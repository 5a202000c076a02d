"""The numbers of a report against a plain count of the same rows, and what they are told to mean."""

import random
from contextlib import closing
from math import ceil

import pytest
from past_kit import row

from minisup.history import period as periods
from minisup.history.hints import Paced, hints, paced
from minisup.history.longest_outage import Parts, longest
from minisup.history.period import COLUMNS, FINE, Period, first_start, report
from minisup.history.reading import in_memory
from minisup.history.row import UNWELL, document

DAY = Period(0.0, 86400.0)
OUTCOMES = ["worked"] * 12 + ["idle", "failed", "timeout", "stopped", "recycled", "lost"]


def opened(rows):
    return closing(in_memory([document(one) for one in rows]))


def reported(rows, period=DAY, places=None):
    with opened(rows) as past:
        return report(past, period, places)


def only(rows, period=DAY, places=None):
    (program,) = reported(rows, period, places)["programs"]
    return program


def some_rows(seed, count=400):
    rng = random.Random(seed)
    for number in range(count):
        outcome = rng.choice(OUTCOMES)
        yield row(
            number + 1,
            rng.choice(["email", "sms"]),
            rng.randrange(3),
            round(number * 200 + rng.random(), 3),
            None if outcome == "lost" else round(rng.lognormvariate(-1, 1), 6),
            outcome,
            failures=rng.randrange(2),
        )


@pytest.mark.parametrize("seed", range(5))
def test_every_number_is_that_of_a_plain_count(seed):
    rows = list(some_rows(seed))
    found = reported(rows)
    assert [program["name"] for program in found["programs"]] == ["email", "sms"]
    for program in found["programs"]:
        mine = [one for one in rows if one.program == program["name"]]
        of = {outcome: [one for one in mine if one.outcome == outcome] for outcome in {one.outcome for one in mine}}
        worked = sorted(one.duration for one in of["worked"])
        judged = len(mine) - len(of["stopped"]) - len(of["lost"])
        good = len(worked) + len(of["idle"]) + len(of["recycled"])
        busy = sum(one.duration or 0 for one in mine)
        unwell = [one for one in mine if one.outcome in UNWELL]
        assert program["runs"] == len(mine)
        assert program["outcomes"] == {outcome: len(ones) for outcome, ones in of.items()}
        assert program["per_minute"] == round(len(mine) / 1440, 4)
        assert program["ok"] == round(good / judged, 4)
        assert program["slots"] == 3
        assert program["busy"] == round(busy / (3 * 86400), 4)
        assert program["duration"]["p50"] == worked[ceil(0.50 * len(worked)) - 1]
        assert program["duration"]["p95"] == worked[ceil(0.95 * len(worked)) - 1]
        assert program["duration"]["longest"] == worked[-1]
        assert program["idle"] == {"polls": len(of["idle"]), "per_minute": round(len(of["idle"]) / 1440, 4)}
        assert program["wasted"] == sum(one.failures > 0 for one in unwell)
        assert len(program["course"]["runs"]) == COLUMNS
        assert sum(program["course"]["runs"]) == len(mine)
        assert sum(program["course"]["failures"]) == len(unwell)
        assert program["course"]["runs"][0] == sum(one.started < 86400 / COLUMNS for one in mine)
        assert sum(bar["share"] for bar in program["distribution"]) == pytest.approx(1, abs=0.001)


def test_a_slot_alone_is_counted_alone():
    rows = list(some_rows(1))
    mine = [one for one in rows if one.slot_name == "sms:2"]
    program = only(rows, places=[("sms", 2)])
    assert program["runs"] == len(mine) == sum(program["course"]["runs"])
    assert program["slots"] == 1
    assert program["busy"] == round(sum(one.duration or 0 for one in mine) / 86400, 4)


def test_programs_that_are_named_are_shown_alone():
    assert [program["name"] for program in reported(some_rows(1), places=[("sms", None)])["programs"]] == ["sms"]
    assert reported(some_rows(1), places=[])["programs"] == []


def test_runs_outside_of_the_period_do_not_count():
    rows = [row(number, started=float(number)) for number in range(1, 101)]
    assert only(rows, Period(11.0, 21.0))["runs"] == 10


def test_the_document_says_what_it_is_about():
    found = reported([], Period(0.0, 60.0))
    assert found == {
        "schema": 1,
        "since": "1970-01-01T00:00:00.000Z",
        "until": "1970-01-01T00:01:00.000Z",
        "seconds": 60.0,
        "programs": [],
    }


def test_the_first_start_is_where_the_history_begins():
    with opened([]) as past:
        assert first_start(past) is None
    with opened([row(3, started=7.0), row(4, started=6.0)]) as past:
        assert first_start(past) == 7.0


def test_a_program_that_never_worked_has_no_percentiles():
    program = only([row(1, outcome="failed"), row(2, outcome="unstartable", duration=0.0)])
    assert program["duration"] == {"p50": None, "p95": None, "p99": None, "longest": None}
    assert program["distribution"] == []
    assert program["ok"] == 0


def test_a_program_that_was_only_stopped_is_neither_well_nor_not():
    assert only([row(1, outcome="stopped", signal="SIGTERM")])["ok"] is None


def test_percentiles_of_very_many_runs_are_of_an_even_choice(monkeypatch):
    monkeypatch.setattr(periods, "SAMPLE", 500)
    rows = [row(number * 4 + 1, started=number * 4.0, duration=0.1 + number / 20_000) for number in range(20_000)]
    program = only(rows)
    assert program["runs"] == 20_000
    assert program["duration"]["p50"] == pytest.approx(0.6, abs=0.05)
    assert program["duration"]["p95"] == pytest.approx(1.05, abs=0.05)
    assert program["duration"]["longest"] == rows[-1].duration


def test_the_distribution_has_bars_of_a_power_of_ten_and_no_long_tails():
    rows = [row(number + 1, duration=0.2) for number in range(5000)]
    rows += [row(6000, duration=0.00001), row(6001, duration=4000.0)]
    bars = only(rows)["distribution"]
    assert [(bar["from"], bar["to"]) for bar in bars] == [(0.1778, 0.2371)]
    assert bars[0]["share"] == 1


# --- outages ----------------------------------------------------------------------------------------------------------


def test_the_longest_outage_is_from_the_first_failed_start_to_the_next_that_works():
    rows = [row(number + 1, started=number * 10.0) for number in range(100)]
    rows += [row(200 + number, started=1000.0 + number * 15, outcome="failed") for number in range(40)]
    rows += [row(300, started=1603.0), row(301, started=5000.0, outcome="failed"), row(302, started=5000.5)]
    found = only(rows)["outage"]
    assert found == {
        "began": "1970-01-01T00:16:40.000Z",
        "ended": "1970-01-01T00:26:43.000Z",
        "seconds": 603.0,
        "failures": 40,
    }


def test_an_outage_that_goes_on_lasts_until_the_last_failure():
    rows = [row(1, started=0.0)]
    rows += [row(2 + number, started=7000.0 + 60 * number, outcome="crashed", signal="SIGSEGV") for number in range(10)]
    found = only(rows)["outage"]
    assert (found["ended"], found["seconds"], found["failures"]) == (None, 540.0, 10)


def test_one_failure_alone_and_failures_among_others_are_no_outage():
    assert (
        only([row(1, started=0.0), row(2, started=900.0, outcome="failed"), row(3, started=9000.0)])["outage"] is None
    )
    mixed = [row(n + 1, started=n * 1.0, outcome="failed" if n % 2 else "worked") for n in range(2000)]
    assert only(mixed)["outage"] is None


def test_an_outage_is_found_when_runs_are_rare():
    rows = [row(n + 1, started=n * 3600.0, outcome="failed" if 5 <= n < 8 else "worked") for n in range(24)]
    assert only(rows)["outage"]["seconds"] == 3 * 3600.0


def test_rows_that_vanish_while_they_are_read_are_no_outage():
    with opened([]) as past:
        parts = Parts(0.0, 60.0, [0] * FINE, [5] * 10 + [0] * (FINE - 10))
        assert longest(past, "email", parts) is None


# --- hints ------------------------------------------------------------------------------------------------------------


def paced_rows(every=1.0, took=0.3, idle_each=0, count=200):
    for number in range(count):
        found = "idle" if idle_each and number % idle_each == 0 else "worked"
        yield row(number + 1, started=number * every, duration=took, outcome=found)


def test_runs_that_start_at_an_equal_distance_are_held_back_by_their_pace():
    with opened(paced_rows()) as past:
        assert paced(past, "email", 0.0, 1e6) == Paced(1.0, pytest.approx(0.3), working=False)
    with opened(paced_rows(idle_each=20)) as past:
        assert paced(past, "email", 0.0, 1e6).working


@pytest.mark.parametrize(
    "rows",
    [
        paced_rows(count=10),
        paced_rows(took=0.95),
        paced_rows(idle_each=2),
        paced_rows(every=60.0),
        [row(n + 1, started=n * 1.0 + (n * 37 % 11) * 0.05, duration=0.3) for n in range(200)],
        [],
    ],
    ids=["too few", "busy anyway", "often idle", "meant to be", "irregular", "none"],
)
def test_other_runs_are_not(rows):
    with opened(rows) as past:
        assert paced(past, "email", 0.0, 1e6) is None


def test_a_pace_that_holds_work_back_is_a_hint():
    (hint,) = only(paced_rows(idle_each=20, count=3000), Period(0.0, 3000.0))["hints"]
    assert hint == (
        "min_runtime caps email at 30 % busy: its runs start 1 s apart while work is waiting; "
        "min_runtime = 0 would start the next one at once"
    )
    (hint,) = only(paced_rows(count=3000), Period(0.0, 3000.0))["hints"]
    assert "If work is waiting" in hint
    assert "exit.idle" in hint


@pytest.mark.parametrize(
    ("facts", "word"),
    [({"busy": 0.97}, "numprocs"), ({"idle": {"polls": 60}}, "idle.max_wait"), ({"wasted": 30}, "retry.budget")],
)
def test_each_hint_names_the_key_that_would_change_it(facts, word):
    base = {"name": "email", "runs": 100, "busy": 0.5, "idle": {"polls": 0}, "wasted": 0}
    assert hints(base, None) == []
    (hint,) = hints({**base, **facts}, None)
    assert word in hint
