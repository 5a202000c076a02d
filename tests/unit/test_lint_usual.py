"""Warnings from the history: when they come, and when they nearly do."""

import pytest
from lint_kit import FAST, comes, said

from minisup.check.lints.subject import Surroundings, Usual
from minisup.check.lints.usual_run_lints import period
from minisup.config.keys.tables import ScheduleTable


def email(usual):
    return Surroundings(usual={"email": usual})


@pytest.mark.parametrize(
    ("keys", "usual", "fix"),
    [
        ("", FAST, "min_runtime = 0 and exit = { idle = [66] }: then the next run starts as soon as one ends"),
        ("exit = { idle = [66] }", FAST, "min_runtime = 0: then the next run starts as soon as one ends"),
        ("", FAST._replace(runs=19), None),
        ("", FAST._replace(median=1.0), None),
        ("", FAST._replace(capped=False), None),
        ("min_runtime = '200ms'", FAST, None),
        ("kind = 'service'", FAST, None),
        ("restart = 'never'", FAST, None),
        ("schedule = { every = '10s' }", FAST, None),
        ("numprocs = 0", FAST, None),
    ],
)
def test_a_pace_that_is_the_limit(tmp_path, keys, usual, fix):
    warned = said(tmp_path, keys, "MS119", email(usual))
    assert (warned and warned[1]) == fix


SLOW = Usual(300, median=74.0, p95=110.0)


@pytest.mark.parametrize(
    ("keys", "usual", "warned"),
    [
        ("schedule = { every = '73s' }", SLOW, True),
        ("schedule = { every = '74s' }", SLOW, False),
        ("schedule = { cron = '* * * * *' }", SLOW, True),
        ("schedule = { cron = '*/2 * * * *' }", SLOW, False),
        ("schedule = { cron = '5 * * * *' }", SLOW, False),
        ("schedule = { every = '60s' }", SLOW._replace(runs=19), False),
        ("", SLOW, False),
    ],
)
def test_a_clock_that_is_too_fast(tmp_path, keys, usual, warned):
    assert comes(tmp_path, keys, "MS122", email(usual)) == warned


def test_nothing_is_said_without_a_history(tmp_path):
    assert not comes(tmp_path, "", "MS119")
    assert not comes(tmp_path, "schedule = { every = '1s' }", "MS122")


@pytest.mark.parametrize(
    ("cron", "seconds"),
    [
        ("* * * * *", 60),
        ("*/15 * * * *", 900),
        ("*/25 * * * *", 600),  # 0, 25, 50, and 0 again
        ("1,4,30-40/5 * * * *", 180),
        ("10/20 * * * *", 1200),
        ("59,0 * * * *", 60),
        ("7 * * * *", None),
    ],
)
def test_the_shortest_time_between_two_starts(cron, seconds):
    assert period(ScheduleTable(cron=cron)) == seconds
